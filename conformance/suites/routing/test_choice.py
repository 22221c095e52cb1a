"""Who is asked: by the value of a header, with whose key, and for which model."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from conformance.api import (
    CHAT,
    MESSAGES,
    Ask,
    Client,
    ClientFailedError,
    Connect,
    Mode,
    Received,
    Routing,
    Secret,
    Tape,
    Upstream,
    assert_absent,
    check,
    parse,
)

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)


async def _asked(connect: Connect, upstream: Upstream, routing: Routing, value: str | None) -> Received:
    """What reached whom when a client chose by that value of the header."""
    script = await upstream.answers()
    headers = {} if value is None else {routing.choice.header: value}
    answer = await connect(model=routing.choice.model).ask(Ask(script.prompt, headers=headers))
    assert answer.text == "ok"
    return await script.received()


@check(
    "routing/choice/provider",
    requirement="chosen-provider",
    feature="provider-choice",
    surfaces=(CHAT,),
    direct=False,
    catches=("ignores-the-choice", "sends-the-first-key"),
)
async def test_the_provider_that_the_client_chose_is_asked(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    for value, provider in routing.choice.providers.items():
        received = await _asked(connect, upstream, routing, value)
        assert received.provider == provider, f"{value!r} means {provider}, and {received.provider} was asked"


@check(
    "routing/choice/spelling",
    requirement="choice-in-any-spelling",
    feature="provider-choice",
    surfaces=(CHAT,),
    direct=False,
    catches=("chooses-by-the-letter",),
)
async def test_case_does_not_matter_to_a_choice(connect: Connect, upstream: Upstream, routing: Routing) -> None:
    for value, provider in routing.choice.providers.items():
        for spelt in (value.upper(), value.title()):
            received = await _asked(connect, upstream, routing, spelt)
            assert received.provider == provider, f"{spelt!r} means {provider}, and {received.provider} was asked"


@check(
    "routing/choice/default",
    requirement="choice-by-default",
    feature="provider-choice",
    surfaces=(CHAT,),
    direct=False,
    catches=("chooses-by-the-beginning",),
)
async def test_a_choice_that_means_nobody_means_the_default(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    known = next(iter(routing.choice.providers))
    for value in (None, "", f"never-seen-{uuid4().hex[:8]}", f"{known}-{uuid4().hex[:8]}", known[:-1]):
        received = await _asked(connect, upstream, routing, value)
        default = routing.choice.default
        assert received.provider == default, f"{value!r} means nobody, so {default}; {received.provider} was asked"


@check(
    "routing/keys",
    requirement="no-key-crosses-providers",
    feature="isolation",
    surfaces=(CHAT,),
    direct=False,
    catches=("sends-every-key", "sends-the-first-key"),
)
async def test_each_provider_sees_its_own_key_and_no_other(
    connect: Connect, upstream: Upstream, routing: Routing, provider_keys: Mapping[str, Secret]
) -> None:
    for value, provider in [(None, routing.choice.default), *routing.choice.providers.items()]:
        script = await upstream.answers()
        headers = {} if value is None else {routing.choice.header: value}
        await connect(model=routing.choice.model).ask(Ask(script.prompt, headers=headers))
        received = await script.received()
        sent = "the headers that the upstream received"
        assert provider_keys[provider].value.encode() in received.places[sent], f"{provider} was not sent its own key"
        for name, key in provider_keys.items():
            if name != received.provider:
                assert_absent(key, received.places)


@check(
    "routing/model/alias",
    requirement="alias-resolved",
    feature="aliases",
    surfaces=(CHAT,),
    modes=BOTH,
    direct=False,
    catches=("forwards-the-alias",),
)
async def test_the_provider_is_asked_for_the_model_behind_an_alias(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    script = await upstream.answers()
    await connect(model=routing.alias.model).ask(script.prompt)
    assert (await script.received()).json["model"] == routing.alias.upstream_name


@check(
    "routing/model/named-alike",
    requirement="alias-named-alike",
    feature="aliases",
    surfaces=(CHAT,),
    direct=False,
    catches=("names-the-model-in-streams",),
)
async def test_an_answer_names_its_model_alike_whole_and_in_every_chunk(
    connect: Connect, upstream: Upstream, routing: Routing, tape: Tape
) -> None:
    names = set()
    for mode in BOTH:
        script = await upstream.answers()
        await connect(model=routing.alias.model, mode=mode).ask(script.prompt)
        said = tape.last.content
        bodies = [event.json for event in parse(said).without_done] if mode.streams else [tape.last.json]
        names |= {body.get("model") for body in bodies}
    allowed = ({routing.alias.model}, {routing.alias.upstream_name})
    assert names in allowed, f"the model is called {' and '.join(sorted(map(str, names)))}"


@check(
    "routing/model/unknown",
    requirement="unknown-model-is-nobodys",
    feature="errors",
    direct=False,
    catches=("answers-for-unknown-models",),
)
async def test_a_model_that_nobody_knows_is_not_answered_for_by_another(
    connect: Connect, upstream: Upstream, tape: Tape
) -> None:
    model, script = f"never-seen-{uuid4().hex[:8]}", await upstream.answers()
    client = connect(model=model)
    with suppress(ClientFailedError):
        await client.ask(script.prompt)
    asked, answer = [received.json["model"] for received in await script.journal()], tape.last
    if answer.status == 200:
        assert asked == [model], f"asked for {model}, the gateway asked for {asked}"
        return
    assert 400 <= (answer.status or 0) < 500, f"a model that is not served is the client's mistake: {answer.status}"
    assert not asked or asked == [model], f"asked for {model}, the gateway asked for {asked}"
    assert _is_envelope(client, answer.json), f"not the envelope of this surface: {answer.content[:200]!r}"


def _is_envelope(client: Client, body: Any) -> bool:
    error = body.get("error")
    own = client.surface != MESSAGES or (body.get("type") == "error" and "type" in (error or {}))
    return own and isinstance(error, dict) and isinstance(error.get("message"), str)
