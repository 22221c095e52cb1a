from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from conformance.surface import Surface
from conformance.target import Pulse, TargetNotStartedError, launch, load, process
from conformance.target.running import _probe, free_port
from conformance.target.schema import Ready
from conformance.target.supervision import RESTARTS
from tests.target.samples import SECRETS, SMALL_GATEWAY, TOML, UPSTREAM, eventually, processes, target, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.target import Running, Target

ADMIN = {"ADMIN": "{secret:admin}"}


def asked(running: Running, path: str) -> Any:
    return httpx2.get(running.hooks.origin + path).json()


def killed(running: Running) -> tuple[str, ...]:
    """Every end of it that is told, once it serves again or is left to lie."""
    before = running.pulse.ends()
    os.kill(asked(running, "/pid"), signal.SIGKILL)
    assert eventually(lambda: running.pulse.ends_since(before) != ())
    return running.pulse.settled()


@pytest.fixture
def out_of_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """The time to get ready is over when this is seen: how long a busy machine takes to start is no matter."""

    def when(awaited: str) -> None:
        seen, patience = list[str | None](), time.monotonic() + 60

        def probed(*asked: Any) -> str | None:
            seen.append(_probe(*asked))
            return seen[-1]

        def now() -> float:
            return math.inf if seen and awaited in (seen[-1] or "") else max(0, time.monotonic() - patience)

        monkeypatch.setattr("conformance.target.running._probe", probed)
        monkeypatch.setattr("conformance.target.running.time", SimpleNamespace(monotonic=now, sleep=time.sleep))

    return when


def failure(failing: Target, workdir: Path) -> str:
    """What a launch that must fail says; nothing may be left of it."""
    with pytest.raises(TargetNotStartedError) as caught, launch(failing, UPSTREAM, SECRETS, workdir):
        pass
    assert processes(workdir) == []
    return str(caught.value)


def test_a_target_serves_while_the_block_lasts(tmp_path: Path) -> None:
    with launch(target(tmp_path), UPSTREAM, SECRETS, tmp_path) as running:
        url = running.surfaces[Surface.OPENAI_CHAT]
        assert httpx2.get(url).status_code == 200
        assert running.key == SECRETS["client"].value
        assert running.version == "1.2.3"
        assert running.pulse.ends() == ()
        assert b"small gateway is up" in running.output()
    assert processes(tmp_path) == []
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_its_replicas_are_the_same_surfaces_elsewhere(tmp_path: Path) -> None:
    there = target(tmp_path, replicas=["http://127.0.0.1:{port}/again/"])
    with launch(there, UPSTREAM, SECRETS, tmp_path / "work") as running:
        [replica] = running.replicas
        at = running.surfaces[Surface.OPENAI_CHAT].removesuffix("/v1")
        assert replica == {Surface.OPENAI_CHAT: f"{at}/again/v1"}


