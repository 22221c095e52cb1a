"""Server-sent events, as far as a relay needs them: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations


def with_plain_newlines(stream: bytes) -> bytes:
    return stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in stream else stream


def events(stream: bytes) -> list[bytes]:
    """Each as a run of lines without a blank one, ended by plain newlines; the last one may not be complete."""
    return with_plain_newlines(stream).split(b"\n\n")


def data_of(event: bytes) -> bytes:
    """Empty where the event has none."""
    start = event.find(b"data:")
    if event.find(b"\n", start + 5) < 0 and (start == 0 or event[start - 1 : start] == b"\n"):
        return event[start + 5 :].removeprefix(b" ")  # the one data line comes last: by far the most common
    values = (line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:"))
    return b"\n".join(values)


def event(name: str | None, payload: str) -> str:
    return f"event: {name}\ndata: {payload}\n\n" if name else f"data: {payload}\n\n"
