"""Calls written by hand, byte for byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.api import MESSAGES

if TYPE_CHECKING:
    from conformance.api import Client

CHUNKED = "Transfer-Encoding: chunked"


def address(client: Client) -> str:
    """The path at which the surface in hand takes calls."""
    return urlsplit(client.door.url).path + client.path


def models(client: Client) -> str:
    """The path of the model list: `/v1/models` of the same provider."""
    return f"{urlsplit(client.door.url).path.removesuffix('/v1')}/v1/models"


def named(client: Client) -> list[str]:
    """What every head of a call says: who is called, by whom, and in which version of the protocol."""
    version = ["anthropic-version: 2023-06-01"] if client.surface == MESSAGES else []
    own = [f"{name}: {value}" for name, value in client.door.headers]
    return [f"Host: {urlsplit(client.door.url).netloc}", f"Authorization: Bearer {client.door.key}", *version, *own]


def head(client: Client, *lines: str, first: str = "", names: list[str] | None = None) -> bytes:
    """The head of a call: request line, the usual lines, and further ones."""
    told = [first or f"POST {address(client)} HTTP/1.1", *(named(client) if names is None else names)]
    return "\r\n".join([*told, "Content-Type: application/json", *lines, "", ""]).encode("latin-1")


def asked(client: Client, prompt: str, **fields: Any) -> bytes:
    """The body of a call."""
    return json.dumps(client.body(prompt) | fields).encode()


def call(client: Client, prompt: str, *lines: str, **fields: Any) -> bytes:
    """A call as every client makes it."""
    body = asked(client, prompt, **fields)
    return head(client, f"Content-Length: {len(body)}", *lines) + body


def chunk(data: bytes, size: str = "", extension: str = "") -> bytes:
    return f"{size or format(len(data), 'x')}{extension}\r\n".encode() + data + b"\r\n"


def in_chunks(data: bytes, trailers: bytes = b"") -> bytes:
    """Two chunks and the last one."""
    half = len(data) // 2
    return chunk(data[:half]) + chunk(data[half:]) + b"0\r\n" + trailers + b"\r\n"
