"""Characters that do harm where text is shown; apart from the forms, which take long to import."""

from __future__ import annotations

import re

# Control characters do harm in terminals and BI tools, and those that turn the direction of writing
# make a title read as something else. Line feed and tab are harmless.
CONTROL = "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066-\u2069]"


def escape_control(text: str) -> str:
    """Return a text as a terminal may have it: what would steer it is written as `\\x1b`."""
    return re.sub(CONTROL, lambda found: ascii(found[0])[1:-1], text)
