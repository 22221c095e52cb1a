"""The official SDKs, made without an argument in a process that knows nothing but what `gateway env` printed."""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from gateway import sandbox
from gateway.cli import main
from gateway.config import Listen
from gateway.keys import digest_of
from tests.gateway.sandbox import clients

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway import Gateway
    from tests.gateway.conftest import ScriptedUpstream

KEY = "gw-one"
URL = "http://gateway.test:8080"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "everywhere",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hei"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
EVERYWHERE = '[[models]]\nname = "everywhere"\nprovider = "openai"\nprotocol = "openai-chat"\n'


def told(*arguments: str) -> dict[str, str]:
    result = CliRunner().invoke(main, ["env", "--shell", "json", *arguments], env={"LLM_GATEWAY_URL": None})
    assert result.exit_code == 0, result.output
    environment: dict[str, str] = json.loads(result.stdout)
    return environment


async def answers(environment: dict[str, str], *names: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", clients.__file__, *names), env=environment, stdout=asyncio.subprocess.PIPE
    )
    stdout, _ = await process.communicate()
    return json.loads(stdout)


@pytest.fixture
def config(config: Path) -> Path:
    config.write_text(config.read_text() + EVERYWHERE)
    return config


async def test_every_sdk_reaches_the_gateway_and_shows_the_virtual_key(
    gateway: Gateway, key: str, upstream: ScriptedUpstream, audited: Callable[[], list[dict[str, Any]]]
) -> None:
    upstream.says(json.dumps(ANSWER).encode())
    names = ("openai", "openai-responses", "openai-module", "azure", "anthropic", "genai")
    assert await answers(told("--key", key, "--base-url", gateway.url), *names) == dict.fromkeys(names, "Hei")
    await gateway.__aexit__()
    assert [(row["key"], row["surface"], row["path"]) for row in audited()] == [
        (digest_of(key).hex()[:12], surface, path)
        for surface, path in (
            ("openai-chat", "/v1/chat/completions"),
            ("openai-responses", "/v1/responses"),
            ("openai-chat", "/v1/chat/completions"),
            ("azure-openai", "/openai/deployments/everywhere/chat/completions"),
            ("anthropic-messages", "/v1/messages"),
            ("gemini", "/v1/models/everywhere:generateContent"),
        )
    ]


async def test_each_sdk_sends_the_key_in_its_own_header_and_nowhere_else(upstream: ScriptedUpstream) -> None:
    carriers = {
        "openai": ("authorization", "Bearer gw-one"),
        "azure": ("api-key", "gw-one"),
        "anthropic": ("authorization", "Bearer gw-one"),
        "genai": ("x-goog-api-key", "gw-one"),
        "bedrock": ("authorization", "Bearer gw-one"),
    }
    upstream.says(b"{}", status=403)
    await answers(told("--key", KEY, "--base-url", upstream.url), *carriers)
    names = {name for name, _ in carriers.values()} | {"x-api-key"}
    sent = [
        [(name.lower(), value) for name, value in each.headers if name.lower() in names] for each in upstream.received
    ]
    assert sent == [[carrier] for carrier in carriers.values()]


@pytest.mark.parametrize(("agent", "client"), [("openai", "openai"), ("anthropic", "anthropic")])
async def test_what_is_meant_for_one_sdk_is_enough_for_it(upstream: ScriptedUpstream, agent: str, client: str) -> None:
    upstream.says(b"{}", status=403)
    await answers(told("--key", KEY, "--base-url", upstream.url, "--agent", agent), client)
    assert [each.values("authorization") for each in upstream.received] == [["Bearer gw-one"]]


@pytest.mark.parametrize("agent", [None, *sandbox.AGENTS])
def test_there_is_one_key_under_every_name(agent: sandbox.Agent | None) -> None:
    environment = sandbox.environment(sandbox.Access(URL, KEY, "big", "small"), agent)
    named = {value for name, value in environment.items() if name.endswith(("_KEY", "_TOKEN", "_TOKEN_BEDROCK"))}
    assert named == {KEY}
    assert {value for value in environment.values() if "://" in value} <= {URL, f"{URL}/v1", f"{URL}/v1beta"}


def test_models_are_told_to_claude_code_under_every_alias() -> None:
    environment = sandbox.environment(sandbox.Access(URL, KEY, "big", "small"), "claude-code")
    assert {name: value for name, value in environment.items() if name.endswith("_MODEL")} == {
        "ANTHROPIC_MODEL": "big",
        "ANTHROPIC_DEFAULT_OPUS_MODEL": "big",
        "ANTHROPIC_DEFAULT_SONNET_MODEL": "big",
        "ANTHROPIC_DEFAULT_FABLE_MODEL": "big",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "small",
        "ANTHROPIC_SMALL_FAST_MODEL": "small",
    }


def test_no_model_is_made_up() -> None:
    environment = sandbox.environment(sandbox.Access(URL, KEY))
    assert not [name for name in environment if name.endswith("_MODEL")]
    assert "model" not in tomllib.loads(sandbox.settings_file(sandbox.Access(URL), "codex"))


def test_codex_is_configured_for_the_gateway_whichever_provider_it_takes() -> None:
    config = tomllib.loads(sandbox.settings_file(sandbox.Access(URL, KEY, 'a "model"\x7f \\ é'), "codex"))
    assert config["model"] == 'a "model"\x7f \\ é'
    assert config["openai_base_url"] == f"{URL}/v1"
    assert config["model_providers"] == {
        config["model_provider"]: {
            "name": "gateway",
            "base_url": f"{URL}/v1",
            "env_key": "LLM_GATEWAY_KEY",
            "wire_api": "responses",
        }
    }


def test_claude_code_has_its_key_from_the_helper_alone() -> None:
    settings = json.loads(sandbox.settings_file(sandbox.Access(URL, KEY, "big"), "claude-code"))
    assert settings["apiKeyHelper"] == "printenv LLM_GATEWAY_KEY"
    assert (settings["env"]["ANTHROPIC_BASE_URL"], settings["env"]["ANTHROPIC_MODEL"]) == (URL, "big")
    assert (settings["env"]["ANTHROPIC_API_KEY"], settings["env"]["ANTHROPIC_AUTH_TOKEN"]) == ("", "")
    assert KEY not in json.dumps(settings)


@pytest.mark.parametrize("agent", ["openai", "anthropic", None])
def test_others_have_no_settings_file(agent: sandbox.Agent | None) -> None:
    with pytest.raises(sandbox.AgentWithoutSettingsError, match=r"config\.toml"):
        sandbox.settings_file(sandbox.Access(URL), agent)


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        (Listen(), "http://127.0.0.1:8080"),
        (Listen(host="::1", port=1), "http://[::1]:1"),
        (Listen(host="gateway.internal"), "http://gateway.internal:8080"),
    ],
)
def test_the_gateways_own_address_is_the_default(listen: Listen, url: str) -> None:
    assert sandbox.address(listen) == url


@pytest.mark.parametrize("listen", [Listen(host="::"), Listen(host=""), Listen(port=0), Listen(uds=Path("gw"))])
def test_an_address_that_no_client_can_use_is_refused(listen: Listen) -> None:
    with pytest.raises(ValueError, match=r"clients|client's"):
        sandbox.address(listen)
