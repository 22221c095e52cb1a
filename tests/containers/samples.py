"""Target files of kind `container`."""

from __future__ import annotations

from pathlib import Path

from conformance.target.loading import BUILTIN

ROOT = Path(__file__).parents[2]
_COMMAND = 'command = ["{python}", "-m", "gateway", "serve", "--config", "{workdir}/gateway.toml", "--port", "{port}"]'
_CONTAINER = """container = { image = "conformance-gateway", port = 4000 }
command = ["serve", "--config", "{workdir}/gateway.toml", "--host", "0.0.0.0", "--port", "4000"]"""
_PATH = 'PYTHONPATH = "{here}/../../.." # a working tree serves as well as an installation\n'


def reference_in_a_container() -> str:
    """The built-in target `reference`, but that the gateway runs in its image."""
    text = BUILTIN["reference"].read_text(encoding="utf-8")
    for old, new in ((_COMMAND, _CONTAINER), (_PATH, ""), ('"{python}"', '"python3"')):
        assert old in text
        text = text.replace(old, new)
    return text


_REPLICAS = """command = ["{python}", "-m", "tests.containers.fleet", "{workdir}", "{port}", "{second_port}"]"""
_DATABASE = """database = "postgresql://gateway@/gateway?host={workdir}"
password = { env = "DATABASE_PASSWORD" }
"""


def reference_as_two_replicas() -> str:
    """The built-in target `reference`, as two replicas on a PostgreSQL and a Redis, each in a container."""
    text = BUILTIN["reference"].read_text(encoding="utf-8")
    for old, new in (
        (_COMMAND, _REPLICAS),
        (_PATH, f'PYTHONPATH = "{ROOT}"\nDATABASE_PASSWORD = "{{secret:admin}}"\n'),
        ('[target]\nname = "reference"', '[target]\nname = "reference"\nreplicas = ["http://127.0.0.1:{second_port}"]'),
        ('database = "keys.sqlite3"\n', _DATABASE),
        ('path = "audit.jsonl"\n', f'path = "audit.jsonl"\n{_DATABASE}'),
        ("[metrics]\nport = {second_port}\n", '[limits]\nstorage = "redis+unix://{workdir}/redis.sock"\n'),
        ('metrics = "http://127.0.0.1:{second_port}/metrics"\n', ""),
        ('"metrics", "cancel"', '"replicas", "shared-requests", "shared-streams", "shared-budgets", "cancel"'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text
