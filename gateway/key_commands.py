"""`gateway keys`."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import ValidationError

from gateway.config import ConfigError, Settings, load
from gateway.keyforms import KeyRequest, minted_view, view
from gateway.keys import OWNERS, AmbiguousKeyError, KeyStore, NoSuchKeyError, Owner
from gateway.limits import Limit
from gateway.surfaces import SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.keyforms import KeyView
    from gateway.keys import VirtualKey

    Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG_PROBLEM = 2
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if not (match := re.fullmatch(r"(\d+)([smhd]?)", value)):
            self.fail(f"{value!r} is not a duration: use seconds, or 30m, 1h, 7d", param, ctx)
        return float(match[1]) * SECONDS[match[2] or "s"]


class Dollars(click.ParamType[Decimal]):
    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            return Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount of dollars", param, ctx)


LIMITS = {
    "rpm": "requests_per_minute",
    "tpm": "tokens_per_minute",
    "streams": "streams",
    "budget": "budget_usd",
    "period": "period_seconds",
}
"""Options of `mint`, and the limits that they set."""

FILE = click.Path(dir_okay=False, path_type=Path)
config_option = click.option("--config", "config", type=FILE, required=True, help="The gateway.toml.")
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


def owner_options(command: Command) -> Command:
    for name in reversed(OWNERS):
        command = click.option(f"--{name}", help=f"The {name} whose key it is.")(command)
    return command


def settings_of(path: Path, *, credentials: bool = True, passwords: bool = True) -> Settings:
    try:
        return load(path, credentials=credentials, passwords=passwords)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(CONFIG_PROBLEM)


@click.group()
def keys() -> None:
    """Virtual keys. Changes hold at once, also in a gateway that is running, and for calls that are."""


@keys.command()
@config_option
@click.option("--name", required=True)
@click.option("--expires-in", type=Duration(), help="Seconds, or 30m, 1h, 7d.")
@click.option("--surface", "surfaces", type=click.Choice(SURFACES), multiple=True, help="Default: all.")
@click.option("--family", help="Only providers of this family. Default: any.")
@owner_options
@click.option("--model", "models", multiple=True, help="Only this model, as clients call it. Default: any.")
@click.option("--provider", "providers", multiple=True, help="Only this provider. Default: any.")
@click.option("--origin", "origins", multiple=True, help="Only callers of this network (CIDR), or unix.")
@click.option("--rpm", type=int, help="Requests a minute.")
@click.option("--tpm", type=int, help="Tokens a minute.")
@click.option("--streams", type=int, help="Calls that run at once.")
@click.option("--budget", type=Dollars(), help="In dollars, for good or in each --period.")
@click.option("--period", type=Duration(), help="1h, 1d, 30d, in UTC since 1970.")
@json_option
def mint(config: Path, expires_in: float | None, *, as_json: bool, **scope: Any) -> None:
    """Make a key and print it: the only time that it is shown. What may be said more than once adds up."""
    limits = {name: value for option, name in LIMITS.items() if (value := scope.pop(option)) is not None}
    try:
        request = KeyRequest(expires_in_seconds=expires_in, limits=Limit(**limits), **scope)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = str(wrong["loc"][0]) if wrong["loc"] else ""
        raise click.BadParameter(wrong["msg"], param_hint=hint(place)) from None
    for name, why in request.misfits(settings_of(config, credentials=False)):
        raise click.BadParameter(why, param_hint=hint(name))
    with key_store(config) as store:
        minted = request.mint(store)
    click.echo(minted_view(minted).model_dump_json() if as_json else minted.plaintext)


def hint(field: str) -> str:
    options = {"expires_in_seconds": "expires-in", "": "period", **{field: option for option, field in LIMITS.items()}}
    name = options.get(field, field if field in OWNERS else field.removesuffix("s"))
    return f"--{name}"


@keys.command("list")
@config_option
@owner_options
@json_option
def list_keys(config: Path, *, as_json: bool, **whose: str | None) -> None:
    """All keys, or an owner's."""
    with key_store(config) as store:
        views = [view(key, time.time()) for key in store.all(owner_of(whose))]
    click.echo(json.dumps([each.model_dump() for each in views]) if as_json else "\n".join(map(line, views)))


