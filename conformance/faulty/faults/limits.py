"""Faults in what a relay lets its limited keys use."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import values, without
from conformance.faulty.fault import fault
from conformance.faulty.limits import FRESH, UNITS, Limiter, Limits, Metered, Over, Used
from conformance.faulty.router import asked_model

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer, Call, Headers

_CENT = UNITS // 100


@fault.limiter("counts-requests-late", "counts a request when it is answered")
class CountsLate(Limiter):
    def begin(self, used: Used) -> None:
        used.running += 1

    def end(self, used: Used, over: Over) -> None:
        used.requests.append(time.monotonic())
        super().end(used, over)


@fault.limiter("limits-one-too-many", "lets one request more through than the limit")
class OneTooMany(Limiter):
    def too_many(self, limit: int, used: Used) -> bool:
        return super().too_many(limit + 1, used)


@fault.limiter("limits-one-too-few", "lets one request less through than the limit")
class OneTooFew(Limiter):
    def too_many(self, limit: int, used: Used) -> bool:
        return super().too_many(limit - 1, used)


@fault.limiter("forgets-limits-of-known-keys", "asks for the limits of a key at its first call only")
class ForgetsLimits(Limiter):
    def limits(self, call: Call) -> Limits | None:
        found = super().limits(call)
        return None if found and self._used[self.subject(call)].requests else found


@fault.limiter("limits-everybody", "holds keys without limits to a few requests a minute too")
class Everybody(Limiter):
    def limits(self, call: Call) -> Limits | None:
        return super().limits(call) or Limits(requests_per_minute=5)


@fault.limiter("limits-without-retry-after", "refuses with 429 and does not say for how long")
class WithoutRetryAfter(Limiter):
    def advice(self, limit: str) -> Headers:
        return without(super().advice(limit), "retry-after")


@fault.limiter("limits-with-503", "tells a client that is too fast that the gateway is not there")
class With503(Limiter):
    def refused(self, call: Call, limit: str) -> Answer:
        return replace(super().refused(call, limit), status=503)


@fault.limiter("limits-in-foreign-envelope", "says that a limit is reached in an envelope of no provider")
class ForeignEnvelope(Limiter):
    def refused(self, call: Call, limit: str) -> Answer:
        return super().refused(call, limit).with_body(b'{"detail": "Too Many Requests"}')


@fault.limiter("limits-by-path", "counts each path for itself")
class ByPath(Limiter):
    def subject(self, call: Call) -> str:
        return f"{super().subject(call)} {call.path}"


@fault.limiter("limits-by-query", "counts each target for itself, with its query")
class ByQuery(Limiter):
    def subject(self, call: Call) -> str:
        return f"{super().subject(call)} {call.query}"


@fault.limiter("limits-by-replica", "counts at each replica for itself")
class ByReplica(Limiter):
    def subject(self, call: Call) -> str:
        return f"{super().subject(call)} {call.at_replica}"


@fault.limiter("limits-by-model", "counts each model for itself, by the name that the call gives it")
class ByModel(Limiter):
    def subject(self, call: Call) -> str:
        return f"{super().subject(call)} {asked_model(call)}"


@fault.limiter("limits-by-forwarded-address", "counts for itself each address that a header names")
class ByAddress(Limiter):
    def subject(self, call: Call) -> str:
        return f"{super().subject(call)} {values(call.headers, 'x-forwarded-for')}"


@fault.limiter("limits-all-keys-together", "counts together the calls of all keys that begin alike")
class AllTogether(Limiter):
    def subject(self, call: Call) -> str:
        return super().subject(call)[: len("sk-relay-")]


@fault.limiter("charges-nothing", "keeps budgets and tokens in mind, and never counts any")
class ChargesNothing(Limiter):
    def charge(self, used: Used, meter: Metered) -> None:
        """Nothing."""


@fault.limiter("charges-no-streams", "charges whole answers only")
class ChargesNoStreams(Limiter):
    def end(self, used: Used, over: Over) -> None:
        super().end(used, replace(over, body=b"") if over.call.streams else over)


@fault.limiter("charges-the-question-only", "counts what is asked and not what is answered")
class ChargesQuestions(Limiter):
    def charge(self, used: Used, meter: Metered) -> None:
        super().charge(used, replace(meter, said=0))


@fault.limiter("charges-in-cents", "rounds what each call cost to cents")
class ChargesCents(Limiter):
    def charge(self, used: Used, meter: Metered) -> None:
        used.spent += round(meter.cost / _CENT) * _CENT


@fault.limiter("charges-a-fee", "adds a hundredth to what a call costs")
class ChargesAFee(Limiter):
    def charge(self, used: Used, meter: Metered) -> None:
        super().charge(used, meter)
        used.spent += meter.cost // 100


@fault.limiter("charges-cached-twice", "charges what came from a cache once as such and once as fresh")
class ChargesTwice(Limiter):
    def charge(self, used: Used, meter: Metered) -> None:
        super().charge(used, meter)
        used.spent += meter.cached * FRESH


@fault.limiter("charges-only-whole-calls", "charges nothing where the client left before the end")
class ChargesWholeCalls(Limiter):
    def end(self, used: Used, over: Over) -> None:
        super().end(used, over if over.whole else replace(over, body=b""))


@fault.limiter("asks-to-retry-spent-budgets", "asks for another try when the budget is spent")
class AsksToRetry(Limiter):
    def advice(self, limit: str) -> Headers:
        return (("retry-after-ms", "1"),) if limit == "budget" else super().advice(limit)


@fault.limiter("budgets-one-surface", "asks for the budget on Chat Completions and Messages only")
class OneSurface(Limiter):
    def spends(self, call: Call) -> bool:
        return super().spends(call) and call.path in {"/v1/chat/completions", "/v1/messages"}


@fault.limiter("counts-no-streams", "lets any number of calls run at once")
class CountsNoStreams(Limiter):
    def begin(self, used: Used) -> None:
        super().begin(used)
        used.running = 0


@fault.limiter("never-frees-places", "keeps the place of a stream that is over")
class NeverFrees(Limiter):
    def end(self, used: Used, over: Over) -> None:
        super().end(used, over)
        used.running += over.whole and not over.failed


@fault.limiter("keeps-places-of-leavers", "keeps the place of a stream whose client has left")
class KeepsLeavers(Limiter):
    def end(self, used: Used, over: Over) -> None:
        super().end(used, over)
        used.running += not over.whole


@fault.limiter("keeps-places-of-failures", "keeps the place of a call that the provider refused")
class KeepsFailures(Limiter):
    def end(self, used: Used, over: Over) -> None:
        super().end(used, over)
        used.running += over.failed
