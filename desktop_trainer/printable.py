"""Makes a text safe to show: names in files from elsewhere may hold what a terminal obeys."""

import re

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control characters but for tab and line end, and what turns the direction of writing round."""


def printable(text: str) -> str:
    """`text` with each character that a terminal would obey written as ``\\u001b``: JSON stays JSON, with the same
    values.
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
