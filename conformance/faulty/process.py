"""The faulty relays as a process of their own, for as long as a `with` block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from threading import Thread
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from conformance.secrets import Secret

_SECONDS_TO_STOP = 5
_VARIABLES = {"CLIENT_KEY": "client", "OPENAI_API_KEY": "openai", "ANTHROPIC_API_KEY": "anthropic"}


class FaultyDidNotStartError(Exception):
    """The relays' process ended before it could listen."""


class FaultyProcess:
    """Runs the relays beside us. They end with their context, and with this process however that dies.

    `secrets` holds `client`, `openai` and `anthropic`; they go in by environment, as every gateway gets them.
    """

    def __init__(self, upstream_url: str, secrets: Mapping[str, Secret]) -> None:
        self._command = [sys.executable, "-m", "conformance.faulty", "--with-parent", "--upstream", upstream_url]
        self._keys = {variable: secrets[name].value for variable, name in _VARIABLES.items()}
        self._printed: list[bytes] = []
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env={**os.environ, **self._keys},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout
        announcement = self._process.stdout.readline()
        self._printed.append(announcement)
        self._reader = Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        if not announcement.startswith(b"{"):
            self.stop()
            raise FaultyDidNotStartError(self.output().decode(errors="replace"))
        self.url = str(json.loads(announcement)["url"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def output(self) -> bytes:
        """All that the process has printed so far."""
        return b"".join(self._printed)

    def stop(self) -> None:
        """Close its stdin, which asks it to end; kill it if it does not."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._printed.append(line)
