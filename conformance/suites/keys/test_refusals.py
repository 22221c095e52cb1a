"""Keys that open nothing, and how that is said."""

import re
from hashlib import md5, sha1, sha256

from conformance.api import MESSAGES, Client, Connect, Door, Http, Mode, Surface, Upstream, check, mint
from conformance.suites.keys.test_carriers import asked

HASHES = (md5, sha1, sha256)
INSIDES = re.compile(
    r"Traceback \(most recent|File \"[^\"]+\", line \d+|\bat [\w.$]+\([\w.]+:\d+\)|goroutine \d+ \[|"
    r"\bSELECT \S+ FROM\b|\w{3,}Table\b|\bsqlite3?\.|\bpsycopg|\bprisma\b|\bredis\.|(?:/\w+){2,}\.(?:py|go|rs|rb)\b"
)
"""Stack traces, statements and names of stores, paths of source files."""


async def _refused(
    client: Client, upstream: Upstream, http: Http, *credentials: tuple[str, str], malformed: bool = False
) -> None:
    """With 401, or with 400 where what should carry the key is malformed (RFC 6750, 3.1)."""
    script = await upstream.answers()
    answer = await asked(client, http, script.prompt, *credentials)
    allowed = (400, 401) if malformed else (401,)
    assert answer.status in allowed, f"answered {answer.status} in place of 401: {answer.content[:200]!r}"
    assert not await script.journal(), "the upstream was called all the same"


@check(
    "keys/refused/wrong",
    requirement="wrong-key-is-401",
    feature="key-refusal",
    modes=(Mode.ASYNC, Mode.SYNC, Mode.ASYNC_STREAM),
    direct=False,
    catches=("accepts-any-key", "refuses-with-400", "calls-upstream-first"),
)
async def test_a_wrong_key_raises_an_authentication_error(connect: Connect, upstream: Upstream) -> None:
    script = await upstream.answers()
    failure = await connect(key=mint("nobody").value).fails(script.prompt)
    assert (failure.kind, failure.status) == ("AuthenticationError", 401), f"refused with {failure}"
    assert not await script.journal(), "the upstream was called all the same"


@check(
    "keys/refused/none",
    requirement="wrong-key-is-401",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("accepts-no-key",),
)
async def test_no_key_at_all_is_refused(client: Client, upstream: Upstream, http: Http) -> None:
    await _refused(client, upstream, http)


@check(
    "keys/refused/empty",
    requirement="wrong-key-is-401",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("accepts-no-key",),
)
async def test_an_empty_key_is_refused(client: Client, upstream: Upstream, http: Http) -> None:
    await _refused(client, upstream, http, ("authorization", "Bearer"), malformed=True)
    await _refused(client, upstream, http, ("x-api-key", ""), malformed=True)


@check(
    "keys/refused/nearly-right",
    requirement="wrong-key-is-401",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("accepts-any-case", "accepts-prefix"),
)
async def test_a_key_that_is_nearly_right_is_refused(client: Client, upstream: Upstream, http: Http) -> None:
    key = client.door.key
    for wrong in (key.swapcase(), f"{key}x", key[:-1]):
        await _refused(client, upstream, http, ("authorization", f"Bearer {wrong}"))


@check(
    "keys/refused/other-scheme",
    requirement="wrong-key-is-401",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("accepts-any-scheme",),
)
async def test_another_scheme_than_bearer_is_refused(client: Client, upstream: Upstream, http: Http) -> None:
    await _refused(client, upstream, http, ("authorization", "Basic bm9ib2R5Om5vYm9keQ=="), malformed=True)


@check(
    "keys/refused/provider-key",
    requirement="provider-key-is-no-client-key",
    feature="key-refusal",
    direct=False,
    catches=("accepts-provider-key",),
)
async def test_the_key_of_a_provider_does_not_open_the_gateway(
    connect: Connect, upstream: Upstream, provider_door: Door
) -> None:
    script = await upstream.answers()
    await connect(key=provider_door.key).fails(script.prompt)
    assert not await script.journal(), "the upstream was called with its own key, sent by a client"


@check(
    "keys/refused/envelope",
    requirement="refusal-in-the-surfaces-envelope",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("refuses-in-foreign-envelope",),
)
async def test_a_refusal_speaks_the_language_of_the_surface(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    answer = await asked(client, http, script.prompt, ("authorization", f"Bearer {mint('nobody').value}"))
    error = answer.json.get("error")
    assert isinstance(error, dict), f"no error object in {answer.content[:200]!r}"
    assert isinstance(error.get("message"), str)
    if client.surface == Surface.ANTHROPIC_MESSAGES:
        assert (answer.json.get("type"), error.get("type")) == ("error", "authentication_error")
    else:
        assert error.get("type")
        assert "code" in error


@check(
    "keys/refused/request-id",
    requirement="refusals-can-be-traced",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("refuses-without-request-id",),
)
async def test_a_refusal_has_a_request_id(client: Client, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers()
    answer = await asked(client, http, script.prompt, ("authorization", f"Bearer {mint('nobody').value}"))
    name = "request-id" if client.surface == MESSAGES else "x-request-id"
    assert answer.value(name), f"no {name} in the refusal"


@check(
    "keys/refused/not-echoed",
    requirement="refused-key-is-not-echoed",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("echoes-refused-key",),
)
async def test_a_refusal_does_not_repeat_the_key(client: Client, upstream: Upstream, http: Http) -> None:
    script, wrong = await upstream.answers(), mint("nobody")
    answer = await asked(client, http, script.prompt, ("authorization", f"Bearer {wrong.value}"))
    seen = answer.content + str(answer.answer_headers).encode()
    assert wrong.value.encode() not in seen, "the refused key is in the refusal"


@check(
    "keys/refused/minimal",
    requirement="refusals-tell-nothing",
    feature="key-refusal",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("tells-the-hash", "shows-its-insides"),
)
async def test_a_refusal_tells_nothing_of_the_insides(client: Client, upstream: Upstream, http: Http) -> None:
    script, wrong = await upstream.answers(), mint("nobody").value
    for credential in (("authorization", f"Bearer {wrong}"), ("x-api-key", wrong), ("authorization", "Bearer")):
        answer = await asked(client, http, script.prompt, credential)
        seen = f"{answer.content.decode(errors='replace')} {answer.answer_headers}"
        hashes = [hashed.__name__ for hashed in HASHES if hashed(wrong.encode()).hexdigest()[:16] in seen]
        assert not hashes, f"the refusal holds a hash of the key: {seen[:300]}"
        insides = INSIDES.findall(seen)
        assert not insides, f"the refusal speaks of {', '.join(insides)}: {seen[:300]}"
