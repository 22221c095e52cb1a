"""Imports and cases that stay: several hundred thousand objects, which the collector need never look at.

Walking through them, while they are made, at every turn of a run and at its end, cost a quarter of its time.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


_SELDOM = (10_000, 20, 20)
"""Most of what a case makes goes without the collector: at its usual pace it took 7 % of a worker's time."""


@contextmanager
def lasting() -> Iterator[None]:
    """What is made in the block is taken to live as long as the process; then the collector looks less often."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*_SELDOM)
        if enabled:
            gc.enable()
