"""Azure and Mistral: what they do not share with OpenAI's own API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

from gateway.protocols import CODECS, hub
from gateway.protocols.mistral import MISTRAL, read_error, tool_id
from gateway.protocols.names import Names

if TYPE_CHECKING:
    from pathlib import Path

    from gateway import Gateway
    from tests.gateway.conftest import RawClient, ScriptedUpstream

DIALECTS = """
[[providers]]
id = "dated"
surfaces = ["azure-openai"]
base_url = "{upstream}/dated"
credential = {{ file = "azure.key" }}
auth = "api-key"
api_version = "2025-04-01-preview"
[[providers]]
id = "undated"
surfaces = ["azure-openai"]
base_url = "{upstream}/undated"
credential = {{ file = "azure.key" }}
auth = "api-key"
[[providers]]
id = "mistral"
surfaces = ["mistral"]
base_url = "{upstream}/mistral"
credential = {{ file = "mistral.key" }}
[routing]
mappings = [{{ value = "azure", provider = "dated" }}]
[[models]]
name = "old"
provider = "dated"
protocol = "azure-openai"
upstream_name = "my deployment"
[[models]]
name = "new"
provider = "undated"
protocol = "azure-openai"
upstream_name = "deployment"
[[models]]
name = "openly"
provider = "openai"
protocol = "openai-chat"
upstream_name = "gpt-real"
[[models]]
name = "replying"
provider = "openai"
protocol = "openai-responses"
upstream_name = "gpt-real"
[[models]]
name = "claude"
provider = "anthropic"
protocol = "anthropic-messages"
[[models]]
name = "mistral"
provider = "mistral"
protocol = "mistral"
upstream_name = "mistral-large"
"""
SAID: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream) -> Path:
    (config.parent / "azure.key").write_text("azure-secret-key")
    (config.parent / "mistral.key").write_text("mistral-secret-key")
    config.write_text(config.read_text() + DIALECTS.format(upstream=upstream.url))
    return config


@pytest.mark.parametrize(
    ("path", "model", "target"),
    [
        ("/v1/chat/completions", "old", "/dated/openai/deployments/my%20deployment/chat/completions?api-version="),
        ("/v1/responses", "old", "/dated/openai/responses?api-version="),
        ("/v1/responses/input_tokens", "old", "/dated/openai/responses/input_tokens?api-version="),
        ("/v1/chat/completions", "new", "/undated/openai/v1/chat/completions"),
        ("/v1/responses", "new", "/undated/openai/v1/responses"),
        (
            "/openai/deployments/old/chat/completions?api-version=2",
            "",
            "/dated/openai/deployments/my%20deployment/chat",
        ),
        ("/openai/deployments/new/chat/completions?api-version=2", "", "/undated/openai/deployments/deployment/chat"),
        ("/openai/v1/chat/completions", "new", "/undated/openai/v1/chat/completions"),
        ("/openai/v1/responses?api-version=preview", "new", "/undated/openai/v1/responses?api-version=preview"),
        ("/openai/deployments/openly/chat/completions?api-version=2", "", "/openai/v1/chat/completions"),
        ("/openai/responses?api-version=2", "replying", "/openai/v1/responses"),
    ],
)
async def test_azures_paths_and_openais_lead_to_each_other(
    client: RawClient, upstream: ScriptedUpstream, path: str, model: str, target: str
) -> None:
    body = {"model": model, "input": "é"} if model else {"messages": SAID}
    reply = await client.ask("POST", path, json.dumps(body, ensure_ascii=False).encode())
    assert (reply.status, reply.json) == (200, {"ok": True})
    [received] = upstream.received
    assert received.target.startswith(target)
    assert received.target.count("?") <= 1
    azure = "dated" in received.target
    assert received.values("api-key" if azure else "authorization")
    assert not received.values("authorization" if azure else "api-key")
    name = json.loads(received.body).get("model")
    assert name in {"my deployment", "deployment", "gpt-real"} or path.startswith("/openai/deployments/")


@pytest.mark.parametrize("model", ["..", "a/../b", "."])
async def test_a_models_name_leads_nowhere_else(client: RawClient, upstream: ScriptedUpstream, model: str) -> None:
    body = json.dumps({"model": model, "messages": SAID}).encode()
    reply = await client.ask("POST", "/v1/chat/completions", body, [("x-provider", "azure")])
    assert reply.status == 400
    assert not upstream.received


async def test_the_sdk_of_azure_reaches_a_deployment_and_another_protocol(
    gateway: Gateway, key: str, upstream: ScriptedUpstream
) -> None:
    content = [{"type": "text", "text": "Hei."}]
    usage = {"input_tokens": 1, "output_tokens": 1}
    upstream.says(
        json.dumps({"id": "m", "model": "c", "content": content, "stop_reason": "end_turn", "usage": usage}).encode()
    )
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=gateway.url, api_key=key, api_version="2025-04-01-preview", max_retries=0
    ) as sdk:
        answer = await sdk.chat.completions.create(model="claude", messages=SAID)
        assert answer.choices[0].message.content == "Hei."
        assert answer.model == "claude"
        upstream.says(
            b'{"error": {"code": "content_filter", "message": "no", "innererror": {"code": "R"}}}', status=400
        )
        with pytest.raises(openai.BadRequestError) as refused:
            await sdk.chat.completions.create(model="old", messages=SAID)
    assert refused.value.body == {"code": "content_filter", "message": "no", "innererror": {"code": "R"}}
    assert [received.target.split("?")[0] for received in upstream.received] == [
        "/anthropic/v1/messages",
        "/dated/openai/deployments/my%20deployment/chat/completions",
    ]


async def test_azures_responses_are_answered_by_another_protocol(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b'{"id": "c", "model": "m", "choices": [{"message": {"content": "Hei."}, "finish_reason": "stop"}]}')
    body = json.dumps({"model": "mistral", "input": "Hello"}).encode()
    reply = await client.ask("POST", "/openai/v1/responses", body, [("api-key", client.key)], anonymous=True)
    assert reply.json["output"][0]["content"][0]["text"] == "Hei."
    assert reply.json["model"] == "mistral"
    assert upstream.received[0].target == "/mistral/v1/chat/completions"
    assert not upstream.received[0].values("api-key")


async def test_azures_first_chunk_has_no_choices(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(
        b'data: {"choices":[],"id":"","model":"","prompt_filter_results":[{"prompt_index":0}]}\n\n'
        b'data: {"choices":[{"delta":{"content":"Hei"},"content_filter_results":{}}],"id":"c1"}\n\n'
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"id":"c1"}\n\ndata: [DONE]\n\n'
    )
    body = {"model": "new", "max_tokens": 9, "messages": SAID, "stream": True}
    reply = await client.ask("POST", "/v1/messages", json.dumps(body).encode())
    assert b'"text":"Hei"' in reply.body
    assert b"msg_c1" in reply.body
    assert b"message_stop" in reply.body


async def test_mistral_is_asked_in_its_own_words(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b'{"id":"x","model":"m","choices":[{"message":{"role":"assistant","content":"a"}}]}')
    call = {"id": "call_very_long", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    body = {
        "model": "mistral",
        "messages": [
            {"role": "developer", "content": "Be brief."},
            *SAID,
            {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Hm."},
            {"role": "tool", "tool_call_id": "call_very_long", "content": "done"},
        ],
        "seed": 7,
        "max_completion_tokens": 9,
        "user": "u",
        "logit_bias": {"1": 1},
        "stream_options": {"include_usage": True},
    }
    reply = await client.ask("POST", "/v1/chat/completions", json.dumps(body).encode())
    assert reply.values("x-gateway-dropped") == ["logit_bias, user"]
    asked = json.loads(upstream.received[0].body)
    system, _, assistant, tool = asked.pop("messages")
    assert asked == {"model": "mistral-large", "random_seed": 7, "max_tokens": 9}
    assert system == {"role": "system", "content": "Be brief."}
    assert assistant["content"] == [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]
    assert tool["tool_call_id"] == assistant["tool_calls"][0]["id"] == tool_id("call_very_long")
    assert tool_id("call_very_long").isalnum()
    assert len(tool_id("call_very_long")) == 9
    assert tool_id("3EpsLcLQ3") == "3EpsLcLQ3"


async def test_mistral_keeps_top_k(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b'{"id":"x","model":"m","choices":[{"message":{"role":"assistant","content":"a"}}]}')
    body = {"model": "mistral", "max_tokens": 9, "messages": SAID, "top_k": 3}
    reply = await client.ask("POST", "/v1/messages", json.dumps(body).encode())
    assert not reply.values("x-gateway-dropped")
    assert json.loads(upstream.received[0].body)["top_k"] == 3


def chunk(content: Any, finish: str | None = None, **more: Any) -> str:
    return json.dumps(
        {"id": "x", "model": "m", "choices": [{"delta": {"content": content}, "finish_reason": finish}], **more}
    )


def test_mistrals_thoughts_are_chunks_of_its_content() -> None:
    def thought(text: str) -> dict[str, Any]:
        return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}

    whole = MISTRAL.read_answer(
        {
            "id": "x",
            "model": "m",
            "choices": [
                {"message": {"content": [thought("Hm."), {"type": "text", "text": "4"}]}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "num_cached_tokens": 3},
        }
    )
    assert whole.parts == (hub.Thinking("Hm."), hub.Text("4"))
    assert whole.usage.cache_read == 3
    decoder = MISTRAL.decoder()
    lines = [
        chunk(""),
        chunk([thought("H")]),
        chunk([thought("m."), {"type": "text", "text": "1"}]),
        chunk("44", "model_length", usage={"prompt_tokens": 5, "completion_tokens": 2}),
        "[DONE]",
    ]
    events = [event for line in lines for event in decoder.feed(None, line)]
    assert events == [
        hub.Started("x", "m"),
        hub.Opened(hub.Thinking()),
        hub.Delta("H"),
        hub.Delta("m."),
        hub.Closed(),
        hub.Opened(hub.Text()),
        hub.Delta("1"),
        hub.Delta("44"),
        hub.Closed(),
        hub.Finished("length", hub.Usage(5, 2)),
    ]


@pytest.mark.parametrize(
    "line", [chunk("4", "error"), '{"object": "error", "message": "busy", "raw_status_code": 503}']
)
def test_mistrals_failures_amid_a_stream_are_failures(line: str) -> None:
    decoder = MISTRAL.decoder()
    *_, last = decoder.feed(None, line)
    assert isinstance(last, hub.Failed)
    assert decoder.finished


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "Invalid API Key"}, "Invalid API Key"),
        (
            {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs", "type": "extra_forbidden"}]},
            "body.seed: Extra inputs",
        ),
        ({"object": "error", "message": "Invalid model: x", "code": "1500"}, "Invalid model: x"),
    ],
)
def test_mistrals_errors_are_read_in_each_of_their_forms(body: Any, words: str) -> None:
    assert read_error(400, body).message == words


@pytest.mark.parametrize("protocol", ["openai-chat", "openai-responses", "anthropic-messages", "mistral"])
def test_a_calls_id_has_the_form_that_the_provider_takes(protocol: Any) -> None:
    given = "call:1/" + "x" * 80
    call, result = hub.ToolUse(given, "f", "{}"), hub.ToolResult(given, (hub.Text("done"),))
    request = hub.Request("m", [hub.Turn("assistant", (call,)), hub.Turn("user", (result,))])
    asked, answered = (turn.parts[0] for turn in Names.of(request, CODECS[protocol]).written(request).turns)
    assert isinstance(asked, hub.ToolUse)
    assert isinstance(answered, hub.ToolResult)
    assert asked.id == answered.call_id != given
    assert CODECS[protocol].tool_id(asked.id) == asked.id
