"""Faults in the headers and the query of requests, and in the headers of answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.faulty.exchange import values, with_value
from conformance.faulty.fault import fault

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer, Headers, Request

PUBLISHED_BETAS = {
    "advanced-tool-use-2025-11-20",
    "claude-code-20250219",
    "code-execution-2025-08-25",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "extended-cache-ttl-2025-04-11",
    "files-api-2025-04-14",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "mcp-client-2025-04-04",
    "message-batches-2024-09-24",
    "messages-2023-12-15",
    "mid-conversation-tool-changes-2026-07-01",
    "oauth-2025-04-20",
    "output-128k-2025-02-19",
    "pdfs-2024-09-25",
    "per-turn-control-2026-07-01",
    "prompt-caching-2024-07-31",
    "thinking-token-count-2026-05-13",
    "token-counting-2024-11-01",
}


@fault.request("drops-beta", "forwards no anthropic-beta header")
def drops_beta(request: Request) -> Request:
    return request.dropping("anthropic-beta")


@fault.request("first-beta-only", "forwards only the first token of anthropic-beta")
def first_beta_only(request: Request) -> Request:
    return request.header("anthropic-beta", lambda value: value.split(",")[0])


@fault.request("known-betas-only", "forwards only the anthropic-beta tokens on a list of published ones")
def known_betas_only(request: Request) -> Request:
    return request.header("anthropic-beta", _published)


def _published(value: str) -> str | None:
    tokens = [token.strip() for token in value.split(",")]
    return ",".join(token for token in tokens if token in PUBLISHED_BETAS) or None


@fault.request("merges-no-repeats", "forwards only the first of several anthropic-beta lines")
def merges_no_repeats(request: Request) -> Request:
    lines = values(request.headers, "anthropic-beta")
    return replace(request, headers=with_value(request.headers, "anthropic-beta", lines[0])) if lines else request


@fault.request("sorts-betas", "forwards the tokens of anthropic-beta in alphabetical order")
def sorts_betas(request: Request) -> Request:
    return request.header("anthropic-beta", lambda value: ",".join(sorted(value.split(","))))


@fault.request("no-beta-on-count-tokens", "forwards no anthropic-beta header when tokens are counted")
def no_beta_on_count_tokens(request: Request) -> Request:
    return request.dropping("anthropic-beta") if request.call.counts_tokens else request


@fault.request("pins-version", "sends anthropic-version 2023-06-01 whatever the client said")
def pins_version(request: Request) -> Request:
    return request.header("anthropic-version", lambda _: "2023-06-01")


@fault.request("pins-new-version", "sends anthropic-version 2026-10-21 whatever the client said")
def pins_new_version(request: Request) -> Request:
    return request.header("anthropic-version", lambda _: "2026-10-21")


@fault.request("version-pinned-on-count-tokens", "sends anthropic-version 2023-06-01 when tokens are counted")
def version_pinned_on_count_tokens(request: Request) -> Request:
    return pins_version(request) if request.call.counts_tokens else request


@fault.request("drops-query", "forwards no query string")
def drops_query(request: Request) -> Request:
    return replace(request, query="")


@fault.request("drops-custom-headers", "forwards no x- header but the SDKs' own")
def drops_custom_headers(request: Request) -> Request:
    return request.dropping("x-(?!api-key$|stainless-).*")


@fault.request("drops-traceparent", "forwards neither traceparent nor tracestate")
def drops_traceparent(request: Request) -> Request:
    return request.dropping("traceparent", "tracestate")


@fault.request("drops-idempotency-key", "forwards no idempotency-key header")
def drops_idempotency_key(request: Request) -> Request:
    return request.dropping("idempotency-key")


@fault.request("drops-openai-headers", "forwards no openai- header")
def drops_openai_headers(request: Request) -> Request:
    return request.dropping("openai-.*")


@fault.request("hides-user-agent", "sends a user agent of its own")
def hides_user_agent(request: Request) -> Request:
    return replace(request, headers=with_value(request.headers, "user-agent", "relay/1.0"))


@fault.request("drops-session-id", "forwards no session id of an agent")
def drops_session_id(request: Request) -> Request:
    return request.dropping("x-claude-code-session-id", "session-id", "thread-id")


@fault.request("forwards-cookies", "forwards cookies, both ways")
def forwards_cookies(request: Request) -> Request:
    cookies = tuple(("cookie", value) for value in values(request.call.headers, "cookie"))
    return replace(request, headers=(*request.headers, *cookies))


@fault.answer("forwards-cookies", "forwards cookies, both ways")
async def forwards_cookies_back(answer: Answer) -> Answer:
    cookies = tuple(("set-cookie", value) for value in values(answer.upstream_headers, "set-cookie"))
    return replace(answer, headers=(*answer.headers, *cookies))


@fault.request("forwards-hop-by-hop", "forwards the headers that Connection names, both ways")
def forwards_hop_by_hop(request: Request) -> Request:
    return replace(request, headers=(*request.headers, *_named_by_connection(request.call.headers)))


@fault.answer("forwards-hop-by-hop", "forwards the headers that Connection names, both ways")
async def forwards_hop_by_hop_back(answer: Answer) -> Answer:
    return replace(answer, headers=(*answer.headers, *_named_by_connection(answer.upstream_headers)))


def _named_by_connection(headers: Headers) -> Headers:
    named = {token.strip().lower() for value in values(headers, "connection") for token in value.split(",")}
    return tuple((name, value) for name, value in headers if name.lower() in named)


@fault.answer("answers-own-headers-only", "keeps of the provider's headers only content type and request id")
async def answers_own_headers_only(answer: Answer) -> Answer:
    return answer.dropping("x-(?!request-id$).*", "openai-.*", "anthropic-.*", "retry-after.*")


@fault.answer("loses-request-id", "does not hand on the provider's request id")
async def loses_request_id(answer: Answer) -> Answer:
    return answer.dropping("request-id", "x-request-id")
