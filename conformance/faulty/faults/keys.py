"""Faults in whom the relay lets in, and in how it refuses the others."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from conformance.faulty.exchange import edited_object, values
from conformance.faulty.fault import fault, on_whole
from conformance.faulty.keys import accepted, carried, in_bearer, in_x_api_key
from conformance.faulty.refusal import refusal
from conformance.faulty.tree import dropping, everywhere

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conformance.faulty.exchange import Answer, Call
    from conformance.faulty.fault import Handle

_ODD_PATH = re.compile(r"//|[%;.]|/$")
_KEY = re.compile(r"[\w-]{10,200}", re.ASCII)


def _valid(call: Call, keys: Iterable[str]) -> str | None:
    return next((key for key in keys if call.keys.valid(key)), None)


@fault.accept("ignores-x-api-key", "looks for keys only in Authorization")
def ignores_x_api_key(call: Call) -> str | None:
    return _valid(call, in_bearer(call.headers))


@fault.accept("ignores-bearer", "looks for keys only in x-api-key where Anthropic is asked")
def ignores_bearer(call: Call) -> str | None:
    return _valid(call, in_x_api_key(call.headers)) if call.provider == "anthropic" else accepted(call)


@fault.accept("chokes-on-both-carriers", "refuses a call that carries its key in both headers")
def chokes_on_both_carriers(call: Call) -> str | None:
    return None if in_bearer(call.headers) and in_x_api_key(call.headers) else accepted(call)


@fault.accept("accepts-any-key", "takes any key for valid")
def accepts_any_key(call: Call) -> str | None:
    return next(iter(carried(call.headers)), None)


@fault.accept("accepts-any-scheme", "asks for a key only where the scheme is Bearer")
def accepts_any_scheme(call: Call) -> str | None:
    return accepted(call) if carried(call.headers) or not values(call.headers, "authorization") else ""


@fault.accept("accepts-no-key", "lets in calls without any key")
def accepts_no_key(call: Call) -> str | None:
    return accepted(call) if carried(call.headers) else ""


@fault.accept("accepts-any-case", "compares keys without regard to case")
def accepts_any_case(call: Call) -> str | None:
    known = {key.casefold(): key for key in call.keys.known}
    return _valid(call, [known.get(key.casefold(), key) for key in carried(call.headers)])


@fault.accept("accepts-prefix", "takes for valid what begins with a valid key")
def accepts_prefix(call: Call) -> str | None:
    return _valid(call, [key for key in call.keys.known if any(it.startswith(key) for it in carried(call.headers))])


@fault.accept("accepts-provider-key", "lets in who shows the provider's key")
def accepts_provider_key(call: Call) -> str | None:
    return accepted(call) or next((key for key in carried(call.headers) if key in call.provider_keys.values()), None)


@fault.accept("forgets-revocation", "lets in revoked keys")
def forgets_revocation(call: Call) -> str | None:
    known = call.keys.known
    return next((key for key in carried(call.headers) if key in known and not known[key].expired), None)


@fault.accept("forgets-expiry", "lets in expired keys")
def forgets_expiry(call: Call) -> str | None:
    known = call.keys.known
    return next((key for key in carried(call.headers) if key in known and not known[key].revoked), None)


@fault.accept("revokes-all", "with one key revokes every key that was minted")
def revokes_all(call: Call) -> str | None:
    any_revoked = any(key.revoked for key in call.keys.known.values())
    return mints_keys_that_do_not_work(call) if any_revoked else accepted(call)


@fault.accept("mints-keys-that-do-not-work", "knows no key but its first")
def mints_keys_that_do_not_work(call: Call) -> str | None:
    return _valid(call, [key for key in carried(call.headers) if key == call.keys.fixed])


@fault.accept("minds-the-schemes-case", "takes only Bearer for the name of that scheme")
def minds_the_schemes_case(call: Call) -> str | None:
    bearers = [value for value in values(call.headers, "authorization") if value.startswith("Bearer ")]
    spelled = tuple(("authorization", value) for value in bearers)
    return _valid(call, (*in_x_api_key(call.headers), *in_bearer(spelled)))


@fault.accept("minds-the-spaces", "takes what follows the first space after Bearer for the key")
def minds_the_spaces(call: Call) -> str | None:
    spaced = any(value.partition(" ")[2].startswith(" ") for value in values(call.headers, "authorization"))
    return None if spaced else accepted(call)


@fault.refusal("refuses-with-400", "refuses keys with 400")
async def refuses_with_400(answer: Answer) -> Answer:
    return replace(answer, status=400)


@fault.refusal("refuses-in-foreign-envelope", "refuses keys in an envelope of no provider")
async def refuses_in_foreign_envelope(answer: Answer) -> Answer:
    return answer.with_body(json.dumps({"detail": "Unauthorized"}).encode())


@fault.refusal("refuses-without-request-id", "refuses keys without a request id")
async def refuses_without_request_id(answer: Answer) -> Answer:
    nameless = answer.dropping("request-id", "x-request-id")
    return await on_whole(nameless, lambda body: edited_object(body, lambda it: dropping(it, "request_id")))


@fault.refusal("echoes-refused-key", "repeats the refused key in the refusal")
async def echoes_refused_key(answer: Answer) -> Answer:
    return await _said(answer, f"invalid key: {', '.join(carried(answer.call.headers))}")


@fault.accept("calls-upstream-first", "calls the upstream before it looks at the key")
def calls_upstream_first(call: Call) -> str | None:
    return accepted(call) or ""


@fault.answer("calls-upstream-first", "calls the upstream before it looks at the key")
async def refuses_afterwards(answer: Answer) -> Answer:
    if accepted(answer.call):
        return answer
    answer.close()
    return refusal(answer.call, 401, "this key is not valid here")


@fault.accept("guards-known-paths-only", "asks for a key only where an answer is generated")
def guards_known_paths_only(call: Call) -> str | None:
    return accepted(call) or (None if call.surface else "")


@fault.accept("guards-post-only", "asks for a key only with POST")
def guards_post_only(call: Call) -> str | None:
    return accepted(call) or (None if call.method == "POST" else "")


@fault.accept("guards-plain-paths-only", "asks for a key only where the path is spelled as in the documentation")
def guards_plain_paths_only(call: Call) -> str | None:
    return accepted(call) or ("" if _ODD_PATH.search(call.path) else None)


@fault.accept("trusts-forwarded-headers", "takes for known whom a header calls known")
def trusts_forwarded_headers(call: Call) -> str | None:
    return accepted(call) or ("" if values(call.headers, "x-forwarded-user") else None)


@fault.accept("gives-up-on-two-keys", "asks for no key where it finds two")
def gives_up_on_two_keys(call: Call) -> str | None:
    return accepted(call) or ("" if len(carried(call.headers)) > 1 else None)


@fault.handle("chokes-on-odd-keys", "fails over keys of other characters than its own have")
async def chokes_on_odd_keys(handle: Handle, call: Call) -> Answer:
    if all(_KEY.fullmatch(key) for key in carried(call.headers)):
        return await handle(call)
    return refusal(call, 500, "ValueError")


@fault.refusal("tells-the-hash", "tells under which hash it looked for the key")
async def tells_the_hash(answer: Answer) -> Answer:
    hashes = ", ".join(sha256(key.encode()).hexdigest() for key in carried(answer.call.headers))
    return await _said(answer, f"no key with the hash {hashes}")


@fault.refusal("shows-its-insides", "tells where it looked for the key")
async def shows_its_insides(answer: Answer) -> Answer:
    return await _said(answer, 'Unable to find token in table "VerificationTokenTable"')


async def _said(answer: Answer, message: str) -> Answer:
    edit = lambda it: {**it, "message": message} if "message" in it else it  # noqa: E731 - one line
    return await on_whole(answer, lambda body: edited_object(body, lambda error: everywhere(error, edit)))
