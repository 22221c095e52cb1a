"""A client's process with one way out, the gateway, and a trap wherever else it turns."""

from conformance.egress.sealed import Told, told_when_sealed, why_not

__all__ = ["Told", "told_when_sealed", "why_not"]
