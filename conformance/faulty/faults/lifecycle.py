"""Keys that live on, and keys that should not have been made like that."""

from __future__ import annotations

from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING

from conformance.faulty.fault import fault
from conformance.faulty.keys import accepted, carried, in_x_api_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Answer, Call
    from conformance.faulty.fault import Handle


@fault.accept("keeps-keys-in-use", "lets in a revoked key for as long as a call with it runs")
def keeps_keys_in_use(call: Call) -> str | None:
    in_use: list[str] = call.memory.setdefault("in use", [])
    return accepted(call) or next((key for key in carried(call.headers) if key in in_use), None)


@fault.answer("keeps-keys-in-use", "lets in a revoked key for as long as a call with it runs")
async def uses_a_key(answer: Answer) -> Answer:
    in_use: list[str] = answer.call.memory.setdefault("in use", [])
    key = answer.call.client_key or ""

    async def used() -> AsyncIterator[bytes]:
        in_use.append(key)
        try:
            async for chunk in answer.chunks:
                yield chunk
        finally:
            in_use.remove(key)

    return replace(await lets_streams_outlive_keys(answer), chunks=used())


@fault.answer("lets-streams-outlive-keys", "forgets with which key a stream was begun")
async def lets_streams_outlive_keys(answer: Answer) -> Answer:
    return replace(answer, call=replace(answer.call, client_key=None))


@fault.handle("revives-keys-in-use", "writes back, when a call is over, what it knew of the key when it began")
async def revives_keys_in_use(handle: Handle, call: Call) -> Answer:
    known = call.keys.known
    before = {key: known[key] for key in carried(call.headers) if call.keys.valid(key)}
    try:
        return await handle(call)
    finally:
        known.update(before)


@fault.accept("remembers-deleted-keys", "lets in keys that were good when it first saw them, and are known no more")
def remembers_deleted_keys(call: Call) -> str | None:
    good: set[str] = call.memory.setdefault("good", set())
    if key := accepted(call):
        good.add(key)
    return key or next((key for key in carried(call.headers) if key in good and key not in call.keys.known), None)


@fault.accept("forgets-revocation-on-lists", "lets revoked keys list models")
def forgets_revocation_on_lists(call: Call) -> str | None:
    known = (key for key in carried(call.headers) if key in call.keys.known)
    return accepted(call) or (next(known, None) if call.method == "GET" else None)


@fault.accept("keeps-keys-by-carrier", "knows a key from x-api-key for good, once it was valid there")
def keeps_keys_by_carrier(call: Call) -> str | None:
    good: set[str] = call.memory.setdefault("good", set())
    here = in_x_api_key(call.headers)
    good.update(key for key in here if call.keys.valid(key))
    return accepted(call) or next((key for key in here if key in good), None)


@fault.invent("mints-keys-that-are-no-tokens", "mints keys with characters that a bearer token must not have")
def mints_keys_that_are_no_tokens(_: int) -> str:
    return f"sk:relay|{token_hex(16)}"


@fault.invent("mints-keys-by-counting", "mints keys that only count up")
def mints_keys_by_counting(count: int) -> str:
    return f"sk-relay-{count:032d}"
