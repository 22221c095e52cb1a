"""Which provider is asked, under which name, with which key, and who is asked when it fails."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from gateway import Gateway
from gateway.surfaces import ENDPOINTS
from tests.gateway.conftest import RawClient, ok

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway import Settings
    from gateway.keys import KeyStore
    from tests.gateway.conftest import ScriptedUpstream

NAMES = ("first", "second", "third")
PROVIDER = """
[[providers]]
id = "{name}"
family = "{name}-family"
surfaces = ["openai-chat", "openai-responses"]
base_url = "{upstream}/{name}"
credential = {{ file = "{name}.key" }}
"""
ROUTING = """
[[providers]]
id = "claude"
as = "anthropic"
surfaces = ["anthropic-messages"]
base_url = "{upstream}/claude"
credential = {{ file = "claude.key" }}
auth = "x-api-key"
[[models]]
name = "smart"
provider = "second"
protocol = "openai-chat"
upstream_name = "gpt-real"
fallback = ["spare", "bridged"]
[[models]]
name = "spare"
provider = "third"
protocol = "openai-chat"
[[models]]
name = "bridged"
provider = "anthropic"
protocol = "anthropic-messages"
upstream_name = "claude-real"
[routing]
default = "second"
mappings = [
  {{ value = " Fast ", provider = "third" }},
  {{ value = "own", provider = "first" }},
  {{ value = "claude", provider = "anthropic" }},
]
"""
CHAT = "/v1/chat/completions"
SAID = [{"role": "user", "content": "Hello"}]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-real",
    "content": [{"type": "text", "text": "Hei."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


@pytest.fixture
def config(config: Path, upstream: ScriptedUpstream) -> Path:
    for name in (*NAMES, "claude"):
        (config.parent / f"{name}.key").write_text(f"sk-of-{name}")
    providers = "".join(PROVIDER.format(name=name, upstream=upstream.url) for name in NAMES)
    head = config.read_text().partition("[[providers]]")[0]
    config.write_text(head + providers + ROUTING.format(upstream=upstream.url))
    return config


class Answers:
    """What each provider does, by name; those that are not named answer with a 200 of their own."""

    def __init__(self, upstream: ScriptedUpstream) -> None:
        self.statuses: dict[str, int] = defaultdict(lambda: 200)
        self.asked: list[str] = []
        upstream.script = self._script

    async def _script(self, request: web.Request) -> web.StreamResponse:
        name = request.path.split("/")[1]
        self.asked.append(name)
        if not (status := self.statuses[name]) and request.transport:
            request.transport.close()
        said = MESSAGE if name == "claude" else {"id": name, "model": "gpt-real-1", "choices": []}
        return web.json_response(
            said if status == 200 else {"error": {"message": f"{name} on gpt-real"}}, status=status
        )


@pytest.fixture
def answers(upstream: ScriptedUpstream) -> Answers:
    return Answers(upstream)


async def chat(client: RawClient, model: str = "any", **headers: str) -> Any:
    body = json.dumps({"model": model, "messages": SAID}).encode()
    return await client.ask("POST", CHAT, body, [(name.replace("_", "-"), value) for name, value in headers.items()])


@pytest.mark.parametrize(
    ("value", "provider"),
    [("fast", "third"), ("FAST ", "third"), ("own", "first"), ("nobody", "second"), ("", "second"), (None, "second")],
)
async def test_the_header_picks_the_provider(
    client: RawClient, upstream: ScriptedUpstream, answers: Answers, value: str | None, provider: str
) -> None:
    await chat(client, **({} if value is None else {"x_provider": value}))
    assert answers.asked == [provider]
    assert upstream.received[0].values("authorization") == [f"Bearer sk-of-{provider}"]


async def test_the_header_leads_to_another_protocol_too(
    client: RawClient, upstream: ScriptedUpstream, answers: Answers
) -> None:
    reply = await chat(client, "claude-x", x_provider="claude")
    assert reply.json["choices"][0]["message"]["content"] == "Hei."
    assert answers.asked == ["claude"]
    assert json.loads(upstream.received[0].body)["model"] == "claude-x"


async def test_a_model_is_not_asked_of_a_provider_that_does_not_serve_it(client: RawClient, answers: Answers) -> None:
    reply = await chat(client, "spare", x_provider="own")
    assert reply.status == 400
    assert "first does not serve the model 'spare'" in reply.json["error"]["message"]
    assert not answers.asked


async def test_an_alias_is_the_providers_name_upstream_and_the_clients_name_below(
    client: RawClient, upstream: ScriptedUpstream, answers: Answers
) -> None:
    body = b'{ "messages": [{"content": "the \\"model\\": A"}],\n "model" : "smart", "x": {"model": "smart"} }'
    reply = await client.ask("POST", CHAT, body, [("Accept-Encoding", "gzip")])
    assert upstream.received[0].body == body.replace(b'"smart"', b'"gpt-real"', 1)
    assert upstream.received[0].values("accept-encoding") == ["identity"]
    assert reply.json == {"id": "second", "model": "smart", "choices": []}
    assert upstream.received[0].values("authorization") == ["Bearer sk-of-second"]


async def test_an_alias_holds_in_streams_however_they_are_cut(client: RawClient, upstream: ScriptedUpstream) -> None:
    stream = (
        b'data: {"id":"c","model":"gpt-real-1","choices":[{"delta":{"content":"\\"model\\":\\"x\\""}}]}\r\n\r\n'
        b': "model":"gpt-real-1"\n\n'
        b'data: {"choices":[{"finish_reason":"stop"}],"model": "gpt-real-1"}\n\ndata: [DONE]\n\n'
    )
    upstream.streams(*(stream[at : at + 1] for at in range(len(stream))))
    reply = await client.ask("POST", CHAT, json.dumps({"model": "smart", "stream": True}).encode())
    assert reply.body == stream.replace(b'"gpt-real-1"', b'"smart"').replace(
        b': "model":"smart"', b': "model":"gpt-real-1"'
    )


async def test_an_alias_holds_behind_a_byte_order_mark(client: RawClient, upstream: ScriptedUpstream) -> None:
    stream = b'\xef\xbb\xbfdata: {"id":"c","model":"gpt-real"}\n\ndata: [DONE]\n\n'
    upstream.streams(stream)
    reply = await client.ask("POST", CHAT, json.dumps({"model": "smart", "stream": True}).encode())
    assert reply.body == stream.replace(b"gpt-real", b"smart")


async def test_an_alias_holds_in_errors(client: RawClient, upstream: ScriptedUpstream) -> None:
    error = {"message": "`gpt-real` does not exist, only gpt-real-2, gpt-real.1, my-gpt-real."}
    upstream.says(json.dumps({"error": error}).encode(), status=400)
    reply = await chat(client, "smart")
    assert reply.json["error"]["message"] == "`smart` does not exist, only gpt-real-2, gpt-real.1, my-gpt-real."


@pytest.mark.parametrize("status", [500, 502, 503, 529, 429, 401, 403, 404, 501, 0])
async def test_the_next_one_is_asked_where_one_fails(client: RawClient, answers: Answers, status: int) -> None:
    answers.statuses["second"] = status
    reply = await chat(client, "smart")
    assert (reply.status, answers.asked) == (200, ["second", "third"])
    assert reply.json["model"] == "smart"


async def test_the_next_one_is_asked_where_one_does_not_begin(
    settings: Settings, key: str, client: RawClient, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[float | None, asyncio.Timeout]] = []

    def waiting(seconds: float | None) -> asyncio.Timeout:
        waits.append((seconds, wait := asyncio.timeout(seconds)))
        return wait

    async def script(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/second"):
            [(_, wait)] = waits
            wait.reschedule(asyncio.get_running_loop().time())
            await upstream.abandoned.wait()
        return await ok(request)

    upstream.script = script
    monkeypatch.setattr("gateway.fallback.asyncio", SimpleNamespace(timeout=waiting))
    routing = settings.routing.model_copy(update={"timeout_seconds": 60})
    async with Gateway(settings.model_copy(update={"routing": routing})) as impatient:
        reply = await chat(RawClient(client.session, impatient.url, key), "smart")
    assert [seconds for seconds, _ in waits] == [60, 60]
    assert reply.json == {"ok": True}
    assert [received.target.split("/")[1] for received in upstream.received] == ["second", "third"]


@pytest.mark.parametrize("status", [400, 408, 409, 413, 422])
async def test_what_the_client_did_wrong_is_its_own(client: RawClient, answers: Answers, status: int) -> None:
    answers.statuses["second"] = status
    reply = await chat(client, "smart")
    assert (reply.status, answers.asked) == (status, ["second"])


async def test_each_is_asked_once_and_with_its_own_key_and_name(
    client: RawClient, upstream: ScriptedUpstream, answers: Answers
) -> None:
    answers.statuses |= {"second": 503, "third": 429}
    reply = await chat(client, "smart")
    assert reply.json["choices"][0]["message"]["content"] == "Hei."
    assert reply.json["model"] == "smart"
    assert answers.asked == ["second", "third", "claude"]
    assert [json.loads(received.body)["model"] for received in upstream.received] == [
        "gpt-real",
        "spare",
        "claude-real",
    ]
    for received, name in zip(upstream.received, answers.asked, strict=True):
        keys = [value for _, value in received.headers if "sk-of-" in value]
        assert keys == [f"sk-of-{name}" if name == "claude" else f"Bearer sk-of-{name}"]


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        ({"second": 429, "third": 503, "claude": 404}, 429),
        ({"second": 503, "third": 404, "claude": 500}, 404),
        ({"second": 503, "third": 0, "claude": 500}, 502),
    ],
)
async def test_of_several_failures_the_telling_one_is_shown(
    client: RawClient, answers: Answers, statuses: dict[str, int], shown: int
) -> None:
    answers.statuses |= statuses
    reply = await chat(client, "smart")
    assert (reply.status, len(answers.asked)) == (shown, 3)
    if shown == 502:
        assert "3 attempted" in reply.json["error"]["message"]


async def test_nothing_is_tried_again_unasked(client: RawClient, answers: Answers) -> None:
    answers.statuses["third"] = 503
    reply = await chat(client, "spare")
    assert (reply.status, answers.asked) == (503, ["third"])


async def test_what_has_begun_is_not_begun_elsewhere(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.streams(b'data: {"choices":[]}\n\n', cut=True)
    reply = await client.ask("POST", CHAT, json.dumps({"model": "smart", "stream": True}).encode())
    assert reply.status == 200
    assert b'"error"' in reply.body
    assert len(upstream.received) == 1


async def test_a_candidate_that_cannot_say_it_is_passed_over(client: RawClient, answers: Answers) -> None:
    answers.statuses |= {"second": 503, "third": 503}
    body = {"model": "smart", "messages": SAID, "n": 2}
    reply = await client.ask("POST", CHAT, json.dumps(body).encode())
    assert (reply.status, answers.asked) == (502, ["second", "third"])


@pytest.fixture
async def strict_client(settings: Settings, key: str, client: RawClient) -> AsyncIterator[RawClient]:
    routing = settings.routing.model_copy(update={"unknown_models": "refuse"})
    async with Gateway(settings.model_copy(update={"routing": routing})) as strict:
        yield RawClient(client.session, strict.url, key)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (CHAT, "model_not_found"),
        ("/v1/responses", "model_not_found"),
        ("/v1/messages", "not_found_error"),
        ("/v1beta/models/nobody:generateContent", "NOT_FOUND"),
        ("/openai/deployments/nobody/chat/completions", "model_not_found"),
        ("/model/nobody/invoke", "does not exist"),
    ],
)
async def test_where_models_are_declared_others_do_not_exist(
    strict_client: RawClient, answers: Answers, path: str, kind: str
) -> None:
    reply = await strict_client.ask("POST", path, json.dumps({"model": "nobody", "messages": SAID}).encode())
    assert reply.status == 404
    assert kind in json.dumps(reply.json)
    assert "'nobody'" in json.dumps(reply.json)
    assert not answers.asked
    assert (await chat(strict_client, "spare")).status == 200


@pytest.mark.parametrize("body", [b"\x1f\x8b\x08 compressed", b"{}", b'{"model": ["spare"]}', b'[{"model": "nobody"}]'])
async def test_where_models_are_declared_what_names_none_is_refused(
    strict_client: RawClient, answers: Answers, body: bytes
) -> None:
    reply = await strict_client.ask("POST", CHAT, body)
    assert reply.status == 400
    assert not answers.asked


async def test_of_two_models_in_one_body_the_last_one_counts_here_and_there(
    strict_client: RawClient, upstream: ScriptedUpstream, answers: Answers
) -> None:
    reply = await strict_client.ask("POST", CHAT, b'{"model": "nobody", "messages": [], "model": "smart"}')
    assert reply.status == 200
    assert upstream.received[0].body == b'{"model": "gpt-real", "messages": [], "model": "gpt-real"}'
    assert answers.asked == ["second"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses/input_tokens", {"model": "bridged", "input": "Hello"}),
        ("/v1/responses/compact", {"model": "bridged", "input": "Hello"}),
        ("/v1/messages/count_tokens", {"model": "spare", "messages": SAID}),
        ("/v1beta/models/spare:countTokens", {"contents": []}),
    ],
)
async def test_what_no_translation_can_answer_is_refused_by_name(
    client: RawClient, answers: Answers, path: str, body: dict[str, Any]
) -> None:
    reply = await client.ask("POST", path, json.dumps(body).encode())
    assert reply.status == 400
    assert path in reply.json["error"]["message"]
    assert not answers.asked


async def test_a_key_of_a_family_reaches_no_other(
    gateway: Gateway, client: RawClient, store: KeyStore, answers: Answers
) -> None:
    held = RawClient(client.session, gateway.url, store.mint("agent", family="third-family").plaintext)
    assert (await chat(held)).status == 200
    assert (await chat(held, "smart")).status == 200
    assert answers.asked == ["third", "third"]
    refused = [await chat(held, x_provider="own"), await chat(held, "bridged")]
    assert [reply.status for reply in refused] == [403, 403]
    assert "third-family" in refused[0].json["error"]["message"]
    assert len(answers.asked) == 2


async def test_no_path_is_open(client: RawClient, upstream: ScriptedUpstream) -> None:
    for endpoint in ENDPOINTS:
        path = endpoint.path
        for name in ("model", "id", "project", "location"):
            path = path.replace(f"{{{name}}}", "x")
        for method in endpoint.methods:
            reply = await client.ask(method, path, b"{}" if method == "POST" else None, anonymous=True)
            assert reply.status == 401, path
    assert not upstream.received


async def test_the_audit_names_who_was_asked(
    settings: Settings, key: str, client: RawClient, answers: Answers, audited: Callable[[], list[dict[str, Any]]]
) -> None:
    answers.statuses["second"] = 503
    async with Gateway(settings) as gateway:
        await chat(RawClient(client.session, gateway.url, key), "smart")
    [row] = audited()
    assert (row["provider"], row["model"], row["status"]) == ("third", "smart", 200)
    assert [name.rpartition("/")[2] for name in row["secrets_injected"]] == ["second.key", "third.key"]
    assert row["tried"] == ["second", "third"]
    assert [(each["provider"], each["status"]) for each in row["attempts"]] == [("second", 503), ("third", 200)]
    assert (row["client_model"], row["upstream_model"]) == ("smart", "spare")


async def test_the_audit_names_whose_failure_was_shown(
    settings: Settings, key: str, client: RawClient, answers: Answers, audited: Callable[[], list[dict[str, Any]]]
) -> None:
    answers.statuses.update(second=429, third=500, claude=503)
    async with Gateway(settings) as gateway:
        assert (await chat(RawClient(client.session, gateway.url, key), "smart")).status == 429
    [row] = audited()
    assert (row["provider"], row["status"], row["upstream_model"]) == ("second", 429, "gpt-real")
