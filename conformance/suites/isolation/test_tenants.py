"""Two clients with keys of their own: what one says, hears and holds never shows at the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync

from conformance.api import (
    MESSAGES,
    Ask,
    Client,
    Connect,
    Hooks,
    Http,
    Mode,
    ProviderError,
    Reply,
    Secret,
    Tape,
    Upstream,
    assert_absent,
    check,
    mint,
)
from conformance.suites.isolation.test_places import heard

MARKS = (
    *("idempotency-key", "x-idempotency-key", "x-request-id", "x-client-request-id", "x-session-id", "session_id"),
    *("x-claude-code-session-id", "traceparent", "if-none-match", "x-cache-key"),
)


@check(
    "isolation/tenants/same-marks",
    requirement="clients-never-mix",
    feature="key-lifecycle",
    direct=False,
    catches=("keeps-answers-by-idempotency-key", "keeps-answers-by-session"),
)
async def test_what_two_clients_mark_alike_is_answered_to_each(
    connect: Connect, upstream: Upstream, hooks: Hooks
) -> None:
    mine, yours = connect(key=await run_sync(hooks.mint)), connect(key=await run_sync(hooks.mint))
    for mark in MARKS:
        value = f"00-{'7' * 32}-{'7' * 16}-01" if mark == "traceparent" else "one-and-the-same"
        heard = [
            await _asked(client, upstream, word, mark, value) for client, word in ((mine, "mine"), (yours, "yours"))
        ]
        assert heard == ["mine", "yours"], f"two clients that both say {mark}: {value} heard {heard}"


async def _asked(client: Client, upstream: Upstream, word: str, mark: str, value: str) -> str:
    script = await upstream.answers(Reply(text=word))
    return (await client.ask(Ask(script.prompt, headers={mark: value}))).text


@dataclass(frozen=True)
class Canaries:
    """What only the first client may see."""

    prompt: Secret
    answer: Secret
    error: Secret
    key: Secret

    def assert_absent_from(self, tape: Tape, since: int) -> None:
        for exchange in tape.exchanges[since:]:
            headers = "\n".join(f"{name}: {value}" for name, value in exchange.answer_headers).encode()
            for canary in (self.prompt, self.answer, self.error, self.key):
                where = f"{exchange.method} {exchange.url}"
                assert_absent(canary, {f"the headers of {where}": headers, f"the body of {where}": exchange.content})


@check(
    "isolation/tenants/canaries",
    requirement="clients-never-mix",
    feature="key-lifecycle",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("tells-of-the-last-calls", "tells-of-the-last-error"),
)
async def test_nothing_of_one_client_shows_in_what_another_is_told(
    client: Client, upstream: Upstream, hooks: Hooks, http: Http, tape: Tape
) -> None:
    mine, yours = [await run_sync(hooks.mint) for _ in range(2)]
    canaries = Canaries(mint("asked"), mint("answered"), mint("error"), Secret("client", mine))
    failed = Reply(error=ProviderError(status=500, message=canaries.error.value))
    script = await upstream.answers(Reply(text=canaries.answer.value), failed)
    for _ in script.replies:
        prompt = f"{script.prompt} {canaries.prompt.value}"
        await http.send("POST", client.url(), headers=_carrying(mine), body=client.body(prompt))
    before = len(tape.exchanges)
    other = await upstream.answers(Reply(text="ok"), Reply(error=ProviderError(status=500)))
    for method, path, key, body in _calls(client, other.prompt, yours):
        await heard(http, method, client.door.url + path, _carrying(key), body)
    canaries.assert_absent_from(tape, before)


def _carrying(key: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {key}"), ("anthropic-version", "2023-06-01")]


def _calls(client: Client, prompt: str, key: str) -> Iterator[tuple[str, str, str, Any]]:
    """Answered, failed, refused, unknown, broken, and a list."""
    body, root = client.body(prompt), "" if client.surface != MESSAGES else "/v1"
    yield "POST", client.path, key, body
    yield "POST", client.path, key, body
    yield "POST", client.path, mint("nobody").value, body
    yield "POST", client.path, key, b'{"model": '
    yield "GET", f"{root}/never/seen", key, None
    yield "GET", f"{root}/models", key, None
