"""Mistral's SDK on the Chat Completions surface, whose dialect it speaks.

Source: https://docs.mistral.ai/api/
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from conformance.drivers.answer import Failure
from conformance.drivers.client import Mode, failure
from conformance.drivers.openai_chat import ChatClient

if TYPE_CHECKING:
    from types import ModuleType

    from mistralai.client import errors

    from conformance.drivers.ask import Ask

_MILLISECONDS = 1000


class MistralClient(ChatClient):
    """`mistralai.client.Mistral(...).chat`: knows no fields but its own, and no query."""

    package: ClassVar = "mistralai"
    path: ClassVar = "/chat/completions"
    modes: ClassVar = (Mode.MISTRALAI, Mode.MISTRALAI_STREAM)

    def _connect(self, **settings: Any) -> Any:
        """Without a retry configuration of its own it tries nothing again."""
        self._transport = settings["http_client"]
        return _mistralai().Mistral(
            api_key=settings["api_key"],
            server_url=settings["base_url"].removesuffix("/v1"),
            timeout_ms=int(settings["timeout"] * _MILLISECONDS),
            async_client=self._transport,
        )

    async def _answered(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return _values(await self._run(self._sdk.chat.complete_async, **arguments))

    async def _opened(self, arguments: dict[str, Any]) -> Any:
        return await self._run(self._sdk.chat.stream_async, **arguments)

    def _arguments(self, ask: Ask) -> dict[str, Any]:
        assert not ask.query, "mistralai sends no query of its user's"
        return {"model": self.door.model, **self.said(ask), **ask.fields, "http_headers": ask.headers}

    def event(self, event: Any) -> dict[str, Any] | None:
        return _values(event.data)

    async def aclose(self) -> None:
        await self._transport.aclose()


def _values(value: Any) -> dict[str, Any]:
    result: dict[str, Any] = value.model_dump(mode="json", by_alias=True)
    return result


@cache
def _mistralai() -> ModuleType:
    """Mistral's SDK, whose exceptions tell of a failure in their own way."""
    from mistralai import client

    failure.register(client.errors.MistralError, _refused)
    return client


def _refused(error: errors.MistralError) -> Failure:
    return Failure(type(error).__name__, str(error), error.status_code, tuple(error.headers.multi_items()), error.body)
