"""Pinned pairs of versions: between the two a known bug came or went, and the check that holds it must see that.

`python -m tests.gateways.pins [PIN]...` installs the versions, certifies each with the checks of its pins, prints what
was found, and exits with 1 when a pin does not flip. What is pinned stands in `pins.toml`.
"""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import click
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from rich.console import Console
from rich.table import Table

from conformance.surface import Surface
from conformance.target import InstallFailedError, install
from reports import Report, ReportUnreadable, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PINS = Path(__file__).with_name("pins.toml")
LONGEST_RUN = 420.0
AT_ONCE = 2

Seen = Literal["pass", "fail", "unclear"]


class Pin(BaseModel):
    """A check, where it runs, and two versions: it passes on the one and fails on the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    what: str
    issue: str = ""
    target: str
    check: str
    surface: Surface
    upstream: Surface
    was: Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]
    became: Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]
    change: Literal["fixed", "broken"]

    @property
    def expected(self) -> dict[str, Seen]:
        """By version, what must be seen."""
        if self.change == "fixed":
            return {self.was: "fail", self.became: "pass"}
        return {self.was: "pass", self.became: "fail"}

    @property
    def subjects(self) -> list[str]:
        return [f"{self.target}@{version}" for version in self.expected]

    def seen_in(self, report: Report | None) -> Seen:
        """One failing row is a failure; only rows that all pass are a pass."""
        outcomes = {row.outcome for row in report.checks if self._is_about(row.id, row.case.road)} if report else set()
        if "fail" in outcomes:
            return "fail"
        return "pass" if outcomes == {"pass"} else "unclear"

    def flips(self, reports: Mapping[str, Report | None]) -> bool:
        return all(self.seen_in(reports.get(f"{self.target}@{v}")) == seen for v, seen in self.expected.items())

    def _is_about(self, check: str, road: str) -> bool:
        return (check, road) == (self.check, " → ".join(dict.fromkeys((self.surface, self.upstream))))


def pins(file: Path = PINS) -> list[Pin]:
    return TypeAdapter(list[Pin]).validate_python(tomllib.loads(file.read_text(encoding="utf-8"))["pin"])


def checks_by_subject(chosen: Iterable[Pin]) -> dict[str, list[str]]:
    """`litellm@1.89.4` and the like: each is started once, for all the checks that it is pinned by."""
    found: dict[str, set[str]] = {}
    for pin in chosen:
        for subject in pin.subjects:
            found.setdefault(subject, set()).add(pin.check)
    return {subject: sorted(checks) for subject, checks in found.items()}


def certified(subject: str, checks: list[str], out: Path) -> Report | None:
    """The report on one version; none where it could not be had in time."""
    options = [word for check in checks for word in ("--check", check)]
    command = [sys.executable, "-m", "conformance", "certify", subject, *options, "--quiet", "--out", str(out)]
    try:
        install(subject, lambda _line: None)
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_RUN, check=False)
        if done.returncode in {0, 1}:
            return read(out)
        click.echo(f"{subject}: {done.stdout}{done.stderr}", err=True)
    except (InstallFailedError, subprocess.TimeoutExpired, ReportUnreadable) as error:
        click.echo(f"{subject}: {error}", err=True)
    return None


def table(chosen: Iterable[Pin], reports: Mapping[str, Report | None]) -> Table:
    shown = Table("pin", "check", "where", "version", "expected", "seen", "verdict", box=None, pad_edge=False)
    for pin in chosen:
        verdict = "flips" if pin.flips(reports) else "DOES NOT FLIP"
        where = f"{pin.target}: {pin.surface}" + ("" if pin.upstream == pin.surface else f" over {pin.upstream}")
        for version, expected in pin.expected.items():
            seen = pin.seen_in(reports.get(f"{pin.target}@{version}"))
            shown.add_row(pin.name, pin.check, where, version, expected, seen, verdict)
    return shown


@click.command()
@click.argument("names", nargs=-1, metavar="[PIN]...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("reports/out/pins"))
def main(names: tuple[str, ...], out: Path) -> None:
    """Certify the versions of the pins named, or of all."""
    known = {pin.name: pin for pin in pins()}
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(f"no pin is called {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in names] or list(known.values())
    began = time.monotonic()
    work = checks_by_subject(chosen)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(lambda subject: certified(subject, work[subject], out / subject), work)
        reports = dict(zip(work, runs, strict=True))
    Console(width=200).print(table(chosen, reports))
    flipped = [pin for pin in chosen if pin.flips(reports)]
    click.echo(f"{len(flipped)} of {len(chosen)} pins flip; {len(work)} runs, {time.monotonic() - began:.0f} s")
    raise SystemExit(len(flipped) < len(chosen))


if __name__ == "__main__":
    main()
