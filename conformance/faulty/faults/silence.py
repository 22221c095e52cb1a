"""Faults in waiting for an upstream that says nothing for a while."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import Answer, Request, UpstreamCutError
from conformance.faulty.fault import fault
from conformance.faulty.refusal import refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conformance.faulty.exchange import Call
    from conformance.faulty.fault import Handle, Send


@fault.send("gives-up-after-a-second", "waits no longer than a second for anything of the upstream's")
async def gives_up_after_a_second(send: Send, request: Request) -> Answer:
    try:
        async with asyncio.timeout(1):
            answer = await send(request)
    except TimeoutError:
        return refusal(request.call, 504, "the upstream takes too long")
    return replace(answer, chunks=_hasty(answer.chunks))


async def _hasty(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        while True:
            async with asyncio.timeout(1):
                chunk = await anext(chunks)
            yield chunk
    except StopAsyncIteration:
        return
    except TimeoutError:
        raise UpstreamCutError("the upstream takes too long") from None


@fault.handle("promises-success-after-a-second", "begins a stream when it has waited a second, whatever comes then")
async def promises_success_after_a_second(handle: Handle, call: Call) -> Answer:
    if not call.streams:
        return await handle(call)
    waiting = asyncio.ensure_future(handle(call))
    done, _ = await asyncio.wait({waiting}, timeout=1)
    if done:
        return waiting.result()
    return Answer(call, 200, (("content-type", "text/event-stream"),), _kept_alive(waiting))


async def _kept_alive(waiting: asyncio.Future[Answer]) -> AsyncIterator[bytes]:
    yield b": keep-alive\n\n"
    answer = await waiting
    if answer.failed:
        yield b"data: " + await answer.body() + b"\n\n"
        return
    async for chunk in answer.chunks:
        yield chunk
