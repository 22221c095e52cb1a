"""The pytest side of a run: stage, select, judge each case, gather, report."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Literal

import pytest
from _pytest.runner import runtestprotocol

from conformance.catalogue import load_suites
from conformance.check import REGISTRY
from conformance.egress import why_not
from conformance.extensions import ExtensionInvalidError
from conformance.faulty import FaultyDidNotStartError
from conformance.lanes import NotInstalledError, UnknownLaneError, chosen
from conformance.lasting import lasting
from conformance.run.account import report as account
from conformance.run.afterwards import AFTERWARDS, ERROR, Afterwards
from conformance.run.breaker import Breaker, hangs, not_tried
from conformance.run.fixtures import STAGED
from conformance.run.plan import CaseOf, Plan
from conformance.run.results import RESULT, Result, message_of, outcome_of
from conformance.run.stage import FAULT, STAGE, TARGET
from conformance.run.staging import staged
from conformance.run.waivers import WaiversInvalidError, read_waivers
from conformance.secrets import redact
from conformance.surface import Surface
from conformance.target import TargetInvalidError, TargetNotStartedError, known_features, known_profiles, load
from conformance.upstream import UpstreamDidNotStartError
from reports import ReportNotWritten, exit_code, write

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    from conformance.check import Check
    from conformance.run.progress import ProgressDisplay
    from conformance.target import Pulse, Running, Target
    from reports import Report

_SECONDS = pytest.StashKey[Any]()
_PROPERTY = "conformance"
EGRESS = "egress"
UNFINISHED = ".unfinished"
_DRIVEN = ("anthropic", "google.genai", "mistralai.client", "openai", "conformance.oracles.declared")
"""The SDKs: imported at the outset where cases run, and never by a controller of workers."""

INTERRUPTED = "interrupted: nothing was measured, and all that the run had started has been stopped"
_NOTHING_LEFT = Afterwards()


class NotInRunError(Exception):
    """A profile was asked for that the target does not claim."""


class RunStoppedError(Exception):
    """The run did not come to its end; says why. What it has found so far proves nothing."""


WRONG_USAGE = (
    TargetInvalidError,
    WaiversInvalidError,
    NotInRunError,
    ExtensionInvalidError,
    UnknownLaneError,
    NotInstalledError,
)
NOT_STARTED = (TargetNotStartedError, UpstreamDidNotStartError, FaultyDidNotStartError, ReportNotWritten)


class Run:
    """One run. Workers judge cases; the controller starts what they need and gathers what they find."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.started_at = datetime.now(UTC)
        self.clock = time.monotonic()
        if self.is_worker or config.getoption("dist", "no") == "no":
            for name in _DRIVEN:
                import_module(name)
        load_suites()  # what packages add must be known, faults and profiles too, before anything starts
        self.target: Target | None = None
        if named := config.getoption("conformance_target"):
            self.target = load(named)
        self.plan = _plan(config, self.target)
        self.out = Path(out).absolute() if (out := config.getoption("conformance_out")) else None
        self.waivers = read_waivers(Path(named)) if (named := config.getoption("conformance_waivers")) else ()
        self.results: list[Result] = []
        self.running: Running | None = None
        self.display: ProgressDisplay | None = None
        self.report: Report | None = None
        self.problem: Exception | None = None
        self.planned = 0
        self.breaker = Breaker()
        self._opened = ExitStack()

    @property
    def is_worker(self) -> bool:
        return hasattr(self.config, "workerinput")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.clock

    # Starting and stopping

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        if self.is_worker:
            described = session.config.__dict__["workerinput"][_PROPERTY]
            session.config.stash[STAGED] = STAGE.validate_json(described)
            return
        try:
            _reserve(self.out)
            stage, self.running = self._opened.enter_context(staged(self.target, self.out and self.out / UNFINISHED))
        except NOT_STARTED as error:
            self.problem = error
            raise pytest.UsageError(str(error)) from error
        session.config.stash[STAGED] = stage

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        with lasting():
            return (yield)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not self.is_worker:
            self._expect(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._expect(len(ids))

    def _expect(self, cases: int) -> None:
        self.planned = cases
        if self.display:
            self.display.expect(cases)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """pytest-xdist: what a worker is told."""
        node.workerinput[_PROPERTY] = STAGE.dump_json(self.config.stash[STAGED]).decode()

    def pytest_unconfigure(self) -> None:
        self._opened.close()
        if self.out and not self.is_worker:
            rmtree(self.out / UNFINISHED, ignore_errors=True)

    # Selecting

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        check: Check | None = getattr(metafunc.function, "check", None)
        if check is not None:
            cases = self.plan.cases(check)
            metafunc.parametrize("case", cases, ids=[f"{check.id}-{case}" for case in cases], indirect=True)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Only checks, controls first; a check with no case to run is no item."""
        for name in sorted(self.plan.only - REGISTRY.keys()):
            raise pytest.UsageError(f"no check is called {name}")
        checks = [item for item in items if hasattr(item, "callspec") and isinstance(_param(item), CaseOf)]
        items[:] = sorted(checks, key=lambda item: _param(item).subject == TARGET)

    # Judging

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a case, and a second time where a failure wants confirming."""
        if _param(item).subject == TARGET and self.breaker.is_open:
            reports, result = _spared(item), not_tried(self._result(item))
        else:
            reports, result = self._judged(item, nextitem)
        self.breaker.saw(result, is_listening=result.outcome == "pass" or _is_listening(item))
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            if report.when == "setup" and report.passed:
                continue  # of which nobody takes notice, and which costs a message
            item.ihook.pytest_runtest_logreport(report=_told(report, result))
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _judged(self, item: pytest.Item, nextitem: pytest.Item | None) -> tuple[list[pytest.TestReport], Result]:
        pulse = _pulse(item)
        before = pulse.settled() if pulse else ()
        reports, result = self._tried(item, nextitem)
        if pulse and result.outcome != "pass" and pulse.ends_since(before):
            meanwhile = pulse.settled()  # the failure may be another case's doing: this one is tried anew
            reports, result = self._tried_again(item, nextitem)
            return reports, replace(result, ends=meanwhile[len(before) :] + pulse.ends_since(meanwhile))
        if result.needs_confirmation and not (self.plan.selftest or hangs(result)):
            reports, second = self._tried_again(item, nextitem)
            result = result.confirmed_by(second)
        return reports, result

    def _tried(self, item: pytest.Item, nextitem: pytest.Item | None) -> tuple[list[pytest.TestReport], Result]:
        reports, result = runtestprotocol(item, nextitem=nextitem, log=False), self._result(item)
        item.stash[ERROR], item.stash[AFTERWARDS] = None, _NOTHING_LEFT  # pytest keeps items to the end of the run
        return reports, result

    def _tried_again(self, item: pytest.Item, nextitem: pytest.Item | None) -> tuple[list[pytest.TestReport], Result]:
        item._initrequest()  # type: ignore[attr-defined]  # noqa: SLF001 - as pytest-rerunfailures does
        return self._tried(item, nextitem)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.when == "setup":
            item.stash[ERROR] = None
            item.stash[_SECONDS] = 0.0
        item.stash[ERROR] = item.stash[ERROR] or call.excinfo
        if call.when == "call":
            item.stash[_SECONDS] = call.duration
            call.excinfo = None  # `_told` words it; pytest would parse the source of every frame first
        return (yield)

    def _result(self, item: pytest.Item) -> Result:
        check: Check = item.function.check  # type: ignore[attr-defined]
        case = _param(item)
        error = item.stash.get(ERROR, None)
        left = item.stash.get(AFTERWARDS, _NOTHING_LEFT)
        secrets = (*item.config.stash[STAGED].known_secrets, *left.secrets)
        return Result(
            check=check.id,
            subject=case.subject,
            surface=case.surface,
            mode=case.mode,
            bridge=case.bridge,
            lane=case.lane,
            outcome=outcome_of(error.value if error else None),
            seconds=round(item.stash.get(_SECONDS, 0.0), 4),
            message=redact(message_of(error, check.held.text, left), secrets),
            evidence=left.evidence,
            to_client=left.to_client,
            to_upstream=left.to_upstream,
        )

    # Gathering

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == _PROPERTY and not self.is_worker:
                self.results.append(RESULT.validate_json(str(value)))
                if self.display:
                    self.display.saw(self.results[-1])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge, and leave the report; under plain pytest the exit status follows the verdict."""
        if self.is_worker or self.problem:
            return
        if told := self._cut_short(session):
            self.problem = RunStoppedError(told)
            session.exitstatus = 3
        elif self.target is not None and self.running is not None:
            self.report = self._account(self.target, self.running)
            session.exitstatus = exit_code(self.report)
            if self.out is not None:
                _leave(self.report, self.out)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if told := self.problem or (self.report and self.report.verdict):
            terminalreporter.section("conformance")
            terminalreporter.line(str(told))

    def _cut_short(self, session: pytest.Session) -> str:
        """Why what was gathered is not the whole: half a run must never look like a clean one."""
        if session.exitstatus == pytest.ExitCode.INTERRUPTED:
            return INTERRUPTED
        if session.exitstatus in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            return "the run broke off (see above): nothing was measured"
        if lost := self.planned - len(self.results):
            return f"{lost} of {self.planned} cases came to no result: nothing was measured"
        return ""

    def _account(self, target: Target, running: Running) -> Report:
        checks = load_suites()
        ran = {(result.check, result.case) for result in self.results}
        return account(
            target=target,
            asked_for=self.config.getoption("conformance_target"),
            target_version=running.version,
            plan=self.plan,
            checks=checks,
            results=self.results,
            ends=running.pulse.obituary(),
            waivers=self.waivers,
            started_at=self.started_at,
            seconds=self.seconds,
            focused=bool(self.plan.only) or not set(self.plan.everything(checks.values())) <= ran,
        )


def _reserve(out: Path | None) -> None:
    """Find out before the run, not after it, whether its report can be left there."""
    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):
            pass
        rmtree(out / UNFINISHED, ignore_errors=True)
    except OSError as error:
        raise ReportNotWritten(out, error.strerror or str(error)) from error


def _leave(report: Report, out: Path) -> None:
    """The new evidence takes the place of the old, and the report follows; until then the old ones stand."""
    rmtree(out / "evidence", ignore_errors=True)
    if (out / UNFINISHED).exists():
        (out / UNFINISHED / "evidence").rename(out / "evidence")
        (out / UNFINISHED).rmdir()
    write(report, out)


def _plan(config: pytest.Config, target: Target | None) -> Plan:
    only = frozenset(config.getoption("conformance_checks"))
    profiles = frozenset(config.getoption("conformance_profiles"))
    if target is None:
        features = frozenset(known_features())
        return Plan(
            tuple(Surface), frozenset(known_profiles()), features, only, selftest=True, cannot=_cannot(features)
        )
    straight = tuple(surface for surface in target.surfaces if surface in target.straight)
    claimed = frozenset(target.claims.profiles)
    for name in profiles - claimed:
        raise NotInRunError(f"the target does not claim the profile {name}; it claims {', '.join(sorted(claimed))}")
    return Plan(
        straight,
        profiles or claimed,
        frozenset(target.claims.features),
        only,
        bridges=tuple(target.bridges),
        lanes=chosen(config.getoption("conformance_lanes")),
        cannot=_cannot(target.claims.features),
    )


def _cannot(features: Collection[str]) -> dict[str, str]:
    """Features that cannot be tried on this machine, and why."""
    reason = why_not() if EGRESS in features else None
    return {EGRESS: reason} if reason else {}


def _is_listening(item: pytest.Item) -> bool:
    pulse = _pulse(item)
    return pulse is None or pulse.is_listening()


def _pulse(item: pytest.Item) -> Pulse | None:
    return item.config.stash[STAGED].subjects[_param(item).subject].pulse


def _param(item: pytest.Item) -> CaseOf:
    case: CaseOf = item.callspec.params.get("case")  # type: ignore[attr-defined]
    return case


def _spared(item: pytest.Item) -> list[pytest.TestReport]:
    """The reports of an item that was not run."""
    steps: tuple[Literal["setup", "call", "teardown"], ...] = ("setup", "call", "teardown")
    calls = [pytest.CallInfo.from_call(lambda: None, when=step) for step in steps]
    return [pytest.TestReport.from_item_and_call(item, call) for call in calls]


def _told(report: pytest.TestReport, result: Result) -> pytest.TestReport:
    """The report as pytest should show it; whether a fault was caught is judged over all its cases, at the end."""
    if report.when == "call" and not result.subject.startswith(FAULT):
        report.outcome = "passed" if result.outcome == "pass" else "failed"
        report.longrepr = None if result.outcome == "pass" else result.message
    elif report.when == "call":
        report.outcome, report.longrepr = "passed", None
    if report.when == "teardown":
        report.user_properties.append((_PROPERTY, RESULT.dump_json(result).decode()))
    return report
