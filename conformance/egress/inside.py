"""What runs sealed in: the traps, the one way out, and a client between them. Imports nothing of the harness.

Reads from standard input whom to ask what, as JSON; prints what the client heard, and what went into the traps.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
from typing import Any, cast
from urllib.parse import urlsplit

PORTS = (80, 443)
NAMES_PORT = 53
NOWHERE = bytes((192, 0, 2, 1))
"""https://www.rfc-editor.org/rfc/rfc5737: an address that is nobody's, and here leads to the traps."""

HEARD_BYTES = 4096
HOST = re.compile(rb"(?:[a-z0-9-]+\.)+[a-z]{2,}")
PIECE = 64 * 1024


class Names(asyncio.DatagramProtocol):
    """Answers every question for a name with the same address, and writes it down."""

    def __init__(self, trapped: list[str]) -> None:
        self._trapped = trapped

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, end = name_in(data)
        kind = data[end : end + 2]
        self._trapped.append(f"the name {name}")
        record = b"\xc0\x0c" + b"\0\x01\0\x01" + bytes(4) + b"\0\x04" + NOWHERE if kind == b"\0\x01" else b""
        counts = b"\0\x01" + (b"\0\x01" if record else b"\0\0") + bytes(4)
        self._transport.sendto(data[:2] + b"\x81\x80" + counts + data[12 : end + 4] + record, addr)


def name_in(question: bytes) -> tuple[str, int]:
    """And where it ends. https://www.rfc-editor.org/rfc/rfc1035#section-4.1.2"""
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return ".".join(labels), at + 1


async def trap(trapped: list[str]) -> None:
    """Takes every connection, writes down whom it was for, and hangs up."""

    async def caught(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        where = writer.get_extra_info("sockname")
        heard = HOST.search(await reader.read(HEARD_BYTES))
        trapped.append(f"{where[0]}:{where[1]}{f' ({heard[0].decode()})' if heard else ''}")
        writer.close()

    await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Names(trapped), local_addr=("127.0.0.1", NAMES_PORT)
    )
    for port in PORTS:
        await asyncio.start_server(caught, "0.0.0.0", port)  # noqa: S104 - a network of its own, where all is trap


async def way_out(socket: str) -> int:
    """A port that leads to the gateway."""

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_gateway = await asyncio.open_unix_connection(socket)
        await asyncio.gather(pumped(reader, to_gateway[1]), pumped(to_gateway[0], writer))

    server = await asyncio.start_server(passed, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def heard(calls: Any, prompts: list[str]) -> list[str]:
    """What each call came to: the text, or the SDK's exception."""
    told = []
    for prompt in prompts:
        for call in calls:
            try:
                told.append(await call(prompt))
            except Exception as error:  # noqa: BLE001 - whatever an SDK raises is what its user sees
                told.append(type(error).__name__)
    return told


def calls_of(surface: str, model: str, **client: Any) -> tuple[Any, Any]:
    """Whole and streamed, with the SDK as it comes."""
    if surface == "anthropic-messages":
        import anthropic  # noqa: PLC0415 - one of them is enough

        return by_messages(anthropic.AsyncAnthropic(**client), model)
    import openai  # noqa: PLC0415

    sdk = openai.AsyncOpenAI(**client)
    return by_chat(sdk, model) if surface == "openai-chat" else by_responses(sdk, model)


def by_messages(sdk: Any, model: str) -> tuple[Any, Any]:
    def said(prompt: str) -> dict[str, Any]:
        return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": prompt}]}

    async def whole(prompt: str) -> str:
        return str((await sdk.messages.create(**said(prompt))).content[0].text)

    async def streamed(prompt: str) -> str:
        async with sdk.messages.stream(**said(prompt)) as stream:
            return str(await stream.get_final_text())

    return whole, streamed


def by_chat(sdk: Any, model: str) -> tuple[Any, Any]:
    def said(prompt: str) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": prompt}]}

    async def whole(prompt: str) -> str:
        return str((await sdk.chat.completions.create(**said(prompt))).choices[0].message.content)

    async def streamed(prompt: str) -> str:
        async with sdk.chat.completions.stream(**said(prompt)) as stream:
            return str((await stream.get_final_completion()).choices[0].message.content)

    return whole, streamed


def by_responses(sdk: Any, model: str) -> tuple[Any, Any]:
    async def whole(prompt: str) -> str:
        return str((await sdk.responses.create(model=model, input=prompt)).output_text)

    async def streamed(prompt: str) -> str:
        async with sdk.responses.stream(model=model, input=prompt) as stream:
            return str((await stream.get_final_response()).output_text)

    return whole, streamed


async def main() -> None:
    gc.disable()  # an SDK is imported, asked a few things, and gone
    asked = json.load(sys.stdin)
    trapped: list[str] = []
    await trap(trapped)
    url = urlsplit(asked["url"])
    base = url._replace(scheme="http", netloc=f"127.0.0.1:{await way_out(asked['way_out'])}").geturl()
    client = {"api_key": asked["key"], "base_url": base, "default_headers": asked["headers"], "max_retries": 0}
    told = await heard(calls_of(asked["surface"], asked["model"], **client, timeout=20), asked["prompts"])
    sys.stdout.write(json.dumps({"heard": told, "trapped": list(dict.fromkeys(trapped))}))


if __name__ == "__main__":
    asyncio.run(main())
