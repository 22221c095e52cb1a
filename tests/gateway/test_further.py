"""Routes beside generating and listing: only those that are allowed, and only with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.config import ConfigError, load
from gateway.further import FURTHER
from tests.gateway.conftest import ANTHROPIC_KEY, OPENAI_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.conftest import RawClient, ScriptedUpstream

VERSION = [("anthropic-version", "2023-06-01")]


@pytest.fixture
def config(config: Path) -> Path:
    text = config.read_text()
    text = text.replace('id = "openai"', 'id = "openai"\nroutes = ["embeddings", "files", "images"]')
    config.write_text(text.replace('id = "anthropic"', 'id = "anthropic"\nroutes = ["files", "batches"]'))
    return config


@pytest.mark.parametrize(
    ("asked", "headers", "target"),
    [
        ("POST /v1/embeddings", [], "/openai/v1/embeddings"),
        ("GET /v1/files?limit=2", [], "/openai/v1/files?limit=2"),
        ("GET /v1/files/f-1/content", VERSION, "/anthropic/v1/files/f-1/content"),
        ("DELETE /v1/messages/batches/b-1", [], "/anthropic/v1/messages/batches/b-1"),
    ],
)
async def test_what_is_allowed_passes_with_the_vendors_own_key(
    client: RawClient, upstream: ScriptedUpstream, asked: str, headers: list[tuple[str, str]], target: str
) -> None:
    method, path = asked.split()
    body = b"--x\r\nany bytes \xff\r\n--x--" if method == "POST" else None
    reply = await client.ask(method, path, body, headers)
    assert reply.json == {"ok": True}
    [received] = upstream.received
    assert (received.method, received.target, received.body) == (method, target, body or b"")
    openai = target.startswith("/openai")
    assert received.values("authorization" if openai else "x-api-key") == [
        f"Bearer {OPENAI_KEY}" if openai else ANTHROPIC_KEY
    ]


@pytest.mark.parametrize(
    ("asked", "headers", "status"),
    [
        ("POST /v1/audio/speech", [], 404),
        ("GET /v1/batches", [], 404),
        ("POST /v1/embeddings", VERSION, 404),
        ("PUT /v1/files", [], 405),
        ("GET /v1/files/..", [], 404),
        ("GET /v1/files/%2e%2e/content", [], 404),
    ],
)
async def test_what_is_not_allowed_is_not_there(
    client: RawClient, upstream: ScriptedUpstream, asked: str, headers: list[tuple[str, str]], status: int
) -> None:
    method, path = asked.split()
    reply = await client.ask(method, path, b"{}" if method == "POST" else None, headers)
    assert reply.status == status
    assert not upstream.received


async def test_none_of_them_is_open(client: RawClient, upstream: ScriptedUpstream) -> None:
    for endpoint in FURTHER:
        for method in endpoint.methods:
            reply = await client.ask(method, endpoint.path.replace("{", "").replace("}", ""), anonymous=True)
            assert reply.status == 401
    assert not upstream.received


async def test_their_streams_end_as_they_like(client: RawClient, upstream: ScriptedUpstream) -> None:
    stream = b'event: image_generation.completed\ndata: {"type": "image_generation.completed"}\n\n'
    upstream.streams(stream)
    reply = await client.ask("POST", "/v1/images/generations", b'{"stream": true}')
    assert reply.body == stream


@pytest.fixture
def misspelt(config: Path) -> Path:
    config.write_text(config.read_text().replace('"files", "batches"', '"files", "moderations"'))
    return config


async def test_a_route_that_a_provider_does_not_have_is_named(misspelt: Path) -> None:
    with pytest.raises(ConfigError, match=r"providers\[1\]: no routes called moderations; there are batches, "):
        load(misspelt)
