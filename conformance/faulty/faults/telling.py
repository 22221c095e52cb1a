"""Calls that are told of wrongly, too often, never, or too well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.faulty.fault import fault
from conformance.faulty.sse import as_object

if TYPE_CHECKING:
    from conformance.faulty.exchange import Call
    from conformance.faulty.heard import Heard
    from conformance.faulty.sse import Json

_UNAUTHORIZED, _FAILED = 401, 400


@fault.rows("audits-no-refusals", "leaves no row of a call that it refuses")
def audits_no_refusals(heard: Heard, row: Json) -> list[Json]:
    return [] if heard.status == _UNAUTHORIZED else [row]


@fault.rows("audits-no-failures", "leaves no row of a call that the provider failed")
def audits_no_failures(heard: Heard, row: Json) -> list[Json]:
    return [] if (heard.status or 0) >= _FAILED and heard.status != _UNAUTHORIZED else [row]


@fault.rows("audits-no-departures", "leaves no row of a call whose client has left")
def audits_no_departures(heard: Heard, row: Json) -> list[Json]:
    return [row] if heard.whole else []


@fault.rows("audits-streams-twice", "leaves a row where a stream begins and one where it ends")
def audits_streams_twice(heard: Heard, row: Json) -> list[Json]:
    return [row, row] if heard.call.streams else [row]


@fault.rows("audits-every-call-as-a-success", "writes 200 into every row")
def audits_every_call_as_a_success(_: Heard, row: Json) -> list[Json]:
    return [row | {"status": 200}]


@fault.rows("audits-no-usage-of-streams", "counts no tokens of streams in its rows")
def audits_no_usage_of_streams(heard: Heard, row: Json) -> list[Json]:
    return [row | {"input": 0, "output": 0} if heard.call.streams else row]


@fault.rows("audits-estimated-usage", "counts words instead of what the provider counted")
def audits_estimated_usage(heard: Heard, row: Json) -> list[Json]:
    return [row | {"input": len(heard.call.body.split()), "output": len(heard.body.split())}]


@fault.rows("audits-prompts", "writes what was asked into its rows")
def audits_prompts(heard: Heard, row: Json) -> list[Json]:
    return [row | {"request": heard.call.body.decode(errors="replace")}]


@fault.rows("audits-answers", "writes what was answered into its rows")
def audits_answers(heard: Heard, row: Json) -> list[Json]:
    return [row | {"response": heard.body.decode(errors="replace")}]


@fault.rows("audits-headers", "writes the headers of each call into its row, the key among them")
def audits_headers(heard: Heard, row: Json) -> list[Json]:
    return [row | {"headers": dict(heard.call.headers)}]


@fault.labels("counts-by-model", "counts calls by the model that the client names, whatever that is")
def counts_by_model(call: Call) -> dict[str, str]:
    return {"model": str((as_object(call.body) or {}).get("model"))}


@fault.labels("counts-by-path", "counts calls by their path")
def counts_by_path(call: Call) -> dict[str, str]:
    return {"path": call.path}


@fault.labels("counts-by-agent", "counts calls by the client's User-Agent")
def counts_by_agent(call: Call) -> dict[str, str]:
    return {"agent": next((value for name, value in call.headers if name.lower() == "user-agent"), "")}


@fault.labels("counts-by-key", "counts calls by the client's credential")
def counts_by_key(call: Call) -> dict[str, str]:
    return {name.lower(): value for name, value in call.headers if name.lower() in {"authorization", "x-api-key"}}
