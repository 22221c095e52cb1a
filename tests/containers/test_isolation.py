"""Clients that can reach the gateway and nothing else, and what becomes of one that tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conformance.upstream import Reply, ToolCall, Upstream
from gateway import sandbox
from tests.containers.isolation import House, house
from tests.containers.programs import CONVERSATION, STRAIGHT_TO_THE_PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.containers

CALL = Reply(tool_calls=(ToolCall("call_bergen_1", "weather", '{"city": "Bergen"}'),))
ANSWER = Reply(text="It rains in Bergen.")
COMPLETE = {"called": "weather", "with": {"city": "Bergen"}, "said": "It rains in Bergen."}


async def conversed(at: House, environment: dict[str, str], *, network: bool) -> dict[str, Any]:
    """What the client tells; the provider's side of it is judged here."""
    async with Upstream(at.upstream) as upstream:
        scripts = {name: await upstream.answers(CALL, ANSWER) for name in ("openai", "anthropic")}
        prompts = {f"PROMPT_{name.upper()}": script.prompt for name, script in scripts.items()}
        told: dict[str, Any] = at.run_client(CONVERSATION, {**environment, **prompts}, network=network)
        for script in scripts.values():
            asked = await script.journal()
            assert len(asked) == 2
            assert not any(at.key in str(each.headers) for each in asked)
    for name in scripts:
        assert told[name].pop("events") > 3
        assert told[name] == COMPLETE
    return told


async def test_a_client_without_a_network_converses_through_the_socket(tmp_path: Path) -> None:
    with house(tmp_path, on_socket=True) as at:
        environment = sandbox.environment(sandbox.Access("http://gateway", at.key))
        told = await conversed(at, {**environment, "GATEWAY_SOCKET": "/run/gateway.sock"}, network=False)
        assert told["interfaces"] == ["lo"]
        assert at.heard() == []


async def test_a_client_whose_only_way_out_is_the_gateway_contacts_nobody_else(tmp_path: Path) -> None:
    with house(tmp_path, on_socket=False) as at:
        environment = sandbox.environment(sandbox.Access("http://gateway:8080", at.key))
        await conversed(at, environment, network=True)
        assert at.heard() == []


def test_a_client_that_goes_straight_to_the_providers_is_caught(tmp_path: Path) -> None:
    with house(tmp_path, on_socket=False) as at:
        assert len(at.run_client(STRAIGHT_TO_THE_PROVIDERS, {}, network=True)) == 4
        heard = [(each["port"], each["heard"]) for each in at.heard()]
    for port, host in ((443, "api.openai.com"), (443, "api.anthropic.com"), (80, "generativelanguage.googleapis.com")):
        assert any(port == on and host in text for on, text in heard), (host, heard)
