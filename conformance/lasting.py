"""Imports that stay: the SDKs make several hundred thousand objects, which the collector need never look at.

Walking through them, while they are made, at every turn of a run and at its end, cost a quarter of its time.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def lasting() -> Iterator[None]:
    """What is made in the block is taken to live as long as the process."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
