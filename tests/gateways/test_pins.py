from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from conformance.catalogue import load_suites
from conformance.run.plan import Plan
from conformance.run.stage import TARGET
from conformance.target import InstallFailedError, load
from reports import Case, Outcome, Report
from tests.gateways import pins as module
from tests.gateways.pins import Pin, certified, checks_by_subject, main, pins
from tests.reports.sample import report, row

if TYPE_CHECKING:
    from pathlib import Path

FIXED: dict[str, Any] = {
    "name": "mended",
    "what": "Tools come.",
    "target": "litellm",
    "check": "tools/ids",
    "surface": "openai-chat",
    "upstream": "openai-responses",
    "was": "1.9.3",
    "became": "1.10.0",
    "change": "fixed",
}
OVER_RESPONSES = Case(surface="openai-chat", upstream="openai-responses", driver="openai-3 async")


def seen(*outcomes: Outcome, case: Case = OVER_RESPONSES) -> Report:
    rows = [row("tools/ids", one, case=case.model_copy(update={"driver": str(at)})) for at, one in enumerate(outcomes)]
    return report(row("another", "fail", case=case), *rows)


def test_the_pins_are_told_apart_and_are_many_pairs() -> None:
    assert len({pin.name for pin in pins()}) == len(pins())
    assert len({(pin.check, pin.was, pin.became) for pin in pins()}) >= 8


@pytest.mark.parametrize("pin", pins(), ids=lambda pin: pin.name)
def test_the_target_of_each_pin_runs_its_check_there(pin: Pin) -> None:
    target = load(pin.subjects[0])
    claims = target.claims
    plan = Plan(
        tuple(target.straight), frozenset(claims.profiles), frozenset(claims.features), bridges=tuple(target.bridges)
    )
    bridge = None if pin.upstream == pin.surface else pin.upstream
    cases = plan.cases(load_suites()[pin.check])
    assert (pin.surface, bridge) in {(case.surface, case.bridge) for case in cases if case.subject == TARGET}


@pytest.mark.parametrize(
    ("before", "after", "flips"),
    [
        (seen("pass", "fail"), seen("pass", "pass"), True),
        (seen("pass"), seen("pass"), False),
        (seen("fail"), seen("fail"), False),
        (seen("pass"), seen("fail"), False),
        (seen("fail"), seen("pass", "flaky"), False),
        (seen("error"), seen("pass"), False),
        (seen("fail"), seen(), False),
        (seen("fail"), None, False),
        (seen("fail", case=Case(surface="openai-chat", upstream="openai-chat")), seen("pass"), False),
    ],
)
def test_a_fix_flips_from_red_to_green_and_in_no_other_way(
    before: Report | None, after: Report | None, *, flips: bool
) -> None:
    fixed = Pin(**FIXED)
    assert fixed.flips({"litellm@1.9.3": before, "litellm@1.10.0": after}) is flips


def test_what_broke_flips_from_green_to_red() -> None:
    broken = Pin(**FIXED | {"change": "broken"})
    assert broken.flips({"litellm@1.9.3": seen("pass"), "litellm@1.10.0": seen("fail")})
    assert not broken.flips({"litellm@1.9.3": seen("fail"), "litellm@1.10.0": seen("pass")})


def test_each_version_is_started_once_for_all_its_checks() -> None:
    chosen = [Pin(**FIXED), Pin(**FIXED | {"check": "plain/text", "was": "1.10.0", "became": "1.11.0"})]
    assert checks_by_subject(chosen) == {
        "litellm@1.9.3": ["tools/ids"],
        "litellm@1.10.0": ["plain/text", "tools/ids"],
        "litellm@1.11.0": ["plain/text"],
    }


@pytest.mark.parametrize(("flip", "code"), [(True, 0), (False, 1)])
def test_the_table_names_pin_check_version_and_verdict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, flip: bool, code: int
) -> None:
    def pretended(subject: str, _checks: list[str], _out: Path) -> Report:
        return seen("fail" if flip and subject == "litellm@1.9.3" else "pass")

    monkeypatch.setattr(module, "pins", lambda: [Pin(**FIXED)])
    monkeypatch.setattr(module, "certified", pretended)
    told = CliRunner().invoke(main, ["mended", "--out", str(tmp_path)])
    assert told.exit_code == code
    assert f"{int(flip)} of 1 pins flip; 2 runs" in told.output
    for part in ("mended", "tools/ids", "openai-chat over openai-responses", "1.9.3", "1.10.0"):
        assert part in told.output
    assert ("DOES NOT FLIP" in told.output) is not flip


def test_a_pin_that_is_not_there_is_named_with_those_that_are() -> None:
    told = CliRunner().invoke(main, ["nonsense"])
    assert (told.exit_code, "no pin is called nonsense; there are usage-guessed" in told.output) == (2, True)


def test_a_version_that_cannot_be_installed_leaves_its_pins_unclear(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def install(_subject: str, _progress: object) -> Path:
        raise InstallFailedError("litellm@1.9.3: no such version")

    monkeypatch.setattr(module, "install", install)
    found = certified("litellm@1.9.3", ["tools/ids"], tmp_path)
    assert (found, Pin(**FIXED).seen_in(found)) == (None, "unclear")
    assert "no such version" in capsys.readouterr().err
