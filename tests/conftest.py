"""What every room's tests share."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

collect_ignore = ["example_suite"]  # a package of somebody else's, whose checks are for gateways

settings.register_profile("ours", settings(), deadline=None)  # a busy machine is no failure
settings.load_profile("ours")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would every process that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
