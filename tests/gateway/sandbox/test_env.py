"""`gateway env`, as a user sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from gateway import sandbox
from gateway.cli import main

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://gateway.test:8080"
CONFIG = """
[listen]
port = 0
[keys]
database = "keys.sqlite3"
[[providers]]
id = "openai"
surfaces = ["openai-chat"]
base_url = "https://api.openai.com/v1"
credential = { env = "NOT_SET_WHERE_AGENTS_ARE_STARTED" }
[[models]]
name = "big"
provider = "openai"
protocol = "openai-chat"
"""
OPENAI = "sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x"
GIVEN = {"OPENAI_API_KEY": OPENAI, "NOTES": f"the key is {OPENAI}", "DATABASE_URL": "postgres://u:p@db/app"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG)
    return path


def env(*arguments: str, given: dict[str, str] | None = None, stdin: str | None = None) -> Result:
    """In an environment of `given` alone."""
    there = dict.fromkeys(os.environ) | (given or {})
    return CliRunner().invoke(main, ["env", *arguments], env=there, input=stdin)


def test_the_gateways_own_address_and_a_key_are_enough(config: Path) -> None:
    config.write_text(CONFIG.replace("port = 0", "port = 4321"))
    result = env("--config", str(config), "--key", "gw-one", "--agent", "openai", "--shell", "dotenv")
    assert result.exit_code == 0
    assert "OPENAI_API_KEY=gw-one\nOPENAI_BASE_URL=http://127.0.0.1:4321/v1\n" in result.stdout


def test_nothing_but_the_key_is_needed() -> None:
    assert "export ANTHROPIC_BASE_URL=http://127.0.0.1:8080\n" in env("--key", "gw-one").stdout


def test_one_variable_is_enough_for_the_address_and_one_for_the_key() -> None:
    result = env("--shell", "json", given={"LLM_GATEWAY_URL": f"{URL}/", "LLM_GATEWAY_KEY": "gw-one"})
    assert json.loads(result.stdout) == sandbox.environment(sandbox.Access(URL, "gw-one"))


def test_addresses_come_without_a_key_to_those_who_want_them_so() -> None:
    given = {"LLM_GATEWAY_URL": URL, "LLM_GATEWAY_KEY": "gw-one", "CLAUDE_CODE_USE_BEDROCK": "1"}
    result = env("--no-key", "--shell", "json", given=given)
    assert json.loads(result.stdout) == sandbox.environment(sandbox.Access(URL))
    assert "gw-one" not in result.output
    assert result.stderr == ""


def test_a_shell_unsets_what_leads_past_the_gateway() -> None:
    result = env("--key", "gw-one", given={"CLAUDE_CODE_USE_BEDROCK": "1", "HOME": "/home/me"})
    assert [line for line in result.stdout.splitlines() if "unset" in line] == ["unset CLAUDE_CODE_USE_BEDROCK"]
    assert "HOME" not in result.stdout


def test_claude_code_can_be_led_to_a_socket(config: Path) -> None:
    config.write_text(CONFIG.replace("port = 0", 'uds = "gw.sock"'))
    told = ("--config", str(config), "--key", "gw-one", "--shell", "json")
    by_config = json.loads(env(*told, "--agent", "claude-code").stdout)
    assert by_config["ANTHROPIC_UNIX_SOCKET"] == str(config.parent / "gw.sock")
    elsewhere = json.loads(env(*told, "--agent", "claude-code", "--unix-socket", "/run/gw.sock").stdout)
    assert (elsewhere["ANTHROPIC_UNIX_SOCKET"], elsewhere["ANTHROPIC_BASE_URL"]) == ("/run/gw.sock", "http://gateway")
    assert "ANTHROPIC_UNIX_SOCKET" not in json.loads(env(*told, "--base-url", URL).stdout)
    settings = env(*told, "--agent", "claude-code", "--settings")
    assert "ANTHROPIC_UNIX_SOCKET" not in json.loads(settings.stdout)["env"]
    assert f"ANTHROPIC_UNIX_SOCKET={config.parent / 'gw.sock'}" in settings.stderr
    result = env(*told, "--agent", "openai")
    assert (result.exit_code, "only claude-code can be led to a Unix socket" in result.stderr) == (2, True)


def test_codex_is_told_of_its_file() -> None:
    assert "--settings" in env("--key", "gw-one", "--agent", "codex").stderr
    settings = env("--base-url", URL, "--agent", "codex", "--settings").stdout
    assert tomllib.loads(settings)["openai_base_url"] == f"{URL}/v1"


def test_settings_need_no_key() -> None:
    settings = json.loads(env("--base-url", URL, "--agent", "claude-code", "--settings", "--model", "big").stdout)
    assert settings["env"]["ANTHROPIC_MODEL"] == "big"


def test_the_filter_takes_this_environment() -> None:
    result = env("--filter", "--shell", "json", given=GIVEN)
    assert json.loads(result.stdout) == {"DATABASE_URL": GIVEN["DATABASE_URL"]}
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["removed OPENAI_API_KEY", "removed NOTES"]
    assert OPENAI not in result.output


@pytest.mark.parametrize(
    "stdin",
    [
        json.dumps(GIVEN),
        "".join(f"{name}={value}\n" for name, value in GIVEN.items()),
        "".join(f"{name}={value}\0" for name, value in GIVEN.items()),
    ],
)
def test_the_filter_takes_an_environment_in_any_form(stdin: str) -> None:
    result = env("--filter", "--from", "-", "--shell", "dotenv", given={"MINE": "x"}, stdin=stdin)
    assert result.stdout == f"DATABASE_URL='{GIVEN['DATABASE_URL']}'\n".replace("'", "")
    assert OPENAI not in result.output


def test_with_a_key_the_gateway_takes_the_providers_place() -> None:
    given = GIVEN | {"OPENAI_BASE_URL": "https://api.openai.com/v1", "MISTRAL_API_KEY": "x", "ANTHROPIC_PROFILE": "me"}
    moved = json.loads(env("--filter", "--key", "gw-one", "--base-url", URL, "--shell", "json", given=given).stdout)
    told = sandbox.environment(sandbox.Access(URL, "gw-one"))
    assert moved == {"DATABASE_URL": GIVEN["DATABASE_URL"], **told}


def test_a_shell_forgets_what_the_filter_took() -> None:
    """As a process of its own: bytes that are no text come through too."""
    line = 'eval "$("$0" -m gateway env --filter --key gw-one 2>/dev/null)"; /usr/bin/env -0'
    given = {os.fsencode(name): os.fsencode(value) for name, value in (GIVEN | {"MISTRAL_API_KEY": "x"}).items()}
    there = given | {b"BYTES": b"\xff 'x'", b"PATH": os.environb[b"PATH"]}
    done = subprocess.run(["/bin/sh", "-c", line, sys.executable], env=there, stdout=subprocess.PIPE, check=True)
    environment = dict(entry.split(b"=", 1) for entry in done.stdout.split(b"\0") if entry)
    assert not {b"NOTES", b"MISTRAL_API_KEY"} & environment.keys()
    assert (environment[b"OPENAI_API_KEY"], environment[b"BYTES"]) == (b"gw-one", b"\xff 'x'")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "a virtual key is needed"),
        (("--key", "two words"), "cannot stand in a header"),
        (("--key", "gw-one\n"), "cannot stand in a header"),
        (("--key", "gw-one", "--base-url", "gateway.test"), "http:// or https://"),
        (("--key", "gw-one", "--base-url", f"{URL}/v1/"), "leave /v1 out"),
        (("--key", "gw-one", "--base-url", "http://u:p@gateway.test"), "no credentials"),
        (("--key", "gw-one", "--settings"), "only codex"),
        (("--key", "gw-one", "--from", "-"), "--from belongs to --filter"),
        (("--filter", "--no-key"), "leaves none"),
        (("--filter", "--from", "-"), "entry 1 is not NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], said: str) -> None:
    result = env(*arguments, stdin="nothing of the kind")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_an_address_for_nobody_is_refused(config: Path) -> None:
    result = env("--config", str(config), "--key", "gw-one")
    assert (result.exit_code, "127.0.0.1:0 is no address for clients" in result.stderr) == (2, True)


@pytest.mark.parametrize("option", ["--model", "--small-model"])
def test_a_model_that_the_gateway_refuses_is_refused_here(config: Path, option: str) -> None:
    config.write_text(CONFIG + '[routing]\nunknown_models = "refuse"\n')
    known = ("--config", str(config), "--base-url", URL, "--key", "gw-one", "--model", "big")
    assert env(*known).exit_code == 0
    result = env(*known, option, "bigger")
    assert (result.exit_code, "no model 'bigger'" in result.stderr) == (2, True)
