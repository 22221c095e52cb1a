"""What a relay costs on aiohttp and uvloop before it does any work of its own: no keys, no metering, no audit."""

from __future__ import annotations

import argparse
import asyncio
from functools import partial

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

HOP_BY_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})


def passed(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict([(name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP])


async def relay(session: aiohttp.ClientSession, upstream: str, request: web.BaseRequest) -> web.StreamResponse:
    body = await request.read()
    url = upstream + request.path_qs
    async with session.request(request.method, url, headers=passed(request.headers), data=body) as answer:
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=passed(answer.headers))
        response.content_length = answer.content_length
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


async def serve(port: int, upstream: str) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:
        runner = web.ServerRunner(web.Server(partial(relay, session, upstream), access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.upstream))
