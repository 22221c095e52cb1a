"""Keys over HTTP, for those who run agents: behind a credential of its own, on a listener of its own or under a path.

Errors are `application/problem+json` (https://www.rfc-editor.org/rfc/rfc9457). `/openapi.json` says the same as the
table at the end of this file: it is made of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from gateway.admission import bearer
from gateway.balance import Balances, balances_of
from gateway.calls import origin_form
from gateway.databases import DatabaseError
from gateway.keyforms import Fingerprint, Form, KeyRequest, KeyView, MintedView, Owned, OwnerForm, minted_view, view
from gateway.keys import FINGERPRINT_DIGITS, KeyStore, NoSuchKeyError
from gateway.openapi import document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from gateway.config import Settings
    from gateway.keeping import Keeping

logger = logging.getLogger(__name__)
AFTER_ALL = b"\xff" * 32
NOT_STORED = {"Cache-Control": "no-store"}


class Fault(Form):
    """`pointer` leads to what is wrong in the body, `parameter` names what is wrong in the query."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(Form):
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: tuple[Fault, ...] = ()


class ProblemError(Exception):
    def __init__(
        self, status: int, detail: str, faults: Iterable[Fault] = (), headers: Mapping[str, str] = NOT_STORED
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=tuple(faults))
        self.headers = {**headers, **NOT_STORED}


class Page(Owned):
    """Keys in the order of their fingerprints."""

    after: Fingerprint | None = None
    limit: int = Field(default=100, ge=1, le=1000)


class Listed(Form):
    """`next` is what to give as `after` for those that follow."""

    keys: tuple[KeyView, ...]
    next: Fingerprint | None


class Expiry(Form):
    in_seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Pruning(Form):
    """What was revoked or had expired so long ago."""

    older_than_seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Count(Form):
    keys: int = Field(description="How many keys were concerned.")


@dataclass(frozen=True)
class Asked:
    """`given` is the body, or the query of an operation without one."""

    management: Management
    given: Any
    fingerprint: str

    async def do(self, work: Callable[[KeyStore], Any]) -> Any:
        return await self.management.keeping.do(work)

    async def with_key(self, work: Callable[[KeyStore, Any], Any]) -> Any:
        return await self.do(lambda store: work(store, store.with_fingerprint(self.fingerprint)))


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    name: str
    summary: str
    do: Callable[[Asked], Awaitable[BaseModel | None]]
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200

    @property
    def pattern(self) -> str:
        return self.path.replace("{fingerprint}", f"(?P<fingerprint>[0-9a-f]{{{FINGERPRINT_DIGITS}}})")


class Management:
    def __init__(self, settings: Settings, credential: str, keeping: Keeping, below: str = "") -> None:
        if not credential:
            raise ValueError("keys are not managed without a credential")
        self.settings = settings
        self.keeping = keeping
        self._credential = hashlib.sha256(credential.encode()).digest()
        self.below = below

    def has(self, path: str) -> bool:
        return path.startswith(f"{self.below}/")

    async def answer(self, request: web.BaseRequest) -> web.Response:
        try:
            return await self._answer(request)
        except ProblemError as error:
            return problem(error)
        except NoSuchKeyError:
            return problem(ProblemError(404, "No key has this fingerprint."))
        except DatabaseError:
            logger.exception("the key store failed")
            return problem(ProblemError(503, "The key store cannot be used."))
        except Exception:  # a bug of ours is told as one
            logger.exception("the management of keys failed")
            return problem(ProblemError(500, "The gateway has failed."))

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        self._admit(request)
        path, _, query = origin_form(request.raw_path).partition("?")
        path = path.removeprefix(self.below)
        if (request.method, path) == ("GET", "/openapi.json"):
            return told(200, document(OPERATIONS, Problem, self.below))
        operation, fingerprint = operation_for(request.method, path)
        given = None
        if operation.body is not None:
            given = parsed(operation.body, await body_of(request))
        elif operation.query is not None:
            given = asked(operation.query, query)
        done = await operation.do(Asked(self, given, fingerprint))
        return told(operation.status, None if done is None else done.model_dump(mode="json"))

    def _admit(self, request: web.BaseRequest) -> None:
        """In constant time: digests are compared, so that not even the length shows."""
        shown = [bearer(value) for value in request.headers.getall("Authorization", ())]
        given = hashlib.sha256(shown[0].encode(errors="surrogateescape") if shown else b"").digest()
        if not hmac.compare_digest(given, self._credential) or len(shown) > 1:
            detail = "The credential of the management is wanted as 'Authorization: Bearer'."
            raise ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer realm="management"'})


def told(status: int, value: Any) -> web.Response:
    body = None if value is None else json.dumps(value).encode()
    kind = "application/json" if body else None
    return web.Response(status=status, body=body, content_type=kind, headers=NOT_STORED)


def problem(error: ProblemError) -> web.Response:
    said = error.problem.model_dump_json(exclude_defaults=True, exclude_none=True).encode()
    headers = {**error.headers, "Content-Type": "application/problem+json"}
    return web.Response(status=error.problem.status, body=said, headers=headers)


