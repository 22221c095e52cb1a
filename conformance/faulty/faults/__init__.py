"""The faults, grouped by what they spoil; importing a group declares its faults."""

from conformance.faulty.fault import FAULTS
from conformance.faulty.faults import body, headers, thinking, usage

__all__ = ["FAULTS", "body", "headers", "thinking", "usage"]
