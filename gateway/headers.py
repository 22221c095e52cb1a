"""Which headers pass. The lists are open: what is not named here is relayed as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from multidict import CIMultiDict, CIMultiDictProxy

if TYPE_CHECKING:
    from gateway.credentials import Credential

HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
    "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
CREDENTIAL_CARRIERS = frozenset({
    "authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key", "proxy-authorization", "cookie",
})  # fmt: skip
REWRITTEN = frozenset({"host", "content-length", "expect"})
KEPT_FROM_UPSTREAM = HOP_BY_HOP | CREDENTIAL_CARRIERS | REWRITTEN
KEPT_FROM_CLIENT = HOP_BY_HOP | {"set-cookie", "set-cookie2"}


def for_upstream(headers: CIMultiDictProxy[str], virtual_key: str, credential: Credential) -> CIMultiDict[str]:
    """In the client's order and case, repeated fields repeated; the provider's credential comes last."""
    withheld = KEPT_FROM_UPSTREAM | named_in_connection(headers)
    passed = CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in withheld and virtual_key not in value
    )
    passed[credential.header] = credential.value
    return passed


def for_client(headers: CIMultiDictProxy[str], credential: Credential) -> CIMultiDict[str]:
    withheld = KEPT_FROM_CLIENT | named_in_connection(headers)
    return CIMultiDict(
        (name, credential.redact(value)) for name, value in headers.items() if name.lower() not in withheld
    )


def named_in_connection(headers: CIMultiDictProxy[str]) -> frozenset[str]:
    """RFC 9110, section 7.6.1."""
    if "Connection" not in headers:
        return frozenset()
    return frozenset(name.strip().lower() for value in headers.getall("Connection") for name in value.split(","))


def query_without(query: str, virtual_key: str) -> str:
    """Verbatim, unless somebody put the key into it."""
    if virtual_key not in unquote(query):
        return query
    return "&".join(pair for pair in query.split("&") if virtual_key not in unquote(pair))
