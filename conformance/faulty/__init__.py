"""The faulty relays: the suite is tested by what it finds in them, and by what it does not find in a faithful one."""

from conformance.faulty.exchange import PREFIXES, Answer, Request
from conformance.faulty.fault import Fault, fault
from conformance.faulty.faults import FAULTS
from conformance.faulty.limits import PRICE
from conformance.faulty.process import FaultyDidNotStartError, FaultyProcess
from conformance.faulty.router import ROUTING
from conformance.faulty.server import REPLICA

__all__ = [
    "FAULTS",
    "PREFIXES",
    "PRICE",
    "REPLICA",
    "ROUTING",
    "Answer",
    "Fault",
    "FaultyDidNotStartError",
    "FaultyProcess",
    "Request",
    "fault",
]
