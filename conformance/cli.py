"""The `conformance` command. What takes long to import is imported by the command that needs it."""

from __future__ import annotations

import json
import traceback
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.lasting import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.recordings import Scenario
    from conformance.secrets import Secret
    from reports import Report

INVALID, NOT_MEASURED = 2, 3

_DIRECTORY = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("llm-gateway-conformance"), prog_name="conformance")
def main() -> None:
    """Shows, with evidence, whether an LLM gateway is a faithful stand-in for the providers."""


class _Stopped(click.ClickException):
    """A message, and the exit code that the contract gives it."""

    def __init__(self, error: Exception, code: int) -> None:
        super().__init__(str(error))
        self.__dict__["exit_code"] = code


@contextmanager
def _explained() -> Iterator[None]:
    """What a user can mend is said in one message; anything else is a bug and keeps its traceback."""
    from conformance.check import UnknownCheckError
    from conformance.extensions import ExtensionInvalidError
    from conformance.faulty import FaultyDidNotStartError
    from conformance.lanes import NotInstalledError, UnknownLaneError
    from conformance.run.session import RunStoppedError
    from conformance.run.waivers import WaiversInvalidError
    from conformance.target import HookFailedError, InstallFailedError, TargetInvalidError, TargetNotStartedError
    from conformance.upstream.process import UpstreamDidNotStartError
    from reports import ReportNotWritten, ReportUnreadable

    try:
        yield
    except (
        TargetInvalidError,
        WaiversInvalidError,
        ExtensionInvalidError,
        UnknownCheckError,
        UnknownLaneError,
        NotInstalledError,
        ReportUnreadable,
    ) as error:
        raise _Stopped(error, INVALID) from error
    except (
        TargetNotStartedError,
        HookFailedError,
        InstallFailedError,
        UpstreamDidNotStartError,
        FaultyDidNotStartError,
        ReportNotWritten,
        RunStoppedError,
    ) as error:
        raise _Stopped(error, NOT_MEASURED) from error
    except click.ClickException:
        raise
    except Exception:  # noqa: BLE001 - a bug of ours must not come out as a verdict
        traceback.print_exc()
        raise SystemExit(NOT_MEASURED) from None


@main.command()
@click.argument("target")
@click.option("--profile", "profiles", multiple=True, metavar="NAME", help="Only this profile; may be repeated.")
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only this check; certifies nothing.")
@click.option("--lane", "lanes", multiple=True, metavar="NAME", help="Also drive this SDK generation; all, installed.")
@click.option("--out", type=_DIRECTORY, help="Where the report goes; default reports/out/TARGET.")
@click.option("-n", "workers", type=click.IntRange(min=0), default=0, help="Number of parallel workers.")
@click.option("--waivers", type=_FILE, help="Failures that somebody answers for.")
@click.option("--quiet", is_flag=True, help="Only the verdict, in one line.")
def certify(
    target: str,
    profiles: tuple[str, ...],
    checks: tuple[str, ...],
    lanes: tuple[str, ...],
    out: Path | None,
    workers: int,
    waivers: Path | None,
    quiet: bool,
) -> None:
    """Run the checks against TARGET, a built-in name or a target file, and report.

    Exit code: 0 conformant, 1 not conformant, 2 wrong usage or an invalid target file, 3 not measured.
    """
    from rich.console import Console

    with lasting():
        from conformance.run.certify import certification
    from conformance.run.waivers import read_waivers
    from conformance.target import asked_name, load
    from reports import exit_code

    console = Console()
    with _explained():
        loaded = load(target)
        _claimed(profiles, loaded.claims.profiles)
        if waivers:
            read_waivers(waivers)
        directory = (out or Path("reports/out") / asked_name(target, loaded)).absolute()
        report = certification(
            target,
            profiles,
            checks,
            directory,
            waivers,
            lanes=lanes,
            workers=workers,
            console=None if quiet else console,
        )
    _tell(report, directory, console, quiet=quiet)
    raise SystemExit(exit_code(report))


def _claimed(profiles: tuple[str, ...], claims: tuple[str, ...]) -> None:
    for profile in profiles:
        if profile not in claims:
            raise click.BadParameter(f"the target does not claim the profile {profile}; it claims {', '.join(claims)}")


def _tell(report: Report, directory: Path, console: object, *, quiet: bool) -> None:
    from rich.console import Console

    from reports import summary

    assert isinstance(console, Console)
    if quiet:
        click.echo(f"{report.verdict}  {report.target.name} {report.target.version}  {directory / 'report.html'}")
    else:
        console.print(summary(report, written=directory), soft_wrap=True)


