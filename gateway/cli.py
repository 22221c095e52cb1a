"""`gateway serve`, `gateway keys`, `gateway audit`, `gateway check`, `gateway env`."""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import sandbox
from gateway.audit_table import heading, line_of
from gateway.config import Listen, Settings, http_url
from gateway.key_commands import FILE, Duration, config_option, json_option, keys, settings_of
from gateway.sinks import Query, sinks_of, timestamp

if TYPE_CHECKING:
    from typing import TextIO


class Status(click.ParamType[str]):
    name = "status"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"[1-5](\d\d|xx)", value):
            self.fail(f"{value!r} is no status: use 404, or 4xx", param, ctx)
        return str(value)


ENVIRONMENT = click.File(encoding="utf-8", errors="surrogateescape")


@click.group()
def main() -> None:
    """A pass-through LLM gateway: provider keys stay here, clients hold virtual keys."""


main.add_command(keys)


@main.command()
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Say what is wrong with a configuration; exit 2 if anything is."""
    settings_of(file)
    click.echo(f"{file}: ok")


@main.command()
@config_option
@click.option("--host")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--uds", type=click.Path(path_type=Path), help="Listen on this Unix socket instead.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that share the work.")
def serve(*, config: Path, host: str | None, port: int | None, uds: Path | None, workers: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = settings_of(config)
    given = {"host": host, "port": port, "uds": uds}
    changes = {name: value for name, value in given.items() if value is not None}
    listen = settings.listen.model_copy(update=changes)
    from gateway import serving  # noqa: PLC0415 -- `gateway keys` does without the server

    sys.exit(serving.serve(settings.model_copy(update={"listen": listen}), workers))


@main.command()
@config_option
@click.option("--since", type=Duration(), help="Only the last 30m, 1h, 7d.")
@click.option("--key", help="Fingerprint or name.")
@click.option("--run", help="The run that the key was minted for.")
@click.option("--status", type=Status(), help="404, or 4xx.")
@click.option("--model", help="As the client or the provider calls it.")
@click.option("--limit", type=click.IntRange(1), help="Only the last so many.")
@json_option
def audit(
    *,
    config: Path,
    since: float | None,
    key: str | None,
    run: str | None,
    status: str | None,
    model: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """What the audit holds, the oldest first: the database where there is one, else the files."""
    sinks = sinks_of(settings_of(config, credentials=False).audit)
    if not sinks:
        raise click.ClickException(f"{config} has no [audit]")
    query = Query(None if since is None else timestamp(time.time() - since), key, run, model, status)
    if not as_json:
        click.echo(heading())
    try:
        for row, text in sinks[-1].read(query, limit):
            click.echo(text if as_json else line_of(row))
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # `gateway audit | head`: click ends quietly
        raise click.ClickException(f"cannot read {sinks[-1]}: {error}") from None


@main.command()
@click.option("--config", type=FILE, help="The gateway.toml, for its address and its models.")
@click.option("--base-url", envvar="LLM_GATEWAY_URL", help="Where clients reach the gateway. Default: its own address.")
@click.option("--unix-socket", "socket", type=click.Path(), help="For claude-code: where there is no network.")
@click.option("--key", envvar="LLM_GATEWAY_KEY", help="The virtual key.")
@click.option("--no-key", "keyless", is_flag=True, help="Addresses only: the key comes by another way.")
@click.option("--agent", type=click.Choice(sandbox.AGENTS), help="Default: variables for all clients.")
@click.option("--model", help="What the agent is to ask for.")
@click.option("--small-model", help="What it is to ask for small tasks. Default: the same.")
@click.option("--shell", type=click.Choice(sandbox.SHELLS), default="sh", show_default=True)
@click.option("--settings", "as_settings", is_flag=True, help="The agent's settings file instead of variables.")
@click.option("--filter", "filters", is_flag=True, help="This environment, without providers' credentials.")
@click.option("--from", "source", type=ENVIRONMENT, help="With --filter: an environment as JSON or lines; - is stdin.")
def env(
    *,
    config: Path | None,
    base_url: str | None,
    socket: str | None,
    key: str | None,
    keyless: bool,
    agent: sandbox.Agent | None,
    model: str | None,
    small_model: str | None,
    shell: sandbox.Shell,
    as_settings: bool,
    filters: bool,
    source: TextIO | None,
) -> None:
    """What makes an agent use the gateway; with --filter, an environment that holds no provider's credential."""
    if source and not filters:
        raise click.UsageError("--from belongs to --filter")
    if keyless and filters:
        raise click.UsageError("--filter takes keys away, so that --no-key leaves none")
    given = environment_of(source)
    if filters and not key:
        return say(sandbox.without_credentials(given), shell, unset=source is None)
    settings = settings_of(config, credentials=False, passwords=False) if config else None
    refuse_unknown(settings, model, small_model)
    listen = settings.listen if settings else Listen()
    socket = socket or (str(listen.uds) if listen.uds and not base_url else None)
    if socket and agent != "claude-code":
        raise click.UsageError("only claude-code can be led to a Unix socket; others need --base-url")
    url = url_of(base_url or ("http://gateway" if socket else None), listen)
    access = sandbox.Access(url, None if keyless else header_safe(key), model, small_model, socket)
    if as_settings:
        if socket:
            click.echo(f"claude-code reads this from its environment only: ANTHROPIC_UNIX_SOCKET={socket}", err=True)
        return click.echo(settings_for(access, agent), nl=False)
    if not (access.key or keyless):
        raise click.UsageError("a virtual key is needed: --key, or LLM_GATEWAY_KEY")
    if filters:
        return say(sandbox.moved(given, access, agent), shell, unset=source is None)
    unset = sandbox.detours(given) if shell == "sh" else {}
    say(sandbox.Filtered(sandbox.environment(access, agent), unset), shell, unset=True)
    if agent == "codex":
        click.echo("codex heeds no variable for the base URL: give it the config.toml of --settings too", err=True)
    return None


