from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from benchmarks.budget_overshoot import measured

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_budget_is_overshot_by_less_than_a_call_and_all_is_charged(tmp_path: Path) -> None:
    outcome = await measured(tmp_path, Decimal("0.20"), 40, kill=False)
    assert outcome.said == outcome.received == outcome.charged
    assert 0 <= outcome.overshoot < outcome.bound
    assert outcome.most_running > 5
    assert outcome.holds
