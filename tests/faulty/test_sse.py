"""Events as bytes: cut apart wherever the bytes were cut, and edited without touching the rest."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conformance.faulty.sse import Event, Splitter

MIXED = b'event: a\rdata: {"type": "a"}\r\rdata: 1\r\n\r\ndata: 2\n\ndata: 3\r\r'
STREAM = (
    b'event: ping\ndata: {"type":"ping"}\n\n: keep\n\n'
    b'event: a\r\ndata: {"type": "a", "n": 1}\r\nid: 7\r\n\r\ndata: [DONE]\n\n'
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_do_not_depend_on_how_the_bytes_were_cut(places: list[int]) -> None:
    cuts = [0, *sorted(places), len(STREAM)]
    splitter = Splitter()
    events = [event for start, end in pairwise(cuts) for event in splitter.feed(STREAM[start:end])]
    assert b"".join(event.raw for event in events) == STREAM
    assert [event.data for event in events] == ['{"type":"ping"}', None, '{"type": "a", "n": 1}', "[DONE]"]
    assert [event.name for event in events] == ["ping", None, "a", None]
    assert splitter.rest == b""


@given(st.lists(st.integers(0, len(MIXED)), max_size=8))
def test_every_line_end_ends_events(places: list[int]) -> None:
    cuts = [0, *sorted(places), len(MIXED)]
    splitter = Splitter()
    events = [event for start, end in pairwise(cuts) for event in splitter.feed(MIXED[start:end])]
    events += splitter.close()
    assert [event.data for event in events] == ['{"type": "a"}', "1", "2", "3"]
    assert b"".join(event.raw for event in events) == MIXED
    assert events[0].with_json({"type": "b"}).raw == b'event: b\rdata: {"type":"b"}\r\r'


def test_an_equal_edit_leaves_the_bytes_alone() -> None:
    event = Event(b'event: a\r\ndata: {"type": "a", "n": 1}\r\n\r\n')
    assert event.with_json({"n": 1, "type": "a"}) is event


def test_an_edit_keeps_line_ends_and_moves_the_name_with_the_type() -> None:
    event = Event(b'event: a\r\nid: 7\r\ndata: {"type": "a"}\r\n\r\n')
    assert event.with_json({"type": "b"}).raw == b'event: b\r\nid: 7\r\ndata: {"type":"b"}\r\n\r\n'
