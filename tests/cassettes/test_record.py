"""`conformance record`, with the scripted upstream in the place of a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import anyio
import pytest
from click.testing import CliRunner, Result

from conformance.cli import main
from conformance.recordings import SCENARIOS, played, read_provenance, scenarios
from conformance.recordings.capture import connected
from conformance.surface import Provider
from conformance.upstream import Reply, Upstream, UpstreamAddress, UpstreamProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-ant-the-key-of-the-user"


@pytest.fixture(scope="module")
def upstream() -> Iterator[UpstreamAddress]:
    with UpstreamProcess({"anthropic": KEY, "openai": KEY}) as address:
        yield address


def script(address: UpstreamAddress, *replies: Reply) -> None:
    async def register() -> None:
        async with Upstream(address) as upstream:
            await upstream.answers_strangers(*replies)

    anyio.run(register)


def record(upstream: UpstreamAddress, out: Path, *names: str, key: str | None = KEY) -> Result:
    arguments = ["record", "anthropic", "--model", "claude-x", "--out", str(out)]
    arguments += ["--base-url", f"{upstream.url}/anthropic", *names]
    return CliRunner(env={"ANTHROPIC_API_KEY": key}).invoke(main, arguments)


def test_scenarios_of_a_provider_go_on_one_cassette(upstream: UpstreamAddress, tmp_path: Path) -> None:
    script(upstream, *SCENARIOS["messages-whole"].replies)
    out = tmp_path / "new" / "live.yaml"
    result = record(upstream, out, "messages-whole", "messages-streamed")
    assert (result.exit_code, result.output) == (0, f"{out}: 2 exchanges of messages-whole, messages-streamed\n")
    about = read_provenance(out)
    assert (about.provenance, about.model) == ("live", "claude-x")
    assert about.scenarios == ("messages-whole", "messages-streamed")
    with played(out), connected(Provider.ANTHROPIC) as sdk:
        assert isinstance(sdk, anthropic.Anthropic)
        assert scenarios.messages_whole(sdk, "claude-x").stop_reason == "end_turn"
        assert scenarios.messages_streamed(sdk, "claude-x")[-1].type == "message_stop"


def test_the_key_reaches_the_provider_and_no_file(upstream: UpstreamAddress, tmp_path: Path) -> None:
    script(upstream, Reply(text="ok"))
    result = record(upstream, tmp_path / "live.yaml", "messages-beta")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "live.yaml").read_text()
    assert KEY not in text
    assert "authorization" not in text.lower()
    assert "x-api-key" not in text.lower()
    assert "anthropic-beta:" in text


def test_a_provider_that_repeats_the_key_leaves_no_file(upstream: UpstreamAddress, tmp_path: Path) -> None:
    script(upstream, Reply(text=f"You are {KEY}"))
    result = record(upstream, tmp_path / "live.yaml", "messages-whole")
    assert result.exit_code == 3
    assert "not written: anthropic key" in result.output
    assert KEY not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_not_written_over(upstream: UpstreamAddress, tmp_path: Path) -> None:
    out = tmp_path / "live.yaml"
    out.write_text("precious")
    result = record(upstream, out)
    assert (result.exit_code, out.read_text()) == (2, "precious")
    assert f"{out}: exists and is not written over" in result.output


def test_a_wrong_key_is_the_providers_word_and_no_file(upstream: UpstreamAddress, tmp_path: Path) -> None:
    result = record(upstream, tmp_path / "live.yaml", "messages-whole", key="sk-ant-a-wrong-key-of-mine")
    assert result.exit_code == 3
    assert "nothing written: messages-whole: AuthenticationError: " in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_provider_that_cannot_be_reached_is_one_message(tmp_path: Path) -> None:
    nowhere = UpstreamAddress("http://127.0.0.1:1", "", "")
    result = record(nowhere, tmp_path / "live.yaml", "messages-whole")
    assert (result.exit_code, result.output) == (
        3,
        "Error: nothing written: messages-whole: APIConnectionError: Connection error.\n",
    )


@pytest.mark.parametrize(
    ("key", "scenario", "said"),
    [
        (None, "messages-whole", "ANTHROPIC_API_KEY is not set: the key is taken from the environment"),
        ("short", "messages-whole", "ANTHROPIC_API_KEY is too short for a key"),
        (KEY, "chat-whole", "anthropic has no scenario chat-whole; there are messages-whole, "),
    ],
)
def test_wrong_usage_is_said_in_one_message(
    upstream: UpstreamAddress, tmp_path: Path, key: str | None, scenario: str, said: str
) -> None:
    result = record(upstream, tmp_path / "live.yaml", scenario, key=key)
    assert result.exit_code == 2
    assert said in result.output
