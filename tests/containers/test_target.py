"""A target of kind `container`, really started."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx2
import pytest

from conformance.containers.engine import engine
from conformance.run.certify import certification
from conformance.surface import Surface
from conformance.target import Target, TargetNotStartedError, launch, load
from tests.containers.conftest import left
from tests.containers.samples import reference_in_a_container
from tests.target.samples import SECRETS, UPSTREAM, eventually

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.containers

GREETING = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if "--never-ready" in sys.argv else 200)
        self.end_headers()
        self.wfile.write(open(sys.argv[1]).read().encode())
print("small gateway is up", os.environ["ADMIN"], os.getuid(), flush=True)
http.server.HTTPServer(("", 4000), Handler).serve_forever()
"""
SAYS_ALL = ["-c", GREETING, "{workdir}/etc/greeting"]
TOML = """
[target]
name = "boxed"
version_command = ["python3", "-c", "print('4.5.6')"]
[target.start]
container = { image = "conformance-client", port = 4000 }
ready = { seconds = 20 }
[target.surfaces]
openai-chat = "http://127.0.0.1:{port}/v1"
[target.auth]
mint = { command = ["python3", "-c", "print('minted-inside-of-' + open('/etc/hostname').read().strip())"] }
[[target.models]]
name = "gpt-5-mini"
upstream = "openai-chat"
surfaces = ["openai-chat"]
[target.claims]
profiles = ["openai-chat"]
"""


def boxed(tmp_path: Path, **start: Any) -> Target:
    path = tmp_path / "boxed.toml"
    path.write_text(TOML, encoding="utf-8")
    loaded = load(str(path)).model_dump(by_alias=True, exclude_unset=True)
    given = {"command": SAYS_ALL, "env": {"ADMIN": "{secret:admin}"}, "files": {"etc/greeting": "at {upstream}"}}
    loaded["start"] = {**loaded["start"], **given, **start}
    return Target.model_validate(loaded)


def failure(failing: Target, tmp_path: Path) -> str:
    with pytest.raises(TargetNotStartedError) as caught, launch(failing, UPSTREAM, SECRETS, tmp_path / "work"):
        pass
    return str(caught.value)


def test_the_reference_gateway_in_its_image_is_certified(tmp_path: Path) -> None:
    target = tmp_path / "reference.toml"
    target.write_text(reference_in_a_container(), encoding="utf-8")
    checks = ["plain/text", "errors/status", "keys/life/revoked", "cloud/bedrock/frames"]
    report = certification(str(target), [], checks, tmp_path / "out", None, workers=0, console=None)
    assert report.verdict == "conformant"
    assert {check.outcome for check in report.checks} == {"pass"}
    assert {check.id for check in report.checks} >= set(checks)


def test_files_environment_output_hooks_and_version_are_the_containers(tmp_path: Path) -> None:
    with launch(boxed(tmp_path), UPSTREAM, SECRETS, tmp_path / "work") as running:
        url = running.surfaces[Surface.OPENAI_CHAT]
        assert httpx2.get(url).text == "at http://host.docker.internal:9"
        assert running.version == "4.5.6"
        assert running.key.startswith("minted-inside-of-")
        assert f"small gateway is up {SECRETS['admin'].value} 65534".encode() in running.output()
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)


def test_a_container_that_is_killed_is_started_again_and_its_end_is_told(tmp_path: Path) -> None:
    with launch(boxed(tmp_path), UPSTREAM, SECRETS, tmp_path / "work") as running:
        with engine() as docker:
            docker.containers.get(running.hooks.values["container"]).kill()
        assert eventually(lambda: running.pulse.ends() != ())
        (end,) = running.pulse.settled()
        assert end.startswith("was killed by SIGKILL")
        assert "small gateway is up" in end
        assert SECRETS["admin"].value not in end
        assert httpx2.get(running.surfaces[Surface.OPENAI_CHAT]).is_success


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_harness(tmp_path: Path, number: signal.Signals) -> None:
    before = left()
    path = tmp_path / "boxed.toml"
    serving = '[target.start]\ncommand = ["-m", "http.server", "4000"]'
    path.write_text(TOML.replace("[target.start]", serving), encoding="utf-8")
    program = (
        "import pathlib, sys, time\n"
        "from conformance.target import SECRETS, launch, load\n"
        "from conformance.secrets import mint\n"
        "secrets = {name: mint(name) for name in SECRETS}\n"
        f"with launch(load(sys.argv[1]), {UPSTREAM!r}, secrets, pathlib.Path(sys.argv[2])):\n"
        "    print('serves', flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(path), str(tmp_path / "work")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout
        assert harness.stdout.readline() == "serves\n"
        assert len(left() - before) == 1
        harness.send_signal(number)
    assert eventually(lambda: left() == before)


def test_an_image_that_nobody_has(tmp_path: Path) -> None:
    said = failure(boxed(tmp_path, container={"image": "conformance-no-such-image", "port": 4000}), tmp_path)
    assert said.startswith("boxed: target.start.container.image: there is no image conformance-no-such-image here")


def test_a_command_that_the_image_does_not_know(tmp_path: Path) -> None:
    said = failure(boxed(tmp_path, command=["-c", "print('cannot open the database'); exit(7)"]), tmp_path)
    assert said == "boxed: exited with code 7 before it served\nit wrote last:\n  | cannot open the database"


def test_a_container_that_never_gets_ready(tmp_path: Path) -> None:
    said = failure(boxed(tmp_path, command=[*SAYS_ALL, "--never-ready"], ready={"seconds": 4}), tmp_path)
    assert "not ready after 4 s" in said
    assert "status 503" in said


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    said = failure(boxed(tmp_path), tmp_path)
    monkeypatch.undo()
    assert said.startswith("boxed: target.start.container.image: no container engine answers")
    assert said.endswith("start Docker, or set DOCKER_HOST")
