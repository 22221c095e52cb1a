"""Target files for these tests, and a look at the process table."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance.secrets import mint
from conformance.target import SECRETS as NAMES
from conformance.target import Target, TargetInvalidError, load

if TYPE_CHECKING:
    from collections.abc import Callable

UPSTREAM = "http://127.0.0.1:9"
SECRETS = {name: mint(name) for name in NAMES}
SMALL_GATEWAY = Path(__file__).with_name("small_gateway.py")

TOML = """
[target]
name = "mine"
version = "1.2.3"
[target.start]
command = ["{python}", "SMALL_GATEWAY", "{port}", "{workdir}"]
ready = { path = "/health", seconds = 20 }
[target.surfaces]
openai-chat = "http://127.0.0.1:{port}/v1"
[target.auth]
key = "{secret:client}"
[[target.models]]
name = "gpt-5-mini"
upstream = "openai-chat"
surfaces = ["openai-chat"]
[target.claims]
profiles = ["openai-chat"]
features = ["streaming"]
""".replace("SMALL_GATEWAY", str(SMALL_GATEWAY))


def written(directory: Path, text: str = TOML, *, name: str = "mine.toml", **replaced: str) -> str:
    """The path of a target file; `replaced` swaps single words of the sample."""
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def target(directory: Path, *flags: str, start: dict[str, Any] | None = None, **tables: Any) -> Target:
    """The sample target with more arguments for its gateway, and keys of `start` and `target` set anew."""
    text = TOML.replace('"{workdir}"]', ", ".join(map(json.dumps, ["{workdir}", *flags])) + "]")
    loaded = load(written(directory, text)).model_dump(by_alias=True, exclude_unset=True)
    loaded.update(tables, start={**loaded["start"], **(start or {})})
    return Target.model_validate(loaded)


def problems(directory: Path, text: str = TOML, **replaced: str) -> list[str]:
    """What `load` says about a target file."""
    with pytest.raises(TargetInvalidError) as caught:
        load(written(directory, text, **replaced))
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def processes(marker: Path) -> list[str]:
    """The command lines of all processes that carry the marker."""
    table = subprocess.run(["ps", "-wweo", "stat=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in table.splitlines() if str(marker) in line and not line.startswith("Z")]


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
    return False
