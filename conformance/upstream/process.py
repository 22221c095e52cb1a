"""The scripted upstream as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from conformance.upstream.control import UpstreamAddress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_SECONDS_TO_STOP = 10


class UpstreamDidNotStartError(Exception):
    """The scripted upstream's process ended before it could listen."""


class UpstreamProcess:
    """Runs the upstream beside us. It ends with its context, and with this process however that dies.

    Secrets go in by stdin: neither the arguments nor the environment of the process show them.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_host: str | None = None,
        control_port: int = 0,
        control_secret: str | None = None,
    ) -> None:
        self._settings = {
            "keys": dict(keys),
            "host": host,
            "port": port,
            "control_host": control_host,
            "control_port": control_port,
            "control_secret": control_secret,
        }
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> UpstreamAddress:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> UpstreamAddress:
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "conformance.upstream"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(self._settings) + "\n")
        process.stdin.flush()
        announcement = process.stdout.readline()
        if not announcement:
            self.stop()
            raise UpstreamDidNotStartError(f"the upstream ended with exit code {process.returncode}")
        return UpstreamAddress(**json.loads(announcement))

    def stop(self) -> None:
        """Close its stdin, which asks it to end; kill it if it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
