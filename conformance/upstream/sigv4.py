"""AWS's Signature Version 4, checked as AWS does.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from conformance.upstream.journal import values

if TYPE_CHECKING:
    from conformance.upstream.cases import Exchange

ACCESS_KEY_ID = "AKIACONFORMANCE00000"
REGION = "us-east-1"
SERVICE = "bedrock"

_ALGORITHM = "AWS4-HMAC-SHA256"
_CARRIED = re.compile(
    rf"{_ALGORITHM} Credential=(?P<credential>[^, ]+), ?SignedHeaders=(?P<headers>[^, ]+), "
    r"?Signature=(?P<mark>[0-9a-f]+)"
)
_OLDEST = timedelta(minutes=5)


class SignatureError(Exception):
    """A signature that AWS does not take, and why."""


def verify(exchange: Exchange, secret: str) -> None:
    """Raises `SignatureError` unless the request is signed with the secret, for our region, now."""
    found = _CARRIED.fullmatch(" ".join(values(exchange.headers, "authorization")))
    moment = "".join(values(exchange.headers, "x-amz-date"))
    if not found or not moment:
        raise SignatureError("Authorization header requires a credential, signed headers, a signature and a date.")
    day, signed = moment[:8], found["headers"].split(";")
    scope = f"{day}/{REGION}/{SERVICE}/aws4_request"
    if found["credential"] != f"{ACCESS_KEY_ID}/{scope}":
        raise SignatureError("Credential should be scoped to a valid region and service.")
    if {"host", "x-amz-date"} - {*signed} or abs(_when(moment) - datetime.now(UTC)) > _OLDEST:
        raise SignatureError("Signature expired, or its date is not signed.")
    to_sign = "\n".join([_ALGORITHM, moment, scope, sha256(_canonical(exchange, signed).encode()).hexdigest()])
    expected = hmac.new(_key(secret, day), to_sign.encode(), sha256).hexdigest()
    if not hmac.compare_digest(expected, found["mark"]):
        raise SignatureError(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )


def _when(moment: str) -> datetime:
    try:
        return datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("Date must be in ISO-8601 'basic format'.") from None


def _canonical(exchange: Exchange, signed: list[str]) -> str:
    """The request as both sides sign it: each part of a path that is escaped already is escaped once more."""
    headers = [f"{name}:{_value(exchange, name)}" for name in signed]
    body = sha256(exchange.body).hexdigest()
    path = quote(exchange.path, safe="/-_.~")
    return "\n".join([exchange.method, path, _query(exchange.query), *headers, "", ";".join(signed), body])


def _value(exchange: Exchange, name: str) -> str:
    return ",".join(" ".join(value.split()) for value in values(exchange.headers, name))


def _query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    escaped = ((quote(unquote(part), safe="-_.~") for part in (name, value)) for name, _, value in pairs)
    return "&".join(sorted("=".join(pair) for pair in escaped))


def _key(secret: str, day: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, REGION, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key
