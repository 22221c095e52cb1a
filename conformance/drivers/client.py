"""An official SDK as a client of one surface, in one of the ways in which users call it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial, singledispatch
from typing import TYPE_CHECKING, Any, ClassVar

import anyio
import anyio.to_thread
import httpx2

from conformance.drivers.answer import Answer, ClientFailedError, DriverLostError, FailedElsewhereError, Failure
from conformance.drivers.ask import Ask
from conformance.drivers.tape import AsyncTeeTransport, SyncTeeTransport, Tape
from conformance.tls import tls
from conformance.upstream import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from conformance.surface import Surface

SILENCE = 3 * PATIENCE
"""Seconds without a byte after which a client gives up."""

_END = object()
_SETTINGS = ("OPENAI_", "ANTHROPIC_", "AZURE_OPENAI_", "AWS_", "CLOUD_ML_", "GOOGLE_", "GEMINI_", "MISTRAL_")


class Mode(StrEnum):
    """How the SDK is called: blocking or not, whole or streamed, plainly or through the SDK's helpers; or no SDK.

    The last four are other SDKs that speak a surface too: Mistral's on Chat Completions, OpenAI's on Azure's v1 path.
    """

    HTTP = "http"
    ASYNC = "async"
    SYNC = "sync"
    ASYNC_RAW = "async-raw-response"
    ASYNC_STREAM = "async-stream"
    SYNC_STREAM = "sync-stream"
    ASYNC_HELPER = "async-stream-helper"
    SYNC_HELPER = "sync-stream-helper"
    MISTRALAI = "mistralai"
    MISTRALAI_STREAM = "mistralai-stream"
    OPENAI_V1 = "openai-v1"
    OPENAI_V1_STREAM = "openai-v1-stream"

    @property
    def blocks(self) -> bool:
        return self.value.startswith("sync")

    @property
    def streams(self) -> bool:
        return "stream" in self.value

    @property
    def helps(self) -> bool:
        return self.value.endswith("helper")


WHOLE = (Mode.ASYNC, Mode.SYNC, Mode.ASYNC_RAW)
STREAMED = (Mode.ASYNC_STREAM, Mode.SYNC_STREAM, Mode.ASYNC_HELPER, Mode.SYNC_HELPER)
EVERY_MODE = WHOLE + STREAMED
PLAIN = (*WHOLE, Mode.ASYNC_STREAM, Mode.SYNC_STREAM)
"""All but the streaming helpers, which refuse answers that stop short."""

BARE = (Mode.HTTP, Mode.ASYNC, Mode.SYNC, Mode.ASYNC_STREAM, Mode.SYNC_STREAM)
"""What an SDK can do that has neither raw responses nor streaming helpers."""


@dataclass(frozen=True)
class Door:
    """Where a client knocks: the base URL of one surface, the credential, the model to ask for.

    `upstream_model` is what the provider calls that model; `headers` go with every request, for gateways that route by
    them.
    """

    url: str
    key: str
    model: str
    upstream_model: str
    headers: tuple[tuple[str, str], ...] = ()


class Client(ABC):
    """One SDK client; `package` is what the SDK comes in.

    `ask` answers or raises `ClientFailedError`; retries are off unless a check is about them.

    `sdk` is the SDK's own client where it runs elsewhere, and then knows its door, tape and retries already.
    """

    surface: ClassVar[Surface]
    package: ClassVar[str]
    path: ClassVar[str]
    modes: ClassVar[tuple[Mode, ...]] = (Mode.HTTP, *EVERY_MODE)

    def __init__(self, door: Door, mode: Mode, tape: Tape, *, retries: int = 0, sdk: Any = None) -> None:
        self.door = door
        self.mode = mode
        self.tape = tape
        self._sdk = sdk or self._here(retries)

    async def ask(self, ask: Ask | str) -> Answer:
        """Make one call, in this client's mode, to its end."""
        if self.mode.streams:
            async with self.stream(ask) as stream:
                return await stream.answer()
        with reported():
            return self.read(await self._answered(self._arguments(_ask(ask))))

    async def _answered(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if self.mode is not Mode.ASYNC_RAW:
            return whole(await self._run(self._resource(arguments).create, **arguments))
        response = await self._run(self._resource(arguments).with_raw_response.create, **arguments)
        return whole(await self._run(response.parse))

    async def fails(self, ask: Ask | str) -> Failure:
        """Make one call that must not succeed."""
        try:
            answer = await self.ask(ask)
        except ClientFailedError as error:
            return error.failure
        raise AssertionError(f"the client saw success where the upstream failed: {answer}")

    @asynccontextmanager
    async def stream(self, ask: Ask | str) -> AsyncIterator[Stream]:
        """A streamed call, to be read event by event; a whole-answer client streams too when asked to."""
        arguments = self._arguments(_ask(ask))
        with reported():
            source = await self._opened(arguments)
        stream = Stream(self, source)
        try:
            yield stream
        finally:
            await stream.close()

    async def _opened(self, arguments: dict[str, Any]) -> Any:
        if not self.mode.helps:
            return await self._run(self._resource(arguments).create, stream=True, **arguments)
        manager = self._resource(arguments).stream(**arguments)
        return await self._run(manager.__enter__ if self.mode.blocks else manager.__aenter__)

    async def _run(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call into the SDK, which blocks in one half of the modes."""
        if self.mode.blocks:
            return await anyio.to_thread.run_sync(partial(call, *args, **kwargs))
        result = call(*args, **kwargs)
        return await result if hasattr(result, "__await__") else result

    def _here(self, retries: int) -> Any:
        """The SDK in this process."""
        with _nobodys_settings():
            return self._connect(
                api_key=self.door.key,
                base_url=self.door.url,
                http_client=self._http(),
                max_retries=retries,
                timeout=SILENCE,
            )

    def _http(self) -> Any:
        """The SDK's transport, with the tape in it."""
        tape, headers = self.tape, self.door.headers
        if self.mode.blocks:
            return httpx2.Client(transport=SyncTeeTransport(httpx2.HTTPTransport(verify=tls()), tape, headers))
        return httpx2.AsyncClient(transport=AsyncTeeTransport(httpx2.AsyncHTTPTransport(verify=tls()), tape, headers))

    def _arguments(self, ask: Ask) -> dict[str, Any]:
        return {
            "model": self.door.model,
            **self.said(ask),
            "extra_body": ask.fields,
            "extra_headers": ask.headers,
            "extra_query": ask.query,
        }

    def body(self, ask: Ask | str) -> dict[str, Any]:
        """The request body of this surface, for callers that do without the SDK."""
        ask = _ask(ask)
        return {"model": self.door.model, **self.said(ask), **ask.fields}

    def url(self, *, stream: bool = False) -> str:  # noqa: ARG002 - some surfaces say in the path that they stream
        """Where that body goes."""
        return self.door.url + self.path

    async def aclose(self) -> None:
        await self._run(self._sdk.close)

    @abstractmethod
    def _connect(self, **settings: Any) -> Any:
        """The SDK's client."""

    @abstractmethod
    def _resource(self, arguments: dict[str, Any]) -> Any:
        """The SDK's resource with `create` and `stream`."""

    @abstractmethod
    def said(self, ask: Ask) -> dict[str, Any]:
        """The conversation in this surface's own request fields."""

    @abstractmethod
    def read(self, raw: dict[str, Any]) -> Answer:
        """The SDK's object, whole."""

    @abstractmethod
    def assemble(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """The whole object that a stream's events add up to."""

    @abstractmethod
    def piece(self, event: dict[str, Any]) -> str:
        """The text that an event adds, if any."""

    @abstractmethod
    async def final(self, source: Any) -> dict[str, Any]:
        """The whole object as the SDK's streaming helper assembled it."""

    def event(self, event: Any) -> dict[str, Any] | None:
        """An SDK event as JSON values; None for what the helper itself made up."""
        return whole(event)


class Source:
    """Events that an SDK hands over as a bare iterator, to be left like all others."""

    def __init__(self, events: Any) -> None:
        self._events = events

    def __iter__(self) -> Iterator[Any]:
        return iter(self._events)

    def __aiter__(self) -> AsyncIterator[Any]:
        return aiter(self._events)

    def close(self) -> Any:
        """Blocking or not, as the iterator is."""
        return self._events.close() if hasattr(self._events, "close") else self._events.aclose()


class Stream:
    """An answer on its way; `events` holds what has been seen so far."""

    def __init__(self, client: Client, source: Any) -> None:
        self._client = client
        self._source = source
        self._events = iter(source) if client.mode.blocks else aiter(source)
        self.events: list[dict[str, Any]] = []

    async def next_event(self) -> dict[str, Any] | None:
        """The next event of the provider's protocol; None at the end."""
        while (event := await self._next()) is not _END:
            with reported(self.events):
                seen = self._client.event(event)
            if seen is not None:
                self.events.append(seen)
                return seen
        return None

    async def next_text(self) -> str:
        """The next piece of text; one that is held back fails here, at the deadline and never earlier."""
        try:
            with anyio.fail_after(PATIENCE):
                while (event := await self.next_event()) is not None:
                    if piece := self._client.piece(event):
                        return piece
        except TimeoutError:
            raise AssertionError(f"no further text within {PATIENCE:.0f} s, though the upstream has sent it") from None
        raise AssertionError("the stream ended where more text was to come")

    async def answer(self) -> Answer:
        """Read to the end."""
        while await self.next_event() is not None:
            pass
        with reported(self.events):
            if self._client.mode.helps:
                return self._client.read(await self._client.final(self._source))
            return self._client.read(self._client.assemble(self.events))

    async def close(self) -> None:
        """Leave, whatever is still to come."""
        close = self._source.close
        await (anyio.to_thread.run_sync(close) if self._client.mode.blocks else close())

    async def _next(self) -> Any:
        with reported(self.events):
            if self._client.mode.blocks:
                return await anyio.to_thread.run_sync(next, self._events, _END, abandon_on_cancel=True)
            return await anext(self._events, _END)


@contextmanager
def reported(events: list[dict[str, Any]] | None = None) -> Iterator[None]:
    """Whatever an SDK raises becomes a `Failure`: the official clients choke in many ways, all of them the finding."""
    try:
        yield
    except DriverLostError:
        raise
    except Exception as error:
        raise ClientFailedError(replace(failure(error), seen=tuple(events or ()))) from error


@singledispatch
def failure(error: Exception) -> Failure:
    """How an SDK's exception tells of a failure; SDKs whose exceptions tell it otherwise register theirs."""
    if isinstance(error, FailedElsewhereError):
        return error.failure
    response = getattr(error, "response", None)
    return Failure(
        kind=type(error).__name__,
        message=_message(error),
        status=getattr(error, "status_code", None),
        headers=tuple(response.headers.multi_items()) if response is not None else (),
        body=getattr(error, "body", None),
        request_id=getattr(error, "request_id", None),
    )


def _message(error: BaseException) -> str:
    cause = f" <- {error.__cause__!r}" if error.__cause__ is not None else ""
    return f"{error}{cause}"


def whole(value: Any) -> dict[str, Any]:
    """An SDK object as the JSON values that came over the wire."""
    if isinstance(value, str):  # what the SDKs hand over when a 200 is not JSON
        raise TypeError(f"the SDK got text, not an object: {value[:200]!r}")
    result: dict[str, Any] = value.to_dict(mode="json", warnings=False)
    return result


@contextmanager
def _nobodys_settings() -> Iterator[None]:
    """SDKs find organisations, headers and tokens in the environment: the user's own, and no gateway's business."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_SETTINGS)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _ask(ask: Ask | str) -> Ask:
    return Ask(ask) if isinstance(ask, str) else ask
