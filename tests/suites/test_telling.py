"""The rows of a gateway's audit, while it writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conformance.suites.observability.telling import Audit, Marked
from conformance.target.schema import Observability, Observed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_row_is_there_when_all_of_it_is(tmp_path: Path, *, ascii_only: bool) -> None:
    file = tmp_path / "audit.jsonl"
    observed = Observed(table=Observability(audit="audit.jsonl"), audit=file)
    audit, call = Audit(observed), Marked(observed)
    row = {"trace_id": call.token, "usage": {"input": 1}, "said": "\u2028 and more", "status": 200}
    line = json.dumps(row, ensure_ascii=ascii_only)
    for cut in range(len(line)):
        file.write_text(f"{{}}\n{line[:cut]}", encoding="utf-8")
        assert audit.rows(call) == []
    file.write_text(f"{{}}\n{line}\n", encoding="utf-8")
    assert audit.rows(call) == [row]
