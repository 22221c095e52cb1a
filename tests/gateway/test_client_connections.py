"""Bytes on a client's connection: each call gets its own answer, and nothing else comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway import Gateway

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def connection(gateway: Gateway) -> AsyncIterator[Connection]:
    where = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    yield reader, writer
    writer.close()


@pytest.mark.parametrize("path", ["/v1/models", "/v1/messages", "/nowhere"])
async def test_an_answer_to_head_has_no_body(connection: Connection, key: str, path: str) -> None:
    reader, writer = connection
    writer.write(f"HEAD {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 40")
    assert b"content-length: 0" not in head.lower()
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"


async def test_a_target_may_name_the_host_too(connection: Connection, key: str) -> None:
    reader, writer = connection
    head = f"Host: gateway\r\nAuthorization: Bearer {key}\r\nContent-Length: 0\r\n\r\n"
    writer.write(f"POST http://gateway/v1/chat/completions HTTP/1.1\r\n{head}".encode())
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
