"""What every room's tests share."""

from __future__ import annotations

import signal

import pytest

collect_ignore = ["example_suite"]  # a package of somebody else's, whose checks are for gateways

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
