"""What a model says through a cloud: to its official SDK, and to the byte."""

import json
from typing import Any

from conformance.api import (
    AZURE,
    BARE,
    BEDROCK,
    VERTEX,
    Ask,
    Client,
    Delivery,
    Exchange,
    Http,
    Mode,
    ProviderError,
    Reply,
    Tape,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    Usage,
    assert_kept,
    assert_unchanged,
    check,
    frames,
    parse,
)

CLOUDS = (BEDROCK, VERTEX, AZURE)
HTTP = (Mode.HTTP,)
V1 = (Mode.OPENAI_V1, Mode.OPENAI_V1_STREAM)
DRIVEN = (*(mode for mode in BARE if mode is not Mode.HTTP), *V1)
BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
CALLS = (ToolCall("call_one", "weather", '{"city": "Tromsø"}'), ToolCall("call_two", "clock", "{}"))
RICH = Reply(
    text="The fjord froze over: 日本語, line\u2028next. Nobody minded.",
    tool_calls=CALLS,
    usage=Usage(input=900, output=80, cache_read=700, reasoning=40),
)
COUNTED = {"stream_options": {"include_usage": True}}
THOUGHT = Thinking("First the tides.", "c2lnbmF0dXJlK2tlcHQ=")
STATUSES = (400, 403, 404, 429, 500, 503)


@check(
    "cloud/answer",
    requirement="cloud-answer-unchanged",
    feature="body",
    surfaces=CLOUDS,
    modes=DRIVEN,
    catches=("mangles-unicode", "rewrites-tool-ids-upstream", "drops-tool-results"),
)
async def test_the_clouds_own_sdk_reads_the_answer_and_sends_it_back(client: Client, upstream: Upstream) -> None:
    thinking = () if client.surface is AZURE else (THOUGHT,)
    script = await upstream.answers(
        Reply(text=RICH.text, thinking=thinking, tool_calls=CALLS, usage=RICH.usage), Reply(text="Snow.")
    )
    tools = (Tool("weather"), Tool("clock"))
    fields = COUNTED if client.surface is AZURE and client.mode.streams else {}
    first = await client.ask(Ask(script.prompt, tools=tools, fields=fields))
    assert (first.text, first.stop, first.usage, first.thinking) == (RICH.text, "tool-use", RICH.usage, thinking)
    assert [(c.id, c.name, json.loads(c.arguments)) for c in first.tool_calls] == [
        (c.id, c.name, json.loads(c.arguments)) for c in CALLS
    ]
    results = tuple(ToolResult(call.id, f"result of {call.name}") for call in first.tool_calls)
    assert (await client.ask(Ask(script.prompt, tools=tools, turns=(Turn(first, results),)))).text == "Snow."
    _, turn = await script.arrived(2)
    for call in CALLS:
        assert turn.body.count(f'"{call.id}"'.encode()) == 2, f"the provider does not hear of {call.id} and its result"
        assert f"result of {call.name}".encode() in turn.body


@check(
    "cloud/stream/incremental",
    requirement="stream-without-buffering",
    feature="streaming",
    surfaces=CLOUDS,
    modes=(Mode.ASYNC_STREAM,),
    catches=("buffers",),
)
async def test_events_of_a_cloud_arrive_as_they_are_made(client: Client, upstream: Upstream) -> None:
    words = ("One ", "two ", "three.")
    script = await upstream.answers(Reply(text=words, delivery=Delivery(gated=True)))
    async with client.stream(script.prompt) as stream:
        for word in words:
            assert await stream.next_text() == word
            await script.release()


async def _sent(client: Client, http: Http, body: Any, *, stream: bool = False) -> Exchange:
    headers = [("authorization", f"Bearer {client.door.key}")]
    return await http.send("POST", client.url(stream=stream), headers=headers, body=body)


@check(
    "cloud/answer/unchanged",
    requirement="cloud-answer-whole",
    feature="body",
    surfaces=CLOUDS,
    modes=HTTP,
    catches=("drops-filter-results", "calls-frames-events"),
)
async def test_an_answer_is_the_clouds_field_for_field_whole_and_streamed(
    client: Client, upstream: Upstream, http: Http
) -> None:
    for stream in (False, True):
        script = await upstream.answers(RICH)
        body = client.body(script.prompt)
        body |= {"stream": True} if stream and client.surface is not BEDROCK else {}
        answer = await _sent(client, http, body, stream=stream)
        received = await script.received()
        assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"
        kinds = [value for name, value in received.sent_headers if name.lower() == "content-type"]
        assert answer.values("content-type") == kinds
        got, expected = (_said(client, content, stream=stream) for content in (answer.content, received.sent))
        assert_unchanged(got, expected, where="the stream" if stream else "the answer")


