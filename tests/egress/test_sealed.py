"""A client that is sealed in: what it hears through the one way out, and what the traps hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.drivers import Door
from conformance.egress import sealed
from conformance.surface import CORE, Provider, Surface
from conformance.upstream import Reply, Upstream, UpstreamAddress
from conformance.upstream.process import UpstreamProcess
from tests.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-conformance-sealed-0123456789abcdef"
STRAYS = """
import json, socket
for name, port in (("api.openai.com", 443), ("203.0.113.9", 80)):
    with socket.create_connection((name, port), timeout=20) as stray:
        stray.sendall(b"GET / HTTP/1.1\\r\\nHost: stray.example.com\\r\\n\\r\\n")
        stray.recv(1)
"""


@pytest.fixture(autouse=True)
def _sealing() -> None:
    if reason := sealed.why_not():
        absent(reason)


@pytest.fixture(scope="module")
def address() -> Iterator[UpstreamAddress]:
    with UpstreamProcess(dict.fromkeys(Provider, KEY)) as address:
        yield address


@pytest.mark.parametrize("surface", CORE)
async def test_a_sealed_client_converses_through_the_one_way_out(surface: Surface, address: UpstreamAddress) -> None:
    below = "/anthropic" if surface is Surface.ANTHROPIC_MESSAGES else "/openai/v1"
    async with Upstream(address) as upstream:
        script = await upstream.answers(Reply(text="whole"), Reply(text="streamed"))
        told = await sealed.told_when_sealed(surface, Door(address.url + below, KEY, "m", "m"), [script.prompt])
    assert told == sealed.Told(("whole", "streamed"), ())


async def test_whoever_strays_is_trapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traps as they are, with another client between them."""
    program = tmp_path / "inside.py"
    calls = f"\nasync def heard(calls, prompts):\n    return [await asyncio.to_thread(exec, {STRAYS!r})]\n"
    whole = sealed._INSIDE.read_text().replace('\nif __name__ == "__main__":', f'{calls}\nif __name__ == "__main__":')
    program.write_text(whole)
    monkeypatch.setattr(sealed, "_INSIDE", program)
    told = await sealed.told_when_sealed(Surface.OPENAI_CHAT, Door("http://127.0.0.1:9/v1", KEY, "m", "m"), [])
    assert told.trapped == (
        "the name api.openai.com",
        "192.0.2.1:443 (stray.example.com)",
        "203.0.113.9:80 (stray.example.com)",
    )


async def test_what_cannot_be_sealed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None if name == "ip" else name)
    sealed.why_not.cache_clear()
    assert sealed.why_not() == "a client is sealed in with ip, which this machine lacks"
    sealed.why_not.cache_clear()
