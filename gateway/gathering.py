"""The metrics of all workers in one answer, whichever of them is asked: each series with its worker's number.

They are not added up: a worker that is started again begins at zero, and a sum that falls means nothing to Prometheus.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics import parser

from gateway.addresses import Address, listening
from gateway.exposition import OPEN_METRICS, encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.workers import Post

logger = logging.getLogger(__name__)
SECONDS_FOR_A_SIBLING = 1
GENERATE, _ = encoder(OPEN_METRICS)
PARSED: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families


class Gathered(CollectorRegistry):
    """A registry that holds what somebody has found."""

    def __init__(self) -> None:
        super().__init__(auto_describe=False)
        self._families: dict[str, Metric] = {}

    def add(self, worker: int, families: Iterable[Metric]) -> None:
        for family in families:
            told = Metric(family.name, family.documentation, family.type, family.unit)
            known = self._families.setdefault(family.name, told)
            known.samples += [each._replace(labels={"worker": str(worker), **each.labels}) for each in family.samples]

    def collect(self) -> Iterable[Metric]:
        return self._families.values()


class Gathering:
    def __init__(self, own: CollectorRegistry, post: Post) -> None:
        self._own = own
        self._post = post
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            address = Address(uds=self._post.unix_socket(self._post.number))
            await listening(starting, web.Server(self._tell, access_log=None), address)
            self._running = starting.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def all(self) -> CollectorRegistry:
        """Of those that answer: one that is being started again has nothing to tell."""
        others = [number for number in range(self._post.count) if number != self._post.number]
        texts = await asyncio.gather(*(self._ask(number) for number in others))
        found = Gathered()
        found.add(self._post.number, self._own.collect())
        for number, text in zip(others, texts, strict=True):
            found.add(number, PARSED(text) if text else ())
        return found

    async def _tell(self, _: web.BaseRequest) -> web.Response:
        return web.Response(body=GENERATE(self._own))

    async def _ask(self, number: int) -> str | None:
        path, patience = self._post.unix_socket(number), aiohttp.ClientTimeout(SECONDS_FOR_A_SIBLING)
        connector = aiohttp.UnixConnector(str(path))
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=patience) as session,
                session.get("http://sibling/") as answer,
            ):
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning("worker %d does not tell its metrics: %s", number, error)
            return None
