"""Environments as text, whatever their values hold, read back by those who read such text."""

from __future__ import annotations

import json
import subprocess
from io import StringIO

import dotenv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import sandbox

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ENVIRONMENTS = st.dictionaries(NAMES, VALUES)
NASTY = {
    "QUOTES": """it's "quoted" `here` $(and) ${there} \\ \\' \\n""",
    "LINES": "one\ntwo\r\n\tthree\n",
    "SPACES": "  a  ",
    "HASH": "#not a comment # nor this",
    "EQUALS": "=a=b=",
    "GLOB": "*?[a]~",
    "UNICODE": "é漢🙂\u2028",
    "EMPTY": "",
    "OPTION": "-n",
}


def test_a_shell_reads_any_value_as_it_is() -> None:
    script = sandbox.printed(NASTY, "sh") + 'exec "$@"'
    lines = subprocess.run(["/bin/sh", "-c", script, "sh", "/usr/bin/env", "-0"], env={}, stdout=-1, check=True).stdout
    assert NASTY.items() <= sandbox.parsed(lines.decode()).items()


def test_a_shell_forgets_what_is_to_be_unset() -> None:
    script = sandbox.printed({"KEPT": "x"}, "sh", ["GONE", "not a name; exit 1"]) + "/usr/bin/env -0"
    env = {"GONE": "y", "PATH": "/bin"}
    lines = subprocess.run(["/bin/sh", "-c", script], env=env, stdout=-1, check=True).stdout
    environment = sandbox.parsed(lines.decode())
    assert environment["KEPT"] == "x"
    assert "GONE" not in environment


@given(ENVIRONMENTS)
def test_dotenv_is_read_as_it_is(environment: dict[str, str]) -> None:
    stream = StringIO(sandbox.printed(environment, "dotenv"))
    assert dotenv.dotenv_values(stream=stream, interpolate=False) == environment


def test_plain_values_stand_bare_in_dotenv() -> None:
    """As `docker run --env-file` wants them: it takes quotes for part of the value."""
    environment = {"LLM_GATEWAY_URL": "http://[::1]:80", "LLM_GATEWAY_KEY": "gw-a_B1", "EMPTY": ""}
    printed = sandbox.printed(environment, "dotenv")
    assert printed.splitlines()[1:] == ["LLM_GATEWAY_KEY=gw-a_B1", "EMPTY="]


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_json_is_read_as_it_is(environment: dict[str, str]) -> None:
    assert json.loads(sandbox.printed(environment, "json")) == environment


@given(ENVIRONMENTS)
def test_json_and_what_env_says_come_back(environment: dict[str, str]) -> None:
    assert sandbox.parsed(sandbox.printed(environment, "json")) == environment
    assert sandbox.parsed("".join(f"{name}={value}\0" for name, value in environment.items())) == environment


def test_lines_come_back() -> None:
    assert sandbox.parsed("A=1\n\nB=x=y z\nC=\n") == {"A": "1", "B": "x=y z", "C": ""}


@pytest.mark.parametrize(
    "text", ["A=1\nsecond line", "=x", "{", '{"A": 1}', '{"": "x"}', '{"A=B": "x"}', '{"A": "\\u0000"}']
)
def test_what_is_no_environment_is_refused_without_its_values(text: str) -> None:
    with pytest.raises(sandbox.NotAnEnvironmentError) as raised:
        sandbox.parsed(text)
    assert "second line" not in str(raised.value)


def test_only_json_says_every_name() -> None:
    environment = {"FINE": "", "BASH_FUNC_x%%": "() { :; }", "npm.config": "x"}
    assert [sandbox.unspeakable(environment, shell) for shell in sandbox.SHELLS] == [
        ["BASH_FUNC_x%%", "npm.config"],
        [],
        ["BASH_FUNC_x%%", "npm.config"],
    ]
    assert sandbox.printed(environment, "sh") == "export FINE=''\n"
