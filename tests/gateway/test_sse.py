from __future__ import annotations

import pytest

from gateway.sse import EventReader

STREAM = (
    "\ufeffevent: a\ndata: eins 👩‍👩‍👧\n\n"
    ": comment\r\n\r\ndata:zwei\r\ndata: \u2028\u0085drei\r\n\r\n"
    "data\rid: 7\r\rdata: last\n\n"
).encode()
EVENTS = [("a", "eins 👩‍👩‍👧"), (None, "zwei\n\u2028\u0085drei"), (None, ""), (None, "last")]


@pytest.mark.parametrize("at", range(len(STREAM)))
def test_bytes_may_be_cut_anywhere(at: int) -> None:
    reader = EventReader()
    assert [*reader.feed(STREAM[:at]), *reader.feed(STREAM[at:])] == EVENTS


def test_single_bytes_will_do() -> None:
    reader = EventReader()
    assert [event for byte in STREAM for event in reader.feed(bytes([byte]))] == EVENTS


def test_an_event_without_its_blank_line_was_never_sent() -> None:
    assert list(EventReader().feed(b"data: half\n")) == []
