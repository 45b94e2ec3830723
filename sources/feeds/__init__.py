"""What all feeds share: how one is described, asked, kept, read and loaded.

A feed is a folder beside this one with a `source.yml` that lists the hosts it may reach, and a
module `feed.py` with `requests`, which says what to ask for, and `FORMS`, which say how the records
stand in a reply. Both are pure: the clock, the settings and the network belong to the caller.
"""
