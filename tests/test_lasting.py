"""What is imported to stay, stays out of the collector's way."""

from __future__ import annotations

import gc

import pytest

from conformance.lasting import lasting


def test_what_is_made_meanwhile_is_never_looked_at_again() -> None:
    before = gc.get_freeze_count()
    with lasting():
        assert not gc.isenabled()
        kept: list[object] = [object()]
    assert gc.isenabled()
    assert gc.get_freeze_count() > before
    assert not any(kept is seen for seen in gc.get_objects())


def test_an_import_that_fails_leaves_the_collector_at_work() -> None:
    with pytest.raises(ImportError), lasting():
        raise ImportError("no such SDK")
    assert gc.isenabled()
