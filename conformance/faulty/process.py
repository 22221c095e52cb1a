"""The faulty relays as a process of their own, for as long as a `with` block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Self

from conformance.surface import Provider

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from conformance.secrets import Secret

_SECONDS_TO_STOP = 5
_VARIABLES = {"CLIENT_KEY": "client", **{f"{provider.upper()}_API_KEY": str(provider) for provider in Provider}}


class FaultyDidNotStartError(Exception):
    """The relays' process ended before it could listen."""


class FaultyProcess:
    """Runs the relays beside us. They end with their context, and with this process however that dies.

    `secrets` holds `client` and every provider's; they go in by environment, as every gateway gets them.
    Whatever the relays print goes to `log`.
    """

    def __init__(self, upstream_url: str, secrets: Mapping[str, Secret], log: Path) -> None:
        self._command = [sys.executable, "-m", "conformance.faulty", "--with-parent", "--upstream", upstream_url]
        self._keys = {variable: secrets[name].value for variable, name in _VARIABLES.items()}
        self.log = log

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._keys},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        return self

    @cached_property
    def url(self) -> str:
        """Where they listen; waits until they do, or raises `FaultyDidNotStartError`."""
        assert self._process.stdout
        announcement = self._process.stdout.readline()
        if not announcement:
            raise FaultyDidNotStartError(self.log.read_text(errors="replace"))
        return str(json.loads(announcement)["url"])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close its stdin, which asks it to end; kill it if it does not."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
