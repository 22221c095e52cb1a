"""Drives one generation of a Python SDK: JSON lines in on standard input, JSON lines out on standard output.

Runs in the lane's own environment and imports nothing but the SDK; `python python_worker.py openai|anthropic`.
Each request has exactly one reply, under its `id`; `conformance.lanes.protocol` says which there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import sys
import threading
from typing import Any

CLIENTS = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}


class Sdk:
    """The clients, calls and streams that the harness has open."""

    def __init__(self, package: str) -> None:
        self.connect = getattr(importlib.import_module(package), CLIENTS[package])
        self.clients: dict[int, Any] = {}
        self.streams: dict[int, Any] = {}
        self.running: dict[int, asyncio.Task[Any]] = {}

    async def call(self, request: dict[str, Any]) -> Any:
        target = self._client(request["client"])
        for name in request["path"]:
            target = getattr(target, name)
        streams = {"stream": True} if request["stream"] else {}
        answer = target(
            **request["fields"],
            **streams,
            extra_body=request["body"],
            extra_headers=request["headers"],
            extra_query=request["query"],
        )
        value = await answer if hasattr(answer, "__await__") else answer
        if not request["stream"]:
            return plain(value)
        self.streams[request["id"]] = value, value.__aiter__()
        return None

    async def next(self, request: dict[str, Any]) -> Any:
        """The next event; None at the end."""
        _, events = self.streams[request["stream"]]
        try:
            return plain(await events.__anext__())
        except StopAsyncIteration:
            return None

    async def leave(self, request: dict[str, Any]) -> None:
        stream, _ = self.streams.pop(request["stream"])
        await stream.close()

    async def cancel(self, request: dict[str, Any]) -> None:
        """Also closes the stream of a call that was just answered: nobody is there any more to read it."""
        task = self.running.get(request["call"])
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if request["call"] in self.streams:
            await self.leave({"stream": request["call"]})

    async def close(self, request: dict[str, Any]) -> None:
        client = self.clients.pop(request["client"], None)
        if client is not None:
            await client.close()

    def _client(self, door: dict[str, Any]) -> Any:
        if door["id"] not in self.clients:
            self.clients[door["id"]] = self.connect(
                api_key=door["key"],
                base_url=door["url"],
                default_headers=door["headers"],
                max_retries=door["retries"],
                timeout=door["seconds"],
            )
        return self.clients[door["id"]]


def plain(value: Any) -> Any:
    """An SDK object as the JSON values that came over the wire."""
    if hasattr(value, "to_dict"):
        return value.to_dict(mode="json", warnings=False)
    if hasattr(value, "model_dump"):  # pages
        return value.model_dump(mode="json", exclude_unset=True, warnings=False)
    return value


def failure(error: Exception) -> dict[str, Any]:
    response = getattr(error, "response", None)
    cause = f" <- {error.__cause__!r}" if error.__cause__ is not None else ""
    return {
        "kind": type(error).__name__,
        "message": f"{error}{cause}",
        "status": getattr(error, "status_code", None),
        "headers": response.headers.multi_items() if response is not None else [],
        "body": getattr(error, "body", None),
        "request_id": getattr(error, "request_id", None),
    }


async def answer(sdk: Sdk, request: dict[str, Any], say: Any) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        try:
            say({"id": request["id"], "value": await getattr(sdk, request["do"])(request)})
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises is what the client saw
            say({"id": request["id"], "failure": failure(error)})
    sdk.running.pop(request["id"], None)


async def main(package: str) -> None:
    said, sdk, loop = speaker(), Sdk(package), asyncio.get_running_loop()

    def heard(line: bytes) -> None:
        request = json.loads(line)
        sdk.running[request["id"]] = loop.create_task(answer(sdk, request, said))

    threading.Thread(target=listen, args=(loop, heard), daemon=True).start()
    await asyncio.Event().wait()


def listen(loop: asyncio.AbstractEventLoop, heard: Any) -> None:
    """A thread of its own: when the harness is gone the worker ends, whatever it is doing."""
    for line in sys.stdin.buffer:
        loop.call_soon_threadsafe(heard, line)
    os._exit(0)


def speaker() -> Any:
    """Says replies on what was standard output; what anybody prints goes to standard error."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)

    def say(reply: dict[str, Any]) -> None:
        line = memoryview(json.dumps(reply, default=str).encode() + b"\n")
        while line:
            line = line[out.write(line) :]

    return say


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
