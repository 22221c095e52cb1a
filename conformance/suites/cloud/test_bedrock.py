"""Bedrock's runtime: frames, model ids, signatures, betas, and the calls beside InvokeModel."""

import json
from typing import Any

from conformance.api import (
    BEDROCK,
    Ask,
    BedrockClient,
    Client,
    Exchange,
    Http,
    Mode,
    Reply,
    Secret,
    Tool,
    ToolCall,
    Upstream,
    assert_absent,
    assert_in_order,
    assert_unchanged,
    check,
    frames,
)

HTTP = (Mode.HTTP,)
BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
EVENT_STREAM = "application/vnd.amazon.eventstream"
IDS = (
    "us.anthropic.claude-opus-5-5",
    "anthropic.claude-sonnet-5-5-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456",
)
CALL = ToolCall("toolu_one", "tide", '{"day": 2}')
RICH = Reply(text="High tide. " * 30, tool_calls=(CALL,))


async def _sent(client: BedrockClient, http: Http, operation: str, body: Any, model: str | None = None) -> Exchange:
    headers = [("authorization", f"Bearer {client.door.key}")]
    return await http.send("POST", client.operation(operation, model), headers=headers, body=body)


@check(
    "cloud/bedrock/frames",
    requirement="bedrock-frames",
    feature="streaming",
    surfaces=(BEDROCK,),
    modes=HTTP,
    catches=("frames-without-sums", "calls-frames-events", "swaps-frames", "cuts-the-last-frame"),
)
async def test_a_stream_comes_in_sound_frames_and_in_order(
    client: BedrockClient, upstream: Upstream, http: Http
) -> None:
    script = await upstream.answers(RICH)
    answer = await _sent(client, http, "invoke-with-response-stream", client.body(script.prompt))
    assert answer.value("content-type") == EVENT_STREAM, "Claude Code refuses streams of another type"
    got = [frame.event for frame in frames(answer.content)]
    expected = [frame.event for frame in frames((await script.received()).sent)]
    assert [event["type"] for event in got] == [event["type"] for event in expected]
    assert_unchanged(got, expected, where="the events in the frames")
    assert_in_order(BEDROCK, answer.content)


@check(
    "cloud/bedrock/converse",
    requirement="bedrock-converse",
    feature="body",
    surfaces=(BEDROCK,),
    modes=HTTP,
    catches=("knows-no-converse", "moves-cache-points"),
)
async def test_converse_is_passed_on_and_back_as_it_is(client: BedrockClient, upstream: Upstream, http: Http) -> None:
    for operation in ("converse", "converse-stream"):
        script = await upstream.answers(RICH)
        body = _conversed(script.prompt)
        answer = await _sent(client, http, operation, body)
        assert answer.status == 200, f"{operation} was answered with {answer.status}: {answer.content[:200]!r}"
        received = await script.received()
        assert_unchanged(received.json, body, where=f"the request of {operation}")
        if operation == "converse":
            assert_unchanged(answer.json, json.loads(received.sent), where="the answer of converse")
        else:
            kinds = [[frame.kind for frame in frames(content)] for content in (answer.content, received.sent)]
            assert kinds[0] == kinds[1]
            assert_in_order(BEDROCK, answer.content)


def _conversed(prompt: str) -> dict[str, Any]:
    schema = {"json": {"type": "object", "properties": {}}}
    tool = {"toolSpec": {"name": "tide", "description": "The tide.", "inputSchema": schema}}
    return {
        "system": [{"text": "You speak Norwegian only."}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": prompt}, {"cachePoint": {"type": "default", "ttl": "1h"}}]}],
        "toolConfig": {"tools": [tool, {"cachePoint": {"type": "default"}}], "toolChoice": {"auto": {}}},
        "inferenceConfig": {"maxTokens": 1717, "stopSequences": ["\n\n"]},
        "additionalModelRequestFields": {"never_seen": 1},
    }


@check(
    "cloud/bedrock/model-ids",
    requirement="bedrock-model-ids",
    feature="body",
    surfaces=(BEDROCK,),
    modes=HTTP,
    catches=("decodes-model-ids", "cuts-model-ids"),
)
async def test_a_model_id_with_colons_and_slashes_stays_one_segment(
    client: BedrockClient, upstream: Upstream, http: Http
) -> None:
    for model in (client.door.model, *IDS):
        for operation in ("invoke", "invoke-with-response-stream"):
            script = await upstream.answers()
            answer = await _sent(client, http, operation, client.body(script.prompt), model)
            calls = await script.journal()
            asked = client.operation(operation, model).removeprefix(client.door.url)
            assert answer.status == 200 or not calls, f"{model} was answered with {answer.status}"
            if calls and model != client.door.model:
                assert _spelt(calls[0].path).endswith(_spelt(asked)), f"{asked} became {calls[0].path}"


def _spelt(path: str) -> str:
    """A colon may be escaped in a path or not; a slash within a segment has to be."""
    return path.replace("%3A", ":").replace("%3a", ":").replace("%2f", "%2F")


@check(
    "cloud/bedrock/signed",
    requirement="cloud-credential-of-the-gateway",
    feature="isolation",
    surfaces=(BEDROCK,),
    modes=HTTP,
    direct=False,
    catches=("leaks-client-key", "forwards-session-tokens"),
)
async def test_bedrock_is_asked_with_the_gateways_signature_and_nothing_of_the_clients(
    client: BedrockClient, upstream: Upstream, http: Http
) -> None:
    session = Secret("session", "FwoGZXIvYXdzEBYaDHRoaXMtaXMtYS1zZXNzaW9u")
    key = Secret("client", client.door.key)
    for operation in ("invoke", "invoke-with-response-stream", "converse"):
        script = await upstream.answers()
        body = _conversed(script.prompt) if operation == "converse" else client.body(script.prompt)
        headers = [("authorization", f"Bearer {key.value}"), ("x-amz-security-token", session.value)]
        answer = await http.send("POST", client.operation(operation), headers=headers, body=body)
        assert answer.status == 200, f"{operation} was refused with {answer.status}: {answer.content[:200]!r}"
        received = await script.received()
        assert len(received.values("authorization")) == 1
        for secret in (key, session):
            assert_absent(secret, received.places)


@check(
    "cloud/count-tokens",
    requirement="cloud-count-tokens",
    feature="count-tokens",
    surfaces=(BEDROCK,),
    modes=HTTP,
    catches=("knows-no-cloud-counting",),
)
async def test_tokens_are_counted_by_bedrock(client: BedrockClient, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers(Reply(input_tokens=4711))
    body = {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": script.prompt}]}]}}}
    answer = await _sent(client, http, "count-tokens", body)
    assert answer.status == 200, f"counting was answered with {answer.status}: {answer.content[:200]!r}"
    assert answer.json["inputTokens"] == 4711


@check(
    "cloud/bedrock/betas",
    requirement="cloud-betas-forwarded",
    feature="betas",
    surfaces=(BEDROCK,),
    modes=BOTH,
    catches=("drops-body-betas",),
)
async def test_betas_of_a_bedrock_client_arrive_in_the_body(client: Client, upstream: Upstream) -> None:
    betas = ("interleaved-thinking-2025-05-14", "never-seen-2099-01-01")
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, betas=betas, tools=(Tool("tide"),)))
    assert (await script.received()).json["anthropic_beta"] == list(betas)
