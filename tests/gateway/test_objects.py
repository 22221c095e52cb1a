"""What one client has made at a provider does not exist for another."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.config import Objects as Settings
from gateway.databases import opened
from gateway.objects import Objects

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.keys import KeyStore
    from tests.gateway.conftest import RawClient, ScriptedUpstream

VERSION = [("anthropic-version", "2023-06-01")]
ANSWER = {"id": "resp_1", "output": [{"id": "msg_1", "type": "message"}], "usage": {"input_tokens": 1}}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "output": []}}
COMPLETED = {"type": "response.completed", "response": ANSWER}
STREAM = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in (CREATED, COMPLETED)).encode()


@pytest.fixture
def config(config: Path) -> Path:
    text = config.read_text().replace(
        "[audit]", '[objects]\ndatabase = "objects.sqlite3"\nshared = ["vs_all"]\n[audit]'
    )
    text = text.replace('id = "openai"', 'id = "openai"\nroutes = ["files", "batches", "vector_stores"]')
    config.write_text(text.replace('id = "anthropic"', 'id = "anthropic"\nroutes = ["files", "batches"]'))
    return config


@pytest.fixture
def other(client: RawClient, store: KeyStore) -> RawClient:
    """With a key of its own."""
    return replace(client, key=store.mint("another").plaintext)


async def made(
    client: RawClient, upstream: ScriptedUpstream, path: str, answer: Any, *headers: tuple[str, str]
) -> None:
    upstream.says(json.dumps(answer).encode())
    assert (await client.ask("POST", path, b"{}", list(headers))).status == 200


async def status(client: RawClient, method: str, path: str, said: Any = None, *headers: tuple[str, str]) -> int:
    body = None if said is None else json.dumps(said).encode()
    return (await client.ask(method, path, body, list(headers))).status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1"),
        ("GET", "/v1/responses/resp%5F1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1/input_items"),
    ],
)
async def test_an_answer_is_there_for_who_has_got_it(
    client: RawClient, other: RawClient, upstream: ScriptedUpstream, method: str, path: str
) -> None:
    await made(client, upstream, "/v1/responses", ANSWER)
    asked = len(upstream.received)
    assert await status(other, method, path) == 404
    assert len(upstream.received) == asked
    assert await status(client, method, path) == 200


@pytest.mark.parametrize(
    "said",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": {"id": "resp_1"}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_all", "resp_1"]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "resp_1"}]}]},
    ],
    ids=min,
)
async def test_an_answer_is_continued_by_who_has_got_it(
    client: RawClient, other: RawClient, upstream: ScriptedUpstream, said: dict[str, Any]
) -> None:
    upstream.streams(STREAM)
    await client.ask("POST", "/v1/responses", b'{"stream": true}')
    assert await status(other, "POST", "/v1/responses", said) == 404
    assert len(upstream.received) == 1
    assert await status(client, "POST", "/v1/responses", said) == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"previous_response_id": "resp_0", "previous_response_id": "resp_1"}',
        b'{"previous_response_\\u0069d": "resp_1"}',
        b'{"Previous_Response_ID": "resp_1"}',
        b'--x\r\n\r\n{"custom_id": "1", "body": {"previous_response_id": "resp_1"}}\n{"custom_id": "2"}\r\n--x--',
    ],
)
async def test_no_spelling_leads_to_another_clients_answer(
    client: RawClient, other: RawClient, upstream: ScriptedUpstream, body: bytes
) -> None:
    await made(client, upstream, "/v1/responses", ANSWER)
    for path in ("/v1/responses", "/v1/files"):
        assert (await other.ask("POST", path, body)).status == 404


@pytest.mark.parametrize(
    "said",
    [
        {"metadata": {"conversation": "resp_1"}},
        {"tools": [{"parameters": {"properties": {"file_id": {"type": "string", "enum": ["resp_1"]}}}}]},
        {"messages": [{"content": [{"type": "tool_use", "input": {"file_id": "resp_1"}}]}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_all"]}]},
    ],
)
async def test_what_only_looks_like_an_object_passes(
    client: RawClient, other: RawClient, upstream: ScriptedUpstream, said: dict[str, Any]
) -> None:
    await made(client, upstream, "/v1/responses", ANSWER)
    assert await status(other, "POST", "/v1/messages", said, *VERSION) == 200


@pytest.mark.parametrize("headers", [[], VERSION], ids=["openai", "anthropic"])
async def test_files_are_listed_for_who_has_made_them(
    client: RawClient, other: RawClient, upstream: ScriptedUpstream, headers: list[tuple[str, str]]
) -> None:
    for who, name in ((client, "file_1"), (other, "file_2")):
        await made(who, upstream, "/v1/files", {"id": name}, *headers)
    upstream.says(
        json.dumps({"data": [{"id": "file_1"}, {"id": "file_2"}, {"id": "file_3"}], "first_id": "file_1"}).encode()
    )
    for who, name in ((client, "file_1"), (other, "file_2")):
        listed = await who.ask("GET", "/v1/files?limit=3", headers=headers)
        assert listed.json == {"data": [{"id": name}], "first_id": name}
        assert upstream.received[-1].values("accept-encoding") == ["identity"]
        assert await status(who, "GET", f"/v1/files/{name}/content", None, *headers) == 200
    assert await status(client, "GET", "/v1/files/file_2/content", None, *headers) == 404


async def test_a_list_that_cannot_be_read_is_not_shown(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(b'[{"id": "file_1"}]')
    assert await status(client, "GET", "/v1/files") == 502


async def test_what_a_batch_has_made_is_its_owners(
    client: RawClient, other: RawClient, upstream: ScriptedUpstream
) -> None:
    await made(client, upstream, "/v1/batches", {"id": "batch_1"})
    upstream.says(json.dumps({"id": "batch_1", "output_file_id": "file_9"}).encode())
    assert await status(other, "GET", "/v1/batches/batch_1") == 404
    assert await status(client, "GET", "/v1/batches/batch_1") == 200
    assert await status(client, "GET", "/v1/files/file_9/content") == 200
    assert await status(other, "GET", "/v1/files/file_9/content") == 404


async def test_a_team_shares_what_its_keys_have_made(
    client: RawClient, store: KeyStore, upstream: ScriptedUpstream
) -> None:
    one, two, three = [
        replace(client, key=store.mint(name, team=team, run=name).plaintext)
        for name, team in (("1", "blue"), ("2", "blue"), ("3", "red"))
    ]
    await made(one, upstream, "/v1/responses", ANSWER)
    assert [await status(who, "GET", "/v1/responses/resp_1") for who in (one, two, three)] == [200, 200, 404]


async def test_what_is_deleted_is_forgotten(client: RawClient, upstream: ScriptedUpstream) -> None:
    await made(client, upstream, "/v1/files", {"id": "file_1"})
    assert await status(client, "DELETE", "/v1/files/file_1") == 200
    assert await status(client, "GET", "/v1/files/file_1") == 404


async def test_what_the_provider_has_refused_is_nobodys(client: RawClient, upstream: ScriptedUpstream) -> None:
    upstream.says(json.dumps({"id": "resp_1"}).encode(), 400)
    await client.ask("POST", "/v1/responses", b"{}")
    assert await status(client, "GET", "/v1/responses/resp_1") == 404


async def test_who_made_it_cannot_be_written_down(
    config: Path, client: RawClient, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(opened(config.parent / "objects.sqlite3")) as database:
        database.write("DROP TABLE objects")
    await made(client, upstream, "/v1/responses", ANSWER)
    assert "whose it is cannot be written down" in caplog.text


class TestUnknown:
    @pytest.fixture
    def config(self, config: Path) -> Path:
        config.write_text(config.read_text().replace("[objects]", '[objects]\nunknown = "pass"'))
        return config

    async def test_what_nobody_here_has_made_may_pass(
        self, client: RawClient, other: RawClient, upstream: ScriptedUpstream
    ) -> None:
        assert await status(other, "GET", "/v1/responses/resp_1") == 200
        await made(client, upstream, "/v1/responses", ANSWER)
        assert await status(other, "GET", "/v1/responses/resp_1") == 404


def test_what_is_not_used_is_forgotten(tmp_path: Path) -> None:
    now = time.time()
    with Objects(Settings(database=tmp_path / "objects.sqlite3", prune_after_seconds=30 * 86400)) as objects:
        objects.add("team a", ["used", "unused"], now - 40 * 86400)
        assert objects.is_for("team a", "used")
        objects.add("team b", ["used", "new"], now)
        assert [objects.is_for("team a", name) for name in ("used", "unused", "new")] == [True, False, False]
