"""What a check is, and the registry of all of them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from conformance.drivers import Mode
from conformance.ledger import Requirement, ledger
from conformance.surface import CORE, Surface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

DEADLINE = 60.0
"""Seconds after which a check that still runs has failed: a gateway that hangs must not hang us."""

_TRIPS = (LookupError, TypeError, ValueError, AttributeError, RecursionError)

SURFACE_PROFILES = (*CORE, Surface.GEMINI)
TRANSLATION = "translation"
PROFILES = (
    *SURFACE_PROFILES,
    "headers",
    "keys",
    "limits",
    "isolation",
    "observability",
    "connection",
    "cloud",
    "routing",
    TRANSLATION,
)


@dataclass(frozen=True)
class Check:
    """One requirement, one stimulus, one judgement.

    id        forever: never renamed, never used again
    profile   where its result counts; None: in the profile of the surface that it runs on
    feature   what a target must claim for the check to apply
    surfaces  the surfaces that it runs on, where the target serves them
    modes     the ways of calling the SDK that it runs in
    catches   the faults that it exists to catch
    direct    whether it also holds when the client calls the upstream without any gateway
    over      the protocols of the provider that a translation must end in for it; empty: any
    lanes     whether other generations of the SDKs can be asked too
    """

    id: str
    title: str
    requirement: str
    feature: str
    profile: str | None
    surfaces: tuple[Surface, ...]
    modes: tuple[Mode, ...]
    catches: tuple[str, ...]
    direct: bool
    over: tuple[Surface, ...]
    lanes: bool
    source: str

    @property
    def held(self) -> Requirement:
        return ledger()[self.requirement]

    @property
    def bridges(self) -> bool:
        """Whether the target runs it on each pair of protocols between which it translates."""
        return self.profile == TRANSLATION

    def profile_on(self, surface: Surface) -> str:
        return self.profile or surface.value


REGISTRY: dict[str, Check] = {}


class UnknownCheckError(LookupError):
    """No check has that id."""


def check(
    id: str,  # noqa: A002 - what it is called everywhere else
    *,
    requirement: str,
    feature: str,
    catches: tuple[str, ...],
    profile: str | None = None,
    surfaces: tuple[Surface, ...] = CORE,
    modes: tuple[Mode, ...] = (Mode.ASYNC,),
    direct: bool = True,
    over: tuple[Surface, ...] = (),
    lanes: bool | None = None,
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Declare a test function as a check; its name, read as a sentence, is the title.

    Every check that drives an SDK, and nothing but an SDK, runs on all lanes unless it says otherwise.
    """

    def declare(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        declared = Check(
            id=id,
            title=function.__name__.removeprefix("test_").replace("_", " "),
            requirement=requirement,
            feature=feature,
            profile=profile or _profile_of(function.__module__),
            surfaces=surfaces,
            modes=modes,
            catches=catches,
            direct=direct,
            over=over,
            lanes=_drives_sdk(function) if lanes is None else lanes,
            source=f"{function.__module__}.{function.__name__}",
        )
        _register(declared)

        @pytest.mark.anyio
        @pytest.mark.usefixtures("evidence")
        @wraps(function)
        async def bounded(*args: Any, **kwargs: Any) -> None:
            with _judged(), anyio.fail_after(DEADLINE):
                await _alone(function(*args, **kwargs))

        bounded.__dict__["check"] = declared
        return cast("Callable[..., Awaitable[None]]", bounded)

    return declare


async def _alone(check: Awaitable[None]) -> None:
    """In a task of its own, as the cases share an event loop: a cancellation that a client lets out ends here."""
    task, own = asyncio.ensure_future(check), asyncio.current_task()
    try:
        await task
    except asyncio.CancelledError:
        if task.cancelled() and own and not own.cancelling():
            raise RuntimeError("a client cancelled the check") from None
        raise


@contextmanager
def _judged() -> Iterator[None]:
    """What the gateway sent may be of any shape: a check that trips over it has found a failure, not made one.

    That the check itself is sound is what the direct lane shows.
    """
    try:
        yield
    except _TRIPS as error:
        raise AssertionError(f"what came could not be read: {type(error).__name__}: {error}") from error
    except BaseExceptionGroup as group:
        failed = group.subgroup(AssertionError)
        if failed is None:
            raise
        raise _first(failed) from group


def _first(group: BaseExceptionGroup[AssertionError]) -> AssertionError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _drives_sdk(function: Callable[..., Awaitable[None]]) -> bool:
    asked_for = set(signature(function).parameters)
    return bool(asked_for & {"client", "connect"}) and "http" not in asked_for


def _profile_of(module: str) -> str | None:
    """A folder of `conformance.suites` is a profile; `surfaces` stands for the profile of each surface."""
    folder = module.removeprefix("conformance.suites.").split(".")[0].replace("_", "-")
    return folder if folder in PROFILES else None


def _register(declared: Check) -> None:
    known = REGISTRY.setdefault(declared.id, declared)
    if known.source != declared.source:
        raise ValueError(f"two checks are called {declared.id}: {known.source} and {declared.source}")
