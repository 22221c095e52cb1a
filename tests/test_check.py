"""What holds for every check that is declared, and for the declaration itself."""

from __future__ import annotations

import asyncio
import re

import anyio
import anyio.lowlevel
import pytest

from conformance.catalogue import load_suites
from conformance.check import PROFILES as CHECKED_PROFILES
from conformance.check import REGISTRY, Check, check
from conformance.drivers import CLIENTS
from conformance.explain import profiles_of
from conformance.run.plan import CANARIES
from conformance.surface import CORE
from conformance.target import FEATURES, PROFILES

CHECKS = load_suites()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests declare is forgotten afterwards."""
    monkeypatch.setattr("conformance.check.REGISTRY", dict(REGISTRY))


@pytest.mark.parametrize("declared", CHECKS.values(), ids=CHECKS.keys())
def test_a_check_is_well_formed(declared: Check) -> None:
    assert re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+){1,2}", declared.id)
    assert re.fullmatch(r"(\w+ ){2,}\w+", declared.title), "a title is a sentence"
    assert declared.surfaces
    assert declared.modes
    assert len(set(declared.modes)) == len(declared.modes)
    assert declared.catches
    assert len(set(declared.catches)) == len(declared.catches)


def test_claims_and_checks_know_the_same_features_and_profiles() -> None:
    assert {declared.feature for declared in CHECKS.values()} == set(FEATURES)
    assert {profile for declared in CHECKS.values() for profile in profiles_of(declared)} == set(PROFILES)
    assert set(CHECKED_PROFILES) == set(PROFILES)


def test_every_surface_has_a_client_and_a_profile() -> None:
    assert set(CORE) <= set(CLIENTS)
    assert set(CORE) <= set(PROFILES)


def test_the_canaries_are_checks_of_every_profile() -> None:
    assert CHECKS.keys() >= CANARIES
    seen = {profile for canary in CANARIES for profile in profiles_of(CHECKS[canary])}
    assert seen == set(PROFILES)


def test_two_checks_cannot_share_an_id(registry: None) -> None:
    async def test_one_thing() -> None: ...
    async def test_another() -> None: ...

    declare = check("some/check", requirement="r", feature="body", catches=())
    declare(test_one_thing)
    with pytest.raises(ValueError, match=r"two checks are called some/check: .*test_one_thing and .*test_another"):
        declare(test_another)


async def test_a_check_that_hangs_fails_at_its_deadline(registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.check.DEADLINE", 0.01)

    @check("some/hanging", requirement="r", feature="body", catches=())
    async def test_that_hangs() -> None:
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError):
        await test_that_hangs()


@pytest.mark.parametrize("wrong", [KeyError("delta"), TypeError("not a dict"), ValueError("bad"), RecursionError()])
async def test_what_cannot_be_read_is_the_gateways_failure(registry: None, wrong: Exception) -> None:
    @check("some/unreadable", requirement="r", feature="body", catches=())
    async def test_that_reads() -> None:
        raise wrong

    with pytest.raises(AssertionError, match=f"could not be read: {type(wrong).__name__}"):
        await test_that_reads()


async def test_a_failure_inside_a_task_group_is_a_failure(registry: None) -> None:
    async def fail() -> None:
        raise AssertionError("the client failed")

    @check("some/group", requirement="r", feature="body", catches=())
    async def test_that_groups() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)

    with pytest.raises(AssertionError, match="the client failed"):
        await test_that_groups()


async def test_what_goes_wrong_in_the_harness_stays_an_error(registry: None) -> None:
    @check("some/broken", requirement="r", feature="body", catches=())
    async def test_that_breaks() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await test_that_breaks()


async def test_a_cancellation_that_a_client_lets_out_ends_with_the_check(registry: None) -> None:
    @check("some/cancelled", requirement="r", feature="body", catches=())
    async def test_that_is_cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="a client cancelled the check"):
        await test_that_is_cancelled()
    await anyio.lowlevel.checkpoint()


async def test_a_check_that_is_cancelled_from_outside_is_cancelled(registry: None) -> None:
    ended = []

    @check("some/given-up", requirement="r", feature="body", catches=())
    async def test_that_waits() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("ended")

    with anyio.move_on_after(0.01) as scope:
        await test_that_waits()
    assert scope.cancelled_caught
    assert ended == ["ended"]


async def test_a_scope_that_a_check_leaves_open_does_not_reach_who_comes_next(registry: None) -> None:
    scope = anyio.CancelScope()

    @check("some/careless", requirement="r", feature="body", catches=())
    async def test_that_is_careless() -> None:
        scope.__enter__()

    await test_that_is_careless()
    scope.cancel()
    await anyio.lowlevel.checkpoint()


def test_what_drives_nothing_but_an_sdk_runs_on_all_lanes(registry: None) -> None:
    async def test_that_asks_the_sdk(client: object, upstream: object) -> None: ...
    async def test_that_speaks_http(client: object, http: object) -> None: ...

    for function, lanes, told in (
        (test_that_asks_the_sdk, None, True),
        (test_that_asks_the_sdk, False, False),
        (test_that_speaks_http, None, False),
    ):
        declare = check(f"one/{told}/{lanes}", requirement="content-unchanged", feature="body", catches=(), lanes=lanes)
        assert declare(function).__dict__["check"].lanes is told
