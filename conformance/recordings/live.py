"""Cassettes from a live provider, or from whatever stands in its place at a base URL."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from conformance.recordings.capture import capturing
from conformance.recordings.cassettes import Provenance, refuse_existing, write_cassette
from conformance.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    from conformance.recordings.scenarios import Scenario
    from conformance.secrets import Secret
    from conformance.surface import Provider


class RecordingFailedError(Exception):
    """A scenario did not come to its end, so that nothing is written."""


def record(
    scenarios: Sequence[Scenario], out: Path, *, provider: Provider, model: str, key: Secret, base_url: str | None
) -> int:
    """Play scenarios into a new cassette; returns how many exchanges it holds."""
    refuse_existing(out)
    words = ["conformance", "record", provider, "--model", model, *(["--base-url", base_url] if base_url else [])]
    with capturing(provider, base_url, key.value) as capture:
        for scenario in scenarios:
            try:
                scenario.play(capture.sdk, model)
            except Exception as error:  # whatever an SDK raises when it does not get what it expects
                said = redact(f"{scenario.name}: {type(error).__name__}: {error}", [key])
                raise RecordingFailedError(f"nothing written: {said}") from error
        about = provenance("live", " ".join(words), scenarios, provider, model)
        write_cassette(out, capture.exchanges, about, key)
        return len(capture.exchanges)


def provenance(
    kind: Literal["live", "scripted"], command: str, scenarios: Sequence[Scenario], provider: Provider, model: str
) -> Provenance:
    return Provenance(
        provenance=kind,
        recorded=datetime.now(UTC).date().isoformat(),
        command=command,
        provider=provider,
        model=model,
        scenarios=tuple(scenario.name for scenario in scenarios),
        software={"python": platform.python_version(), **{name: version(name) for name in (provider, "httpx2")}},
    )
