"""What one client has made at the provider does not exist for another, though both have the same provider's key."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync

from conformance.api import (
    CHAT,
    MESSAGES,
    RESPONSES,
    Client,
    Exchange,
    Hooks,
    Http,
    Mode,
    Reply,
    Scripted,
    Secret,
    Upstream,
    Verbatim,
    assert_absent,
    check,
    mint,
)

RAW = (Mode.HTTP,)
SERVED = range(200, 300)
FILES = (("GET", ""), ("GET", "/content"), ("DELETE", ""))
BATCHES = (("GET", ""), ("GET", "/results"), ("POST", "/cancel"))
PREFIXES = {"files": "file", "batches": "batch", "messages/batches": "msgbatch"}
KINDS = {CHAT: {"files": FILES, "batches": BATCHES}, MESSAGES: {"files": FILES, "messages/batches": BATCHES}}


DIALECT = (("anthropic-version", "2023-06-01"), ("anthropic-beta", "files-api-2025-04-14"))


def carrying(key: str, client: Client) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {key}"), *(DIALECT if client.surface == MESSAGES else ())]


def recorded(value: dict[str, Any]) -> Reply:
    return Reply(verbatim=Verbatim(200, (("content-type", "application/json"),), json.dumps(value).encode()))


def assert_not_there(answer: Exchange, canary: Secret) -> None:
    what = f"{answer.method} {answer.url}, of another client's object,"
    assert_absent(canary, {f"the answer to {what}": answer.content})
    assert answer.status not in SERVED, f"{what} was answered with {answer.status}"


async def _answered(client: Client, http: Http, script: Scripted, key: str) -> Exchange:
    answer = await http.send("POST", client.url(), headers=carrying(key, client), body=client.body(script.prompt))
    assert answer.status in SERVED, f"answered with {answer.status}"
    return answer


@check(
    "isolation/objects/answers",
    requirement="objects-are-their-makers",
    feature="stored-answers",
    surfaces=(RESPONSES,),
    modes=RAW,
    direct=False,
    catches=("shows-others-objects",),
)
async def test_a_stored_answer_is_there_for_its_own_client_only(
    client: Client, upstream: Upstream, http: Http, hooks: Hooks
) -> None:
    mine, yours = [await run_sync(hooks.mint) for _ in range(2)]
    canary = mint("answered")
    script = await upstream.answers(Reply(text="ok"), recorded(_answer(client, canary)))
    url = f"{client.url()}/{(await _answered(client, http, script, mine)).json['id']}"
    own = await http.send("GET", url, headers=carrying(mine, client))
    assert canary.value.encode() in own.content, f"its own client gets {own.status}"
    asked = len(await script.journal())
    for method, below in (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")):
        assert_not_there(await http.send(method, url + below, headers=carrying(yours, client)), canary)
    assert len(await script.journal()) == asked, "the provider was asked about another client's answer"


def _answer(client: Client, canary: Secret) -> dict[str, Any]:
    """As it is shown afterwards."""
    said = {"type": "output_text", "text": canary.value, "annotations": [], "logprobs": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [said]}
    head = {"id": "resp_1", "object": "response", "created_at": 1770573089, "status": "completed"}
    asked = {"model": client.door.upstream_model, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return {**head, **asked, "error": None, "incomplete_details": None, "output": [message], "metadata": {}}


@check(
    "isolation/objects/continued",
    requirement="objects-are-their-makers",
    feature="stored-answers",
    surfaces=(RESPONSES,),
    modes=RAW,
    direct=False,
    catches=("continues-others-answers",),
)
async def test_a_stored_answer_is_continued_by_its_own_client_only(
    client: Client, upstream: Upstream, http: Http, hooks: Hooks
) -> None:
    two = Two(client, upstream, http, *[await run_sync(hooks.mint) for _ in range(2)])
    await two.assert_only_the_first(lambda told: {"previous_response_id": told["id"], "input": "And then?"})


@check(
    "isolation/objects/items",
    requirement="objects-are-their-makers",
    feature="stored-answers",
    surfaces=(RESPONSES,),
    modes=RAW,
    direct=False,
    catches=("continues-others-answers",),
)
async def test_an_item_of_a_stored_answer_is_named_by_its_own_client_only(
    client: Client, upstream: Upstream, http: Http, hooks: Hooks
) -> None:
    two = Two(client, upstream, http, *[await run_sync(hooks.mint) for _ in range(2)])
    await two.assert_only_the_first(lambda told: {"input": [{"type": "item_reference", "id": told["output"][0]["id"]}]})


@dataclass(frozen=True)
class Two:
    """Two clients: the first is told something, and each of them names it."""

    client: Client
    upstream: Upstream
    http: Http
    mine: str
    yours: str

    async def assert_only_the_first(self, naming: Callable[[Any], dict[str, Any]]) -> None:
        script = await self.upstream.answers(Reply(text="ok"))
        told = (await _answered(self.client, self.http, script, self.mine)).json
        body = {"model": self.client.door.model, **naming(told)}
        own = await self._ask(self.mine, body)
        assert own.status in SERVED, f"its own client gets {own.status}"
        asked = len(await script.journal())
        other = await self._ask(self.yours, body)
        assert other.status not in SERVED, f"another client gets {other.status}"
        assert len(await script.journal()) == asked, "the provider was asked for what is another client's"

    async def _ask(self, key: str, body: dict[str, Any]) -> Exchange:
        return await self.http.send("POST", self.client.url(), headers=carrying(key, self.client), body=body)


@check(
    "isolation/objects/kept",
    requirement="objects-are-their-makers",
    feature="stored-files",
    surfaces=(CHAT, MESSAGES),
    modes=RAW,
    direct=False,
    catches=("shows-others-objects", "lists-others-objects"),
)
async def test_a_file_or_a_batch_is_there_for_its_own_client_only(
    client: Client, upstream: Upstream, http: Http, hooks: Hooks
) -> None:
    mine, yours = [await run_sync(hooks.mint) for _ in range(2)]
    exposed = []
    for kind, ways in KINDS[client.surface].items():
        canary = mint("named")
        stored = await upstream.answers(recorded({"filename": canary.value}))
        made = {"id": f"{PREFIXES[kind]}_{stored.token}", "filename": canary.value}
        making, listing = await upstream.answers(recorded(made)), await upstream.answers(recorded({"data": [made]}))
        url = f"{client.door.url.removesuffix('/v1')}/v1/{kind}"
        kind_of_body, body = _making(client, kind, making.prompt)
        headers = [*carrying(mine, client), ("content-type", kind_of_body)]
        if (await http.send("POST", url, headers=headers, body=body)).status not in SERVED:
            continue
        exposed.append(kind)
        for address in (f"{url}/{made['id']}", f"{url}?case={listing.token}"):
            own = await http.send("GET", address, headers=carrying(mine, client))
            assert canary.value.encode() in own.content, f"GET {address}: its own client gets {own.status}"
        listed = await http.send("GET", f"{url}?case={listing.token}", headers=carrying(yours, client))
        assert_absent(canary, {f"another client's list of {kind}": listed.content})
        asked = len(await stored.journal())
        for method, below in ways:
            address = f"{url}/{made['id']}{below}"
            assert_not_there(await http.send(method, address, headers=carrying(yours, client)), canary)
        assert len(await stored.journal()) == asked, f"the provider was asked about another client's {kind}"
    assert exposed, f"none of {', '.join(KINDS[client.surface])} is served, so that nothing can be stored"


def _making(client: Client, kind: str, prompt: str) -> tuple[str, bytes]:
    """The content type and the body that make one."""
    if kind != "files":
        request = {"custom_id": "one", "params": client.body(prompt)}
        batch = {"endpoint": "/v1/chat/completions", "completion_window": "24h", "input_file_id": "file_1"}
        said = {"requests": [request]} if client.surface == MESSAGES else {**batch, "metadata": {"for": prompt}}
        return "application/json", json.dumps(said).encode()
    parts = {'name="purpose"': "user_data", 'name="file"; filename="a.txt"\r\ncontent-type: text/plain': prompt}
    form = "".join(f"--x\r\ncontent-disposition: form-data; {name}\r\n\r\n{said}\r\n" for name, said in parts.items())
    return "multipart/form-data; boundary=x", f"{form}--x--\r\n".encode()