@keys.command()
@config_option
@click.argument("key")
@json_option
def show(config: Path, key: str, *, as_json: bool) -> None:
    """KEY is a name, a fingerprint, or the key itself."""
    with key_store(config) as store:
        tell(store.named(key), as_json=as_json)


@keys.command()
@config_option
@click.argument("key", required=False)
@owner_options
@json_option
def revoke(config: Path, key: str | None, *, as_json: bool, **whose: str | None) -> None:
    """KEY is a name, a fingerprint, or the key itself; or say whose keys."""
    with key_store(config) as store:
        if key := one_of(key, owner := owner_of(whose)):
            tell(store.revoke(store.named(key)), as_json=as_json)
        elif owner:
            tell_count(store.revoke_owned(owner), "revoked", as_json=as_json)


@keys.command()
@config_option
@click.argument("key")
@click.option("--in", "seconds", type=Duration(), default=0.0, help="Default: now.")
@json_option
def expire(config: Path, key: str, seconds: float, *, as_json: bool) -> None:
    """KEY is a name, a fingerprint, or the key itself."""
    with key_store(config) as store:
        tell(store.expire(store.named(key), time.time() + seconds), as_json=as_json)


@keys.command()
@config_option
@click.argument("key", required=False)
@owner_options
@json_option
def delete(config: Path, key: str | None, *, as_json: bool, **whose: str | None) -> None:
    """KEY is a name, a fingerprint, or the key itself; or say whose keys: those of a run that has ended."""
    with key_store(config) as store:
        if key := one_of(key, owner := owner_of(whose)):
            store.delete(store.named(key))
            tell_count(1, "deleted", as_json=as_json)
        elif owner:
            tell_count(store.delete_owned(owner), "deleted", as_json=as_json)


@keys.command()
@config_option
@click.option("--older-than", "seconds", type=Duration(), default=0.0, help="Dead for so long. Default: all dead ones.")
@json_option
def prune(config: Path, seconds: float, *, as_json: bool) -> None:
    """Drop keys that are revoked or expired. A serving gateway does so too: [keys] prune_after_seconds."""
    with key_store(config) as store:
        tell_count(store.prune(time.time() - seconds), "pruned", as_json=as_json)


@contextmanager
def key_store(config: Path) -> Iterator[KeyStore]:
    settings = settings_of(config, credentials=False)
    try:
        with KeyStore(settings.keys.place, settings.keys.prefix) as store:
            yield store
    except (NoSuchKeyError, AmbiguousKeyError, OSError) as error:
        raise click.ClickException(str(error)) from None


def owner_of(whose: dict[str, str | None]) -> Owner | None:
    if all(value is None for value in whose.values()):
        return None
    try:
        return Owner(**whose)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def one_of(key: str | None, owner: Owner | None) -> str | None:
    if (key is None) == (owner is None):
        raise click.UsageError(f"say either KEY or whose keys: {', '.join(f'--{name}' for name in OWNERS)}")
    return key


def tell(key: VirtualKey, *, as_json: bool) -> None:
    shown = view(key, time.time())
    click.echo(shown.model_dump_json() if as_json else line(shown))


def tell_count(count: int, done: str, *, as_json: bool) -> None:
    click.echo(json.dumps({"keys": count}) if as_json else f"{done}: {count}")


def line(shown: KeyView) -> str:
    until = shown.expires_at or "never expires"
    held = [", ".join(shown.surfaces)]
    held += [f"{name} {value}" for name in OWNERS if (value := getattr(shown, name))]
    held += [f"{name} {', '.join(of)}" for name in ("models", "providers", "origins") if (of := getattr(shown, name))]
    held += [f"{name} {value}" for name, value in shown.limits if value is not None]
    return f"{shown.fingerprint}  {shown.state:<8} {shown.name}  {until}  {'; '.join(held)}"
