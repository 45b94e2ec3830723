"""The report of a release: one page that needs no other file and no network."""
