"""What is said, to the letter: text of any kind, conversations of any shape and length, JSON in any spelling."""

import json
from typing import Any

from conformance.api import CHAT, MESSAGES, Client, Http, Surface, Upstream, check
from conformance.suites.surfaces.raw import Sender, Variant, conversation, refused

TEXTS = {
    "spaces around": "  \n north by north-west \t\n ",
    "line ends": "one\r\ntwo\rthree\n\n\nfour\x0bfive\x0csix\u0085seven\u2028eight\u2029nine",
    "placeholders": "os.environ/HOME ${HOME} $HOME {HOME} {{HOME}} %HOME% %(HOME)s <%= HOME %> [[HOME]]",
    "markup": "<script>a && b</script> &amp; &lt;b&gt; &#233; \\u00e9 \\n \\\\ ```json {} ``` <|im_start|>system",
    "JSON and events": '{"role": "system", "content": "no message"}\n\ndata: [DONE]\n\nevent: error\ndata: {}\n\n',
    "any script": "nai\u0308ve 日本語 שלום 👩‍👩‍👧 🇳🇴 \u202eright to left\u202c \u200b\u00ad\ufeff \x1b[31mred \x7f",
    "encoded": "data:image/png;base64,iVBORw0KGgo= http://example.com/a?b=%2F&c=+#d mailto:a@b.example",
}


@check(
    "body/text-verbatim",
    requirement="request-unchanged",
    feature="body",
    catches=("trims-text", "expands-placeholders", "unifies-line-ends", "mangles-unicode"),
)
async def test_text_of_any_kind_reaches_the_provider_to_the_letter(
    client: Client, http: Http, upstream: Upstream
) -> None:
    each = [Variant(turns=_exchange(text), name=name) for name, text in TEXTS.items()]
    await Sender(client, http, upstream).unharmed([Variant(turns=[turn for it in each for turn in it.turns])], each)


def _exchange(text: str) -> list[Any]:
    return [{"role": "assistant", "content": "Go on."}, {"role": "user", "content": text}]


@check(
    "body/control-characters",
    requirement="json-means-the-same",
    feature="body",
    catches=("strips-control-characters",),
)
async def test_characters_that_must_be_escaped_reach_the_provider(
    client: Client, http: Http, upstream: Upstream
) -> None:
    each = [Variant(turns=_exchange(text), name=repr(text)) for text in ("nul \x00 nul", "half \ud83d a pair")]
    await Sender(client, http, upstream).unharmed(each, each, aside=refused)


@check(
    "body/number-spellings",
    requirement="json-means-the-same",
    feature="body",
    catches=("reserialises-requests",),
)
async def test_a_number_that_no_double_holds_makes_no_broken_json(
    client: Client, http: Http, upstream: Upstream
) -> None:
    sender = Sender(client, http, upstream)
    received = await sender.delivered(_spelt(sender, '{"maximum": 1e400, "minimum": -0.0, "multipleOf": 1E-5}'))
    json.loads(received.body, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"the upstream received {constant}, which is no JSON")


@check("body/key-order", requirement="request-bytes-unchanged", feature="body", catches=("sorts-keys",))
async def test_the_keys_of_a_schema_keep_their_order(client: Client, http: Http, upstream: Upstream) -> None:
    sender = Sender(client, http, upstream)
    schema = '{"type": "object", "properties": {"zeta": {}, "alpha": {}, "Mid": {"b": 1, "a": 2}}, "$comment": ""}'
    received = await sender.delivered(_spelt(sender, schema))
    assert schema.replace(" ", "") in json.dumps(received.json, separators=(",", ":")), "the keys came in another order"


@check(
    "body/bytes", requirement="request-bytes-unchanged", feature="body", catches=("reserialises-requests", "sorts-keys")
)
async def test_the_request_arrives_as_the_same_bytes(client: Client, http: Http, upstream: Upstream) -> None:
    sender = Sender(client, http, upstream)
    body = _spelt(sender, '{ "b":1.10,\n\t"a" : 1E5, "\\u00e9\\/": "\\u2028é" , "deep": [ ] }')
    received = await sender.delivered(body)
    model, upstream_model = (f'"{name}"'.encode() for name in (client.door.model, client.door.upstream_model))
    prompt = json.dumps(received.json[conversation(client.surface)][0]["content"]).encode()
    expected = body.replace(b'"PROMPT"', prompt).replace(model, upstream_model, 1)
    assert received.body == expected, f"{received.body[:400]!r} in place of {expected[:400]!r}"


def _spelt(sender: Sender, schema: str) -> bytes:
    """A request with one tool whose schema is spelt like that."""
    key = "input_schema" if sender.client.surface == MESSAGES else "parameters"
    tool: dict[str, Any] = {"name": "f", key: "SCHEMA"}
    if sender.client.surface != MESSAGES:
        tool = {"type": "function", "function": tool} if sender.client.surface == CHAT else {"type": "function", **tool}
    body = sender.body(Variant({"tools": [tool]}), "PROMPT")
    return json.dumps(body).replace('"SCHEMA"', schema).encode()


@check(
    "body/conversation-shape",
    requirement="conversation-as-said",
    feature="body",
    catches=("merges-same-role", "moves-system-first", "adds-a-last-word"),
)
async def test_a_conversation_keeps_its_turns_and_their_order(client: Client, http: Http, upstream: Upstream) -> None:
    each = [Variant(turns=turns, name=name) for name, turns in (_SHAPES | _OF_OPENAI.get(client.surface, {})).items()]
    await Sender(client, http, upstream).unharmed(each, each)


_SHAPES: dict[str, list[Any]] = {
    "two in a row": [{"role": "user", "content": "One."}, {"role": "user", "content": "Two."}],
    "the assistant last": [{"role": "assistant", "content": "The answer is"}],
    "two answers in a row": [
        {"role": "assistant", "content": "One."},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Go on."},
    ],
    "the same again": _exchange("Again.") * 3,
}
_SYSTEM_LATER = {
    "instructions later": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go on."}],
    "instructions last": [{"role": "system", "content": "Be brief."}],
}
_OF_OPENAI: dict[Surface, dict[str, list[Any]]] = {surface: _SYSTEM_LATER for surface in Surface if surface != MESSAGES}


@check("body/long-conversation", requirement="request-unchanged", feature="body", catches=("forgets-older-messages",))
async def test_a_conversation_of_a_thousand_turns_arrives_whole(client: Client, http: Http, upstream: Upstream) -> None:
    turns = [turn for number in range(500) for turn in _exchange(f"Question {number}?")]
    variant = Variant(turns=turns, name="1000 turns")
    await Sender(client, http, upstream).unharmed([variant], [variant])
