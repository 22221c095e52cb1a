"""Whom the faithful relay lets in, and whom each faulty one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faulty.seen import CHAT, CLAUDE, MODELS, Lane, Seen, Stimulus, differences

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.secrets import Secret
    from conformance.upstream import Upstream

OK, REFUSED = 200, 401


def bearer(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)


def x_api_key(key: str) -> tuple[tuple[str, str], ...]:
    return (("x-api-key", key),)


@dataclass(frozen=True)
class Door:
    """A credential made from the client's key and the provider's, and the status that clean and faulty give it."""

    fault: str
    carry: Callable[[str, str], tuple[tuple[str, str], ...]]
    clean: int
    faulty: int


DOORS = (
    Door("accepts-any-scheme", lambda key, _: (("authorization", f"Basic {key}"),), REFUSED, OK),
    Door("minds-the-schemes-case", lambda key, _: (("authorization", f"bearer {key}"),), OK, REFUSED),
    Door("minds-the-spaces", lambda key, _: (("authorization", f"Bearer   {key}"),), OK, REFUSED),
    Door("ignores-x-api-key", lambda key, _: x_api_key(key), OK, REFUSED),
    Door("ignores-bearer", lambda key, _: bearer(key), OK, REFUSED),
    Door("chokes-on-both-carriers", lambda key, _: (*bearer(key), *x_api_key(key)), OK, REFUSED),
    Door("accepts-any-key", lambda _, __: bearer("sk-whoever"), REFUSED, OK),
    Door("accepts-no-key", lambda _, __: (("authorization", ""),), REFUSED, OK),
    Door("accepts-any-case", lambda key, _: bearer(key.upper()), REFUSED, OK),
    Door("accepts-prefix", lambda key, _: x_api_key(f"{key}-and-more"), REFUSED, OK),
    Door("accepts-provider-key", lambda _, provider: bearer(provider), REFUSED, OK),
)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.fault)
async def test_a_door_that_opens_to_others(
    door: Door, lane: Lane, upstream: Upstream, run_secrets: dict[str, Secret]
) -> None:
    script = await upstream.answers()
    headers = door.carry(run_secrets["client"].value, run_secrets["anthropic"].value)
    stimulus = CLAUDE.but(headers=headers)
    clean, faulty = await lane.call(stimulus, script), await lane.call(stimulus, script, door.fault)
    assert (clean.status, faulty.status) == (door.clean, door.faulty)
    assert [len(seen.received) for seen in (clean, faulty)] == [int(seen.status == OK) for seen in (clean, faulty)]


@pytest.mark.parametrize("stimulus", [CLAUDE, CHAT, MODELS], ids=["messages", "chat", "models"])
@pytest.mark.parametrize("carry", [bearer, x_api_key])
async def test_both_carriers_open_every_surface(
    stimulus: Stimulus, carry: Callable[[str], tuple[tuple[str, str], ...]], lane: Lane, upstream: Upstream
) -> None:
    seen = await lane.call(stimulus.but(headers=carry(lane.key)), await upstream.answers())
    assert seen.status == OK


async def refused(lane: Lane, upstream: Upstream, fault: str, stimulus: Stimulus = CLAUDE) -> tuple[Seen, Seen]:
    script = await upstream.answers()
    wrong = stimulus.but(headers=bearer("sk-nobody-has-this-one"))
    return await lane.call(wrong, script), await lane.call(wrong, script, fault)


async def test_a_refusal_is_in_the_envelope_of_the_surface(lane: Lane, upstream: Upstream) -> None:
    claude, _ = await refused(lane, upstream, "")
    assert claude.json["error"]["type"] == "authentication_error"
    assert claude.json["request_id"] == claude.headers["request-id"]
    chat, _ = await refused(lane, upstream, "", CHAT)
    assert chat.json["error"]["code"] == "invalid_api_key"
    assert chat.headers["x-request-id"]


async def test_refusals_that_are_wrong(lane: Lane, upstream: Upstream) -> None:
    _, faulty = await refused(lane, upstream, "refuses-with-400")
    assert (faulty.status, faulty.json["error"]["type"]) == (400, "authentication_error")
    _, faulty = await refused(lane, upstream, "refuses-in-foreign-envelope")
    assert (faulty.status, faulty.json) == (REFUSED, {"detail": "Unauthorized"})
    _, faulty = await refused(lane, upstream, "refuses-without-request-id")
    assert "request-id" not in faulty.headers
    assert "request_id" not in faulty.json
    clean, faulty = await refused(lane, upstream, "echoes-refused-key")
    assert "sk-nobody-has-this-one" not in clean.text
    assert "sk-nobody-has-this-one" in faulty.text


async def test_the_upstream_is_called_before_the_refusal(lane: Lane, upstream: Upstream) -> None:
    clean, faulty = await refused(lane, upstream, "calls-upstream-first")
    assert (len(clean.received), len(faulty.received)) == (0, 1)
    assert faulty.status == REFUSED
    assert "calls" in differences(clean, faulty)


async def minted(lane: Lane, fault: str, **wish: float) -> str:
    answer = await lane.http.post(f"/faults/{fault}/_keys" if fault else "/_keys", json=wish or None)
    return str(answer.json()["key"])


async def status(lane: Lane, upstream: Upstream, key: str, fault: str) -> int:
    return (await lane.call(CHAT.but(headers=bearer(key)), await upstream.answers(), fault)).status


@pytest.mark.parametrize(("fault", "after"), [("", REFUSED), ("forgets-revocation", OK), ("forgets-expiry", REFUSED)])
async def test_a_revoked_key(fault: str, after: int, lane: Lane, upstream: Upstream) -> None:
    key = await minted(lane, fault)
    assert await status(lane, upstream, key, fault) == OK
    prefix = f"/faults/{fault}" if fault else ""
    assert (await lane.http.delete(f"{prefix}/_keys/{key}")).status_code == 204
    assert await status(lane, upstream, key, fault) == after


@pytest.mark.parametrize(("fault", "after"), [("", REFUSED), ("forgets-expiry", OK), ("forgets-revocation", REFUSED)])
async def test_an_expired_key(fault: str, after: int, lane: Lane, upstream: Upstream) -> None:
    key = await minted(lane, fault, expires_in=3600)
    assert await status(lane, upstream, key, fault) == OK
    prefix = f"/faults/{fault}" if fault else ""
    assert (await lane.http.post(f"{prefix}/_keys/{key}/expire")).status_code == 204
    assert await status(lane, upstream, key, fault) == after


@pytest.mark.parametrize(("fault", "after"), [("", OK), ("revokes-all", REFUSED)])
async def test_revoking_one_key_and_the_others(fault: str, after: int, lane: Lane, upstream: Upstream) -> None:
    revoked, kept = await minted(lane, fault), await minted(lane, fault)
    assert await status(lane, upstream, kept, fault) == OK
    prefix = f"/faults/{fault}" if fault else ""
    await lane.http.delete(f"{prefix}/_keys/{revoked}")
    assert await status(lane, upstream, kept, fault) == after


async def test_minted_keys_that_do_not_work(lane: Lane, upstream: Upstream) -> None:
    fault = "mints-keys-that-do-not-work"
    assert await status(lane, upstream, await minted(lane, fault), fault) == REFUSED
    assert await status(lane, upstream, lane.key, fault) == OK


async def test_a_key_that_is_born_expired(lane: Lane, upstream: Upstream) -> None:
    assert await status(lane, upstream, await minted(lane, "", expires_in=0), "") == REFUSED


async def test_the_hooks_know_only_their_own_keys(lane: Lane, upstream: Upstream) -> None:
    key = await minted(lane, "buffers")
    assert (await lane.http.delete(f"/_keys/{key}")).status_code == 404
    assert await status(lane, upstream, key, "") == REFUSED
    assert (await lane.http.post("/faults/no-such-fault/_keys")).status_code == 404
