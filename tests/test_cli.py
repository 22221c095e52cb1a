"""The command as users run it: in a process of its own, from a directory of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from conformance.catalogue import load_suites
from conformance.faulty import FAULTS
from conformance.target.loading import BUILTIN
from reports.schema import PATH as SCHEMA
from tests.recordings.samples import alone

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
KEY = re.compile(rb"sk-conformance-[a-z]+-[0-9a-f]{32}")
RELAY = BUILTIN["relay"].read_text(encoding="utf-8").replace("{here}/../../..", str(ROOT))
COMMAND = re.compile(r"^command = \[.*\]$", re.MULTILINE)
ONE = ("--check", "plain/text")


@dataclass(frozen=True)
class Done:
    """What a finished command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A user's directory, whose pytest configuration is nobody's business but theirs."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not yours to import')\n", encoding="utf-8")
    return tmp_path


def environment(here: Path) -> dict[str, str]:
    """All children carry the directory in their environment, and can be told by it; HOME of a target lies in TMPDIR."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "TMPDIR": str(here)}


def conformance(here: Path, *arguments: str, script: str = "", seconds: float = 300) -> Done:
    command = [sys.executable, *(["-c", script] if script else ["-m", "conformance"]), *arguments]
    done = subprocess.run(
        command, cwd=here, env=environment(here), capture_output=True, text=True, timeout=seconds, check=False
    )
    assert left_behind(here) == []
    return Done(done.returncode, done.stdout, done.stderr)


def left_behind(here: Path, seconds: float = 60) -> list[str]:
    """What still runs of all that was started from the directory, after a moment to end."""
    deadline = time.monotonic() + seconds
    while (found := list(_running(here))) and time.monotonic() < deadline:
        pass
    return found


def _running(here: Path) -> Iterator[str]:
    mark = str(here).encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = mark in (process / "environ").read_bytes() or mark in (process / "cmdline").read_bytes()
            if ours:
                yield (process / "cmdline").read_bytes().decode()
        except OSError:
            continue


def target(here: Path, text: str = RELAY, name: str = "mine.toml", **swapped: str) -> str:
    for old, new in swapped.items():
        assert old in text
        text = text.replace(old, new)
    (here / name).write_text(text, encoding="utf-8")
    return name


def faulty(here: Path, fault: str) -> str:
    return target(here, RELAY.replace('"{upstream}"]', f'"{{upstream}}", "--fault", "{fault}"]'))


def bad(here: Path, behaviour: str) -> str:
    """The relay's target file, with something hostile in the relay's place."""
    command = json.dumps(["{python}", "-m", "tests.run.hostile", behaviour, "{port}"])
    text = COMMAND.sub(f"command = {command}", RELAY)
    return target(here, alone(text).replace("/healthz", "/ready"))


def report(here: Path, directory: str = "out") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((here / directory / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(content, json.loads(SCHEMA.read_text(encoding="utf-8")))
    return content


def assert_one_message(done: Done, code: int, *parts: str) -> None:
    assert done.code == code, done.said
    assert "Traceback" not in done.said
    assert done.err.count("Error: ") == 1
    for part in parts:
        assert part in done.err
    assert done.out == ""


# Certify: what a run leaves


def test_a_target_that_holds_is_conformant_from_any_directory(here: Path) -> None:
    done = conformance(here, "certify", "relay", *ONE, "--check", "headers/beta/known")
    assert done.code == 0, done.said
    assert "conformant  relay" in done.out
    assert done.err == ""
    found = report(here, "reports/out/relay")
    assert (found["verdict"], found["focused"], found["target"]["name"]) == ("conformant", True, "relay")
    assert {row["id"] for row in found["checks"]} == {"plain/text", "headers/beta/known"}
    assert {row["outcome"] for row in found["checks"]} == {"pass"}
    assert {control["outcome"] for control in found["controls"]} == {"pass"}
    left = {path.name for path in (here / "reports/out/relay").iterdir()}
    assert left == {"report.json", "report.html", "report.md", "junit.xml", "report.sarif", "badge.svg", "evidence"}
    for row in found["checks"]:
        evidence = here / "reports/out/relay" / row["evidence"]
        assert {path.name for path in evidence.iterdir()} == {"cassette.yaml", "journal.json"}


def test_quiet_is_one_line_and_workers_change_nothing(here: Path) -> None:
    serial = conformance(here, "certify", "relay", *ONE, "--out", "serial", "--quiet")
    parallel = conformance(here, "certify", "relay", *ONE, "--out", "parallel", "--quiet", "-n", "2")
    for done, out in ((serial, "serial"), (parallel, "parallel")):
        assert (done.code, done.err) == (0, "")
        assert re.fullmatch(rf"conformant  relay \S+  {here}/{out}/report.html\n", done.out)
    rows = [[{**row, "seconds": 0} for row in report(here, out)["checks"]] for out in ("serial", "parallel")]
    assert rows[0] == rows[1]
    assert report(here, "serial")["controls"] == report(here, "parallel")["controls"]


def test_a_target_that_drops_betas_is_not_conformant_and_is_told_why(here: Path) -> None:
    done = conformance(here, "certify", faulty(here, "drops-beta"), "--check", "headers/beta/known", "--out", "out")
    assert done.code == 1, done.said
    rows = report(here)["checks"]
    assert {row["outcome"] for row in rows} == {"fail"}
    for row in rows:
        assert row["message"].startswith("required: ")
        assert "found: " in row["message"]
        assert "client saw: POST" in row["message"]
        assert "upstream saw: POST" in row["message"]
        assert row["reproduce"] == "conformance certify mine.toml --check headers/beta/known"
    assert "headers/beta/known" in done.out


def test_a_narrowed_run_says_what_was_found_and_what_was_expected(here: Path) -> None:
    conformance(here, "certify", faulty(here, "sorts-betas"), "--check", "headers/beta/order", "--out", "out")
    [row] = report(here)["checks"]
    assert re.search(r"^found: \(.*\) == \(.*\)$", row["message"], re.MULTILINE), row["message"]


@pytest.mark.parametrize("fault", ["leaks-provider-key-in-errors", "leaks-client-key"])
def test_no_file_and_no_screen_shows_a_key(here: Path, fault: str) -> None:
    checks = ("isolation/provider-key/echoed-in-error", "isolation/client-key/calls", "keys/life/others")
    narrowed = [word for check in checks for word in ("--check", check)]
    done = conformance(here, "certify", faulty(here, fault), *narrowed, "--out", "out")
    assert done.code == 1 or fault == "leaks-provider-key-in-errors", done.said
    files = [path for path in (here / "out").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path.name for path in files if KEY.search(path.read_bytes())] == []
    assert KEY.search(done.said.encode()) is None


def test_a_waiver_with_the_right_signature_makes_a_failure_partial(here: Path) -> None:
    narrowed = ("certify", faulty(here, "drops-beta"), "--check", "headers/beta/count-tokens", "--out", "out")
    waiver = (
        '[[waiver]]\ncheck = "headers/beta/count-tokens"\nsignature = "{}"\nreason = "r"\n'
        'issue = "https://i/1"\nowner = "o@x"\nexpires = 2999-01-01\n'
    )
    (here / "w.toml").write_text(waiver.format("000000000000"), encoding="utf-8")
    first = conformance(here, *narrowed, "--waivers", "w.toml")
    assert first.code == 1
    [told] = [row["message"] for row in report(here)["checks"] if row["id"] == "waivers/1"]
    [signature] = re.findall(r"another way now: signature ([0-9a-f]{12})$", told)
    (here / "w.toml").write_text(waiver.format(signature), encoding="utf-8")
    second = conformance(here, *narrowed, "--waivers", "w.toml")
    assert second.code == 1
    found = report(here)
    assert [row["outcome"] for row in found["checks"]] == ["waived"]
    assert found["verdict"] == "partial"


# Certify: wrong usage


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("certify", "relayy"), "did you mean relay?"),
        (("certify", "no/such.toml"), "there is no such file"),
        (("certify", "relay", "--check", "plain/txt"), "no check is called plain/txt\n  did you mean plain/text?"),
        (("certify", "relay", "--profile", "gemini"), "does not claim the profile gemini"),
        (("certify", "relay", "--waivers", "nowhere.toml"), "nowhere.toml"),
        (("certify", "relay", "-n", "-1"), "-1"),
        (("certify",), "Missing argument"),
        (("list", "--profile", "smoke-signals"), "no check counts in a profile smoke-signals"),
        (("explain", "plain/txt"), "did you mean plain/text?"),
        (("selftest", "--check", "plain/txt"), "did you mean plain/text?"),
        (("diff", "a.json", "b.json"), "a.json"),
    ],
)
def test_wrong_usage_is_told_once_with_what_was_meant(here: Path, arguments: tuple[str, ...], told: str) -> None:
    assert_one_message(conformance(here, *arguments), 2, told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[target]", "[target", "not valid TOML"),
        ("[target.surfaces]", "[target.surfacs]", "did you mean surfaces?"),
        ("ready =", "raedy =", "target.start.raedy: unknown key, did you mean ready?"),
        ('"retries"', '"retires"', "unknown feature 'retires', did you mean retries?"),
        ("{secret:client}", "{secret:clint}", "unknown placeholder"),
    ],
)
def test_a_target_file_with_a_mistake_is_told_by_its_key(here: Path, old: str, new: str, told: str) -> None:
    assert_one_message(conformance(here, "certify", target(here, **{old: new})), 2, "mine.toml: ", told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[waiver]", "w.toml: "),
        ('[[waiver]]\nchek = "plain/text"\n', "w.toml: waiver.0.chek: Extra inputs are not permitted"),
        ("[[waivers]]\n", "w.toml: waivers: Extra inputs"),
    ],
)
def test_a_waiver_file_with_a_mistake_is_told_by_its_key(here: Path, text: str, told: str) -> None:
    (here / "w.toml").write_text(text, encoding="utf-8")
    assert_one_message(conformance(here, "certify", "relay", *ONE, "--waivers", "w.toml"), 2, told)


# Certify: what cannot be measured


def swapped_command(command: list[str]) -> str:
    return COMMAND.sub(f"command = {json.dumps(command)}", RELAY)


@pytest.mark.parametrize(
    ("command", "told", "seconds"),
    [
        (["no-such-gateway", "--port", "{port}"], "command not found", 30),
        (["{python}", "-c", "print('out of order'); raise SystemExit(7)"], "exited with code 7 before it served", 30),
        (["{python}", "-c", "print('asleep', flush=True); import time; time.sleep(99)"], "not ready after 1 s", 1),
    ],
)
def test_a_target_that_does_not_serve_is_told_with_its_last_words(
    here: Path, command: list[str], told: str, seconds: int
) -> None:
    text = swapped_command(command).replace("seconds = 30", f"seconds = {seconds}")
    done = conformance(here, "certify", target(here, text), "--out", "out")
    assert_one_message(done, 3, "relay: ", told)
    assert not (here / "out" / "report.json").exists()


def test_a_port_in_use_is_told(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = RELAY.replace("[target.start.env]", f"port = {port}\n[target.start.env]")
        done = conformance(here, "certify", target(here, text))
    assert_one_message(done, 3, f"port {port} is in use by another program")


def test_a_key_that_is_too_short_to_search_for_is_told(here: Path) -> None:
    text = RELAY.replace('key = "{secret:client}"', 'key = "sk-1234"')
    assert_one_message(conformance(here, "certify", target(here, text)), 3, "the client's key has 7 characters")


def test_a_report_that_cannot_be_left_is_told_before_the_run(here: Path) -> None:
    (here / "file").write_text("in the way", encoding="utf-8")
    done = conformance(here, "certify", "relay", *ONE, "--out", "file/below")
    assert_one_message(done, 3, "the report could not be written to", "file/below")


def test_an_interrupted_run_says_so_and_leaves_neither_report_nor_process(here: Path) -> None:
    command = [sys.executable, "-m", "conformance", "certify", "relay", "--out", "out"]
    with subprocess.Popen(
        command, cwd=here, env=environment(here), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert running.stderr
        assert "controls" in running.stdout.readline()
        assert len(list(_running(here))) >= 4
        running.send_signal(signal.SIGINT)
        out, err = running.stdout.read(), running.stderr.read()
        assert running.wait(60) == 3
    assert err.count("Error: interrupted: nothing was measured") == 1
    assert "Traceback" not in out + err
    assert left_behind(here) == []
    assert not (here / "out" / "report.json").exists()


INTERRUPTED_AS_A_CASE_BEGINS = (
    "from conformance.drivers.client import Client\n"
    "def interrupted(*_, **__):\n"
    "    raise KeyboardInterrupt\n"
    "Client.__init__ = interrupted\n"
    "from conformance.cli import main\n"
    "main(prog_name='conformance')\n"
)


def test_an_interruption_as_a_case_begins_is_told_like_any_other(here: Path) -> None:
    done = conformance(here, "certify", "relay", *ONE, "--out", "out", script=INTERRUPTED_AS_A_CASE_BEGINS)
    assert_one_message(done, 3, "interrupted: nothing was measured")


# Certify: targets that mean no good

SHORT_OF_PATIENCE = (  # with the target alone: the controls' addresses have longer paths
    "import re\n"
    "from conformance.drivers import client, tape\n"
    "connected = client.Client._here\n"
    "def impatient(self, retries):\n"
    "    client.SILENCE = 1.0 if re.fullmatch('http://[^/]+(/v1)?', self.door.url) else 30.0\n"
    "    return connected(self, retries)\n"
    "client.Client._here = impatient\n"
    "tape.LONGEST_ANSWER, tape.MOST_BYTES = 10.0, 500_000\n"
    "from conformance.cli import main\n"
    "main(prog_name='conformance')\n"
)


@pytest.mark.parametrize("behaviour", ["hang", "flood", "markup", "deep"])
def test_a_hostile_target_fails_cleanly_and_in_time(here: Path, behaviour: str) -> None:
    checks = ("models/names", "stream/event-order")
    narrowed = [word for check in checks for word in ("--check", check)]
    done = conformance(
        here, "certify", bad(here, behaviour), *narrowed, "--out", "out", script=SHORT_OF_PATIENCE, seconds=150
    )
    assert done.code == 1, done.said
    found = report(here)
    assert found["verdict"] == "nonconformant"
    assert {row["outcome"] for row in found["checks"]} == {"fail"}
    assert {control["outcome"] for control in found["controls"] if control["name"] == "direct"} == {"pass"}
    assert "\x1b]0;owned" not in done.said
    assert "<script>alert" not in (here / "out" / "report.html").read_text(encoding="utf-8")


# The other commands


def test_diff_tells_a_regression_by_its_exit_code(here: Path) -> None:
    conformance(here, "certify", "relay", "--check", "headers/beta/known", "--out", "good")
    conformance(here, "certify", faulty(here, "drops-beta"), "--check", "headers/beta/known", "--out", "worse")
    same = conformance(here, "diff", "good", "good")
    worse = conformance(here, "diff", "good", "worse/report.json")
    better = conformance(here, "diff", "worse", "good")
    assert [done.code for done in (same, worse, better)] == [0, 1, 0]
    assert "headers/beta/known" in worse.out
    for form in ("markdown", "html"):
        assert "headers/beta/known" in conformance(here, "diff", "good", "worse", "--format", form).out
    told = conformance(here, "diff", "good", "worse", "--format", "json")
    assert (told.code, json.loads(told.out)["regressed"]) == (1, True)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema_version": "9.9"}', "not json"])
def test_diff_refuses_what_is_no_report(here: Path, text: str) -> None:
    (here / "a.json").write_text(text, encoding="utf-8")
    assert_one_message(conformance(here, "diff", "a.json", "a.json"), 2, "a.json: ")


def test_list_names_every_check(here: Path) -> None:
    text = conformance(here, "list").out
    rows = json.loads(conformance(here, "list", "--format", "json").out)
    assert [row["id"] for row in rows] == list(load_suites())
    assert [line.split()[1] for line in text.splitlines()] == list(load_suites())
    keys = json.loads(conformance(here, "list", "--profile", "keys", "--format", "json").out)
    assert {row["id"] for row in keys} == {row["id"] for row in rows if row["profiles"] == ["keys"]}
    assert all(row["spec"].startswith("https://") and row["level"] in ("must", "should", "may") for row in rows)


def test_explain_shows_requirement_source_faults_and_code(here: Path) -> None:
    said = conformance(here, "explain", "headers/beta/never-seen").out
    for part in (
        "must: ",
        "https://",
        "known-betas-only",
        "anthropic-messages",
        "profiles  headers",
        "async def test_",
    ):
        assert part in said
    assert FAULTS["known-betas-only"].description in said


def test_selftest_shows_which_check_catches_which_fault(here: Path) -> None:
    narrowed = ("selftest", "--check", "headers/beta/never-seen")
    text = conformance(here, *narrowed)
    assert text.code == 0, text.said
    assert "known-betas-only" in text.out
    assert "2 faults caught by 1 checks, 0 pairs missed" in text.out
    told = conformance(here, *narrowed, "--format", "json")
    assert told.code == 0
    found = json.loads(told.out)
    assert found["proven"] is True
    assert {pair["fault"] for pair in found["caught"]} == set(load_suites()["headers/beta/never-seen"].catches)


def test_targets_lists_what_is_built_in(here: Path) -> None:
    said = conformance(here, "targets").out
    assert all(re.search(rf"^{name}\b", said, re.MULTILINE) for name in BUILTIN)
    assert "can start here" in said


def test_help_and_version(here: Path) -> None:
    assert "certify" in conformance(here, "--help").out
    assert re.match(r"conformance, version \d", conformance(here, "--version").out)
