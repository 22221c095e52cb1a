from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.key_cycles import measured

if TYPE_CHECKING:
    from pathlib import Path


async def test_no_key_is_used_after_its_revocation_and_none_is_lost_by_kill_9(tmp_path: Path) -> None:
    outcome = await measured(tmp_path, 500, 2)
    assert (outcome.cycles, outcome.kills) == (500, 2)
    assert outcome.passed_after_revoke == outcome.refused_while_valid == 0
    assert outcome.lost == []
    assert len(outcome.told) > 400
    assert outcome.rows_after_prune == outcome.kept >= 40
    assert outcome.holds
