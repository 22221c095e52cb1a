"""Each fault changes what it says and nothing else, and leaves the plainest call alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.faulty import FAULTS
from conformance.upstream import Reply
from tests.faulty.rows import ROWS
from tests.faulty.seen import CHAT, Lane, Spoils, differences

if TYPE_CHECKING:
    from conformance.upstream import Upstream


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_a_fault_changes_what_it_says_and_nothing_else(row: Spoils, lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(row.stimulus.reply)
    clean = await lane.call(row.stimulus, script)
    faulty = await lane.call(row.stimulus, script, row.fault)
    assert not row.shows(clean)
    assert row.shows(faulty)
    assert differences(clean, faulty) == row.expected


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_leaves_a_plain_call_working(fault: str, lane: Lane, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="fine"))
    seen = await lane.call(CHAT, script, fault)
    assert seen.status == 200
    assert seen.json["choices"][0]["message"]["content"].startswith("fin")


def test_every_fault_is_shown_by_name() -> None:
    here = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    assert [name for name in FAULTS if f'"{name}"' not in here] == []