def refuse_unknown(settings: Settings | None, *models: str | None) -> None:
    if settings is None or settings.routing.unknown_models == "pass":
        return
    there = {None, *(model.name for model in settings.models)}
    if unknown := next((model for model in models if model not in there), None):
        raise click.BadParameter(f"the gateway has no model {unknown!r}", param_hint="--model")


def header_safe(key: str | None) -> str | None:
    if key and not re.fullmatch(r"[!-~]+", key):
        raise click.BadParameter("cannot stand in a header: only printable ASCII, no spaces", param_hint="--key")
    return key


def url_of(base_url: str | None, listen: Listen) -> str:
    try:
        url = http_url(base_url) if base_url else sandbox.address(listen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--base-url") from None
    if url.endswith("/v1"):
        raise click.BadParameter("leave /v1 out: each client adds what it needs", param_hint="--base-url")
    return url


def environment_of(source: TextIO | None) -> dict[str, str]:
    if source is None:
        return dict(os.environ)
    try:
        return sandbox.parsed(source.read())
    except sandbox.NotAnEnvironmentError as error:
        raise click.BadParameter(str(error), param_hint="--from") from None


def settings_for(access: sandbox.Access, agent: sandbox.Agent | None) -> str:
    try:
        return sandbox.settings_file(access, agent)
    except sandbox.AgentWithoutSettingsError as error:
        raise click.UsageError(str(error)) from None


def say(filtered: sandbox.Filtered, shell: sandbox.Shell, *, unset: bool) -> None:
    """The environment; on stderr what is not in it any more, never with its value."""
    for name, why in filtered.removed.items():
        click.echo(f"removed {name}: {why}", err=True)
    for name in sandbox.unspeakable(filtered.kept, shell):
        click.echo(f"left out {name}: {shell} cannot say this name", err=True)
    gone = [name for name in filtered.removed if unset and name not in filtered.kept]
    click.echo(os.fsencode(sandbox.printed(filtered.kept, shell, gone)), nl=False)
