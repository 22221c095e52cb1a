"""Starts what a run needs: the scripted upstream, the faulty relays, and the target between them."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.drivers import Door
from conformance.faulty import FAULTS, PREFIXES, PRICE, REPLICA, ROUTING, FaultyProcess
from conformance.run.stage import DIRECT, FAULT, RELAY, TARGET, Stage, Subject
from conformance.secrets import SHORTEST, Secret, mint
from conformance.surface import BELOW_PROVIDER, PROVIDER_OF, Provider, Surface
from conformance.target import (
    LIMITS,
    SECRETS,
    Auth,
    Hooks,
    Observability,
    Observed,
    Routing,
    TargetNotStartedError,
    launch,
)
from conformance.target.container import LOOPBACK, upstream_host
from conformance.target.templates import SCOPES
from conformance.upstream.process import UpstreamProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conformance.target import Model, Running, Target
    from conformance.upstream import UpstreamAddress

_MODELS = {
    Surface.OPENAI_CHAT: "gpt-5-mini",
    Surface.OPENAI_RESPONSES: "gpt-5-mini",
    Surface.ANTHROPIC_MESSAGES: "claude-sonnet-5-5",
    Surface.GEMINI: "gemini-3.5-flash",
    Surface.MISTRAL: "mistral-large-latest",
    Surface.AZURE_OPENAI: "gpt-5-mini",
    Surface.BEDROCK: "anthropic.claude-sonnet-5-5-v1:0",
    Surface.VERTEX: "claude-sonnet-5-5",
}
_RELAY_KEYS = Auth.model_validate(
    {
        "mint": {"path": "/_keys", "json": {name: f"{{{name}}}" for name in ("expires_in", *SCOPES)}, "key_at": "/key"},
        "revoke": {"method": "DELETE", "path": "/_keys/{key}"},
        "expire": {"path": "/_keys/{key}/expire"},
        "delete": {"path": "/_keys/{key}/delete"},
        "limit": {
            "path": "/_keys",
            "key_at": "/key",
            "json": {"limits": {name: f"{{{name}}}" for name in LIMITS}},
        },
        "prices": dict.fromkeys(_MODELS.values(), PRICE),
    }
)
_RELAY_OBSERVABILITY = Observability(input="/input", output="/output", seconds=1)
_RELAY_ROUTING = Routing.model_validate(ROUTING)


@contextmanager
def staged(target: Target | None, out: Path | None) -> Iterator[tuple[Stage, Running | None]]:
    """Everything started, the target last; everything stopped at the end, the target first."""
    minted = {name: mint(name) for name in SECRETS}
    secrets = dict(minted)
    with ExitStack() as opened:
        keys = {str(name): minted[name].value for name in Provider}
        upstream = opened.enter_context(UpstreamProcess(keys, host=upstream_host(target), control_host=LOOPBACK))
        workdir = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        relays = opened.enter_context(FaultyProcess(upstream.url, minted, workdir / "relays.log"))
        subjects = {DIRECT: _direct(upstream, minted)}
        running = None
        if target is None:  # the clean relay must not share a log with those that leak into theirs
            clean = opened.enter_context(FaultyProcess(upstream.url, minted, workdir / "relay.log"))
            subjects[RELAY] = _relay(RELAY, clean, "", minted)
        else:  # the relays start meanwhile
            running = opened.enter_context(launch(target, upstream.url, minted, workdir / "target"))
            secrets["client"] = _searchable(target, running.key)
            subjects[TARGET] = _target(target, running)
        subjects |= {FAULT + name: _relay(FAULT + name, relays, f"/faults/{name}", minted) for name in FAULTS}
        yield Stage(upstream, secrets, subjects, out), running


def _searchable(target: Target, key: str) -> Secret:
    if len(key) < SHORTEST:
        raise TargetNotStartedError(
            f"{target.name}: the client's key has {len(key)} characters; a search for leaks needs {SHORTEST} or more, "
            "or it would find the key by chance"
        )
    return Secret("client", key)


def _direct(upstream: UpstreamAddress, secrets: Mapping[str, Secret]) -> Subject:
    doors = {}
    for surface, provider in PROVIDER_OF.items():
        url = f"{upstream.url}/{provider}{BELOW_PROVIDER[provider]}"
        doors[surface] = Door(url, secrets[provider].value, _MODELS[surface], _MODELS[surface])
    return Subject(DIRECT, doors)


def _relay(name: str, relays: FaultyProcess, prefix: str, secrets: Mapping[str, Secret]) -> Subject:
    doors, replica = (_relay_doors(f"{relays.url}{at}", secrets["client"].value) for at in (prefix, prefix + REPLICA))
    hooks = Hooks(_RELAY_KEYS, relays.url + prefix, {}, {})
    observed = Observed(table=_RELAY_OBSERVABILITY, audit=relays.log, metrics=f"{relays.url}{prefix}/_metrics")
    return Subject(
        name,
        doors,
        hooks=hooks.describe(),
        logs=(relays.log,),
        routing=_RELAY_ROUTING,
        observed=observed,
        replicas=(replica,),
    )


def _relay_doors(url: str, key: str) -> dict[Surface, Door]:
    return {
        surface: Door(
            f"{url}{PREFIXES.get(provider, '')}{BELOW_PROVIDER[provider]}", key, _MODELS[surface], _MODELS[surface]
        )
        for surface, provider in PROVIDER_OF.items()
    }


def _target(target: Target, running: Running) -> Subject:
    doors = {surface: _door(running, surface, model) for surface, model in target.straight.items()}
    bridges: dict[Surface, dict[Surface, Door]] = {}
    for (surface, upstream), model in target.bridges.items():
        bridges.setdefault(surface, {})[upstream] = _door(running, surface, model)
    hooks = running.hooks.describe()
    replicas = tuple(
        {surface: replace(door, url=urls[surface]) for surface, door in doors.items()} for urls in running.replicas
    )
    return Subject(
        TARGET, doors, bridges, hooks, running.logs, target.routing, running.pulse, running.observed, replicas
    )


def _door(running: Running, surface: Surface, model: Model) -> Door:
    url, upstream_name = running.surfaces[surface], model.upstream_name or model.name
    return Door(url, running.key, model.name, upstream_name, running.headers(model))
