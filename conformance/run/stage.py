"""What every worker of a run needs to know, as plain values that cross processes."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from conformance.drivers import Door
from conformance.secrets import Secret
from conformance.surface import Surface
from conformance.target import Observed, Pulse, Routing
from conformance.upstream import UpstreamAddress

TARGET = "target"
DIRECT = "direct"
RELAY = "relay"
FAULT = "fault:"


@dataclass(frozen=True)
class Subject:
    """What checks are aimed at: the target, the upstream itself, or a relay with at most one fault.

    `doors` holds one entry a surface, `bridges` one a surface and the protocol that it is translated into; `hooks`
    describes how its keys are minted and ended, `routing` how it picks a provider; `logs` hold its own output,
    `pulse` tells whether it is alive, `observed` where it tells of its calls; `replicas` are further doors of the same
    gateway.
    """

    name: str
    doors: dict[Surface, Door]
    bridges: dict[Surface, dict[Surface, Door]] = field(default_factory=dict)
    hooks: dict[str, Any] | None = None
    logs: tuple[Path, ...] = ()
    routing: Routing | None = None
    pulse: Pulse | None = None
    observed: Observed | None = None
    replicas: tuple[dict[Surface, Door], ...] = ()

    def door(self, surface: Surface, bridge: Surface | None = None) -> Door:
        return self.doors[surface] if bridge is None else self.bridges[surface][bridge]

    def output(self) -> bytes:
        """All that it has written so far."""
        return b"".join(log.read_bytes() for log in self.logs if log.is_file())

    @property
    def is_target(self) -> bool:
        return self.name == TARGET

    @property
    def is_gateway(self) -> bool:
        return self.name != DIRECT


@dataclass(frozen=True, config=ConfigDict(arbitrary_types_allowed=True))
class Stage:
    """The upstream, the secrets of the run, and whatever checks are aimed at; evidence goes below `out`."""

    upstream: UpstreamAddress
    secrets: dict[str, Secret]
    subjects: dict[str, Subject]
    out: Path | None = None

    @property
    def known_secrets(self) -> list[Secret]:
        return list(self.secrets.values())


STAGE: TypeAdapter[Stage] = TypeAdapter(Stage)
