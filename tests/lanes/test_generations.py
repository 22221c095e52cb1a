"""What lanes are for: a gateway that serves one generation of an SDK and not another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.lanes import lane
from conformance.lanes.installs import installed_lane
from conformance.target.loading import BUILTIN
from tests.absent import absent

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gateway(tmp_path: Path) -> str:
    """Knows keys as Bearer tokens only; older SDKs of Anthropic's send them in a header of their own."""
    relay = BUILTIN["relay"].read_text(encoding="utf-8").replace("{here}/../../..", str(ROOT))
    path = tmp_path / "mine.toml"
    path.write_text(relay.replace('"{upstream}"]', '"{upstream}", "--fault", "ignores-x-api-key"]'), encoding="utf-8")
    return str(path)


def test_the_report_shows_on_which_lane_a_gateway_breaks(gateway: str, tmp_path: Path) -> None:
    if installed_lane(lane("anthropic-1")) is None:
        absent("lane anthropic-1 is not installed")
    narrowed = ("--check", "plain/text", "--profile", "anthropic-messages", "--lane", "anthropic-1")
    done = CliRunner().invoke(main, ["certify", gateway, *narrowed, "--out", str(tmp_path / "out")])
    assert done.exit_code == 1, done.output
    assert "plain/text: only with anthropic-1; not with anthropic-2" in done.output
    rows = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["checks"]
    assert {row["case"]["driver"].split()[0] for row in rows if row["outcome"] == "fail"} == {"anthropic-1"}
