"""Who is told of every call: the audit, and, where they are configured, Prometheus and OpenTelemetry."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from gateway.addresses import Address
from gateway.audit import AuditLog
from gateway.rows import row_of
from gateway.sinks import sinks_of

if TYPE_CHECKING:
    from gateway.calls import Call
    from gateway.config import Settings
    from gateway.metrics import Metrics
    from gateway.telemetry import Telemetry
    from gateway.workers import Post

logger = logging.getLogger(__name__)


class Observers:
    def __init__(self, settings: Settings, post: Post | None = None) -> None:
        self._settings = settings
        self._post = post
        self._audit = AuditLog(sinks_of(settings.audit))
        self._metrics: Metrics | None = None
        self._telemetry: Telemetry | None = None
        self._running: dict[int, Call] = {}
        self._exits = AsyncExitStack()
        self.metrics_url: str | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            await starting.enter_async_context(self._audit)
            if self._settings.metrics is not None:
                await self._expose(starting)
            if self._settings.telemetry is not None:
                from gateway.telemetry import Telemetry  # noqa: PLC0415 -- may not be installed

                self._telemetry = await starting.enter_async_context(Telemetry(self._settings.telemetry))
            self._exits = starting.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def begin(self, call: Call) -> None:
        if self._metrics:
            self._running[id(call)] = call

    def end(self, call: Call) -> None:
        self._running.pop(id(call), None)
        if not (self._settings.audit or self._metrics or self._telemetry):
            return
        try:
            self._tell(call)
        except Exception:  # the client has its answer, and a bug in telling of it must not take it back
            logger.exception("%s cannot be told of", call.request_id)

    def _tell(self, call: Call) -> None:
        row = row_of(call)
        if self._telemetry:
            row["trace_id"] = self._telemetry.record(call, row)
        self._audit.record(row)
        if self._metrics:
            self._metrics.record(row)

    async def _expose(self, starting: AsyncExitStack) -> None:
        """Both modules are imported by who wants metrics: they take longer than the rest of the gateway's start."""
        from gateway.exposition import Exposition  # noqa: PLC0415
        from gateway.metrics import Metrics, known_models  # noqa: PLC0415

        assert self._settings.metrics is not None
        listen = self._settings.metrics
        self._metrics = Metrics(
            known_models(self._settings),
            active=lambda: len(self._running),
            streams=lambda: sum(call.streamed for call in list(self._running.values())),
            rows_lost=lambda: self._audit.lost,
        )
        collected = self._metrics.collected
        if self._post is not None:
            from gateway.gathering import Gathering  # noqa: PLC0415 -- as above

            gathering = Gathering(self._metrics.registry, self._post)
            collected = (await starting.enter_async_context(gathering)).all
        sockets = self._post.sockets["metrics"] if self._post else ()
        exposition = Exposition(collected, Address(listen.host, listen.port), sockets)
        self.metrics_url = (await starting.enter_async_context(exposition)).url
