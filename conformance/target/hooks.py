"""The life of a client's key, as the target file says: minted, revoked, expired."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx2

from conformance.secrets import Secret, redact
from conformance.target.container import executed
from conformance.target.schema import LIMITS, Auth
from conformance.target.templates import SCOPES, fill, fill_all, without
from conformance.tls import tls
from reports.hostile import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from conformance.target.schema import Hook
    from conformance.upstream import Usage

CONTAINER = "container"
"""Among the values: the container in which the gateway runs, and the hooks' commands with it."""

NO_SCOPE: Mapping[str, str] = MappingProxyType({})

_LONG_LIFE = 24 * 60 * 60
_TIMEOUT = 30.0
_NUMBERS = {"expires_in", *LIMITS}


class HookFailedError(Exception):
    """A hook of the target file did not do its work."""


@dataclass(frozen=True)
class Hooks:
    """What a running target offers; a hook that the target file leaves out must not be called."""

    auth: Auth
    origin: str  # what the hooks' paths are joined to
    values: Mapping[str, str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    ids: dict[str, str] = field(default_factory=dict, repr=False)  # by key: what the gateway calls it

    @property
    def can_mint(self) -> bool:
        return self.auth.mint is not None

    @property
    def can_mint_expiring(self) -> bool:
        return self.auth.mint is not None and "expires_in" in self.auth.mint.placeholders

    @property
    def can_revoke(self) -> bool:
        return self.auth.revoke is not None

    @property
    def can_expire(self) -> bool:
        return self.auth.expire is not None

    def mint(self, expires_in: int | None = None, scope: Mapping[str, str] = NO_SCOPE) -> str:
        """A new key, good for `expires_in` seconds; where the hook names a life, a day unless told otherwise.

        `scope` is what it is held to: a `surface`, a `model`, a `provider`, an `origin`.
        """
        hook = self.auth.mint
        assert hook is not None
        assert expires_in is None or self.can_mint_expiring
        assert scope.keys() <= hook.scopes, f"the mint hook has no place for {scope.keys() - hook.scopes}"
        answer = self._run("mint", hook, {"expires_in": str(expires_in or _LONG_LIFE), **scope})
        return self._minted(answer, hook, "mint")

    def limit(self, **limits: float | Decimal) -> str:
        """A new key that may use no more than this; by the names of the hook's placeholders."""
        hook = self.auth.limit
        assert hook is not None, "no key can be limited here; the features should not claim it"
        assert limits.keys() <= hook.placeholders, f"the limit hook does not say {', '.join(limits)}"
        values = {**LIMITS, **{name: str(value) for name, value in limits.items()}}
        return self._minted(self._run("limit", hook, values), hook, "limit")

    def cost(self, model: str, usage: Usage) -> Decimal:
        """What a call costs, in dollars."""
        price, fresh = self.auth.prices[model], usage.input - usage.cache_read
        return (fresh * price.input + usage.cache_read * price.cache_read + usage.output * price.output) / 1_000_000

    def revoke(self, key: str) -> None:
        assert self.auth.revoke is not None
        self._run("revoke", self.auth.revoke, self._named(key))

    def expire(self, key: str) -> None:
        """End the key's life now, as if its time had come."""
        assert self.auth.expire is not None
        self._run("expire", self.auth.expire, self._named(key))

    def delete(self, key: str) -> None:
        assert self.auth.delete is not None
        self._run("delete", self.auth.delete, self._named(key))

    def _minted(self, answer: str, hook: Hook, step: str) -> str:
        key = _key_in(answer, hook, step)
        if hook.id_at:
            if not isinstance(found := _at(answer, hook.id_at), str | int):
                raise HookFailedError(f"{step}: no id at {hook.id_at}")
            self.ids[key] = str(found)
        return key

    def _named(self, key: str) -> dict[str, str]:
        return {"key": key, "id": self.ids[key]} if key in self.ids else {"key": key}

    def describe(self) -> dict[str, Any]:
        """The hooks as JSON values, for another process. They hold secrets."""
        return {
            "auth": self.auth.model_dump(mode="json", by_alias=True),
            "origin": self.origin,
            "values": dict(self.values),
            "environment": dict(self.environment),
            "ids": dict(self.ids),
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        return cls(**{**description, "auth": Auth.model_validate(description["auth"])})

    def _run(self, step: str, hook: Hook, more: Mapping[str, str]) -> str:
        values = {**self.values, **more}
        try:
            return self._command(hook, values) if hook.command else self._call(hook, values)
        except (OSError, subprocess.SubprocessError, httpx2.HTTPError, HookFailedError) as error:
            raise HookFailedError(f"{step}: {one_line(redact(str(error), list(_secrets(values))), 500)}") from None

    def _command(self, hook: Hook, values: Mapping[str, str]) -> str:
        words = [word for argument in hook.command for word in without(argument, SCOPES - values.keys())]
        command = [fill(word, values) for word in words]
        contained = values.get(CONTAINER)
        done = executed(contained, command) if contained else self._run_here(command, values)
        if done.returncode:
            raise HookFailedError(f"{command[0]} exited with code {done.returncode}: {done.stderr or done.stdout}")
        return done.stdout

    def _run_here(self, command: list[str], values: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=values["workdir"],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )

    def _call(self, hook: Hook, values: Mapping[str, str]) -> str:
        in_url = {name: quote(value, safe="") if name in ("key", "id") else value for name, value in values.items()}
        url = fill(hook.url, in_url) if hook.url else self.origin + fill(hook.path or "", in_url)
        headers = {name: fill(value, values) for name, value in hook.headers.items()}
        said = without(hook.body, SCOPES - values.keys())
        body = _numbered(said[0], values) if said else None
        with httpx2.Client(verify=tls(), timeout=_TIMEOUT, trust_env=False) as client:
            answer = client.request(hook.method, url, headers=headers, json=body)
        if not answer.is_success:
            raise HookFailedError(f"{hook.method} {url} answered {answer.status_code}: {answer.text}")
        return answer.text


def _key_in(answer: str, hook: Hook, step: str) -> str:
    key_at = hook.key_at or (None if hook.command else "/key")
    key = _at(answer, key_at) if key_at else answer.strip()
    if not isinstance(key, str) or not key:
        raise HookFailedError(f"{step}: no key at {key_at or 'standard output'}")
    return key


def _secrets(values: Mapping[str, str]) -> Iterator[Secret]:
    for name, value in values.items():
        if name == "key":
            yield Secret("minted", value)
        elif name.startswith("secret:"):
            yield Secret(name.removeprefix("secret:"), value)


def _numbered(body: Any, values: Mapping[str, str]) -> Any:
    """The body filled; `"{expires_in}"` and limits, alone in their string, are numbers."""
    match body:
        case str() if body[1:-1] in _NUMBERS and body == f"{{{body[1:-1]}}}":
            return json.loads(values[body[1:-1]])
        case dict():
            return {key: _numbered(item, values) for key, item in body.items()}
        case list():
            return [_numbered(item, values) for item in body]
        case _:
            return fill_all(body, values)


def _at(text: str, pointer: str) -> Any:
    """The value at an RFC 6901 pointer in a JSON text; None where there is none."""
    try:
        value = json.loads(text)
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            value = value[int(name)] if isinstance(value, list) else value[name]
    except (ValueError, LookupError, TypeError):
        return None
    return value
