"""MLflow's AI gateway 3.17.2, without its login."""

from __future__ import annotations

from tests.gateways.sheet import ALL, CHAT, MESSAGES, Certified, Sheet

SHEET = Sheet(
    target="mlflow",
    rows={
        "version pinned to 2023-06-01": {"headers/version/kept": (MESSAGES,)},
        "query dropped": {"headers/query": ALL},
        "include_usage injected": {"body/nothing-added": (CHAT,)},
        "usage that nobody asked for": {"stream/no-usage-unasked": (CHAT,)},
        "request ids lost": {"headers/request-id": ALL, "errors/request-id": ALL},
        "rate-limit headers lost": {"headers/rate-limits": ALL, "errors/rate-limits": ALL},
        "retry-after lost on 429": {"errors/retry-after": ALL},
        "errors of streams under status 200": {"errors/status": ALL},
        "error envelopes replaced": {"errors/envelope": ALL, "errors/body-unchanged": ALL},
        "the provider's key repeated in an error": {"isolation/provider-key/echoed-in-error": ALL},
        "the client's key sent for coding agents": {"isolation/client-key/agents": ALL},
        "a client that leaves early cancels nothing": {"connection/cancel/whole": ALL},
    },
    confirmed={
        "headers/beta/several-lines": "only one of several anthropic-beta lines arrives",
        "headers/hop-by-hop": "what Connection names in a request is passed on",
        "errors/wording": "the words of an error are lost in a stream",
        "isolation/sweep/upstream-side": "the client's key sent for coding agents",
        "connection/chunked-request": "both Transfer-Encoding and Content-Length are sent",
        "connection/http-1-0": "a client of HTTP/1.0 is answered in chunks",
        "errors/compressed": "errors of streams under status 200",
        "errors/kinds": "error envelopes replaced",
        "errors/odd-bodies": "an error whose body is no JSON is a 502",
        "errors/retry-after/any-status": "retry-after lost",
        "errors/wording/any": "the words of an error are lost in a stream",
        "headers/lines": "only one of several lines of a header arrives",
        "messages/errors/rate-limit": "error envelopes replaced",
    },
    kept={
        "headers/beta/known": (MESSAGES,),
        "headers/beta/never-seen": (MESSAGES,),
        "headers/custom": ALL,
        "headers/traceparent": ALL,
        "stream/incremental": ALL,
        "body/answer-unchanged": ALL,
        "connection/cancel/stream": ALL,
        "connection/no-duplicates": ALL,
        "isolation/client-key/calls": ALL,
    },
    # half a chunk is lost, or not; bytes behind an answer cost the next call its own, or not
    unsteady=frozenset(
        {"connection/answers/poison", "connection/cut/before-answer", "connection/cut/stream", "stream/cut/anywhere"}
    ),
)


class TestMLflow(Certified):
    sheet = SHEET
