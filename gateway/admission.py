"""Who may pass: the virtual keys that a request presents, judged."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from gateway.databases import DatabaseError
from gateway.errors import RefusalError, forbidden, unauthorized

if TYPE_CHECKING:
    from collections.abc import Collection

    from multidict import CIMultiDictProxy

    from gateway.keys import VirtualKey
    from gateway.reading import Reading
    from gateway.surfaces import Surface

logger = logging.getLogger(__name__)
CARRIERS = ("x-api-key", "api-key", "x-goog-api-key")
REASONS = {
    "expired": "This gateway key has expired.",
    "revoked": "This gateway key has been revoked.",
    "unknown": "This is not a valid gateway key.",
}


class Admission(NamedTuple):
    key: VirtualKey
    plaintext: str


def presented(headers: CIMultiDictProxy[str]) -> list[str]:
    """Every credential that the client shows, whichever protocol it belongs to."""
    bearers = [bearer(value) for value in headers.getall("Authorization", ())]
    others = [value.strip() for name in CARRIERS for value in headers.getall(name, ())]
    return [*bearers, *others]


def bearer(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def admit(headers: CIMultiDictProxy[str], more: Collection[str], keys: Reading) -> Admission:
    """One valid key is enough, in any carrier, or given some other way; two different valid keys are one too many."""
    tokens = [token for token in (*presented(headers), *more) if token]
    if not tokens:
        raise unauthorized("No gateway key given: send it as 'Authorization: Bearer' or 'x-api-key'.")
    try:
        found = await keys.find(tokens)
    except DatabaseError as error:
        logger.error("keys cannot be looked up: %s", error)  # noqa: TRY400 -- no bug
        raise RefusalError(503, "key_store_unavailable", "The gateway cannot look up its keys now.") from None
    now = time.time()
    valid = [Admission(key, token) for token, key in found.items() if key and key.state(now) == "valid"]
    if not valid:
        raise unauthorized(REASONS[min(key.state(now) if key else "unknown" for key in found.values())])
    if len(valid) > 1:
        raise unauthorized("Two different gateway keys given.")
    return valid[0]


def authorize(key: VirtualKey, surfaces: Collection[Surface]) -> None:
    if not key.allows(surfaces):
        raise forbidden(f"This gateway key is not valid for {' or '.join(surfaces)}.")
