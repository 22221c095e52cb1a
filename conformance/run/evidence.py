"""What passed on both sides of a check: the client's cassette, the upstream's journal, and the secrets in either."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from vcr.serializers import yamlserializer  # type: ignore[import-untyped]

from conformance.drivers.tape import decoded
from conformance.oracles import parse
from conformance.secrets import Leak, Secret, find, redact, redact_bytes
from conformance.upstream.journal import lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from conformance.drivers import Exchange
    from conformance.upstream import Received
    from conformance.upstream.journal import Headers

_CARRIERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie")
_SCHEME = re.compile(r"^(?:bearer|basic)\s*", re.IGNORECASE)
_WORTH_HIDING = 8
_MOST_KEPT = 2**20
_OF_THE_CODING = ("content-encoding", "content-length")


def write(directory: Path, exchanges: Sequence[Exchange], journal: Sequence[Received], known: list[Secret]) -> None:
    """Leave `cassette.yaml`, in VCR's format, and `journal.json`; secrets become fingerprints on the way.

    Of bodies beyond a mebibyte the first one is kept.
    """
    secrets = [*known, *carried(exchanges)]
    directory.mkdir(parents=True, exist_ok=True)
    safe = [_redacted(exchange, secrets) for exchange in exchanges]
    (directory / "cassette.yaml").write_text(cassette(safe), encoding="utf-8", errors="backslashreplace")
    (directory / "journal.json").write_text(_journal(journal, secrets), encoding="utf-8", errors="backslashreplace")


def carried(exchanges: Iterable[Exchange]) -> list[Secret]:
    """Whatever the clients sent as a credential: keys that were minted meanwhile, and wrong ones."""
    values = (value for exchange in exchanges for name, value in exchange.headers if name.lower() in _CARRIERS)
    keys = dict.fromkeys(_SCHEME.sub("", value) for value in values)
    return [Secret("carried", key) for key in keys if len(key) >= _WORTH_HIDING]


def _redacted(exchange: Exchange, known: Sequence[Secret]) -> Exchange:
    """Before YAML folds, escapes or encodes anything; a coded body is stored decoded, for people to read."""
    body, headers = redact_bytes(exchange.content, known), exchange.answer_headers
    if body != bytes(exchange.body):
        headers = tuple(header for header in headers if header[0].lower() not in _OF_THE_CODING)
    return replace(
        exchange,
        url=redact(exchange.url, known),
        headers=_redacted_headers(exchange.headers, known),
        sent=_kept(redact_bytes(exchange.sent, known)),
        answer_headers=_redacted_headers(headers, known),
        body=bytearray(_kept(body)),
        error=redact(exchange.error, known),
    )


def _kept(body: bytes) -> bytes:
    """Cut only after secrets were replaced: half a key is too much of one."""
    left_out = len(body) - _MOST_KEPT
    return body if left_out <= 0 else body[:_MOST_KEPT] + f"[... {left_out} more bytes]".encode()


def _redacted_headers(headers: Headers, known: Sequence[Secret]) -> Headers:
    return tuple((redact(name, known), redact(value, known)) for name, value in headers)


def cassette(exchanges: Iterable[Exchange], metadata: dict[str, Any] | None = None) -> str:
    """The exchanges as vcrpy stores and replays them; `metadata` is VCR's own place for what else is to be known."""
    document = {"version": 1, "interactions": [_interaction(e) for e in exchanges]}
    text: str = yamlserializer.serialize(document | ({"metadata": metadata} if metadata else {}))
    return text


def _interaction(exchange: Exchange) -> dict[str, Any]:
    status = exchange.status or 0
    return {
        "request": {
            "method": exchange.method,
            "uri": exchange.url,
            "headers": _by_name(exchange.headers),
            "body": _text(exchange.sent),
        },
        "response": {
            "status": {"code": status, "message": _reason(status)},
            "headers": _by_name(exchange.answer_headers),
            "body": {"string": _text(bytes(exchange.body))},
        },
    }


def _journal(received: Iterable[Received], known: Sequence[Secret]) -> str:
    return json.dumps([_entry(call, known) for call in received], indent=1, ensure_ascii=False)


def _entry(call: Received, known: Sequence[Secret]) -> dict[str, Any]:
    return {
        "provider": call.provider,
        "method": call.method,
        "path": redact(call.path, known),
        "query": redact(call.query, known),
        "headers": _redacted_headers(call.headers, known),
        "body": _printable(_kept(redact_bytes(call.body, known))),
        "response": {
            "status": call.status,
            "headers": _redacted_headers(call.sent_headers, known),
            "body": _printable(_kept(redact_bytes(decoded(call.sent, call.sent_headers), known))),
        },
        "client_disconnected": call.client_left_at is not None,
    }


def leaks_to_client(exchanges: Iterable[Exchange], provider_keys: Sequence[Secret]) -> Iterator[Leak]:
    """Provider keys in anything that the client saw: headers, bodies, and texts that a stream had cut in pieces."""
    for exchange in exchanges:
        place = f"the client's answer to {exchange.method} {exchange.url}"
        headers, content = lines(exchange.answer_headers), exchange.content
        stream = joined(content)
        for secret in provider_keys:
            yield from find(secret, headers, f"the headers of {place}")
            yield from find(secret, content, f"the body of {place}")
            yield from find(secret, stream, f"the joined stream of {place}")


def leaks_to_upstream(
    journal: Iterable[Received], client_keys: Sequence[Secret], provider_keys: dict[str, Secret]
) -> Iterator[Leak]:
    """Client keys in anything that a provider received, and the keys of other providers."""
    for call in journal:
        place = f"{call.method} {call.path} as {call.provider} received it"
        foreign = [secret for name, secret in provider_keys.items() if call.provider not in ("", name)]
        headers, address = lines(call.headers), call.query.encode() + b" " + call.path.encode()
        for secret in (*client_keys, *foreign):
            yield from find(secret, headers, f"the headers of {place}")
            yield from find(secret, address, f"the address of {place}")
            yield from find(secret, call.body, f"the body of {place}")


def joined(body: bytes) -> bytes:
    """The strings of a stream's events one after the other, so that a secret cut into deltas is whole again."""
    texts: dict[str, list[str]] = {}
    for event in parse(body).events:
        with suppress(ValueError, RecursionError):
            _collect(json.loads(event.data), "", texts)
    return "\n".join(map("".join, texts.values())).encode("utf-8", "replace")


def _collect(value: Any, path: str, texts: dict[str, list[str]]) -> None:
    match value:
        case str():
            texts.setdefault(path, []).append(value)
        case dict():
            for key, item in value.items():
                _collect(item, f"{path}.{key}", texts)
        case list():
            for item in value:
                _collect(item, f"{path}[]", texts)


def _by_name(headers: Headers) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, value in headers:
        named.setdefault(name, []).append(value)
    return named


def _text(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _printable(body: bytes) -> str:
    return body.decode("utf-8", "backslashreplace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
