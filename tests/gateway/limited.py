"""Keys with limits, and what their calls are answered and charged."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from gateway import Gateway, Settings, load
from gateway.limits import Limit, dollars
from gateway.spend import SpendStore

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from gateway.keys import KeyStore
    from tests.gateway.conftest import RawClient, Reply, ScriptedUpstream

DEADLINE = 30
MODEL = "claude-sonnet-4-5"  # $3 and $15 a million
CENTS = {"input_tokens": 1000, "output_tokens": 467}  # 1.0005 cents
ASKED = {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": "Hi"}]}
MORE = """
routes = ["batches"]
[[providers]]
id = "gemini"
surfaces = ["gemini"]
base_url = "{upstream}/gemini"
credential = {{ file = "anthropic.key" }}
auth = "x-goog-api-key"
[[models]]
name = "alias"
provider = "anthropic"
protocol = "anthropic-messages"
upstream_name = "claude-sonnet-4-5"
"""


def with_more(config: Path, upstream: ScriptedUpstream) -> Path:
    """With a provider and an alias more."""
    config.write_text(config.read_text() + MORE.format(upstream=upstream.url))
    return config


def added(config: Path, more: str) -> Settings:
    config.write_text(f"{config.read_text()}\n{more}\n")
    return load(config)


class Keys:
    """Clients of the gateway with keys of these limits."""

    def __init__(self, client: RawClient, store: KeyStore) -> None:
        self._client = client
        self._store = store

    def __call__(self, run: str | None = None, team: str | None = None, **limits: Any) -> RawClient:
        return replace(
            self._client, key=self._store.mint("limited", run=run, team=team, limits=Limit(**limits)).plaintext
        )


async def message(client: RawClient, **more: Any) -> Reply:
    return await client.ask("POST", "/v1/messages", json.dumps({**ASKED, **more}).encode())


def answered(**usage: int) -> bytes:
    return json.dumps(
        {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": usage}
    ).encode()


async def charged(gateway: Gateway, settings: Settings, client: RawClient, store: KeyStore) -> Decimal:
    """When all that has been ordered is written."""
    await gateway._limiter._booking.hold("another", [])
    return spent(settings, f"key:{store.named(client.key).digest.hex()}")


def spent(settings: Settings, subject: str) -> Decimal:
    store = SpendStore(settings.keys.place)
    try:
        return dollars(store.spent(subject, 0))
    finally:
        store.close()


def holding(upstream: ScriptedUpstream, *pieces: bytes) -> asyncio.Event:
    """Streams that say these pieces, and then nothing until the event is set."""
    released = asyncio.Event()

    async def script(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await released.wait()
        return response

    upstream.script = script
    return released


async def until_served(client: RawClient) -> Reply:
    while (reply := await message(client)).status == 429:
        pass
    return reply
