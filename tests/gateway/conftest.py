"""A scripted upstream, a gateway in front of it, and clients that hold a virtual key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import anthropic
import openai
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from gateway import Gateway, Settings, load
from gateway.keys import KeyStore
from tests.gateway.postgresql import Cluster, running_cluster

if TYPE_CHECKING:
    from gateway.databases import Server

OPENAI_KEY = "sk-upstream-openai/secret+1"
ANTHROPIC_KEY = "sk-upstream-anthropic-secret-2"
CONFIG = """
[listen]
port = 0
max_body_bytes = 2097152
grace_seconds = 1
[keys]
database = "keys.sqlite3"
[audit]
path = "audit.jsonl"
[[providers]]
id = "openai"
surfaces = ["openai-chat", "openai-responses"]
base_url = "{upstream}/openai/v1"
credential = {{ env = "TEST_OPENAI_KEY" }}
[[providers]]
id = "anthropic"
surfaces = ["anthropic-messages"]
base_url = "{upstream}/anthropic"
credential = {{ file = "anthropic.key" }}
auth = "x-api-key"
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for field_name, value in self.headers if field_name.lower() == name.lower()]


@dataclass
class ScriptedUpstream:
    """Does what `script` says, and remembers what it was asked."""

    url: str = ""
    script: Handler | None = None
    received: list[Received] = field(default_factory=list)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = [(name.decode(), value.decode()) for name, value in request.raw_headers]
        self.received.append(Received(request.method, request.raw_path, headers, await request.read()))
        try:
            return await (self.script or ok)(request)
        except asyncio.CancelledError:
            self.abandoned.set()
            raise

    def says(self, body: bytes, status: int = 200, **headers: str) -> None:
        async def script(_: web.Request) -> web.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(body=body, status=status, headers={"content-type": "application/json"} | named)

        self.script = script

    def streams(self, *pieces: bytes, cut: bool = False, content_type: str = "text/event-stream") -> None:
        async def script(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"content-type": content_type})
            await response.prepare(request)
            for piece in pieces:
                await response.write(piece)
            if cut and request.transport:
                request.transport.close()
            return response

        self.script = script


async def ok(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    scripted = ScriptedUpstream()
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    runner = web.AppRunner(app, handler_cancellation=True, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield scripted
    await runner.cleanup()


@pytest.fixture
def config(tmp_path: Path, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_OPENAI_KEY", OPENAI_KEY)
    (tmp_path / "anthropic.key").write_text(f"{ANTHROPIC_KEY}\n")
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG.format(upstream=upstream.url))
    return path


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture
def server(cluster: Cluster) -> Server:
    """A database of PostgreSQL's, empty."""
    return cluster.database()


@pytest.fixture
def settings(config: Path) -> Settings:
    return load(config)


@pytest.fixture
def store(settings: Settings) -> Iterator[KeyStore]:
    with KeyStore(settings.keys.place, settings.keys.prefix) as opened:
        yield opened


@pytest.fixture
def key(store: KeyStore) -> str:
    return store.mint("tester").plaintext


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Gateway]:
    async with Gateway(settings) as running:
        yield running


@dataclass(frozen=True)
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for field_name, value in self.headers if field_name.lower() == name.lower()]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RawClient:
    """Adds nothing but the virtual key, and shows the bytes as they came."""

    session: aiohttp.ClientSession
    url: str
    key: str

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: list[tuple[str, str]] | None = None,
        *,
        anonymous: bool = False,
        chunked: bool = False,
    ) -> Reply:
        credential = [] if anonymous else [("Authorization", f"Bearer {self.key}")]
        sent = CIMultiDict([*credential, *(headers or [])])
        async with self.session.request(
            method,
            URL(self.url + path, encoded=True),
            data=None if body is None else BytesIO(body),
            headers=sent,
            chunked=chunked or None,
            allow_redirects=False,
        ) as response:
            raw = [(name.decode(), value.decode()) for name, value in response.raw_headers]
            return Reply(response.status, raw, await response.read())


@pytest.fixture
async def client(gateway: Gateway, key: str) -> AsyncIterator[RawClient]:
    skipped = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=skipped) as session:
        yield RawClient(session, gateway.url, key)


@pytest.fixture
async def openai_client(gateway: Gateway, key: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def anthropic_client(gateway: Gateway, key: str) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(api_key=key, base_url=gateway.url, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def audited(settings: Settings) -> Callable[[], list[dict[str, Any]]]:
    """The audit as it stands; complete once the gateway has stopped."""
    path = (settings.audit and settings.audit.path) or Path()
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]
