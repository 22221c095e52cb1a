"""Versions as programs print them."""

import re

from reports.hostile import one_line

_VERSION = re.compile(r"\d+(?:\.\d+)+[0-9A-Za-z.+-]*")


def version_in(text: str) -> str:
    """The first thing in a program's output that looks like a version, else its first line."""
    found = _VERSION.search(text)
    return one_line(found[0] if found else text.strip().partition("\n")[0], 100)