@main.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("head", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "html"]), default="text")
def diff(base: Path, head: Path, form: str) -> None:
    """What changed between two reports. Exit code 1 on a regression."""
    from rich.console import Console

    from reports import diff as difference_between
    from reports import read
    from reports.difference_views import as_html, as_json, as_markdown, as_text

    with _explained():
        difference = difference_between(read(base), read(head))
    if form == "text":
        Console().print(as_text(difference), soft_wrap=True)
    else:
        click.echo({"markdown": as_markdown, "json": as_json, "html": as_html}[form](difference))
    raise SystemExit(int(difference.regressed))


@main.command()
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "markdown", "html"]), default="text")
def table(reports: tuple[Path, ...], form: str) -> None:
    """Reports of several gateways side by side: which check fails where."""
    from rich.console import Console

    from reports import read
    from reports import table as side_by_side
    from reports.table_views import as_html, as_markdown, as_text

    with _explained():
        tabled = side_by_side([read(report) for report in reports])
    if form == "text":
        Console().print(as_text(tabled), soft_wrap=True)
    else:
        click.echo({"markdown": as_markdown, "html": as_html}[form](tabled), nl=False)


@main.command("list")
@click.option("--profile", help="Only the checks that count in this profile.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def list_checks(profile: str | None, form: str) -> None:
    """All checks."""
    from conformance.catalogue import load_suites
    from conformance.explain import described, profiles_of

    with _explained():
        known = load_suites().values()
    checks = [check for check in known if profile is None or profile in profiles_of(check)]
    if profile is not None and not checks:
        raise click.BadParameter(f"no check counts in a profile {profile}")
    if form == "json":
        click.echo(json.dumps([described(check) for check in checks], indent=1))
        return
    width = max(len(check.id) for check in checks)
    for check in checks:
        click.echo(f"{check.held.level:<7}{check.id:<{width}}  {check.title}")


@main.command()
@click.argument("check_id")
def explain(check_id: str) -> None:
    """What a check is about: its requirement, who says so, what it catches."""
    from conformance.catalogue import find
    from conformance.explain import page

    with _explained():
        click.echo(page(find(check_id)))


@main.command()
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only this check.")
@click.option("-n", "workers", type=click.IntRange(min=0), default=0, help="Number of parallel workers.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--out", type=_NEW_FILE, help="Also leave the whole matrix in this file, as JSON.")
def selftest(checks: tuple[str, ...], workers: int, form: str, out: Path | None) -> None:
    """Judge the checks themselves: each must pass without a fault and catch the faults that it names."""
    from rich.console import Console

    with lasting():
        from conformance.run.selftest import as_json, as_text, selftested

    console = Console(stderr=form == "json")
    with _explained():
        matrix = selftested(checks, workers=workers, console=console)
    if out is not None:
        out.write_text(f"{as_json(matrix)}\n", encoding="utf-8")
    if form == "json":
        click.echo(as_json(matrix))
    else:
        console.print(as_text(matrix), soft_wrap=True)
    raise SystemExit(0 if matrix.proven else 1)


@main.group(invoke_without_command=True)
@click.pass_context
def targets(context: click.Context) -> None:
    """The built-in targets, and whether they can start here."""
    if context.invoked_subcommand is None:
        from conformance.target import builtin

        for target in builtin():
            click.echo(f"{target.name:<20}{target.description}\n{'':<20}{target.missing or 'can start here'}")


@targets.command("install")
@click.argument("name", metavar="NAME[@VERSION]")
def install_target(name: str) -> None:
    """Install a built-in target in an environment of its own."""
    from conformance.target import install

    with _explained():
        click.echo(f"installed in {install(name, click.echo)}")


@main.group()
def lanes() -> None:
    """The SDK generations that a run can drive beside its own: `certify --lane NAME`."""


@lanes.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def list_lanes(form: str) -> None:
    """All lanes, and which of them are installed."""
    from conformance.lanes import described
    from conformance.lanes import lanes as known

    rows = [described(lane) for lane in known().values()]
    if form == "json":
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        state = "installed" if row["installed"] else f"not installed; run: conformance lanes install {row['name']}"
        click.echo(f"{row['name']:<14}{row['package']} {row['version']}: {', '.join(row['surfaces'])}")
        click.echo(f"{'':<14}{state}")


@lanes.command("install")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def install_lanes(names: tuple[str, ...]) -> None:
    """Install lanes, each in an environment of its own; all of them if none is named."""
    from conformance.lanes import install_lane, lane
    from conformance.lanes import lanes as known

    with _explained():
        for chosen in [lane(name) for name in names] or known().values():
            click.echo(f"installed in {install_lane(chosen, click.echo)}")


@main.group()
def upstream() -> None:
    """The scripted upstream, for a gateway that runs elsewhere."""


@main.command()
@click.argument("target")
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="CONFORMANCE_RECORDINGS",
    required=True,
    help="Recorded traffic: one folder a protocol, one JSON file an exchange; default $CONFORMANCE_RECORDINGS.",
)
@click.option("--protocol", "protocols", multiple=True, metavar="NAME", help="Only this protocol; may be repeated.")
@click.option("--out", type=_DIRECTORY, help="Where the report goes; default reports/out/TARGET-replay.")
def replay(target: str, recordings: Path, protocols: tuple[str, ...], out: Path | None) -> None:
    """Play real provider traffic through TARGET and compare both sides with what was recorded.

    Exit code: 0 all of it passes, 1 not all, 2 wrong usage, an invalid target file or recording, 3 not measured.
    """
    from rich.console import Console

    from conformance.recordings import NoRecordingsError, RecordingsInvalidError, replay_report
    from conformance.target import asked_name, load
    from reports import exit_code, write

    console = Console()
    with _explained():
        loaded = load(target)
        directory = (out or Path("reports/out") / f"{asked_name(target, loaded)}-replay").absolute()
        try:
            report = replay_report(target, recordings, _protocols(protocols), directory, console)
        except RecordingsInvalidError as error:
            raise _Stopped(error, INVALID) from error
        except NoRecordingsError as error:
            raise _Stopped(error, NOT_MEASURED) from error
        write(report, directory)
    _tell(report, directory, console, quiet=False)
    raise SystemExit(exit_code(report))


