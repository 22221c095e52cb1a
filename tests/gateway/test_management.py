"""Keys over HTTP. Whatever is answered here is held against what `/openapi.json` says of it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import jsonschema
import pytest

from gateway import ConfigError, Gateway, load
from gateway.keys import KeyStore
from gateway.management import OPERATIONS
from tests.gateway.conftest import RawClient, Reply
from tests.gateway.streams import STREAMS
from tests.gateway.test_withdrawal import begins, begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from gateway import Settings
    from tests.gateway.conftest import ScriptedUpstream

CREDENTIAL = "management-credential-of-the-tests"
PLACES = {"listener": "port = 0", "path": 'path = "/manage/v1"'}
MANAGED = """
[management]
credential = {{ env = "TEST_MANAGEMENT" }}
{place}
"""


@pytest.fixture(params=PLACES)
def config(config: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_MANAGEMENT", CREDENTIAL)
    config.write_text(config.read_text() + MANAGED.format(place=PLACES[request.param]))
    return config


@dataclass
class Manager:
    session: aiohttp.ClientSession
    url: str
    document: dict[str, Any]

    async def raw(self, method: str, path: str, body: bytes | None = None, *authorization: str) -> Reply:
        headers = [("Authorization", value) for value in authorization or (f"Bearer {CREDENTIAL}",)]
        async with self.session.request(method, self.url + path, data=body, headers=headers) as response:
            named = [(name.decode(), value.decode()) for name, value in response.raw_headers]
            return Reply(response.status, named, await response.read())

    async def ask(self, method: str, path: str, body: Any = None) -> Reply:
        """Held against the description."""
        reply = await self.raw(method, path, None if body is None else json.dumps(body).encode())
        described = self.described(method, path.partition("?")[0], reply.status)
        [kind] = reply.values("content-type") or [""]
        content = described.get("content", {})
        assert kind in (content or {""})
        if content:
            self.holds(content[kind]["schema"], reply.json)
        return reply

    def described(self, method: str, path: str, status: int) -> dict[str, Any]:
        [operations] = [
            operations
            for template, operations in self.document["paths"].items()
            if re.fullmatch(template.replace("{fingerprint}", "[0-9a-f]{12}"), path)
        ]
        responses = operations[method.lower()]["responses"]
        found: dict[str, Any] = responses.get(str(status), responses["default"])
        if "$ref" in found:
            assert status >= 400
            found = self.document["components"]["responses"]["Problem"]
        return found

    def holds(self, schema: dict[str, Any], value: Any) -> None:
        whole = {**schema, "components": self.document["components"]}
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        jsonschema.Draft202012Validator(whole, format_checker=checker).validate(value)


@pytest.fixture
async def manager(gateway: Gateway) -> AsyncIterator[Manager]:
    assert gateway.management_url is not None
    async with aiohttp.ClientSession() as session:
        manager = Manager(session, gateway.management_url, {})
        manager.document = (await manager.raw("GET", "/openapi.json")).json
        yield manager


async def test_a_key_lives_from_its_minting_to_its_deletion(manager: Manager, client: RawClient) -> None:
    minted = await manager.ask("POST", "/keys", {"name": "run 7", "run": "7", "expires_in_seconds": 60})
    assert (minted.status, minted.values("cache-control")) == (201, ["no-store"])
    client.key, where = minted.json["key"], f"/keys/{minted.json['fingerprint']}"
    assert (await client.ask("POST", "/v1/messages", b"{}")).status == 200
    shown = await manager.ask("GET", where)
    assert {**shown.json, "key": client.key} == minted.json
    assert client.key.encode() not in shown.body
    for change, state in (("revoke", "revoked"), ("expire", "revoked")):
        assert (await manager.ask("POST", f"{where}/{change}")).json["state"] == state
    assert (await client.ask("POST", "/v1/messages", b"{}")).status == 401
    assert (await manager.ask("DELETE", where)).status == 204
    for method, path in (("GET", where), ("DELETE", where), ("POST", f"{where}/revoke"), ("POST", f"{where}/expire")):
        gone = await manager.ask(method, path)
        assert (gone.status, gone.json["title"]) == (404, "Not Found")


async def test_a_key_is_held_to_all_that_was_asked_for(manager: Manager, store: KeyStore) -> None:
    scope = {
        "surfaces": ["openai-chat"],
        "run": "r",
        "session": "s",
        "subject": "ada",
        "team": "blue",
        "models": ["b", "a"],
        "providers": ["openai"],
        "origins": ["10.1.2.3", "unix"],
    }
    minted = (await manager.ask("POST", "/keys", {"name": "k", **scope})).json
    assert {name: minted[name] for name in scope} == scope | {"models": ["a", "b"], "origins": ["10.1.2.3/32", "unix"]}
    key = store.named(minted["key"])
    assert (key.run, key.session, key.subject, key.team) == ("r", "s", "ada", "blue")
    assert (sorted(key.models), key.expires_at) == (["a", "b"], None)


async def test_a_key_is_limited_and_its_budget_is_told(manager: Manager, store: KeyStore) -> None:
    limits = {"requests_per_minute": 3, "budget_usd": 0.000015, "period_seconds": 3600}
    minted = await manager.ask("POST", "/keys", {"name": "k", "limits": limits})
    assert minted.status == 201
    assert minted.json["limits"]["budget_usd"] == "0.000015"
    assert store.named(minted.json["key"]).limits.budget == 15_000_000
    told = await manager.ask("GET", f"/keys/{minted.json['fingerprint']}/spend")
    assert (told.status, told.json["balances"][0]["spent_usd"]) == (200, "0")
    wrong = await manager.ask("POST", "/keys", {"name": "k", "limits": {"period_seconds": 60}})
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "#/limits")


async def test_a_key_expires_in_a_while(manager: Manager, client: RawClient) -> None:
    minted = (await manager.ask("POST", "/keys", {"name": "k"})).json
    later = (await manager.ask("POST", f"/keys/{minted['fingerprint']}/expire", {"in_seconds": 60})).json
    assert (later["state"], later["expires_at"] > minted["created_at"]) == ("valid", True)
    assert (await manager.ask("POST", f"/keys/{minted['fingerprint']}/expire")).json["state"] == "expired"
    client.key = minted["key"]
    assert (await client.ask("POST", "/v1/messages", b"{}")).status == 401


async def test_the_keys_of_a_run_end_with_it(manager: Manager, store: KeyStore) -> None:
    for run in ("1", "1", "2"):
        await manager.ask("POST", "/keys", {"name": "k", "run": run, "team": "blue"})
    assert (await manager.ask("POST", "/keys/revoke", {"run": "1", "team": "blue"})).json == {"keys": 2}
    assert (await manager.ask("POST", "/keys/revoke", {"run": "1"})).json == {"keys": 0}
    assert (await manager.ask("DELETE", "/keys?run=1")).json == {"keys": 2}
    assert [key.run for key in store.all() if key.run] == ["2"]
    for nobody in (await manager.ask("DELETE", "/keys"), await manager.ask("POST", "/keys/revoke", {})):
        assert (nobody.status, len(store.all())) == (422, 1)


async def test_dead_keys_are_pruned(manager: Manager, store: KeyStore) -> None:
    store.revoke(store.mint("dead").key)
    assert (await manager.ask("POST", "/keys/prune", {"older_than_seconds": 60})).json == {"keys": 0}
    assert (await manager.ask("POST", "/keys/prune")).json == {"keys": 1}


async def test_keys_are_listed_page_by_page(manager: Manager, store: KeyStore) -> None:
    minted = {store.mint("k", team="blue").key.fingerprint for _ in range(5)}
    store.mint("other")
    seen, query = list[str](), "?team=blue&limit=2"
    while True:
        page = (await manager.ask("GET", f"/keys{query}")).json
        seen += [key["fingerprint"] for key in page["keys"]]
        if page["next"] is None:
            break
        query = f"?team=blue&limit=2&after={page['next']}"
    assert seen == sorted(minted)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/name"),
        ({"name": ""}, "#/name"),
        ({"name": "a\nb"}, "#/name"),
        ({"name": "k", "colour": "red"}, "#/colour"),
        ({"name": "k", "expires_in_seconds": 0}, "#/expires_in_seconds"),
        ({"name": "k", "expires_in_seconds": "60"}, "#/expires_in_seconds"),
        ({"name": "k", "surfaces": ["gopher"]}, "#/surfaces/0"),
        ({"name": "k", "origins": ["unix", "10.0.0.1/8"]}, "#/origins/1"),
        ({"name": "k", "providers": ["nobody"]}, "#/providers"),
        ({"name": "k", "family": "none"}, "#/family"),
        (["k"], "#"),
    ],
)
async def test_what_cannot_be_minted_is_told_with_its_place(
    manager: Manager, store: KeyStore, body: Any, pointer: str
) -> None:
    refused = await manager.ask("POST", "/keys", body)
    assert (refused.status, refused.values("content-type")) == (422, ["application/problem+json"])
    assert refused.json["errors"][0]["pointer"] == pointer
    assert (refused.json["status"], refused.json["title"]) == (422, "Unprocessable Entity")
    assert store.all() == []


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "after=zz", "colour=red", "run=a&run=b", "run="])
async def test_a_query_that_says_nothing_is_told(manager: Manager, query: str) -> None:
    refused = await manager.ask("GET", f"/keys?{query}")
    assert refused.status == 422
    assert refused.json["errors"][0]["parameter"] == query.partition("=")[0]


async def test_what_is_not_json_or_not_there_is_told(manager: Manager) -> None:
    assert (await manager.raw("POST", "/keys", b"{")).status == 400
    assert (await manager.raw("GET", "/nothing")).status == 404
    assert (await manager.raw("GET", "/keys/Z")).status == 404
    wrong = await manager.raw("PUT", "/keys", b"{}")
    assert (wrong.status, wrong.values("allow")) == (405, ["POST, GET, DELETE"])
    for reply in (wrong, await manager.raw("DELETE", "/openapi.json")):
        assert reply.json["status"] == 405


@pytest.mark.parametrize(
    "authorization",
    [
        ("",),
        ("Bearer ",),
        ("Bearer wrong",),
        (f"Basic {CREDENTIAL}",),
        (CREDENTIAL,),
        (f"Bearer {CREDENTIAL}x",),
        (f"Bearer {CREDENTIAL[:-1]}",),
        (f"Bearer {CREDENTIAL[:9]}", f"Bearer {CREDENTIAL[9:]}"),
        (f"Bearer {CREDENTIAL}", "Bearer wrong"),
    ],
)
async def test_without_the_credential_nothing_is_managed(
    manager: Manager, store: KeyStore, authorization: tuple[str, ...]
) -> None:
    for method, path in (("POST", "/keys"), ("GET", "/keys"), ("GET", "/openapi.json"), ("GET", "/nothing")):
        reply = await manager.raw(method, path, b'{"name": "k"}', *authorization)
        assert (reply.status, reply.json["status"]) == (401, 401)
        assert reply.values("www-authenticate") == ['Bearer realm="management"']
        assert CREDENTIAL not in str(reply)
    assert store.all() == []


async def test_a_virtual_key_manages_nothing_and_the_credential_asks_nothing(
    manager: Manager, client: RawClient, upstream: ScriptedUpstream
) -> None:
    assert (await manager.raw("GET", "/keys", None, f"Bearer {client.key}")).status == 401
    client.key = CREDENTIAL
    assert (await client.ask("POST", "/v1/messages", b"{}")).status == 401
    assert upstream.received == []


async def test_a_revocation_over_http_ends_a_running_stream(
    manager: Manager, client: RawClient, upstream: ScriptedUpstream
) -> None:
    minted = (await manager.ask("POST", "/keys", {"name": "k"})).json
    client.key, sent = minted["key"], STREAMS["openai-chat"][1]
    begins(upstream, sent)
    async with asyncio.timeout(30):
        response = await begun(client, "/v1/chat/completions", b"{}", sent)
        await manager.ask("POST", f"/keys/{minted['fingerprint']}/revoke")
        assert b"revoked" in await response.content.read()


async def test_a_store_that_cannot_be_used_is_a_problem(manager: Manager, store: KeyStore) -> None:
    store._db.write("DROP TABLE keys")
    broken = await manager.ask("GET", "/keys")
    assert (broken.status, broken.json["detail"]) == (503, "The key store cannot be used.")


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if name == "$ref" else references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_the_description_is_whole(manager: Manager) -> None:
    document = manager.document
    assert document["openapi"] == "3.1.0"
    assert manager.url.endswith(document["servers"][0]["url"].rstrip("/"))
    for reference in references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    described = [operation for operations in document["paths"].values() for operation in operations.values()]
    assert len({operation["operationId"] for operation in described}) == len(described) == len(OPERATIONS)


async def test_without_a_table_nothing_is_managed(settings: Settings, store: KeyStore, client: RawClient) -> None:
    async with Gateway(settings.model_copy(update={"management": None})) as plain:
        client.url, client.key = plain.url, store.mint("k").plaintext
        assert plain.management_url is None
        for path in ("/keys", "/manage/v1/keys", "/openapi.json"):
            assert (await client.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("port = 0", "management.credential: missing"),
        ('credential = { env = "NOT_SET" }\nport = 0', "management.credential: environment variable NOT_SET"),
        ('credential = { env = "SHORT" }\nport = 0', "management: credential: SHORT is shorter than 24"),
        ('credential = { env = "LONG" }', "management: needs exactly one of"),
        ('credential = { env = "LONG" }\nport = 0\npath = "/x"', "management: needs exactly one of"),
        ('credential = { env = "LONG" }\npath = "/v1/keys"', "management: /v1/keys is below"),
        ('credential = { env = "LONG" }\npath = "/healthz"', "management: /healthz is below"),
        ('credential = { env = "LONG" }\npath = "/"', "management.path: "),
    ],
)
async def test_no_configuration_exposes_it_without_a_credential(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, table: str, problem: str
) -> None:
    monkeypatch.setenv("SHORT", "short")
    monkeypatch.setenv("LONG", "l" * 24)
    path = tmp_path / "gateway.toml"
    text = path.read_text()
    path.write_text(f"{text[: text.index('[management]')]}[management]\n{table}\n")
    with pytest.raises(ConfigError) as found:
        load(path)
    [line] = found.value.problems
    assert line.startswith(problem)


async def test_settings_without_credentials_manage_nothing(config: Path) -> None:
    unread = load(config, credentials=False)
    with pytest.raises(ValueError, match="without a credential"):
        await Gateway(unread).__aenter__()


async def test_a_serving_gateway_prunes_what_is_dead(
    settings: Settings, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned, loop, prune = asyncio.Queue[int](), asyncio.get_running_loop(), KeyStore.prune

    def told(self: KeyStore, before: float) -> int:
        gone = prune(self, before)
        loop.call_soon_threadsafe(pruned.put_nowait, gone)
        return gone

    monkeypatch.setattr(KeyStore, "prune", told)
    store.revoke(store.mint("dead").key)
    alive = store.mint("alive").key
    every = {"prune_after_seconds": 0, "prune_every_seconds": 0.05}
    keys = settings.keys.model_copy(update=every)
    async with asyncio.timeout(30), Gateway(settings.model_copy(update={"keys": keys})):
        assert await pruned.get() == 1
        store.expire(store.mint("dying").key, time.time())
        while await pruned.get() == 0:
            pass
    assert store.all() == [alive]


async def test_a_gateway_keeps_what_died_lately(settings: Settings, store: KeyStore) -> None:
    dead = store.revoke(store.mint("dead").key)
    async with Gateway(settings):
        pass
    assert store.all() == [dead]


async def test_it_may_listen_on_a_unix_socket(settings: Settings, store: KeyStore, tmp_path: Path) -> None:
    assert settings.management is not None
    place = {"port": None, "path": None, "uds": tmp_path / "manage.sock"}
    management = settings.management.model_copy(update=place)
    connector = aiohttp.UnixConnector(str(place["uds"]))
    async with (
        Gateway(settings.model_copy(update={"management": management})) as gateway,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        assert gateway.management_url == f"unix://{place['uds']}"
        minted = await Manager(session, "http://gateway", {}).raw("POST", "/keys", b'{"name": "k"}')
    assert store.named(minted.json["key"]).name == "k"