def _said(client: Client, content: bytes, *, stream: bool) -> Any:
    """The answer as JSON; of a stream each event."""
    if not stream:
        return json.loads(content)
    if client.surface is BEDROCK:
        return [frame.event for frame in frames(content)]
    return [event.data if event.data == "[DONE]" else event.json for event in parse(content).events]


@check(
    "cloud/request-unchanged",
    requirement="cloud-request-unchanged",
    feature="body",
    surfaces=(BEDROCK, VERTEX),
    modes=HTTP,
    catches=("says-the-model-twice", "pins-cloud-versions", "drops-body-betas"),
)
async def test_what_claude_code_asks_of_a_cloud_arrives_field_for_field(
    client: Client, upstream: Upstream, http: Http
) -> None:
    for version in ("bedrock-2023-05-31", "vertex-2023-10-16", "2026-10-21", "2099-01-01"):
        for stream in (False, True):
            script = await upstream.answers()
            body = client.body(script.prompt) | _CLAUDE_CODES | {"anthropic_version": version}
            body["messages"] = [*body["messages"], {"role": "system", "content": "The date is a Saturday."}]
            body |= {"stream": True} if stream and client.surface is VERTEX else {}
            answer = await _sent(client, http, body, stream=stream)
            assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"
            assert_unchanged((await script.received()).json, body, where="the request at the cloud")


_CLAUDE_CODES: dict[str, Any] = {
    "max_tokens": 128_000,
    "anthropic_beta": ["interleaved-thinking-2025-05-14", "never-seen-2099-01-01"],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.25f; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ],
    "tools": [
        {"name": "Bash", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
        {"name": "Deferred", "input_schema": {"type": "object"}, "defer_loading": True},
        {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"},
    ],
    "thinking": {"type": "adaptive", "display": "omitted"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "medium"},
    "metadata": {"user_id": '{"device_id":"d","account_uuid":"","session_id":"s"}'},
    "never_seen": {"nothing": None},
}


@check(
    "cloud/errors",
    requirement="cloud-errors",
    feature="errors",
    surfaces=CLOUDS,
    modes=BOTH,
    catches=("flattens-status", "foreign-envelope", "answers-own-headers-only"),
)
async def test_an_error_of_a_cloud_keeps_status_exception_envelope_and_kind(
    client: Client, control: Client, upstream: Upstream, tape: Tape
) -> None:
    for status in STATUSES:
        script = await upstream.answers(Reply(error=ProviderError(status=status, message=f"told by script: {status}")))
        expected, got = await control.fails(script.prompt), await client.fails(script.prompt)
        assert (got.status, got.kind) == (expected.status, expected.kind)
        assert got.header("x-amzn-errortype") == expected.header("x-amzn-errortype")
        _, received = await script.arrived(2)
        assert_kept(tape.last.json, received.sent_json, where=f"the envelope of {status}", aside=("request_id",))


@check(
    "cloud/errors/mid-stream",
    requirement="cloud-stream-errors",
    feature="errors",
    surfaces=(BEDROCK, VERTEX),
    modes=(Mode.ASYNC_STREAM,),
    catches=("swallows-exceptions-of-streams",),
)
async def test_an_exception_amid_a_stream_reaches_the_client_in_its_own_words(
    client: Client, control: Client, upstream: Upstream
) -> None:
    for error in (ProviderError(status=429, message="Too many tokens, by script."), ProviderError(status=424)):
        script = await upstream.answers(Reply(text="One two three.", error=error, delivery=Delivery(error_after=3)))
        expected, got = await control.fails(script.prompt), await client.fails(script.prompt)
        assert (got.kind, got.body["error"]) == (expected.kind, expected.body["error"])
        assert len(got.seen) == len(expected.seen), "not all that came before the exception was handed on"


@check(
    "cloud/refused",
    requirement="cloud-refusals",
    feature="errors",
    surfaces=CLOUDS,
    modes=HTTP,
    direct=False,
    catches=("refuses-clouds-in-openais-envelope",),
)
async def test_a_wrong_key_is_refused_as_the_cloud_would(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    wrong = [("authorization", "Bearer sk-nobody-has-this-one-0123456789")]
    answer = await http.send("POST", client.url(), headers=wrong, body=client.body(script.prompt))
    assert answer.status in (401, 403), f"a wrong key was answered with {answer.status}"
    assert not await script.journal()
    said = answer.json
    if client.surface is BEDROCK:
        assert isinstance(said.get("message"), str), f"not Bedrock's envelope: {said}"
        assert answer.value("x-amzn-errortype"), "Bedrock says in a header which error it is"
    elif client.surface is VERTEX:
        assert said.get("type") == "error" or "status" in said["error"], f"neither Google's nor Anthropic's: {said}"
    else:
        assert {"code", "message"} <= said["error"].keys(), f"not Azure's envelope: {said}"