def _protocols(names: tuple[str, ...]) -> tuple[str, ...]:
    from conformance.recordings import PROTOCOLS

    for name in names:
        if name not in PROTOCOLS:
            raise click.BadParameter(f"{name} is no protocol that can be replayed; there are {', '.join(PROTOCOLS)}")
    return names or tuple(PROTOCOLS)


@main.command()
@click.argument("provider", type=click.Choice(["openai", "anthropic"]))
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--model", required=True, help="The model to ask for.")
@click.option("--out", required=True, type=_NEW_FILE, help="The cassette; one that exists is not written over.")
@click.option("--base-url", metavar="URL", help="As the SDK would take it; default the provider itself.")
def record(provider: str, scenarios: tuple[str, ...], model: str, out: Path, base_url: str | None) -> None:
    """Record what the official SDK and PROVIDER say to each other, with the key in OPENAI_API_KEY or ANTHROPIC_API_KEY.

    Plays the scenarios named, or all of the provider's. Costs what the provider asks for a few short calls.
    """
    from conformance.recordings import CassetteExistsError, CredentialCapturedError, RecordingFailedError
    from conformance.recordings import record as recorded
    from conformance.surface import Provider

    chosen, key = _scenarios(provider, scenarios), _key(provider)
    try:
        count = recorded(chosen, out, provider=Provider(provider), model=model, key=key, base_url=base_url)
    except CassetteExistsError as error:
        raise _Stopped(error, INVALID) from error
    except (RecordingFailedError, CredentialCapturedError) as error:
        raise _Stopped(error, NOT_MEASURED) from error
    click.echo(f"{out}: {count} exchanges of {', '.join(scenario.name for scenario in chosen)}")


def _scenarios(provider: str, names: tuple[str, ...]) -> list[Scenario]:
    from conformance.recordings import SCENARIOS

    known = {name: scenario for name, scenario in SCENARIOS.items() if scenario.provider == provider}
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{provider} has no scenario {name}; there are {', '.join(known)}")
    return [known[name] for name in names] or list(known.values())


def _key(provider: str) -> Secret:
    import os

    from conformance.secrets import SHORTEST, Secret

    variable = f"{provider.upper()}_API_KEY"
    value = os.environ.get(variable, "")
    if len(value) < SHORTEST:
        problem = "is too short for a key" if value else "is not set"
        raise click.UsageError(f"{variable} {problem}: the key is taken from the environment")
    return Secret(provider, value)


@upstream.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free port.")
def serve_upstream(host: str, port: int) -> None:
    """Serve the scripted upstream by itself until Ctrl-C.

    It says where each provider listens and which key it accepts: a minted one, or the one in
    CONFORMANCE_UPSTREAM_OPENAI_KEY, CONFORMANCE_UPSTREAM_GEMINI_KEY and so on; for Bedrock it is the secret access key
    of AKIACONFORMANCE00000. Scripts and journal are at the control address.
    """
    from conformance.upstream.standalone import serve_until_interrupted

    with _explained():
        serve_until_interrupted(host, port, click.echo)
