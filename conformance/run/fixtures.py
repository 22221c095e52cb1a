"""What checks ask for by name."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from conformance.drivers import Client, Door, Mode, Tape, client_of
from conformance.drivers.http import Http
from conformance.lanes import MAIN, RemoteSdk, Workers
from conformance.run.afterwards import AFTERWARDS, ERROR, look_back
from conformance.run.stage import DIRECT, STAGE, Stage, Subject
from conformance.surface import Provider
from conformance.target import Hooks, Observed, Routing
from conformance.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from conformance.run.plan import CaseOf
    from conformance.secrets import Secret

logger = logging.getLogger(__name__)
STAGED: pytest.StashKey[Stage] = pytest.StashKey()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Stage:
    """What this run has started."""
    return request.config.stash[STAGED]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> CaseOf:
    """The case in hand: whom it is aimed at, on which surface, in which mode."""
    chosen: CaseOf = request.param
    return chosen


@pytest.fixture
def subject(case: CaseOf, stage: Stage) -> Subject:
    """The gateway in hand."""
    return stage.subjects[case.subject]


@pytest.fixture
def observed(subject: Subject) -> Observed:
    """Where the gateway in hand tells of its calls."""
    assert subject.observed is not None, f"{subject.name} tells of no calls; its features should not claim that"
    return subject.observed


@pytest.fixture
def door(subject: Subject, case: CaseOf) -> Door:
    """Base URL, key and model of the surface in hand."""
    return subject.door(case.surface, case.bridge)


@pytest.fixture
def replicas(subject: Subject, case: CaseOf) -> list[Door]:
    """The surface in hand at the gateway's other replicas."""
    assert subject.replicas, f"{subject.name} has no replicas; its features should not claim them"
    return [doors[case.surface] for doors in subject.replicas]


@pytest.fixture
def provider_door(stage: Stage, case: CaseOf) -> Door:
    """The provider behind the surface in hand: where it is, and the key that only the gateway may know."""
    return stage.subjects[DIRECT].doors[case.bridge or case.surface]


@pytest.fixture
def tape() -> Tape:
    """What passes between the check's clients and the gateway."""
    return Tape()


@pytest.fixture(scope="session")
async def control_connection(stage: Stage) -> AsyncIterator[Upstream]:
    """One connection to the upstream's control port for all cases, and so one event loop for them all.

    What the clients of one case leave behind in the loop is logged: it must not fail the next.
    """
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logger.debug("left behind: %s", context))
    async with Upstream(stage.upstream) as upstream:
        yield upstream


@pytest.fixture
def upstream(control_connection: Upstream) -> Upstream:
    """The scripted upstream."""
    return control_connection.afresh()


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """The processes in which other generations of the SDKs run."""
    with Workers() as workers:
        yield workers


@pytest.fixture
def opened() -> AsyncExitStack:
    """The clients of a case; `evidence` closes them all in one go, as each turn to the event loop costs."""
    return AsyncExitStack()


@pytest.fixture
def connect(case: CaseOf, door: Door, tape: Tape, workers: Workers, opened: AsyncExitStack) -> Callable[..., Client]:
    """Makes further clients of the surface in hand: `connect(key=…)`, `connect(mode=…)`, `connect(model=…)`.

    `connect(at=…)` goes in by another door.
    """

    def make(
        *,
        key: str | None = None,
        mode: Mode | None = None,
        retries: int = 0,
        model: str | None = None,
        at: Door | None = None,
    ) -> Client:
        there = at or door
        entered = replace(there, key=there.key if key is None else key, model=model or there.model)
        client = _client(case, workers, entered, tape, mode=mode, retries=retries)
        opened.push_async_callback(client.aclose)
        return client

    return make


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    """The official SDK, in the mode of the case, pointed at the gateway."""
    return connect()


@pytest.fixture
def control(case: CaseOf, stage: Stage, workers: Workers, opened: AsyncExitStack) -> Client:
    """The same client, pointed straight at the upstream: what the SDK returns without any gateway."""
    client = _client(case, workers, stage.subjects[DIRECT].doors[case.surface], Tape())
    opened.push_async_callback(client.aclose)
    return client


def _client(
    case: CaseOf, workers: Workers, door: Door, tape: Tape, *, mode: Mode | None = None, retries: int = 0
) -> Client:
    sdk = None if case.lane == MAIN else RemoteSdk(workers.of(case.lane), door, tape, retries=retries)
    made = client_of(case.surface, mode or case.mode)
    assert made is not None, f"no SDK is called as {mode or case.mode} on {case.surface}"
    return made(door, mode or case.mode, tape, retries=retries, sdk=sdk)


@pytest.fixture
def http(tape: Tape, door: Door, opened: AsyncExitStack) -> Http:
    """Plain HTTP on the same tape."""
    http = Http(tape, door.headers)
    opened.push_async_callback(http.aclose)
    return http


@pytest.fixture
def hooks(subject: Subject) -> Hooks:
    """How this gateway's keys are minted, revoked and made to expire."""
    assert subject.hooks is not None, f"{subject.name} has no key hooks; its features should not claim them"
    return Hooks.from_description(subject.hooks)


@pytest.fixture
def routing(subject: Subject) -> Routing:
    """How this gateway picks the provider of a call."""
    assert subject.routing is not None, f"{subject.name} picks no providers; it should not claim to"
    return subject.routing


@pytest.fixture
def provider_keys(stage: Stage) -> dict[str, Secret]:
    """The key of every provider, by its prefix."""
    return {provider: stage.secrets[provider] for provider in Provider}


@pytest.fixture
async def evidence(
    request: pytest.FixtureRequest,
    stage: Stage,
    subject: Subject,
    tape: Tape,
    *,
    upstream: Upstream,
    opened: AsyncExitStack,
) -> AsyncIterator[None]:
    """After each check: close its clients, keep what passed on both sides, and look for keys where they must not be.

    Where no gateway was in between, only a failure has something to tell.
    """
    yield
    try:
        await opened.aclose()
    finally:
        if subject.is_gateway or request.node.stash.get(ERROR, None):
            request.node.stash[AFTERWARDS] = await look_back(request.node, stage, subject, tape, upstream)


def staged(described: Any) -> Stage:
    """The stage as another process described it."""
    return STAGE.validate_json(described)
