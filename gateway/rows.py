"""What a call leaves behind in the audit: one flat row. Never a secret, never a prompt."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from yarl import URL

from gateway import prices, tracing
from gateway.admission import presented
from gateway.credentials import REDACTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.calls import Call, End, Tried
    from gateway.routes import Route

Row = dict[str, Any]

ABORTED_BY: dict[End, str] = {"client-abort": "client", "upstream-cut": "upstream", "withdrawn": "gateway"}
AGENT_SESSIONS = ("x-claude-code-session-id", "session_id", "session-id")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOST_CHARACTERS = 512
MOST_DROPPED = 64
SHORTEST_KEY = 16
MOST_TOKENS = 10**12


def row_of(call: Call) -> Row:
    """To be asked for when the call is over."""
    key, place, route = call.admission and call.admission.key, call.place, call.route
    said = Scrubber(call)
    client_model = said((route and route.model) or (place and place.model) or call.model_asked_for)
    upstream_model = (client_model if not route.renamed else said(route.upstream_name)) if route else None
    model = said(call.reading.model) or client_model
    endpoint = place.endpoint if place else None
    return {
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": call.request_id,
        "trace_id": (trace := tracing.parent(call.request.headers)) and trace.trace_id,
        "key": key and key.fingerprint,
        "key_name": key and key.name,
        "run": key and key.run,
        "session": key and key.session,
        "subject": key and key.subject,
        "team": key and key.team,
        "agent_session": agent_session(call),
        "surface": route.surface if route else place and place.audience[0],
        "method": call.request.method if endpoint else said(call.request.method),
        "path": call.path if endpoint and endpoint.path == call.path else said(call.path),
        "route": endpoint and endpoint.path,
        "provider": route and route.upstream.provider,
        "protocol": route and route.protocol,
        "upstream_host": route and host_of(route.upstream.base_url),
        "tried": [attempt.route.upstream.provider for attempt in call.tried],
        "attempts": [told(attempt) for attempt in call.tried],
        "dropped": [said(name) for name in call.dropped[:MOST_DROPPED]],
        "model": model,
        "client_model": client_model,
        "upstream_model": upstream_model,
        "upstream_request_id": said(call.upstream_request_id),
        "status": call.status,
        "stream": call.streamed,
        **times(call),
        "usage": (usage := countable(call.reading.usage)),
        **costs(route, model, upstream_model, usage),
        "bytes_in": len(call.body),
        "bytes_out": call.bytes_out,
        "secrets_injected": list(dict.fromkeys(attempt.route.upstream.credential.name for attempt in call.tried)),
        "decision": "allow" if place and call.end != "refused" and not call.denied else "deny",
        "rule": call.rule,
        "end": call.end,
        "aborted_by": ABORTED_BY.get(call.end),
    }


def times(call: Call) -> Row:
    """`ttft_ms` is when a stream's first piece came; it may be an event before the first token."""
    first = call.first_byte and milliseconds(call.first_byte - call.arrived)
    return {
        "duration_ms": milliseconds(time.perf_counter() - call.arrived),
        "ttfb_ms": first,
        "ttft_ms": first if call.streamed else None,
    }


def costs(route: Route | None, model: str | None, upstream_model: str | None, usage: dict[str, int] | None) -> Row:
    """The answer's own name for the model is the more exact one, unless the gateway has put the client's there."""
    if route is None or usage is None:
        return {"cost_usd": None, "price_status": None, "price_source": None}
    names = (upstream_model,) if route.renamed else (model, upstream_model)
    usd, status = prices.cost(route.upstream.base_url, route.protocol, names, usage)
    return {"cost_usd": None if usd is None else float(usd), "price_status": status, "price_source": prices.SOURCE}


def countable(usage: dict[str, int] | None) -> dict[str, int] | None:
    """A provider may report what it likes; what no call can use is no usage."""
    return usage if usage and all(0 <= count <= MOST_TOKENS for count in usage.values()) else None


def told(attempt: Tried) -> Row:
    took = attempt.ended and milliseconds(attempt.ended - attempt.began)
    error = attempt.error or (None if attempt.status else "unanswered")
    return {"provider": attempt.route.upstream.provider, "status": attempt.status, "ms": took, "error": error}


def agent_session(call: Call) -> str | None:
    """As Claude Code and Codex name theirs. A UUID has no room for a key or a prompt."""
    named = (call.request.headers.get(name, "") for name in AGENT_SESSIONS)
    return next(filter(UUID.fullmatch, named), None)


class Scrubber:
    """Takes the credentials that this call has to do with out of what a client or a provider may have said.

    Names that are shorter than any key are what most calls say: they cost nothing.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, text: str | None) -> str | None:
        if text is None or (len(text) < SHORTEST_KEY and text.isascii()):
            return text
        shown = [*presented(self._call.request.headers), *self._call.keys_in_query]
        if held(text, shown) or ("%" in text and held(unquote(text), shown)):
            return REDACTED
        if self._call.route:
            text = self._call.route.upstream.credential.redact(text)
        return text[:MOST_CHARACTERS].encode(errors="replace").decode()


def held(text: str, secrets: Iterable[str]) -> bool:
    return any(secret in text for secret in secrets if secret)


@lru_cache
def host_of(base_url: str) -> str | None:
    return URL(base_url).host


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
