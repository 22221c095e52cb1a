"""A gateway between two networks: providers' stand-in on one side, clients and a trap on the other.

`outside` holds the scripted upstream; `inside` is internal, so that it leads nowhere, and on it the providers' names
lead to the trap, for the gateway too.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from conformance.secrets import mint
from conformance.target.container import executed
from conformance.upstream import UpstreamAddress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TRAPPED = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "aiplatform.googleapis.com",
    "api.mistral.ai",
    "bedrock-runtime.us-east-1.amazonaws.com",
)
_CONTROL = 8081
_SOCKET = "gateway.sock"
_CONFIGURATION = """
[listen]
LISTEN
[keys]
database = "keys.sqlite3"
[[providers]]
id = "openai"
surfaces = ["openai-chat"]
base_url = "http://upstream:8080/openai/v1"
credential = { env = "OPENAI_API_KEY" }
auth = "bearer"
[[providers]]
id = "anthropic"
surfaces = ["anthropic-messages"]
base_url = "http://upstream:8080/anthropic"
credential = { env = "ANTHROPIC_API_KEY" }
auth = "x-api-key"
"""


@dataclass(frozen=True)
class House:
    """All of it, running; `socket` is on this machine, where the gateway listens on one."""

    upstream: UpstreamAddress
    inside: Network
    trap: DockerContainer
    key: str
    socket: Path

    def heard(self) -> list[dict[str, Any]]:
        """What the trap has written down."""
        return [line for line in map(json.loads, self.trap.get_logs()[0].splitlines()) if "heard" in line]

    def run_client(self, program: str, environment: Mapping[str, str], *, network: bool) -> Any:
        """What the program prints, as JSON. Without the network it has the socket, and that is all it has."""
        client = DockerContainer("conformance-client").with_command(["-c", program]).with_envs(**environment)
        if network:
            client.with_network(self.inside)
        else:
            client.with_kwargs(network="none").with_volume_mapping(self.socket, "/run/gateway.sock", "rw")
        with client:
            code = client.wait()
            out, err = client.get_logs()
        assert code == 0, err.decode()
        return json.loads(out)


@contextmanager
def house(directory: Path, *, on_socket: bool) -> Iterator[House]:
    """`directory` becomes the gateway's own."""
    directory.chmod(0o777)  # its image runs as nobody
    listen = f'uds = "{_SOCKET}"' if on_socket else 'host = "0.0.0.0"\nport = 8080'
    (directory / "gateway.toml").write_text(_CONFIGURATION.replace("LISTEN", listen), encoding="utf-8")
    provider_keys = {name: mint(name).value for name in ("openai", "anthropic")}
    control = mint("control").value
    with (
        Network() as outside,
        Network(docker_network_kw={"internal": True}) as inside,
        _upstream(outside, provider_keys, control) as upstream,
        _gateway(outside, directory, provider_keys) as gateway,
        _trap(inside) as trap,
    ):
        inside.connect(gateway.get_container_id(), network_aliases=["gateway"])
        minted = executed(gateway.get_container_id(), _mint(directory))
        assert minted.returncode == 0, minted.stderr
        at = f"http://{upstream.get_container_host_ip()}:{upstream.get_exposed_port(_CONTROL)}"
        address = UpstreamAddress("http://upstream:8080", at, control)
        yield House(address, inside, trap, json.loads(minted.stdout)["key"], directory / _SOCKET)


def _mint(directory: Path) -> list[str]:
    config = str(directory / "gateway.toml")
    return ["python3", "-m", "gateway", "keys", "mint", "--config", config, "--name", "agent", "--json"]


def _upstream(network: Network, keys: Mapping[str, str], control: str) -> DockerContainer:
    valid = {f"CONFORMANCE_UPSTREAM_{name.upper()}_KEY": key for name, key in keys.items()}
    container = DockerContainer("conformance-upstream").with_network(network).with_network_aliases("upstream")
    container.with_envs(**valid, CONFORMANCE_UPSTREAM_CONTROL_SECRET=control).with_exposed_ports(_CONTROL)
    return container.waiting_for(LogMessageWaitStrategy("control"))


def _gateway(network: Network, directory: Path, keys: Mapping[str, str]) -> DockerContainer:
    container = DockerContainer("conformance-gateway").with_network(network)
    container.with_envs(**{f"{name.upper()}_API_KEY": key for name, key in keys.items()})
    container.with_volume_mapping(directory, str(directory), "rw")
    container.with_command(["serve", "--config", str(directory / "gateway.toml")])
    return container.waiting_for(LogMessageWaitStrategy("listening on"))


def _trap(network: Network) -> DockerContainer:
    container = DockerContainer("conformance-client").with_network(network).with_network_aliases(*TRAPPED)
    return container.with_command(["/opt/trap.py", "80", "443"]).waiting_for(LogMessageWaitStrategy("listening"))
