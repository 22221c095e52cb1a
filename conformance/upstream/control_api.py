"""The upstream's side of the control API; its paths are described in `control`."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from conformance.upstream.cases import TOKEN
from conformance.upstream.journal import JOURNAL
from conformance.upstream.reply import REPLIES, SCRIPT, Reply, Script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conformance.upstream.cases import Case, Cases
    from conformance.upstream.control import State

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATES: dict[str, State] = {"arrived": "arrived", "finished": "finished", "left": "left"}
_TOKENS: TypeAdapter[list[str]] = TypeAdapter(list[str])
_MOST_GATES = 100_000
_LONGEST_WAIT = 300.0
_SCRIPT_LIMIT = 64 * 1024 * 1024


def control_app(cases: Cases, secret: str) -> web.Application:
    control = _Control(cases)
    app = web.Application(middlewares=[_guarded(secret)], client_max_size=_SCRIPT_LIMIT)
    app.add_routes(
        [
            web.get("/healthz", control.healthz),
            web.put("/scripts/{token}", control.register),
            web.delete("/scripts/{token}", control.forget),
            web.put("/strangers", control.register_for_strangers),
            web.post("/scripts/{token}/release", control.release),
            web.get("/scripts/{token}/progress", control.progress),
            web.get("/journal", control.journal),
            web.post("/journal", control.journals),
        ]
    )
    return app


def _guarded(secret: str) -> Any:
    expected = f"Bearer {secret}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("authorization", "").encode(errors="surrogateescape")
        if not secrets.compare_digest(given, expected):
            return web.json_response({"error": "the control secret is missing or wrong"}, status=401)
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            return web.json_response({"error": refusal.text}, status=refusal.status)

    return guard


class _Control:
    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    async def healthz(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp hands it over
        return web.json_response({"status": "ok"})

    async def register(self, request: web.Request) -> web.Response:
        self._cases.register(_script(request.match_info["token"], await request.read()))
        return web.Response(status=204)

    async def forget(self, request: web.Request) -> web.Response:
        self._case(request.match_info["token"])
        self._cases.forget(request.match_info["token"])
        return web.Response(status=204)

    async def register_for_strangers(self, request: web.Request) -> web.Response:
        self._cases.register_for_strangers(_replies(await request.read()))
        return web.Response(status=204)

    async def release(self, request: web.Request) -> web.Response:
        count = int(_number(request, "count", 1))
        if not 1 <= count <= _MOST_GATES:
            _refuse(f"count: must be from 1 to {_MOST_GATES}")
        self._case(request.match_info["token"]).release(count)
        return web.Response(status=204)

    async def progress(self, request: web.Request) -> web.Response:
        case = self._case(request.match_info["token"])
        return web.json_response({"sent": sum(exchange.progress for exchange in case.exchanges)})

    async def journal(self, request: web.Request) -> web.Response:
        until = _state(request.query.get("until", "arrived"))
        count, patience = int(_number(request, "count", 0)), _number(request, "timeout", 0)
        case = self._case(request.query.get("token"))
        with suppress(TimeoutError):
            async with asyncio.timeout(min(patience, _LONGEST_WAIT)):
                await case.reached(until, count)
        return _told(case)

    async def journals(self, request: web.Request) -> web.Response:
        return _told(*(self._case(token) for token in _tokens(await request.read())))

    def _case(self, token: str | None) -> Case:
        try:
            return self._cases.named(token)
        except KeyError:
            raise web.HTTPNotFound(text=f"{token}: no script with this token") from None


def _told(*cases: Case) -> web.Response:
    journal = JOURNAL.dump_json(tuple(exchange.received() for case in cases for exchange in case.exchanges))
    return web.Response(body=journal, content_type="application/json")


def _tokens(body: bytes) -> list[str]:
    try:
        return _TOKENS.validate_json(body)
    except ValidationError as error:
        _refuse(f"not tokens: {error}")


def _script(token: str, body: bytes) -> Script:
    try:
        script = SCRIPT.validate_json(body)
    except ValidationError as error:
        _refuse(f"not a script: {error}")
    if script.token != token:
        _refuse(f"the path says {token}, the script says {script.token}")
    if not TOKEN.fullmatch(token.encode()):
        _refuse(f"{token}: a token looks like case-9f2c4e1ab0d4")
    if not script.replies:
        _refuse("a script needs at least one reply")
    return script


def _replies(body: bytes) -> tuple[Reply, ...]:
    try:
        replies = REPLIES.validate_json(body)
    except ValidationError as error:
        _refuse(f"not replies: {error}")
    if not replies:
        _refuse("at least one reply is needed")
    return replies


def _state(name: str) -> State:
    if name not in _STATES:
        _refuse(f"until: {name!r} is not one of {', '.join(_STATES)}")
    return _STATES[name]


def _number(request: web.Request, name: str, default: float) -> float:
    given = request.query.get(name, default)
    try:
        number = float(given)
    except ValueError:
        _refuse(f"{name}: {given!r} is not a number")
    if not 0 <= number < float("inf"):
        _refuse(f"{name}: must be 0 or more")
    return number


def _refuse(why: str) -> NoReturn:
    raise web.HTTPBadRequest(text=why)
