"""The parser of server-sent events, by the letter: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.oracles import ServerSentEvent, parse

NO_LINE_ENDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)
LINE = st.builds("{}{}".format, st.sampled_from(["", "data", "data:", "data: ", "event:", "id: ", ":"]), NO_LINE_ENDS)
LINES = st.lists(LINE | st.just(""), max_size=12)


def event(data: str, name: str | None = None) -> ServerSentEvent:
    return ServerSentEvent(name, data)


@pytest.mark.parametrize(
    ("body", "events"),
    [
        # the standard's own examples
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [event("YHOO\n+2\n10")]),
        (": test stream\n\ndata: first\nid: 1\n\ndata:second\nid\n\n", [event("first"), event("second")]),
        ("data\n\ndata\ndata\n\ndata:", [event(""), event("\n")]),
        ("data:test\n\ndata: test\n\n", [event("test"), event("test")]),
        ("event: add\ndata: 7385\n\nevent: remove\ndata: 2153\n\n", [event("7385", "add"), event("2153", "remove")]),
        # line ends
        ("data: a\r\rdata: b\r\n\r\ndata: c\n\r", [event("a"), event("b"), event("c")]),
        ("data: a\n\r\n", [event("a")]),
        ("data: a\u2028\u2029\x85\x0b\x0cb\n\n", [event("a\u2028\u2029\x85\x0b\x0cb")]),
        # fields
        ("data:  a \n\n", [event(" a ")]),
        ("data:\ta\n\n", [event("\ta")]),
        ("data: a: b\n\n", [event("a: b")]),
        ("Data: a\n data: b\ndata : c\n\n", []),
        ("event: named\n\ndata: a\n\n", [event("a")]),
        ("event: one\nevent: two\ndata: a\n\n", [event("a", "two")]),
        ("event: one\nevent:\ndata: a\n\n", [event("a")]),
        ("event\ndata: a\n\n", [event("a")]),
        ("id: 1\0\nretry: soon\nunheard: of\ndata: a\0b\n\n", [event("a\0b")]),
        ("\n\n\n", []),
        ("", []),
        # a byte order mark counts once, at the very beginning
        ("\ufeffdata: a\n\n", [event("a")]),
        ("\ufeff\ufeffdata: a\n\n", []),
        ("data: \ufeffa\n\n", [event("\ufeffa")]),
        # an event without its blank line is none
        ("data: a\n\ndata: b\n", [event("a")]),
        ("data: a\n\ndata: b", [event("a")]),
    ],
)  # fmt: skip
def test_events_are_those_of_the_standard(body: str, events: list[ServerSentEvent]) -> None:
    assert list(parse(body.encode()).events) == events


def test_comments_are_kept_without_their_colon() -> None:
    assert parse(b": keep-alive\n:bare\n:\n\ndata: a\n: inside\n\n").comments == ("keep-alive", "bare", "", "inside")


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        (b"data: a\n\n", ""),
        (b"data: a\n\ndata: b\n", "data: b\n"),
        (b"data: a\n\nevent: x\ndata: b", "event: x\ndata: b"),
        (b"data: a\n\n{not", "{not"),
    ],
)
def test_what_was_never_completed_is_kept_apart(body: bytes, rest: str) -> None:
    assert parse(body).rest == rest


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert parse(b"data: \xff\xe2\x82\n\n").events == (event("\ufffd\ufffd"),)


@given(LINES, st.sampled_from(["\n", "\r", "\r\n"]))
def test_every_line_end_means_the_same(lines: list[str], end: str) -> None:
    assert parse("".join(line + end for line in lines).encode()) == parse(
        "".join(f"{line}\n" for line in lines).encode()
    )


@given(LINES, st.data())
def test_a_stream_that_is_cut_shows_the_events_before_the_cut(lines: list[str], data: st.DataObject) -> None:
    body = "\n".join(lines).encode()
    cut = data.draw(st.integers(0, len(body)))
    whole, seen = parse(body).events, parse(body[:cut]).events
    assert seen == whole[: len(seen)]


@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    parsed = parse(body)
    assert all("\r" not in found.data for found in parsed.events)


@given(st.lists(NO_LINE_ENDS, min_size=1, max_size=4), NO_LINE_ENDS)
def test_what_is_written_is_what_is_read(data: list[str], name: str) -> None:
    body = f"event: {name}\n" + "".join(f"data: {line}\n" for line in data) + "\n"
    assert parse(body.encode()).events == (event("\n".join(data), name or None),)


@pytest.mark.parametrize("data", ["", "{", "[DONE]", "[" * 100_000])
def test_data_that_is_no_json_is_a_failure_of_whoever_sent_it(data: str) -> None:
    with pytest.raises(AssertionError, match="an event whose data is not JSON"):
        _ = event(data).json


def test_an_event_is_shown_on_a_short_line() -> None:
    assert str(event("x" * 500, "delta")) == f"delta {'x' * 120}"
    assert str(event("x")) == "(no name) x"
