"""Images built here: what goes into them is gathered outside, so that the build needs no registry of packages.

A base is any image with a Python that the engine can get; `make_base` makes one of Debian's packages alone.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from docker.errors import BuildError, ContainerError
from packaging.requirements import Requirement

from conformance.containers.engine import engine
from conformance.containers.needs import PROJECT, imported, packages, pinned, requirements

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
PUBLIC_BASE = "python:3.12-slim"
MADE_BASE = "conformance-base"
_SUITE = "bookworm"
_OF_REDIS = "async-timeout"  # which it needs before Python 3.11.3; pip looks at the Python that runs it, ours
_OLDEST_GLIBC, _NEWEST_GLIBC = 5, 36  # of the minor versions of 2; wheels for a newer one do not run on Debian 12
_KEPT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


class BuildFailedError(Exception):
    """An image or a base could not be made; holds the last words of who tried."""


@dataclass(frozen=True)
class Image:
    """`modules` are ours, with all that they import; `tools` are others' distributions, wanted for themselves.

    `files` lie beside the Dockerfile and are copied as they are. What Debian packages, the Dockerfile installs.
    """

    name: str
    modules: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        return f"conformance-{self.name}"


IMAGES = {
    image.name: image
    for image in (
        Image("gateway", ("gateway",), ("redis", _OF_REDIS)),
        Image("upstream", ("conformance.upstream.standalone",)),
        Image("client", tools=("openai", "anthropic", "httpx2"), files=("trap.py",)),
        Image("services", files=("postgresql.sh",)),
    )
}


def build(image: Image, base: str = PUBLIC_BASE) -> str:
    """Build it on `base`; returns its tag."""
    with TemporaryDirectory(prefix="conformance-image-") as directory, engine() as docker:
        context = Path(directory)
        _fill(image, _python_of(base), context)
        try:
            docker.images.build(path=directory, tag=image.tag, buildargs={"BASE": base}, rm=True, forcerm=True)
        except BuildError as error:
            raise BuildFailedError(f"{image.tag}: {error.msg}") from None
    return image.tag


def make_base() -> str:
    """A base of Debian's own packages, by mmdebstrap and its mirrors as apt here knows them; returns its tag."""
    if shutil.which("mmdebstrap") is None:
        raise BuildFailedError("mmdebstrap is not installed; run: apt-get install mmdebstrap")
    with TemporaryDirectory(prefix="conformance-base-") as directory, engine() as docker:
        tree = Path(directory) / "base.tar"
        leaner = [f"--dpkgopt=path-exclude={pattern}" for pattern in _KEPT_OUT]
        _run(["mmdebstrap", "--variant=minbase", "--include=python3,ca-certificates", *leaner, _SUITE, str(tree)])
        docker.api.import_image_from_file(str(tree), repository=MADE_BASE, tag="latest")
    return MADE_BASE


def _fill(image: Image, python: str, context: Path) -> None:
    """The build's context: the Dockerfile, and in `site` everything that Python shall find."""
    shutil.copy(HERE / f"{image.name}.Dockerfile", context / "Dockerfile")
    for name in image.files:
        shutil.copy(HERE / name, context)
    modules = imported(*image.modules)
    wanted = [*requirements(modules), *(pinned(Requirement(tool)) for tool in image.tools)]
    if wanted:
        _install(wanted, python, context / "site")
    for package in packages(modules):
        _copy(package, context / "site")
    if modules:
        _describe(context / "site")


def _install(wanted: Sequence[str], python: str, site: Path) -> None:
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    glibc = range(_OLDEST_GLIBC, _NEWEST_GLIBC + 1)
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in reversed(glibc)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    binary = ["--only-binary=:all:", "--no-compile", f"--python-version={python}", *platforms]
    _run([*pip, *binary, f"--target={site}", *wanted])


def _copy(package: str, site: Path) -> None:
    spec = find_spec(package)
    assert spec
    assert spec.origin
    shutil.copytree(Path(spec.origin).parent, site / package, ignore=shutil.ignore_patterns("__pycache__"))


def _describe(site: Path) -> None:
    """The distribution's metadata, by which programs tell their version."""
    known = metadata.distribution(PROJECT)
    described = site / f"{PROJECT.replace('-', '_')}-{known.version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(known.read_text("METADATA") or "", encoding="utf-8")


def _python_of(base: str) -> str:
    """`3.12`, as the base itself says."""
    asked = ["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    with engine() as docker:
        try:
            said: bytes = docker.containers.run(base, asked, entrypoint="", remove=True, network_mode="none")
        except ContainerError as error:
            raise BuildFailedError(f"{base}: its Python does not run: {error}") from None
    return said.decode().strip()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(f"  | {line}" for line in done.stderr.splitlines()[-15:])
        raise BuildFailedError(f"{command[0]} ended with {done.returncode}:\n{last}")
