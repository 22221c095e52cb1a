"""Runs pytest on the suites, away from whatever configuration surrounds it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, NoReturn

import pytest

from conformance.catalogue import find
from conformance.check import UnknownCheckError
from conformance.extensions import extensions
from conformance.run.progress import ProgressDisplay
from conformance.run.session import INTERRUPTED, Run, RunStoppedError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from reports import Report

_PLUGINS = ("conformance.plugin", "anyio.pytest_plugin", "xdist.plugin")
_NOT_NEEDED = (
    *("cacheprovider", "terminal", "logging", "unraisableexception", "threadexception"),
    *("faulthandler", "setuponly", "setupplan", "skipping", "unittest"),
)
"""Nobody would see what they tell, and they cost each case, and the end of a run, some time."""


@dataclass
class _Watch:
    """Gives the run its display, and keeps it, or what kept it from starting, for whoever started it."""

    console: Console | None
    run: Run | None = field(default=None)
    problem: BaseException | None = field(default=None)
    session: pytest.Session | None = field(default=None)
    interrupted: bool = field(default=False)

    def interrupt(self, *_: object) -> NoReturn:
        """Once more after the case that runs, should the exception get lost where Python cannot raise it."""
        self.interrupted = True
        if self.session is not None:
            self.session.shouldstop = "interrupted"
        raise KeyboardInterrupt

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    def pytest_internalerror(self) -> bool | None:
        """An interruption amid what pytest does itself is no error of pytest's."""
        return self.interrupted or None

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_main(self) -> Generator[None, object, object]:
        try:
            return (yield)
        except pytest.UsageError as error:
            self.problem = error.__cause__ or error  # for our caller to tell, rather than for pytest
            return pytest.ExitCode.USAGE_ERROR

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        run = config.pluginmanager.get_plugin("conformance-run")
        assert isinstance(run, Run)
        self.run = run
        _known(run.plan.only)
        if self.console is not None:
            run.display = ProgressDisplay(self.console)
            run.display.start()

    def pytest_unconfigure(self) -> None:
        if self.run is not None and self.run.display is not None:
            self.run.display.stop()


def run(options: Sequence[str], *, console: Console | None, workers: int = 0) -> Run:
    """One run of the suites with these options of the plugin's; raises what kept it from starting."""
    watch = _Watch(console)
    configuration = files("conformance.run") / "pytest.ini"
    arguments = [
        *("-c", str(configuration), "--rootdir", str(files("conformance.suites")), "--pyargs", "conformance.suites"),
        *(extension.package for extension in extensions()),
        *(word for plugin in _PLUGINS for word in ("-p", plugin)),
        *(word for plugin in _NOT_NEEDED for word in ("-p", f"no:{plugin}")),
        *("--noconftest", "--capture=no"),
        *(["-n", str(workers)] if workers else []),
        *options,
    ]
    with _no_other_plugins(), _interruptible(watch):
        pytest.main(arguments, plugins=[watch])
    if watch.interrupted:
        raise RunStoppedError(INTERRUPTED)
    if watch.problem is not None:
        raise watch.problem
    assert watch.run is not None, "pytest did not get as far as the run"
    if watch.run.problem is not None:
        raise watch.run.problem
    return watch.run


def _known(checks: Iterable[str]) -> None:
    """Before anything starts, but not before pytest has made the assertions of the suites speak."""
    try:
        for name in checks:
            find(name)
    except UnknownCheckError as error:
        raise pytest.UsageError(str(error)) from error


@contextmanager
def _interruptible(watch: _Watch) -> Iterator[None]:
    """Ctrl-C ends the run wherever it stands; pytest and asyncio heed it in most places only."""
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, watch.interrupt)
    tell = sys.unraisablehook
    # Python would print a traceback of an interruption that it cannot raise; the run ends all the same
    sys.unraisablehook = lambda lost: None if isinstance(lost.exc_value, KeyboardInterrupt) else tell(lost)
    try:
        yield
    except KeyboardInterrupt:
        if not watch.interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, before)
        sys.unraisablehook = tell


@contextmanager
def _no_other_plugins() -> Iterator[None]:
    """Plugins of the user's own environment have no say in a certification."""
    names = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def certification(
    target: str,
    profiles: Sequence[str],
    checks: Sequence[str],
    out: Path,
    waivers: Path | None,
    *,
    lanes: Sequence[str] = (),
    workers: int,
    console: Console | None,
) -> Report:
    """Run the checks that a target's claims call for, and leave the report in `out`."""
    finished = run(
        [
            f"--target={target}",
            f"--conformance-out={out}",
            *(f"--conformance-profile={name}" for name in profiles),
            *(f"--conformance-check={name}" for name in checks),
            *(f"--conformance-lane={name}" for name in lanes),
            *([f"--conformance-waivers={waivers}"] if waivers else []),
        ],
        console=console,
        workers=workers,
    )
    assert finished.report is not None, "the run ended without a report"
    return finished.report
