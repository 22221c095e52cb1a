"""Faults in what a relay says in its own name where it should ask the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.upstream import ProviderError, Raw, Reply
from tests.faulty.seen import CHAT, CLAUDE

if TYPE_CHECKING:
    from conformance.upstream import Upstream
    from tests.faulty.seen import Lane

OWN = {
    "foreign-404": (CLAUDE.but(path="/v1/messages/never/seen"), 404),
    "wrong-method-is-500": (CLAUDE.but(method="PUT"), 500),
    "unknown-model-is-500": (CHAT.but(fields=(("model", "no-such-model-1"),)), 500),
}


@pytest.mark.parametrize("fault", OWN)
async def test_the_provider_is_not_asked(fault: str, lane: Lane, upstream: Upstream) -> None:
    stimulus, status = OWN[fault]
    script = await upstream.answers()
    assert len((await lane.call(stimulus, script)).received) == 1
    faulty = await lane.call(stimulus, script, fault)
    assert (faulty.status, faulty.received) == (status, [])


async def test_the_refusal_of_a_path_is_in_nobodys_envelope(lane: Lane, upstream: Upstream) -> None:
    stimulus, _ = OWN["foreign-404"]
    assert (await lane.call(stimulus, await upstream.answers(), "foreign-404")).json == {"detail": "Not Found"}


async def test_a_body_that_is_no_object_is_a_failure(lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers()
    headers = lane.headers(CHAT)
    statuses = [
        (await lane.http.post(lane.url(CHAT, fault, script.token), headers=headers, content=b"[]")).status_code
        for fault in ("", "malformed-is-500")
    ]
    assert statuses == [400, 500]


async def test_some_errors_in_a_row_open_the_circuit(lane: Lane, upstream: Upstream) -> None:
    broken = await upstream.answers(Reply(error=ProviderError(status=500)))
    fine = await upstream.answers()
    for _ in range(3):
        await lane.call(CHAT, broken)
        await lane.call(CHAT, broken, "opens-the-circuit")
    assert (await lane.call(CHAT, fine)).status == 200
    assert [(await lane.call(CHAT, fine, "opens-the-circuit")).status for _ in range(2)] == [503, 200]


async def test_a_provider_that_hangs_up_is_told_in_html(lane: Lane, upstream: Upstream) -> None:
    gone = await upstream.answers(Reply(raw=Raw(b"")))
    clean, faulty = await lane.call(CHAT, gone), await lane.call(CHAT, gone, "bad-gateway-in-html")
    assert (clean.status, clean.json["error"]["type"]) == (502, "server_error")
    assert (faulty.status, faulty.headers["content-type"], faulty.text[:6]) == (502, "text/html", "<html>")
