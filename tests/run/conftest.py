"""The drivers' fixtures serve here too."""

from tests.drivers.conftest import address, knock, upstream

__all__ = ["address", "knock", "upstream"]
