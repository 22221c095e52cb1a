"""Cassettes: complete, without credentials, strict when played, and never out of date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import openai
import pytest
import yaml
from vcr.errors import (  # type: ignore[import-untyped]
    CannotOverwriteExistingCassetteException as NotOnTheCassetteError,
)

from conformance.recordings import (
    SCENARIOS,
    CassetteInvalidError,
    UnplayedInteractionsError,
    played,
    read_provenance,
    scenarios,
)
from conformance.recordings.capture import PLACEHOLDER, connected
from conformance.recordings.scripted import MODELS, record_all
from conformance.surface import Provider
from tests.cassettes.conftest import SCRIPTED, cassette, of_this_generation

if TYPE_CHECKING:
    from pathlib import Path

MODEL = MODELS[Provider.OPENAI]
_CREDENTIALS = {"authorization", "x-api-key", "api-key", "cookie", "set-cookie"}
_ACCOUNTS = {"openai-organization", "openai-project", "anthropic-organization-id"}
_CHANGING = re.compile("date|user-agent|x-stainless-.*|accept-encoding|content-length", re.IGNORECASE)


def interactions(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text())["interactions"]
    return found


def headers(path: Path) -> set[str]:
    sides = [side for each in interactions(path) for side in (each["request"], each["response"])]
    return {name.lower() for side in sides for name in side["headers"]}


def lasting(path: Path) -> list[dict[str, Any]]:
    """What does not change with the day and the machine."""
    found = interactions(path)
    for side in (side for each in found for side in (each["request"], each["response"])):
        side["headers"] = {name: value for name, value in side["headers"].items() if not _CHANGING.fullmatch(name)}
    return found


def sdk() -> openai.OpenAI:
    client = connected(Provider.OPENAI)
    assert isinstance(client, openai.OpenAI)
    return client


def test_every_scenario_has_its_cassette() -> None:
    assert {path.stem for path in SCRIPTED.iterdir()} == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_says_where_it_comes_from(name: str) -> None:
    about = read_provenance(cassette(name))
    assert (about.provenance, about.scenarios) == ("scripted", (name,))
    assert about.provider in about.software


@pytest.mark.parametrize("name", SCENARIOS)
def test_none_holds_a_credential_or_tells_whose_account_it_was(name: str) -> None:
    assert headers(cassette(name)).isdisjoint(_CREDENTIALS | _ACCOUNTS)
    text = cassette(name).read_text()
    assert PLACEHOLDER not in text
    assert "sk-" not in text


@pytest.mark.parametrize("name", SCENARIOS)
def test_addresses_are_the_providers_own(name: str) -> None:
    home = f"https://api.{SCENARIOS[name].provider}.com/v1/"
    assert all(each["request"]["uri"].startswith(home) for each in interactions(cassette(name)))


def test_anthropics_own_headers_stay() -> None:
    kept = headers(cassette("messages-beta"))
    assert {"anthropic-version", "anthropic-beta", "anthropic-ratelimit-requests-limit", "request-id"} <= kept


def test_they_are_what_the_scripted_upstream_says_today(tmp_path: Path) -> None:
    """Otherwise: `python -m conformance.recordings.scripted`."""
    for path in (path for path in record_all(tmp_path / "anew") if of_this_generation(path.stem)):
        assert lasting(path) == lasting(cassette(path.stem)), path.stem


def test_recording_anew_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "chat-whole.yaml").write_text("old")
    (tmp_path / "of-somebody-else.yaml").write_text("kept")
    record_all(tmp_path)
    assert read_provenance(tmp_path / "chat-whole.yaml").provenance == "scripted"
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.yaml" for name in (*SCENARIOS, "of-somebody-else")}


def test_another_body_is_not_matched() -> None:
    with pytest.raises(NotOnTheCassetteError, match="Something else"), played(cassette("chat-whole")):
        sdk().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Something else"}])


def test_another_address_is_not_matched() -> None:
    other = sdk().with_options(base_url="https://gateway.example/v1")
    with pytest.raises(NotOnTheCassetteError), played(cassette("chat-whole")):
        scenarios.chat_whole(other, MODEL)


def test_an_exchange_is_played_once() -> None:
    with played(cassette("chat-whole")):
        scenarios.chat_whole(sdk(), MODEL)
        with pytest.raises(NotOnTheCassetteError):
            scenarios.chat_whole(sdk(), MODEL)


def test_an_exchange_that_nobody_asks_for_is_an_error() -> None:
    with pytest.raises(UnplayedInteractionsError, match="1 never asked for: https://api"):
        _first_turn_only()


def _first_turn_only() -> None:
    with played(cassette("chat-tools")):
        body = interactions(cassette("chat-tools"))[0]["request"]["body"]
        sdk().post("/chat/completions", cast_to=object, body=yaml.safe_load(body))


def test_a_cassette_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = cassette("chat-tools").read_bytes()
    cut = tmp_path / "cut.yaml"
    for size in range(0, len(whole) - 1, 97):
        cut.write_bytes(whole[:size])
        with pytest.raises(CassetteInvalidError, match=re.escape(f"{cut}: ")):
            read_provenance(cut)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("version: 1", "version: 2", "version: Input should be 1"),
        ("provenance: scripted", "provenance: hearsay", "metadata.provenance: Input should be 'live' or 'scripted'"),
        ("    method: POST\n", "", "interactions.0.request.method: Field required"),
        ("interactions:", "interactions: [", "line "),
        ("version: 1", "version: !!python/object/apply:os.getcwd []", "line "),
    ],
)
def test_a_damaged_one_is_refused_with_the_place(tmp_path: Path, old: str, new: str, place: str) -> None:
    damaged = tmp_path / "damaged.yaml"
    text = cassette("chat-whole").read_text()
    assert old in text
    damaged.write_text(text.replace(old, new))
    with pytest.raises(CassetteInvalidError) as caught, played(damaged):
        pytest.fail("nothing may be played from it")
    assert str(caught.value).startswith(f"{damaged}: {place}")


def test_one_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(CassetteInvalidError, match="No such file or directory"):
        read_provenance(tmp_path / "none.yaml")
