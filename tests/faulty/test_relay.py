"""The faithful relay passes everything as it came: byte for byte, in both directions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Usage
from tests.faulty.body_rows import EXTRA
from tests.faulty.error_rows import LIMITED
from tests.faulty.header_rows import BETAS
from tests.faulty.seen import CHAT, CLAUDE, COUNT, MODELS, RESPONSES, Lane, Stimulus
from tests.faulty.thinking_rows import THOUGHT
from tests.faulty.tool_rows import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conformance.secrets import Secret
    from conformance.upstream import Upstream

SURFACES = (CLAUDE, CHAT, RESPONSES)
REPLIES = {
    "text": Reply(text="Grüße, 你好 \u2028 e\u0301", usage=Usage(9, 9, 1, 1, 1)),
    "tools": CALLS,
    "thinking": THOUGHT,
    "refusal": Reply(refusal="no"),
    "extra": EXTRA,
    "error": Reply(error=LIMITED),
    "long": Reply(text=("long" * 2**15, "end")),
}
DELIVERIES = {
    "one byte at a time": Delivery(chunk_bytes=1),
    "CRLF": Delivery(line_end="\r\n", chunk_bytes=3),
    "company": Delivery(comments=True, pings=True, unknown_event=True),
    "gzip": Delivery(encoding="gzip"),
    "other type": Delivery(content_type="text/plain"),
    "no type": Delivery(content_type=""),
    "garbage": Delivery(garbage_after=2),
    "error event": Delivery(error_after=3),
}
PER_HOP = {"connection", "date", "transfer-encoding", "content-length", "host", "keep-alive"}


def comparable(headers: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return Counter((name.lower(), value) for name, value in headers if name.lower() not in PER_HOP)


async def passes_untouched(stimulus: Stimulus, lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(stimulus.reply)
    seen = await lane.call(stimulus, script)
    received = await script.received()
    assert seen.whole
    assert seen.status == received.status
    assert seen.body == received.sent
    assert comparable(seen.headers.multi_items()) == comparable(received.sent_headers)
    if stimulus.method == "POST":
        assert received.body == stimulus.body(script.prompt)


@pytest.mark.parametrize("stimulus", [*SURFACES, *(it.but(stream=True) for it in SURFACES)], ids=str)
@pytest.mark.parametrize("reply", REPLIES)
async def test_answers_pass_untouched(reply: str, stimulus: Stimulus, lane: Lane, upstream: Upstream) -> None:
    await passes_untouched(stimulus.but(reply=REPLIES[reply]), lane, upstream)


@pytest.mark.parametrize("stimulus", SURFACES, ids=str)
@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_streams_pass_however_they_come(
    delivery: str, stimulus: Stimulus, lane: Lane, upstream: Upstream
) -> None:
    reply = Reply(text="äöü and some more words to say", delivery=DELIVERIES[delivery])
    accepting = stimulus.but(reply=reply, stream=True, headers=(("accept-encoding", "gzip"),))
    await passes_untouched(accepting, lane, upstream)


@pytest.mark.parametrize("stimulus", [COUNT, MODELS, MODELS.but(headers=(("anthropic-version", "2023-06-01"),))])
async def test_side_routes_pass_untouched(stimulus: Stimulus, lane: Lane, upstream: Upstream) -> None:
    await passes_untouched(stimulus, lane, upstream)


async def test_request_headers_pass_but_for_credentials_and_hops(
    lane: Lane, upstream: Upstream, run_secrets: dict[str, Secret]
) -> None:
    sent = (
        *BETAS.headers,
        ("anthropic-version", "2099-12-31"),
        ("X-Mine", "one"),
        ("x-mine", "two"),
        ("traceparent", "00-1"),
        ("user-agent", "claude-cli/2.1"),
        ("cookie", "a=b"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
    )
    script = await upstream.answers()
    await lane.call(CLAUDE.but(headers=sent), script)
    received = await script.received()
    for name in ("anthropic-beta", "anthropic-version", "x-mine", "traceparent", "user-agent"):
        assert received.values(name) == [value for key, value in sent if key.lower() == name]
    assert received.values("x-api-key") == [run_secrets["anthropic"].value]
    for name in ("cookie", "x-hop", "te", "authorization"):
        assert received.values(name) == []


async def test_nothing_is_added_to_a_bare_request(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers()
    await lane.call(CHAT.but(headers=(("accept", "a/b"),)), script)
    names = {name.lower() for name, _ in (await script.received()).headers}
    assert names <= {"host", "accept", "accept-encoding", "user-agent", "authorization", "content-length", "connection"}


@pytest.mark.parametrize("query", ["beta=true", "a=%2F&a=b+c&d", "x=%zz"])
async def test_a_query_passes_raw(query: str, lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers()
    await lane.call(CLAUDE.but(path=f"/v1/messages?{query}&x"), script)
    assert (await script.received()).query.startswith(query)


@pytest.mark.parametrize("stimulus", SURFACES, ids=str)
@pytest.mark.parametrize("how", [{"cut_after": 4}, {"end_after": 4}], ids=["cut", "truncated"])
async def test_a_broken_stream_ends_in_an_error_of_the_protocol(
    how: dict[str, int], stimulus: Stimulus, lane: Lane, upstream: Upstream
) -> None:
    broken = stimulus.delivered(**how)
    script = await upstream.answers(broken.reply)
    seen = await lane.call(broken, script)
    received = await script.received() if "end_after" in how else (await script.arrived())[0]
    assert seen.body.startswith(received.sent)
    assert seen.events[-1].get("type", "error") == "error"
    assert "too early" in str(seen.events[-1])


async def test_a_response_error_event_goes_on_counting(lane: Lane, upstream: Upstream) -> None:
    broken = RESPONSES.delivered(cut_after=4)
    seen = await lane.call(broken, await upstream.answers(broken.reply))
    assert [event["sequence_number"] for event in seen.events] == list(range(5))


@pytest.mark.parametrize("stimulus", SURFACES, ids=str)
async def test_a_whole_answer_that_is_cut_stays_cut_and_is_asked_for_once(
    stimulus: Stimulus, lane: Lane, upstream: Upstream
) -> None:
    script = await upstream.answers(Reply(text="a fine day", delivery=Delivery(cut_after=1)))
    seen = await lane.call(stimulus, script)
    assert not seen.whole
    assert len(seen.received) == 1


async def test_an_error_stays_what_it_is(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(error=ProviderError(529)))
    seen = await lane.call(CLAUDE, script)
    assert (seen.status, seen.json["error"]["type"]) == (529, "overloaded_error")
    assert len(seen.received) == 1
