"""One protocol at the client, another at the provider: what is lost is named, and nothing leaks on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from gateway import Gateway
from gateway.config import Translation
from tests.gateway.conftest import ANTHROPIC_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import openai

    from gateway import Settings
    from tests.gateway.conftest import RawClient, ScriptedUpstream

MODELS = """
[[models]]
name = "bridged"
provider = "anthropic"
protocol = "anthropic-messages"
upstream_name = "claude-real"
[[models]]
name = "chatty"
provider = "openai"
protocol = "openai-chat"
"""
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-real",
    "content": [{"type": "text", "text": "Hei."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 4},
}
SAID: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def config(config: Path) -> Path:
    config.write_text(config.read_text() + MODELS)
    return config


@pytest.fixture
def claude(upstream: ScriptedUpstream) -> ScriptedUpstream:
    upstream.says(json.dumps(MESSAGE).encode(), request_id="req_upstream")
    return upstream


async def test_a_chat_client_talks_to_claude(openai_client: openai.AsyncOpenAI, claude: ScriptedUpstream) -> None:
    answer = await openai_client.chat.completions.create(model="bridged", messages=SAID)
    assert answer.choices[0].message.content == "Hei."
    assert answer.model == "bridged"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 2)
    asked = json.loads(claude.received[0].body)
    assert asked == {
        "model": "claude-real",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    }
    assert claude.received[0].target == "/anthropic/v1/messages"
    assert claude.received[0].values("x-api-key") == [ANTHROPIC_KEY]
    assert claude.received[0].values("anthropic-version") == ["2023-06-01"]
    assert not claude.received[0].values("authorization")


async def test_what_is_left_out_is_named(client: RawClient, claude: ScriptedUpstream) -> None:
    body = {"model": "bridged", "messages": SAID, "seed": 7, "logit_bias": {"1": 2}}
    reply = await client.ask("POST", "/v1/chat/completions", json.dumps(body).encode())
    assert reply.status == 200
    assert reply.values("x-gateway-dropped") == ["logit_bias, seed"]
    assert reply.values("x-request-id") == ["req_upstream"]
    assert len(claude.received) == 1


async def test_strictness_refuses_what_would_be_left_out(
    settings: Settings, key: str, claude: ScriptedUpstream
) -> None:
    strictly = settings.model_copy(update={"translation": Translation(mode="strict")})
    async with (
        Gateway(strictly) as strict,
        anthropic.AsyncAnthropic(api_key=key, base_url=strict.url, max_retries=0) as sdk,
    ):
        with pytest.raises(anthropic.BadRequestError, match="top_k"):
            await sdk.messages.create(model="chatty", max_tokens=9, messages=SAID, extra_body={"top_k": 3})
    assert not claude.received


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"n": 2}, "n: "),
        ({"tools": [{"type": "web_search"}]}, "tools: "),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.content: "),
    ],
)
async def test_what_cannot_be_said_is_never_left_out_silently(
    client: RawClient, claude: ScriptedUpstream, fields: dict[str, Any], named: str
) -> None:
    body = {"model": "bridged", "messages": SAID} | fields
    reply = await client.ask("POST", "/v1/chat/completions", json.dumps(body).encode())
    assert reply.status == 400
    assert named in reply.json["error"]["message"]
    assert not claude.received


async def test_conversations_kept_by_openai_cannot_be_continued_elsewhere(client: RawClient) -> None:
    body = {"model": "bridged", "input": "Hello", "previous_response_id": "resp_1"}
    reply = await client.ask("POST", "/v1/responses", json.dumps(body).encode())
    assert reply.status == 400
    assert "previous_response_id" in reply.json["error"]["message"]


async def test_a_body_of_no_protocol_is_the_clients_mistake(client: RawClient, claude: ScriptedUpstream) -> None:
    reply = await client.ask("POST", "/v1/chat/completions", b'{"model": "bridged", "messages": 7}')
    assert reply.status == 400
    assert not claude.received


async def test_the_providers_refusal_of_the_gateways_key_is_no_refusal_of_the_clients(
    client: RawClient, upstream: ScriptedUpstream
) -> None:
    upstream.says(json.dumps({"error": {"message": f"bad key {ANTHROPIC_KEY}"}}).encode(), status=401)
    reply = await client.ask(
        "POST", "/v1/chat/completions", json.dumps({"model": "bridged", "messages": SAID}).encode()
    )
    assert reply.status == 502
    assert ANTHROPIC_KEY.encode() not in reply.body


async def test_the_clients_name_for_a_model_holds_in_errors(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b'{"error": {"message": "claude-real is not there"}}', status=404)
    body = json.dumps({"model": "bridged", "messages": SAID}).encode()
    reply = await client.ask("POST", "/v1/chat/completions", body)
    assert (reply.status, reply.json["error"]["message"]) == (404, "bridged is not there")


async def test_an_answer_of_no_protocol_is_the_upstreams_fault(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b"[1, 2")
    reply = await client.ask(
        "POST", "/v1/chat/completions", json.dumps({"model": "bridged", "messages": SAID}).encode()
    )
    assert reply.status == 502


async def test_the_audit_names_the_provider_that_answered(
    settings: Settings, key: str, claude: ScriptedUpstream, audited: Callable[[], list[dict[str, Any]]]
) -> None:
    async with Gateway(settings) as gateway, anthropic.AsyncAnthropic(api_key=key, base_url=gateway.url) as sdk:
        await sdk.messages.create(model="bridged", max_tokens=9, messages=SAID)
        claude.says(
            json.dumps(
                {
                    "id": "c1",
                    "model": "chatty",
                    "choices": [{"message": {"role": "assistant", "content": "Hei."}, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
                }
            ).encode()
        )
        await sdk.messages.create(model="chatty", max_tokens=9, messages=SAID)
    straight, bridged = audited()
    assert (straight["provider"], straight["surface"]) == ("anthropic", "anthropic-messages")
    assert (bridged["provider"], bridged["surface"], bridged["end"]) == ("openai", "anthropic-messages", "complete")
    assert bridged["usage"]["input"] == 5
    assert bridged["secrets_injected"] == ["TEST_OPENAI_KEY"]


async def test_long_names_of_tools_stay_the_same_through_a_conversation(
    anthropic_client: anthropic.AsyncAnthropic, upstream: ScriptedUpstream
) -> None:
    name = "n" * 100
    upstream.says(json.dumps({"id": "c", "model": "m", "choices": [{"message": {}, "finish_reason": "stop"}]}).encode())
    used: list[Any] = [{"type": "tool_use", "id": "t", "name": name, "input": {}}]
    result: list[Any] = [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]
    await anthropic_client.messages.create(
        model="chatty",
        max_tokens=9,
        messages=[*SAID, {"role": "assistant", "content": used}, {"role": "user", "content": result}],
        tools=[{"name": name, "input_schema": {"type": "object"}}],
        tool_choice={"type": "tool", "name": name},
    )
    asked = json.loads(upstream.received[0].body)
    (tool,) = asked["tools"]
    short = tool["function"]["name"]
    assert len(short) == 64
    assert asked["tool_choice"]["function"]["name"] == short
    assert asked["messages"][1]["tool_calls"][0]["function"]["name"] == short


async def test_codex_patches_files_through_chat(openai_client: openai.AsyncOpenAI, upstream: ScriptedUpstream) -> None:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({'id': 'c', 'model': 'm', 'choices': [choice]})}\n\n".encode()

    fragments = ['{"inp', 'ut": "*** Begin\\', 'nPatch \\u00e9"', "}"]
    called = {"index": 0, "id": "call_1", "function": {"name": "apply_patch", "arguments": ""}}
    upstream.streams(
        chunk({"tool_calls": [called]}),
        *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}) for text in fragments),
        chunk({}, "tool_calls"),
        b"data: [DONE]\n\n",
    )
    tools: Any = [{"type": "custom", "name": "apply_patch"}, {"type": "web_search"}]
    async with openai_client.responses.stream(model="chatty", input="Patch it.", tools=tools) as stream:
        events = [event async for event in stream]
    deltas = [event.delta for event in events if event.type == "response.custom_tool_call_input.delta"]
    assert deltas == ["*** Begin", "\nPatch é"]
    [item] = (await stream.get_final_response()).output
    assert item.type == "custom_tool_call"
    assert (item.name, item.call_id, item.input) == ("apply_patch", "call_1", "*** Begin\nPatch é")
    [tool] = json.loads(upstream.received[0].body)["tools"]
    assert tool["function"]["parameters"]["required"] == ["input"]
