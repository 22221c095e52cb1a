"""Text that a hostile gateway may have chosen, made fit to be shown."""

import re

LINE_ENDS = re.compile(r"\r\n?")
# Controls steer terminals and break XML; the bidirectional ones reorder what a reader sees.
UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """The same text with every character that hides or steers spelled out, e.g. `\\x1b`."""
    return UNSHOWABLE.sub(_spelled, LINE_ENDS.sub("\n", text))


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, with a note of how many were cut."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n… {len(text) - limit:,} more characters"


def one_line(text: str, limit: int = 200) -> str:
    """The visible text in one line of at most `limit` characters."""
    line = " ".join(visible(text[: 8 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _spelled(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
