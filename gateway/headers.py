"""Which headers pass. The lists are open: what is not named here is relayed as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from multidict import CIMultiDict, CIMultiDictProxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.credentials import Credential

HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
CREDENTIAL_CARRIERS = frozenset({
    "authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key", "proxy-authorization", "cookie",
    "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
})  # fmt: skip
REWRITTEN = frozenset({"host", "content-length", "expect"})
KEPT_FROM_UPSTREAM = HOP_BY_HOP | CREDENTIAL_CARRIERS | REWRITTEN
RATE_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit")
KEPT_FROM_CLIENT = HOP_BY_HOP | {"set-cookie", "set-cookie2"}


def for_upstream(headers: CIMultiDictProxy[str], virtual_key: str) -> CIMultiDict[str]:
    """In the client's order, repeated fields repeated; without any credential.

    A field that is repeated in another case takes its first one: aiohttp's client would lose the other.
    """
    withheld = withheld_names(KEPT_FROM_UPSTREAM, headers)
    spelled: dict[str, str] = {}
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        lower = name.lower()
        if lower not in withheld and virtual_key not in value:
            passed.add(spelled.setdefault(lower, name), value)
    return passed


def for_client(headers: CIMultiDictProxy[str], credential: Credential) -> CIMultiDict[str]:
    withheld = withheld_names(KEPT_FROM_CLIENT, headers)
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        if name.lower() not in withheld:
            passed.add(name, credential.redact(value))
    return passed


def tell_limits(headers: CIMultiDict[str], standing: Mapping[str, str]) -> None:
    """The limits of the caller's own key, in place of those that the provider has set for all keys together."""
    for name in {name for name in headers if name.lower().startswith(RATE_LIMITS)}:
        headers.popall(name, None)
    headers.update(standing)


def withheld_names(always: frozenset[str], headers: CIMultiDictProxy[str]) -> frozenset[str]:
    """And those that Connection names: RFC 9110, section 7.6.1."""
    if "Connection" not in headers:
        return always
    return always.union(name.strip().lower() for line in headers.getall("Connection") for name in line.split(","))


def without_keys(query: str) -> tuple[str, tuple[str, ...]]:
    """Google's clients may say their key in the query (https://ai.google.dev/api): the rest of it, and the keys."""
    pairs = [(pair, *pair.partition("=")[::2]) for pair in query.split("&")]
    keys = tuple(unquote(value) for _, name, value in pairs if unquote(name) == "key")
    return "&".join(pair for pair, name, _ in pairs if unquote(name) != "key") if keys else query, keys


def query_without(query: str, virtual_key: str) -> str:
    """Verbatim, unless somebody put the key into it."""
    if virtual_key not in unquote(query):
        return query
    return "&".join(pair for pair in query.split("&") if virtual_key not in unquote(pair))
