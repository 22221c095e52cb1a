"""A target of one surface is judged like any other: its controls behave."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conformance.run.plan import CANARIES
from conformance.surface import CORE
from reports import read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("profile", CORE)
def test_each_canary_is_caught_on_each_surface_alone(profile: str, tmp_path: Path) -> None:
    chosen = [word for check in sorted(CANARIES) for word in ("--check", check)]
    command = [sys.executable, "-m", "conformance", "certify", "relay", "--profile", profile, *chosen]
    done = subprocess.run([*command, "--quiet", "--out", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    controls = read(tmp_path).controls
    assert [control for control in controls if not control.behaved] == []
    assert {control.check for control in controls if control.name == "faulty"} >= {"tools/ids", "stream/event-order"}
