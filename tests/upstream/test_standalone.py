"""`conformance upstream serve`, as a process."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx2
import openai
import pytest

from conformance.surface import Provider
from conformance.upstream import Reply, Upstream, UpstreamAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "conformance", "upstream", "serve"]
CHOSEN = "sk-chosen-by-the-user"


@contextmanager
def serving(**environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, list[str]]]]:
    """The process, and the words of each line that it says, by the first."""
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "the scripted upstream serves until Ctrl-C\n"
            lines = [process.stdout.readline().split() for _ in range(len(Provider) + 1)]
            yield process, {words[0]: words[1:] for words in lines}
        finally:
            process.kill()


async def test_it_says_where_it_listens_and_which_keys_it_takes() -> None:
    with serving() as (_, said):
        url, _, key = said["openai"]
        async with openai.AsyncOpenAI(api_key=key, base_url=url, max_retries=0) as sdk:
            completion = await sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hello"}])
        assert "no script goes with this request" in (completion.choices[0].message.content or "")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/anthropic", said["anthropic"][0])


async def test_its_control_takes_scripts_and_shows_the_journal() -> None:
    with serving(CONFORMANCE_UPSTREAM_OPENAI_KEY=CHOSEN) as (_, said):
        control_url, _, secret = said["control"]
        async with Upstream(UpstreamAddress("", control_url, secret)) as upstream:
            await upstream.answers_strangers(Reply(text="scripted"))
            async with httpx2.AsyncClient(headers={"authorization": f"Bearer {CHOSEN}"}) as http:
                answer = await http.post(f"{said['openai'][0]}/chat/completions", json={"model": "m", "messages": []})
            assert answer.json()["choices"][0]["message"]["content"] == "scripted"
            [call] = await upstream.journal()
            assert call.path == "/openai/v1/chat/completions"


def test_a_key_that_the_user_chose_is_not_repeated() -> None:
    with serving(CONFORMANCE_UPSTREAM_OPENAI_KEY=CHOSEN) as (_, said):
        assert said["openai"][1:] == ["key", "from", "$CONFORMANCE_UPSTREAM_OPENAI_KEY"]


def test_ctrl_c_ends_it_cleanly() -> None:
    with serving() as (process, _):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_a_port_in_use_is_one_clear_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: the upstream cannot listen on 127.0.0.1 port {port}: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["-1", "70000", "x"])
def test_a_port_that_is_none_is_wrong_usage(port: str) -> None:
    done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
