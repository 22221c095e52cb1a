"""Faults in what one replica knows of the keys that another was told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.faulty.fault import fault
from conformance.faulty.keys import accepted, carried

if TYPE_CHECKING:
    from conformance.faulty.exchange import Call


@fault.accept("replicas-keep-what-they-saw", "goes on to let in, at its other replica, what was good there once")
def replicas_keep_what_they_saw(call: Call) -> str | None:
    if not call.at_replica:
        return accepted(call)
    seen: set[str] = call.memory.setdefault("seen", set())
    key = next((key for key in carried(call.headers) if key in seen), None) or accepted(call)
    if key:
        seen.add(key)
    return key


@fault.accept("replicas-learn-no-new-keys", "knows, at its other replica, only the keys of its start")
def replicas_learn_no_new_keys(call: Call) -> str | None:
    known = accepted(call)
    return None if call.at_replica and known != call.keys.fixed else known