def test_a_replica_that_never_serves_is_missed(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:{second_port}"
    said = failure(target(tmp_path, replicas=[nowhere], start={"ready": {"seconds": 0.5}}), tmp_path)
    assert "not ready after 0.5 s" in said


def test_its_environment_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the user's own")
    with launch(target(tmp_path, start={"env": ADMIN}), UPSTREAM, SECRETS, tmp_path) as running:
        environment = asked(running, "/environment")
    assert environment.pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own doing
    assert set(environment) == {"PATH", "HOME", "LANG", "ADMIN"}
    assert environment["HOME"] == str(tmp_path)
    assert environment["ADMIN"] == SECRETS["admin"].value


def test_its_files_are_written_for_its_eyes_only(tmp_path: Path) -> None:
    files = {"etc/config.json": '{"url": "{upstream}/openai", "key": "{secret:openai}", "literal": "{{port}}"}'}
    with launch(target(tmp_path, start={"files": files}), UPSTREAM + "/", SECRETS, tmp_path):
        path = tmp_path / "etc" / "config.json"
        assert path.stat().st_mode & 0o077 == 0
        assert json.loads(path.read_text(encoding="utf-8")) == {
            "url": f"{UPSTREAM}/openai",
            "key": SECRETS["openai"].value,
            "literal": "{port}",
        }


def test_its_named_logs_are_output_too(tmp_path: Path) -> None:
    with launch(target(tmp_path, start={"logs": ["audit.jsonl"]}), UPSTREAM, SECRETS, tmp_path) as running:
        assert b"audited" not in running.output()
        (tmp_path / "audit.jsonl").write_text("audited", encoding="utf-8")
        assert b"audited" in running.output()


def test_a_gateway_that_ends_by_itself_is_started_again_and_its_end_is_told(tmp_path: Path) -> None:
    with launch(target(tmp_path), UPSTREAM, SECRETS, tmp_path) as running:
        first = asked(running, "/pid")
        assert killed(running) == ("was killed by SIGKILL\nit wrote last:\n  | small gateway is up",)
        assert asked(running, "/pid") != first
    assert processes(tmp_path) == []


def test_one_that_keeps_ending_is_left_to_lie(tmp_path: Path) -> None:
    with launch(target(tmp_path), UPSTREAM, SECRETS, tmp_path) as running:
        for _ in range(RESTARTS + 1):
            killed(running)
        assert not running.pulse.is_listening()
        assert running.pulse.obituary() == running.pulse.ends()
        assert len(running.pulse.ends()) == RESTARTS + 1


def test_one_whose_command_is_gone_is_left_to_lie(tmp_path: Path) -> None:
    command = tmp_path / "small-gateway"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {SMALL_GATEWAY} "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    start = {"command": [str(command), "{port}", "{workdir}"]}
    with launch(target(tmp_path, start=start), UPSTREAM, SECRETS, tmp_path) as running:
        command.unlink()
        _, why = killed(running)
        assert why.startswith("could not be started again: mine: ")
        assert "command not found" in why


def test_an_end_that_is_just_being_written_is_not_told_yet(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    pulse, whole = Pulse("http://127.0.0.1:9", journal), '{"event": "ended", "told": "was killed"}\n'
    for size in range(len(whole)):
        journal.write_text(whole[:size], encoding="utf-8")
        assert pulse.ends() == ()
    journal.write_text(whole, encoding="utf-8")
    assert pulse.ends() == ("was killed",)


def test_one_that_ends_while_the_run_does_is_not_started_again(tmp_path: Path) -> None:
    with launch(target(tmp_path), UPSTREAM, SECRETS, tmp_path) as running:
        os.kill(asked(running, "/pid"), signal.SIGKILL)
    assert processes(tmp_path) == []


def test_one_that_is_not_ours_to_start_is_missed_when_it_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pulse = Pulse(f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert pulse.obituary() == ()
    assert pulse.obituary() == (f"is gone: nobody listens at {pulse.url} any more",)
    assert pulse.ends_since(()) == ()


@pytest.mark.parametrize("flag", ["--child", "--stubborn", "--daemon"])
def test_nothing_outlives_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    with launch(target(tmp_path, flag), UPSTREAM, SECRETS, tmp_path):
        assert len(processes(tmp_path)) == (2 if flag == "--stubborn" else 3)
    assert processes(tmp_path) == []


def test_nothing_outlives_an_error_in_the_block(tmp_path: Path) -> None:
    def broken() -> None:
        with launch(target(tmp_path), UPSTREAM, SECRETS, tmp_path):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert processes(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_harness(tmp_path: Path, number: signal.Signals) -> None:
    script = (
        "import pathlib, sys; from conformance.target import launch, load; from conformance.secrets import mint\n"
        "secrets = {name: mint(name) for name in ('client', 'openai')}\n"
        f"with launch(load(sys.argv[1]), {UPSTREAM!r}, secrets, pathlib.Path(sys.argv[2])):\n"
        "    print('running', flush=True); sys.stdin.read()\n"
    )
    workdir = tmp_path / "work"
    harness = subprocess.Popen(
        [sys.executable, "-c", script, written(tmp_path), str(workdir)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with harness:
        assert harness.stdout is not None
        assert harness.stdout.readline() == b"running\n"
        assert len(processes(workdir)) == 3
        harness.send_signal(number)
        harness.wait(60)
    assert eventually(lambda: processes(workdir) == [])


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    failing = target(tmp_path, start={"command": ["no-such-gateway", "{workdir}"]})
    message = failure(failing, tmp_path)
    assert message.startswith("mine: no-such-gateway: command not found; install it, or put its directory on PATH (")


def test_a_command_may_lie_beside_its_target_file(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(f'#!/bin/sh\nexec {sys.executable} {SMALL_GATEWAY} "$@"\n', encoding="utf-8")
    (tmp_path / "run.sh").chmod(0o700)
    text = TOML.replace(f'"{{python}}", "{SMALL_GATEWAY}"', '"./run.sh"')
    with launch(load(written(tmp_path, text)), UPSTREAM, SECRETS, tmp_path / "work") as running:
        assert running.pulse.is_listening()


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = failure(target(tmp_path, start={"port": port}), tmp_path)
    assert message == (
        f"mine: port {port} is in use by another program; free it, or leave out target.start.port to take any free port"
    )


def test_a_free_port_is_given_to_nobody_before_it_is_taken() -> None:
    """Linux gives 32768 and higher ones: https://docs.kernel.org/networking/ip-sysctl.html, ip_local_port_range"""
    assert all(1024 <= free_port() < 32768 for _ in range(50))


def test_two_free_ports_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as used:
        drawn = iter([used.getsockname()[1], first := free_port(), second := free_port(first)])
        monkeypatch.setattr("conformance.target.running.choice", lambda _: next(drawn))
        assert free_port(first) == second


def test_a_fixed_port_is_taken_at_its_word(tmp_path: Path) -> None:
    port = free_port()
    with launch(target(tmp_path, start={"port": port}), UPSTREAM, SECRETS, tmp_path) as running:
        assert running.surfaces[Surface.OPENAI_CHAT] == f"http://127.0.0.1:{port}/v1"


@pytest.mark.parametrize("child", ["--child", "--daemon"])
def test_a_gateway_that_exits_at_once_has_the_last_word_without_secrets(tmp_path: Path, child: str) -> None:
    message = failure(target(tmp_path, "--exit", child, start={"env": ADMIN}), tmp_path)
    secret = SECRETS["admin"]
    assert message == (
        "mine: exited with code 7 before it served\nit wrote last:\n"
        f"  | cannot open the database [admin key {secret.fingerprint} in plain]"
    )


def test_a_silent_death_is_called_so(tmp_path: Path) -> None:
    failing = target(tmp_path, start={"command": ["{python}", "-c", "import os; os.abort()", "{workdir}"]})
    assert failure(failing, tmp_path) == "mine: was killed by SIGABRT before it served\nit wrote nothing"


def test_a_gateway_that_goes_to_the_background_is_told_not_to(tmp_path: Path) -> None:
    failing = target(tmp_path, start={"command": ["{python}", "-c", "", "{workdir}"]})
    assert "mine: exited with code 0 before it served; its command must stay in the foreground" in failure(
        failing, tmp_path
    )


def test_last_words_cannot_steer_a_terminal(tmp_path: Path) -> None:
    script = "import sys; print('\\x1b[2Jgone'); print('flood' * 100000); sys.exit(1)"
    failing = target(tmp_path, start={"command": ["{python}", "-c", script, "{workdir}"]})
    message = failure(failing, tmp_path)
    assert "\x1b" not in message
    assert len(message) < 5000


def test_a_gateway_that_never_gets_ready(tmp_path: Path, out_of_time: Callable[[str], None]) -> None:
    out_of_time("status 503")
    start = {"ready": {"path": "/health", "seconds": 2}}
    message = failure(target(tmp_path, "--never-ready", start=start), tmp_path)
    assert "mine: not ready after 2 s: http://127.0.0.1:" in message
    assert "/health: status 503\nit wrote last:\n  | small gateway is up" in message


def test_a_gateway_that_never_listens(tmp_path: Path) -> None:
    command = ["{python}", "-c", "import signal; signal.pause()", "{workdir}"]
    message = failure(target(tmp_path, start={"command": command, "ready": {"seconds": 0.5}}), tmp_path)
    assert "Connection refused" in message


def test_a_gateway_that_accepts_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out_of_time: Callable[[str], None]
) -> None:
    monkeypatch.setattr("conformance.target.running._PROBE_TIMEOUT", 0.2)
    out_of_time("timed out")
    script = "import signal, socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); signal.pause()"
    start = {"command": ["{python}", "-c", script, "{port}", "{workdir}"], "ready": {"seconds": 2}}
    assert "timed out" in failure(target(tmp_path, start=start), tmp_path)


def test_readiness_can_ask_for_one_status(tmp_path: Path, out_of_time: Callable[[str], None]) -> None:
    out_of_time("status 200")
    start = {"ready": {"status": 204, "seconds": 2}}
    assert "status 200" in failure(target(tmp_path, start=start), tmp_path)


def test_a_target_that_already_runs_is_left_alone(tmp_path: Path) -> None:
    with launch(target(tmp_path), UPSTREAM, SECRETS, tmp_path) as first:
        elsewhere = target(tmp_path, surfaces=dict(first.surfaces)).model_copy(update={"start": None})
        with launch(elsewhere, UPSTREAM, SECRETS, tmp_path / "second") as second:
            assert second.surfaces == first.surfaces
            assert (second.output(), second.pulse.ends()) == (b"", ())
        assert first.pulse.ends() == ()


def test_a_target_that_should_run_and_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.target.running._RUNS_ALREADY", Ready(seconds=0.1))
    gone = target(tmp_path, surfaces={"openai-chat": "http://127.0.0.1:9/v1"}).model_copy(update={"start": None})
    assert "mine: not ready after 0.1 s: http://127.0.0.1:9/" in failure(gone, tmp_path)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_version_is_found_in_what_a_command_prints(tmp_path: Path, stream: str) -> None:
    command = ["{python}", "-c", f"import sys; print('small/v1.22.1-rc2 (x)', file=sys.{stream})"]
    with launch(target(tmp_path, version=None, version_command=command), UPSTREAM, SECRETS, tmp_path) as running:
        assert running.version == "1.22.1-rc2"


def test_a_version_command_that_fails(tmp_path: Path) -> None:
    failing = target(tmp_path, version=None, version_command=["{python}", "-c", "raise SystemExit(3)"])
    assert "mine: target.version_command: " in failure(failing, tmp_path)


def test_the_launch_can_be_described_to_another_process(tmp_path: Path) -> None:
    with launch(target(tmp_path), UPSTREAM, SECRETS, tmp_path) as running:
        description = json.loads(json.dumps(running.describe()))
    assert description["surfaces"] == {"openai-chat": running.surfaces[Surface.OPENAI_CHAT]}
    assert (description["key"], description["version"]) == (running.key, "1.2.3")


def test_what_is_not_installed_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFORMANCE_TARGETS", str(tmp_path))
    message = failure(target(tmp_path, install={"pip": ["mine"]}), tmp_path)
    assert message == "mine: not installed; run: conformance targets install mine@1.2.3"