def operation_for(method: str, path: str) -> tuple[Operation, str]:
    there = [(each, match) for each in OPERATIONS if (match := re.fullmatch(each.pattern, path))]
    for operation, match in there:
        if operation.method == method:
            return operation, match.groupdict().get("fingerprint", "")
    allowed = [each.method for each, _ in there] or (["GET"] if path == "/openapi.json" else [])
    if allowed:
        allow = ", ".join(allowed)
        raise ProblemError(405, f"This takes {allow}.", headers={"Allow": allow})
    raise ProblemError(404, "There is nothing here: see /openapi.json.")


async def body_of(request: web.BaseRequest) -> bytes:
    try:
        return await request.read() or b"{}"
    except web.HTTPRequestEntityTooLarge:
        raise ProblemError(413, "The body is too large.") from None
    except web.RequestPayloadError:
        raise ProblemError(400, "The body could not be read.") from None


def parsed(form: type[BaseModel], body: bytes) -> BaseModel:
    try:
        return form.model_validate_json(body, strict=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        if any(each["type"] == "json_invalid" for each in found):
            raise ProblemError(400, "The body is not JSON.") from None
        faults = [
            Fault(detail=each["msg"], pointer="#" + "".join(f"/{part}" for part in each["loc"])) for each in found
        ]
        raise ProblemError(422, "The body does not say what is needed.", faults) from None


def asked(form: type[BaseModel], query: str) -> BaseModel:
    pairs = parse_qsl(query, keep_blank_values=True)
    if twice := {name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1}:
        raise ProblemError(422, "A parameter is given twice.", [Fault(detail="once", parameter=min(twice))])
    try:
        return form.model_validate(dict(pairs))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = [Fault(detail=each["msg"], parameter=".".join(map(str, each["loc"])) or None) for each in found]
        raise ProblemError(422, "The query does not say what is needed.", faults) from None


async def mint(asked: Asked) -> MintedView:
    request: KeyRequest = asked.given
    if faults := [Fault(detail=why, pointer=f"#/{name}") for name, why in request.misfits(asked.management.settings)]:
        raise ProblemError(422, "This gateway does not have what the key is to be held to.", faults)
    return minted_view(await asked.do(request.mint))


async def list_keys(asked: Asked) -> Listed:
    page: Page = asked.given
    after = bytes.fromhex(page.after) if page.after else b""
    start = after + AFTER_ALL[len(after) :] if after else b""
    found = await asked.do(lambda store: store.page(page.owner, start, page.limit))
    more = found[-1].fingerprint if len(found) == page.limit else None
    now = time.time()
    return Listed(keys=tuple(view(key, now) for key in found), next=more)


async def show(asked: Asked) -> KeyView:
    return view(await asked.with_key(lambda _, key: key), time.time())


async def spend(asked: Asked) -> Balances:
    balances: Balances = await asked.with_key(lambda _, key: balances_of(asked.management.settings, key))
    return balances


async def revoke(asked: Asked) -> KeyView:
    return view(await asked.with_key(KeyStore.revoke), time.time())


async def expire(asked: Asked) -> KeyView:
    at = time.time() + asked.given.in_seconds
    return view(await asked.with_key(lambda store, key: store.expire(key, at)), time.time())


async def delete(asked: Asked) -> None:
    await asked.with_key(KeyStore.delete)


async def revoke_owned(asked: Asked) -> Count:
    return Count(keys=await asked.do(lambda store: store.revoke_owned(asked.given.owner)))


async def delete_owned(asked: Asked) -> Count:
    return Count(keys=await asked.do(lambda store: store.delete_owned(asked.given.owner)))


async def prune(asked: Asked) -> Count:
    before = time.time() - asked.given.older_than_seconds
    return Count(keys=await asked.do(lambda store: store.prune(before)))


KEYS, ONE = "/keys", "/keys/{fingerprint}"
OPERATIONS = (
    Operation("POST", KEYS, "mint", "Mint a key; it is shown this once", mint, MintedView, KeyRequest, status=201),
    Operation("GET", KEYS, "list", "List keys, all or an owner's", list_keys, Listed, query=Page),
    Operation("DELETE", KEYS, "deleteOwned", "Delete an owner's keys", delete_owned, Count, query=OwnerForm),
    Operation("POST", f"{KEYS}/revoke", "revokeOwned", "Revoke an owner's keys", revoke_owned, Count, OwnerForm),
    Operation("POST", f"{KEYS}/prune", "prune", "Drop keys that have been dead for so long", prune, Count, Pruning),
    Operation("GET", ONE, "show", "Show a key, never itself", show, KeyView),
    Operation("GET", f"{ONE}/spend", "spend", "Show what is spent of its budgets", spend, Balances),
    Operation("DELETE", ONE, "delete", "Delete a key", delete, status=204),
    Operation("POST", f"{ONE}/revoke", "revoke", "Revoke a key", revoke, KeyView),
    Operation("POST", f"{ONE}/expire", "expire", "Let a key expire, at once or in a while", expire, KeyView, Expiry),
)
