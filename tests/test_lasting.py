"""What is imported to stay, stays out of the collector's way."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from conformance.lasting import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def restored_pace() -> Iterator[None]:
    pace = gc.get_threshold()
    yield
    gc.set_threshold(*pace)


def test_what_is_made_meanwhile_is_never_looked_at_again() -> None:
    before = gc.get_freeze_count()
    with lasting():
        assert not gc.isenabled()
        kept: list[object] = [object()]
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    assert not any(kept is seen for seen in gc.get_objects())


@pytest.mark.usefixtures("restored_pace")
def test_the_collector_looks_less_often_afterwards() -> None:
    gc.set_threshold(700, 10, 10)
    with lasting():
        pass
    assert gc.get_threshold() > (700, 10, 10)


def test_an_import_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), lasting():
        raise ImportError("no such SDK")
    assert gc.isenabled()
