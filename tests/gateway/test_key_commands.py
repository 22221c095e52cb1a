"""`gateway keys`: whose keys, what they are held to, and how they end together."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.limits import Limit
from gateway.spend import Claim, SpendStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway import Settings
    from gateway.keys import KeyStore

    Keys = Callable[..., Result]


@pytest.fixture
def keys(config: Path) -> Keys:
    return lambda command, *arguments: CliRunner().invoke(main, ("keys", command, "--config", str(config), *arguments))


def add(config: Path, more: str) -> None:
    config.write_text(config.read_text() + more)


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


async def test_a_key_is_minted_with_all_that_it_is_held_to(keys: Keys, store: KeyStore) -> None:
    owner = ("--run", "7", "--session", "s", "--subject", "ada", "--team", "blue")
    scope = ("--model", "a,b", "--model", "c", "--provider", "openai", "--origin", "10.0.0.1", "--origin", "unix")
    minted = told(keys("mint", "--name", "agent", *owner, *scope, "--json"))
    key = store.named(minted["key"])
    assert (key.run, key.session, key.subject, key.team) == ("7", "s", "ada", "blue")
    assert sorted(key.models) == minted["models"] == ["a,b", "c"]
    assert sorted(key.origins) == minted["origins"] == ["10.0.0.1/32", "unix"]
    shown = keys("show", "agent").stdout
    assert all(said in shown for said in ("run 7", "team blue", "models a,b, c", "providers openai", "10.0.0.1/32"))


async def test_a_key_is_minted_with_limits(keys: Keys, store: KeyStore) -> None:
    limits = ("--rpm", "10", "--tpm", "1000", "--streams", "2", "--budget", "1.50", "--period", "30d")
    minted = told(keys("mint", "--name", "agent", *limits, "--json"))
    limit = Limit(
        requests_per_minute=10,
        tokens_per_minute=1000,
        streams=2,
        budget_usd=Decimal("1.50"),
        period_seconds=30 * 86400,
    )
    assert store.named(minted["key"]).limits == limit
    assert minted["limits"] == limit.model_dump(mode="json")
    assert "requests_per_minute 10; tokens_per_minute 1000; streams 2; budget_usd 1.50" in keys("show", "agent").stdout


async def test_what_is_spent_of_a_budget_is_told(config: Path, keys: Keys, store: KeyStore, settings: Settings) -> None:
    add(config, '[limits.team]\nbudget_usd = "20"\nperiod_seconds = 86400\n')
    key = store.named(told(keys("mint", "--name", "k", "--team", "blue", "--budget", "1.50", "--json"))["key"])
    with closing(SpendStore(settings.keys.place)) as books, books.transaction(0.0):
        books.settle("call", [Claim(f"key:{key.digest.hex()}", 0, None, None, 0)], 1_250_000_001_000)
    lines = keys("spend", "k").stdout.splitlines()
    assert lines[0] == f"key {key.fingerprint}: $1.250000001 of $1.50"
    assert lines[1].startswith("team blue: $0 of $20 until ")
    balances = told(keys("spend", "k", "--json"))["balances"]
    assert [each["spent_usd"] for each in balances] == ["1.250000001", "0"]
    assert balances[1]["period_ends"].endswith("T00:00:00+00:00")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--origin", "10.0.0.1/8"), "--origin"),
        (("--provider", "nobody"), "no provider is called 'nobody'"),
        (("--run", ""), "--run"),
        (("--expires-in", "0"), "--expires-in"),
        (("--name", "a\nb"), "--name"),
        (("--rpm", "0"), "--rpm"),
        (("--budget", "much"), "--budget"),
        (("--budget", "-1"), "--budget"),
        (("--period", "30d"), "--period"),
    ],
)
async def test_what_a_key_cannot_be_held_to_is_told(
    keys: Keys, store: KeyStore, arguments: tuple[str, ...], said: str
) -> None:
    result = keys("mint", "--name", "k", *arguments)
    assert (result.exit_code, store.all()) == (2, [])
    assert said in result.stderr


async def test_a_model_must_be_there_where_unknown_ones_are_refused(config: Path, keys: Keys) -> None:
    add(config, '[routing]\nunknown_models = "refuse"\n')
    assert "no model is called 'x'" in keys("mint", "--name", "k", "--model", "x").stderr


async def test_the_keys_of_a_run_end_with_it(keys: Keys, store: KeyStore) -> None:
    for run, team in (("1", "blue"), ("1", "red"), ("2", "blue")):
        keys("mint", "--name", "k", "--run", run, "--team", team)
    assert len(told(keys("list", "--run", "1", "--json"))) == 2
    assert told(keys("revoke", "--run", "1", "--team", "red", "--json")) == {"keys": 1}
    assert keys("revoke", "--run", "1").stdout == "revoked: 1\n"
    assert told(keys("prune", "--older-than", "1h", "--json")) == {"keys": 0}
    assert keys("prune").stdout == "pruned: 2\n"
    assert keys("delete", "--team", "blue").stdout == "deleted: 1\n"
    assert store.all() == []


async def test_one_key_is_deleted(keys: Keys, store: KeyStore) -> None:
    plaintext = keys("mint", "--name", "k").stdout.strip()
    other = store.mint("other").key
    assert told(keys("delete", plaintext, "--json")) == {"keys": 1}
    assert store.all() == [other]
    assert keys("delete", plaintext).exit_code == 1


@pytest.mark.parametrize("command", ["revoke", "delete"])
@pytest.mark.parametrize("arguments", [(), ("k", "--run", "1"), ("--run", ""), ("--run", "", "--team", "t")])
async def test_it_must_be_said_which_keys(
    keys: Keys, store: KeyStore, command: str, arguments: tuple[str, ...]
) -> None:
    key = store.mint("k", run="1", team="t").key
    result = keys(command, *arguments)
    assert (result.exit_code, store.all()) == (2, [key])
    assert "--run" in result.stderr or "run, session, subject, team" in result.stderr


@pytest.mark.parametrize(("command", "state"), [("revoke", "revoked"), ("expire", "expired")])
async def test_the_end_of_a_key_is_told_to_machines_too(keys: Keys, command: str, state: str) -> None:
    keys("mint", "--name", "k")
    assert told(keys(command, "k", "--json"))["state"] == state
