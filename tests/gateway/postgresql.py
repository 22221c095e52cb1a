"""A server of PostgreSQL for tests, on a Unix socket in a directory of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from gateway.databases import Server
from tests.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret of/the@database"
USER = "postgres" if os.name != "nt" and os.geteuid() == 0 else None  # the server refuses to run as root


class Cluster:
    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs = programs
        self._directory = directory
        self._databases = 0

    def create(self) -> None:
        password = self._directory / "password"
        password.write_text(PASSWORD)
        authentication = ("--auth=scram-sha-256", f"--pwfile={password}", "--username=gateway")
        self._run("initdb", "-D", str(self._data), "-E", "UTF8", "--no-sync", "--no-instructions", *authentication)

    def start(self) -> None:
        options = f"-k {self._directory} -c listen_addresses= -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-o", options, "-l", str(self._data / "log"), "start")

    def stop(self) -> None:
        """As one that dies: nobody is told."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def database(self) -> Server:
        """A new one."""
        self._databases += 1
        name = f"test{self._databases}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self.server(name)

    def server(self, name: str) -> Server:
        return Server(f"postgresql://gateway@/{name}?host={self._directory}", PASSWORD)

    def execute(self, database: str, statement: str) -> None:
        with psycopg.connect(self.server(database).url, password=PASSWORD, autocommit=True) as connection:
            connection.execute(statement)

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, user=USER, capture_output=True, text=True, check=False, cwd=self._directory)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    programs = installed()
    if programs is None:
        absent("PostgreSQL's server is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="gateway-pg-") as directory:  # a socket's path must be short
        if USER is not None:
            shutil.chown(directory, USER)
        cluster = Cluster(programs, Path(directory))
        cluster.create()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


def installed() -> Path | None:
    """Debian keeps them off the path."""
    found = shutil.which("initdb")
    debians = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return Path(found).resolve().parent if found else next(reversed(debians), None)
