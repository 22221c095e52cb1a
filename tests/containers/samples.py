"""Target files of kind `container`."""

from __future__ import annotations

from conformance.target.loading import BUILTIN

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
