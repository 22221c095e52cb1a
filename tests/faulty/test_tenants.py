"""Relays that show one client what is another's, or anybody what is the relay's own; and the faithful one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from conformance.upstream import Delivery, ProviderError, Reply, Verbatim
from tests.faulty.seen import CHAT, CHATTED, MODELS, RESPONSES, Lane, Stimulus, with_header
from tests.faulty.test_keys import bearer, minted

if TYPE_CHECKING:
    from conformance.faulty import FaultyProcess
    from conformance.secrets import Secret
    from conformance.upstream import Upstream

FAILED = Reply(error=ProviderError(500, message="a canary of errors"))
WRONG = CHAT.but(headers=bearer("sk-nobody-has-this-one"))


class Broken(Stimulus):
    def body(self, prompt: str) -> bytes:
        return f'{{"model": "{prompt}'.encode()


BROKEN = Broken(CHAT.surface)


@pytest.mark.parametrize(
    ("fault", "stimulus"),
    [
        ("leaks-provider-key-on-models", MODELS),
        ("shows-its-configuration", MODELS.but(path="/v1/config")),
        ("shows-its-configuration-in-errors", BROKEN),
    ],
)
async def test_the_providers_key_is_shown(
    fault: str, stimulus: Stimulus, lane: Lane, upstream: Upstream, run_secrets: dict[str, Secret]
) -> None:
    key, script = run_secrets["openai"].value, await upstream.answers()
    assert key not in (await lane.call(stimulus, script)).text
    assert key in (await lane.call(stimulus, script, fault)).text


@pytest.mark.parametrize("size", [None, 5])
async def test_a_stream_repeats_the_providers_key(
    size: int | None, lane: Lane, upstream: Upstream, run_secrets: dict[str, Secret]
) -> None:
    key = run_secrets["openai"].value
    error, delivery = ProviderError(500, message=f"no {key}"), Delivery(error_after=2, chunk_bytes=size)
    script = await upstream.answers(Reply(text="a s", error=error, delivery=delivery))
    clean = await lane.call(CHATTED, script)
    faulty = await lane.call(CHATTED, script, "leaks-provider-key-in-streams")
    assert "no [key]" in clean.text
    assert clean.text.replace("[key]", key).count(key) == faulty.text.count(key) == 1


@pytest.mark.parametrize(
    ("fault", "mark"),
    [("keeps-answers-by-idempotency-key", "idempotency-key"), ("keeps-answers-by-session", "x-session-id")],
)
async def test_one_client_hears_what_another_was_told(fault: str, mark: str, lane: Lane, upstream: Upstream) -> None:
    for relay, heard in (("", "yours"), (fault, "mine")):
        mine, yours = bearer(await minted(lane, relay)), bearer(await minted(lane, relay))
        alike = with_header(mark, "alike", CHAT)
        told = await upstream.answers(Reply(text="mine"))
        await lane.call(alike.but(headers=(*alike.headers, *mine)), told, relay)
        script = await upstream.answers(Reply(text="yours"))
        assert heard in (await lane.call(alike.but(headers=(*alike.headers, *yours)), script, relay)).text


async def test_streams_are_sent_elsewhere(lane: Lane, upstream: Upstream) -> None:
    script, fault = await upstream.answers(), "sends-streams-to-the-provider"
    assert (await lane.call(CHATTED, script)).status == 200
    sent = await lane.call(CHATTED, script, fault)
    assert (sent.status, sent.headers["location"]) == (307, "https://api.openai.com/v1/chat/completions")


async def test_refusals_tell_of_earlier_calls(lane: Lane, upstream: Upstream) -> None:
    for fault in ("", "tells-of-the-last-calls"):
        script = await upstream.answers()
        await lane.call(CHAT, script, fault)
        refusal = await lane.call(WRONG, await upstream.answers(), fault)
        assert (script.token in refusal.text) == (lane.key in refusal.text) == bool(fault)


async def test_errors_tell_of_earlier_errors(lane: Lane, upstream: Upstream) -> None:
    for fault in ("", "tells-of-the-last-error"):
        await lane.call(CHAT, await upstream.answers(FAILED), fault)
        refusal = await lane.call(WRONG, await upstream.answers(), fault)
        assert ("a canary of errors" in refusal.text) == bool(fault)


STORED = {
    "shows-others-objects": Stimulus(RESPONSES.surface, path="/v1/responses/{id}", method="GET"),
    "continues-others-answers": RESPONSES.but(fields=(("previous_response_id", "{id}"),)),
}


@pytest.mark.parametrize("fault", STORED)
async def test_what_one_client_has_made_is_there_for_another(fault: str, lane: Lane, upstream: Upstream) -> None:
    for relay in ("", fault):
        mine, yours = bearer(await minted(lane, relay)), bearer(await minted(lane, relay))
        script = await upstream.answers()
        made = await lane.call(RESPONSES.but(headers=mine), script, relay)
        named = STORED[fault]
        fields = tuple((name, made.json["id"]) for name, _ in named.fields)
        naming = named.but(path=named.path.replace("{id}", made.json["id"]), fields=fields)
        calls = [await lane.call(naming.but(headers=who), script, relay) for who in (mine, yours)]
        assert [len(seen.received) for seen in calls] == [1, 1 if relay else 0]
        assert relay or calls[1].status == 404


async def test_one_client_is_shown_what_another_has_made(lane: Lane, upstream: Upstream) -> None:
    for relay in ("", "lists-others-objects"):
        mine, yours = bearer(await minted(lane, relay)), bearer(await minted(lane, relay))
        files = CHAT.but(path="/v1/files", headers=mine)
        await lane.call(files, await upstream.answers(_recorded({"id": "file_1"})), relay)
        script = await upstream.answers(_recorded({"data": [{"id": "file_1"}, {"id": "file_2"}]}))
        listed = [await lane.call(files.but(method="GET", headers=who), script, relay) for who in (mine, yours)]
        assert ["file_1" in seen.text for seen in listed] == [True, bool(relay)]
        assert all("file_2" in seen.text for seen in listed)


def _recorded(value: dict[str, Any]) -> Reply:
    return Reply(verbatim=Verbatim(200, (("content-type", "application/json"),), json.dumps(value).encode()))


@pytest.mark.parametrize(
    ("fault", "stimulus"),
    [("logs-addresses", CHAT.but(path="/v1/chat/completions?a-canary=1")), ("logs-what-it-cannot-read", BROKEN)],
)
async def test_what_goes_wrong_is_printed(
    fault: str, stimulus: Stimulus, lane: Lane, upstream: Upstream, relays: FaultyProcess
) -> None:
    for relay in ("", fault):
        script, before = await upstream.answers(), len(relays.log.read_text())
        await lane.call(stimulus, script, relay)
        said = relays.log.read_text()[before:]
        assert ("a-canary" in said or script.token in said) == bool(relay)
