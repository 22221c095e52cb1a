"""Faults in the headers and the query of requests, and in the headers of answers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from conformance.faulty.exchange import first, values, with_value
from conformance.faulty.fault import fault
from conformance.faulty.tree import dropping

if TYPE_CHECKING:
    from conformance.faulty.exchange import Answer, Headers, Request

_AGENTS = re.compile("claude-cli|claude-code|codex|gemini", re.IGNORECASE)
_KNOWN = re.compile(
    "accept.*|authorization|x-api-key|content-.*|user-agent|traceparent|tracestate|idempotency-key|x-client-request-id|"
    "x-stainless-.*|anthropic-(beta|version)|openai-(beta|organization|project)"
)
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
    return answer.dropping("x-(?!request-id$).*", "openai-.*", "anthropic-.*", "retry-after.*", "acme-.*")


@fault.answer("loses-request-id", "does not hand on the provider's request id")
async def loses_request_id(answer: Answer) -> Answer:
    return answer.dropping("request-id", "x-request-id")


@fault.request("known-headers-only", "forwards only those headers that it knows")
def known_headers_only(request: Request) -> Request:
    return replace(request, headers=tuple(pair for pair in request.headers if _KNOWN.fullmatch(pair[0].lower())))


@fault.request("custom-headers-on-generation-only", "forwards custom headers only where an answer is generated")
def custom_headers_on_generation_only(request: Request) -> Request:
    return request if request.call.surface else known_headers_only(request)


@fault.request("cuts-header-values", "forwards at most 1 kB of a header")
def cuts_header_values(request: Request) -> Request:
    return replace(request, headers=tuple((name, value[:1024]) for name, value in request.headers))


@fault.request("lowers-header-values", "forwards custom headers in lower case")
def lowers_header_values(request: Request) -> Request:
    lowered = (
        (name, value.lower() if name.lower().startswith("x-value") else value) for name, value in request.headers
    )
    return replace(request, headers=tuple(lowered))


@fault.request("last-line-only", "forwards only the last of several lines of a header")
def last_line_only(request: Request) -> Request:
    return replace(request, headers=_last_lines(request.headers))


@fault.answer("last-answer-line-only", "hands on only the last of several lines of a header")
async def last_answer_line_only(answer: Answer) -> Answer:
    return replace(answer, headers=_last_lines(answer.headers))


def _last_lines(headers: Headers) -> Headers:
    return tuple({name.lower(): (name, value) for name, value in headers}.values())


@fault.request("merges-query", "forwards one value of each name in the query, and none that is empty")
def merges_query(request: Request) -> Request:
    return replace(request, query=urlencode(dict(parse_qsl(request.query))))


@fault.request("query-names-the-model", "asks for the model that the query names")
def query_names_the_model(request: Request) -> Request:
    named = dict(parse_qsl(request.query)).get("model")
    return request.json(lambda body: body | ({"model": named} if named else {}))


@fault.request("asks-for-gzip-itself", "asks for compressed answers whatever the client can read")
def asks_for_gzip_itself(request: Request) -> Request:
    return replace(request, headers=with_value(request.headers, "accept-encoding", "gzip"))


@fault.request("rewrites-for-agents", "cleans up what agents send")
def rewrites_for_agents(request: Request) -> Request:
    if not _AGENTS.match(first(request.headers, "user-agent")):
        return request
    return request.json(lambda body: dropping(body, "metadata"))


@fault.answer(
    "own-headers-only-in-streams", "keeps of the provider's headers only content type and request id in streams"
)
async def own_headers_only_in_streams(answer: Answer) -> Answer:
    return await answers_own_headers_only(answer) if answer.streams else answer


@fault.answer(
    "own-headers-only-on-errors", "keeps of the provider's headers only content type and request id on errors"
)
async def own_headers_only_on_errors(answer: Answer) -> Answer:
    return await answers_own_headers_only(answer) if answer.failed else answer


@fault.answer("own-headers-only-on-counts", "keeps of the provider's headers only content type on counts")
async def own_headers_only_on_counts(answer: Answer) -> Answer:
    return await answers_own_headers_only(await loses_request_id(answer)) if answer.call.counts_tokens else answer


@fault.answer("forgets-the-coding", "hands on compressed answers without saying that they are")
async def forgets_the_coding(answer: Answer) -> Answer:
    return answer.dropping("content-encoding")
