"""The pytest plugin, run inside pytest: on suites of a user's own and on ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

OWN = """
from conformance.api import Client, Mode, Reply, Upstream, check

@check("mine/text", requirement="content-unchanged", feature="body", modes=(Mode.ASYNC, Mode.SYNC), catches=())
async def test_the_text_arrives(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="hello"))
    assert (await client.ask(script.prompt)).text == "hello"

@check("mine/wrong", requirement="content-unchanged", feature="body", direct=False, catches=())
async def test_that_can_only_fail(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="hello"))
    assert (await client.ask(script.prompt)).text == "goodbye"

@check("mine/flaky", requirement="content-unchanged", feature="body", direct=False, catches=())
async def test_that_fails_once(client: Client, upstream: Upstream, tmp_path_factory) -> None:
    seen = tmp_path_factory.getbasetemp() / client.surface
    first = not seen.exists()
    seen.touch()
    script = await upstream.answers()
    await client.ask(script.prompt)
    assert not first, "not the first time"

@check("mine/broken", requirement="content-unchanged", feature="body", direct=False, catches=())
async def test_whose_harness_breaks(client: Client) -> None:
    raise OSError("disk full")
"""


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


def rows(pytester: pytest.Pytester, out: str = "out") -> dict[str, dict[str, Any]]:
    found = json.loads((pytester.path / out / "report.json").read_text(encoding="utf-8"))
    assert found["focused"] is True
    mine = (row for row in found["checks"] if row["case"])  # not the sweep, which is over all cases
    return {f"{row['id']} {row['case']['surface']} {row['case']['driver']}": row for row in mine}


def outcomes(found: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for row in found.values():
        told.setdefault(row["id"], set()).add(row["outcome"])
    return told


def test_a_suite_of_ones_own_is_judged_and_reported(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=OWN)
    done = pytester.runpytest_subprocess("--target=relay", "--conformance-out=out", "-p", "no:cacheprovider")
    assert done.ret == 1
    done.stdout.fnmatch_lines(["*= conformance =*", "nonconformant"])
    found = rows(pytester)
    assert outcomes(found) == {
        "mine/text": {"pass"},
        "mine/wrong": {"fail"},
        "mine/flaky": {"flaky"},
        "mine/broken": {"error"},
    }
    [wrong] = [row for key, row in found.items() if key.startswith("mine/wrong openai-chat")]
    assert "required: " in wrong["message"]
    assert "goodbye" in wrong["message"]


STUBBORN = """
from conformance.api import Client, Connect, Upstream, check

async def stays() -> None:
    raise OSError("will not close")

@check("mine/stubborn", requirement="content-unchanged", feature="body", direct=False, catches=())
async def test_whose_client_will_not_close(client: Client, connect: Connect, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    connect()._sdk.close = stays
"""


def test_a_client_that_will_not_close_is_an_error_and_leaves_its_evidence(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=STUBBORN)
    pytester.runpytest_subprocess("--target=relay", "--conformance-out=out", "-p", "no:cacheprovider")
    found = rows(pytester)
    assert outcomes(found) == {"mine/stubborn": {"error"}}
    for row in found.values():
        assert "will not close" in row["message"]
        assert (pytester.path / "out" / row["evidence"] / "cassette.yaml").is_file()


def test_workers_find_the_same(pytester: pytest.Pytester) -> None:
    arguments = (
        "--pyargs",
        "conformance.suites",
        "--target=relay",
        "--conformance-check=plain/text",
        "-p",
        "no:cacheprovider",
    )
    serial = pytester.runpytest_subprocess(*arguments, "--conformance-out=serial")
    parallel = pytester.runpytest_subprocess(*arguments, "--conformance-out=parallel", "-n", "2")
    assert serial.ret == parallel.ret == 0
    without_time = [
        {key: {**row, "seconds": 0} for key, row in rows(pytester, out).items()} for out in ("serial", "parallel")
    ]
    assert without_time[0] == without_time[1]
    assert len(without_time[0]) == 21


def test_a_run_narrowed_by_pytest_itself_certifies_nothing(pytester: pytest.Pytester) -> None:
    arguments = (
        "--pyargs",
        "conformance.suites.headers",
        "--target=relay",
        "--conformance-out=out",
        "-k",
        "published_betas",
    )
    assert pytester.runpytest_subprocess(*arguments).ret == 0
    assert rows(pytester)


def test_a_run_that_stops_early_was_not_measured(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=OWN)
    done = pytester.runpytest_subprocess("--target=relay", "--conformance-out=out", "-x", "-p", "no:cacheprovider")
    assert done.ret not in (0, 1)
    done.stdout.fnmatch_lines(["*nothing was measured*"])
    assert not (pytester.path / "out" / "report.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--target=relayy",), "*did you mean relay?*"),
        (("--target=relay", "--conformance-profile=gemini"), "*does not claim the profile gemini*"),
        (("--target=relay", "--conformance-waivers=nowhere.toml"), "*nowhere.toml*"),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(
    pytester: pytest.Pytester, arguments: tuple[str, ...], told: str
) -> None:
    done = pytester.runpytest_subprocess("--pyargs", "conformance.suites", *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([told])
    assert "Traceback" not in done.stderr.str()


def test_the_sdks_stay_unloaded_until_one_is_driven(pytester: pytest.Pytester) -> None:
    done = pytester.run(
        sys.executable,
        "-c",
        "import sys, conformance.run.certify\n"
        "from conformance.catalogue import load_suites\n"
        "assert load_suites()\n"
        "assert not {'openai', 'anthropic', 'google.genai', 'mistralai'} & sys.modules.keys()",
    )
    assert done.ret == 0, done.stderr.str()


def test_without_its_options_the_plugin_does_nothing_and_loads_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_of_somebody_else(pytestconfig):
            assert not pytestconfig.pluginmanager.has_plugin("conformance-run")
            heavy = {"openai", "anthropic", "aiohttp", "conformance.run.session"}
            assert heavy & sys.modules.keys() == set()
        """
    )
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    done.assert_outcomes(passed=1)
