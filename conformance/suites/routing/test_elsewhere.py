"""Stand-ins on Responses and Messages: what holds on Chat Completions holds there too."""

import re
from collections.abc import Mapping

from conformance.api import (
    MESSAGES,
    RESPONSES,
    Client,
    Connect,
    Mode,
    ProviderError,
    Received,
    Reply,
    Routing,
    Secret,
    Thinking,
    Upstream,
    assert_absent,
    check,
)

ELSEWHERE = (RESPONSES, MESSAGES)
BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
SIGNED = Thinking("Another one thinks.", "c2lnbmF0dXJlKys=")
STOOD_IN = Reply(text="Another one answers.", thinking=(SIGNED,))
_IN_PATH = re.compile(r"/models?/([^/:]+)")


def _model(call: Received) -> str:
    """What a provider was asked for: Vertex and Bedrock have it in the path."""
    found = _IN_PATH.search(call.path)
    return found[1] if found else str(call.json["model"])


async def _fallen_back(
    client: Client, upstream: Upstream, status: int, keys: Mapping[str, Secret], legs: list[tuple[str, str]]
) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=status)), STOOD_IN)
    answer = await client.ask(script.prompt)
    assert answer.text == STOOD_IN.text
    asked = await script.arrived(2)
    who = [(call.provider, _model(call)) for call in asked]
    assert who == legs, f"on {status} were asked {who}"
    for call in asked:
        own = keys[call.provider]
        assert own.value.encode() in call.places["the headers that the upstream received"], f"{who} without its own key"
        for key in keys.values():
            if key != own:
                assert_absent(key, call.places)


@check(
    "routing/elsewhere/fallback",
    requirement="fallback-on-every-surface",
    feature="fallback-elsewhere",
    surfaces=ELSEWHERE,
    modes=BOTH,
    direct=False,
    catches=(
        "routes-chat-alone",
        "never-falls-back",
        "falls-back-on-429-only",
        "stays-with-who-refuses",
        "sends-the-first-key",
    ),
)
async def test_on_other_surfaces_too_the_next_is_asked_for_its_own_model_with_its_own_key(
    connect: Connect, upstream: Upstream, routing: Routing, provider_keys: Mapping[str, Secret]
) -> None:
    client = connect()
    stand_ins = routing.elsewhere[client.surface]
    legs = [(leg.provider.value, leg.model) for leg in stand_ins.legs[:2]]
    for status in stand_ins.statuses:
        await _fallen_back(connect(model=stand_ins.model), upstream, status, provider_keys, legs)


@check(
    "routing/elsewhere/thinking",
    requirement="stand-ins-answer-in-full",
    feature="fallback-elsewhere",
    surfaces=ELSEWHERE,
    modes=BOTH,
    direct=False,
    catches=("drops-signature", "drops-thinking"),
)
async def test_who_stands_in_is_heard_in_full_with_the_proof_of_its_reasoning(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    stand_ins = routing.elsewhere[connect().surface]
    script = await upstream.answers(Reply(error=ProviderError(status=stand_ins.statuses[-1])), STOOD_IN)
    answer = await connect(model=stand_ins.model).ask(script.prompt)
    assert answer.thinking == (SIGNED,), "without its proof the next turn is refused"
    assert answer.text == STOOD_IN.text


@check(
    "routing/elsewhere/named-alike",
    requirement="alias-named-alike",
    feature="fallback-elsewhere",
    surfaces=ELSEWHERE,
    direct=False,
    catches=("names-the-model-in-streams",),
)
async def test_on_other_surfaces_too_an_answer_names_its_model_alike_whole_and_streamed(
    connect: Connect, upstream: Upstream, routing: Routing
) -> None:
    stand_ins = routing.elsewhere[connect().surface]
    names = set()
    for mode in BOTH:
        script = await upstream.answers()
        names.add((await connect(model=stand_ins.model, mode=mode).ask(script.prompt)).model)
    allowed = ({stand_ins.model}, {stand_ins.legs[0].model})
    assert names in allowed, f"the model is called {' and '.join(sorted(names))}"
