"""An SDK that runs in a lane's worker, as our clients call the one of their own process."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import anyio

from conformance.drivers.client import SILENCE
from conformance.lanes.protocol import Call, ClientOf, Close, Leave, Next
from conformance.lanes.tap import Tap

if TYPE_CHECKING:
    from conformance.drivers import Door, Tape
    from conformance.lanes.worker import Worker

_NUMBERS = itertools.count(1)


class RemoteSdk:
    """`await sdk.chat.completions.create(**arguments)`, by way of the worker; what passes goes on the tape."""

    def __init__(self, worker: Worker, door: Door, tape: Tape, *, retries: int = 0) -> None:
        self._worker = worker
        self._tap = Tap(door.url, tape)
        self._client = ClientOf(next(_NUMBERS), self._tap.url, dict(door.headers), door.key, retries, SILENCE)

    def __getattr__(self, name: str) -> _Member:
        return _Member(self, (name,))

    async def call(
        self,
        path: tuple[str, ...],
        *,
        stream: bool = False,
        extra_body: dict[str, Any] | None = None,
        extra_headers: dict[str, str] | None = None,
        extra_query: dict[str, str] | None = None,
        **fields: Any,
    ) -> Any:
        self._tap.open()
        call = Call(self._client, path, fields, extra_body or {}, extra_headers or {}, extra_query or {}, stream)
        answered = await self._worker.ask(call)
        return RemoteStream(self._worker, answered.id) if stream else _value(answered.value)

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            try:
                await self._worker.ask(Close(self._client.id))
            finally:
                await self._tap.close()


class _Member:
    """What stands at a path of the SDK's: a resource, or a method."""

    def __init__(self, sdk: RemoteSdk, path: tuple[str, ...]) -> None:
        self._sdk = sdk
        self._path = path

    def __getattr__(self, name: str) -> _Member:
        return _Member(self._sdk, (*self._path, name))

    async def __call__(self, **arguments: Any) -> Any:
        return await self._sdk.call(self._path, **arguments)


class RemoteStream:
    """A stream in the worker; an event is read there when it is asked for here."""

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker = worker
        self._number = number

    def __aiter__(self) -> RemoteStream:
        return self

    async def __anext__(self) -> Any:
        answered = await self._worker.ask(Next(self._number))
        if answered.value is None:
            raise StopAsyncIteration
        return _value(answered.value)

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._worker.ask(Leave(self._number))


class RemoteObject:
    """What the SDK returned, as JSON values under the names of the SDK's own attributes."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._raw = raw

    def to_dict(self, **_: Any) -> dict[str, Any]:
        return self._raw

    def __getattr__(self, name: str) -> Any:
        try:
            return _value(self._raw[name])
        except KeyError:
            raise AttributeError(name) from None


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    return RemoteObject(value) if isinstance(value, dict) else value
