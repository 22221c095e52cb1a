"""The faults, grouped by what they spoil; importing a group declares its faults."""

from conformance.faulty.fault import FAULTS
from conformance.faulty.faults import headers

__all__ = ["FAULTS", "headers"]
