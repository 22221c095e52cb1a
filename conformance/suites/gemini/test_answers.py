"""What a model says on the Gemini surface: text, calls, thoughts, counts, and how they are streamed."""

import json
from base64 import b64decode
from typing import Any

from conformance.api import (
    BARE,
    GEMINI,
    Ask,
    Client,
    Delivery,
    Exchange,
    GeminiClient,
    Http,
    Mode,
    Reply,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Upstream,
    Usage,
    assert_kept,
    assert_unchanged,
    check,
    parse,
)

DRIVEN = tuple(mode for mode in BARE if mode is not Mode.HTTP)
BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
HTTP = (Mode.HTTP,)
TEXT = "The fjord froze over: nai\u0308ve, 👩‍👩‍👧, 日本語, line\u2028next\u0085line. Nobody minded. The end."
SIGNATURE = "CpwBAdHtim9zaWduYXR1cmUra2VwdC9iaXQvZm9yL2JpdD8/"
CALLS = (ToolCall("call_Oslo", "weather", '{"city": "Tromsø"}'), ToolCall("call_now", "clock", "{}"))
RICH = Reply(
    text=TEXT,
    thinking=(Thinking("First the tides, then the wind.", SIGNATURE),),
    tool_calls=CALLS,
    usage=Usage(input=900, output=80, cache_read=700, reasoning=40),
    extra={"neverSeen": {"since": "2099-01-01", "nothing": None}},
)


@check(
    "gemini/text",
    requirement="gemini-answer-unchanged",
    feature="body",
    surfaces=(GEMINI,),
    modes=DRIVEN,
    catches=("mangles-unicode", "loses-last-sentence", "says-every-gemini-answer-stopped"),
)
async def test_text_and_why_it_ends_arrive_to_the_letter(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=TEXT))
    answer = await client.ask(script.prompt)
    assert (answer.text, answer.stop) == (TEXT, "end")
    assert answer.model, "the answer names no model"
    for reply in (Reply(text=TEXT, stop="length"), Reply(text="No", stop="refusal")):
        script = await upstream.answers(reply)
        assert (await client.ask(script.prompt)).stop == reply.stop


@check(
    "gemini/tools",
    requirement="gemini-function-calls",
    feature="tools",
    surfaces=(GEMINI,),
    modes=DRIVEN,
    catches=("drops-function-call-ids", "names-results-by-id", "one-function-call-a-turn"),
)
async def test_function_calls_and_their_results_keep_id_name_and_order(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="Both.", tool_calls=CALLS), Reply(text="Snow."))
    tools = (Tool("weather"), Tool("clock"))
    first = await client.ask(Ask(script.prompt, tools=tools))
    assert [(call.id, call.name, json.loads(call.arguments)) for call in first.tool_calls] == [
        (call.id, call.name, json.loads(call.arguments)) for call in CALLS
    ]
    results = tuple(ToolResult(call.id, f"result of {call.name}") for call in first.tool_calls)
    assert (await client.ask(Ask(script.prompt, tools=tools, turns=(Turn(first, results),)))).text == "Snow."
    _, turn = await script.arrived(2)
    parts = [part["functionResponse"] for part in turn.json["contents"][-1]["parts"]]
    expected = [{"id": c.id, "name": c.name, "response": {"output": f"result of {c.name}"}} for c in CALLS]
    assert_kept(parts, expected, where="the results at the upstream")


@check(
    "gemini/thoughts",
    requirement="gemini-thought-signatures",
    feature="thinking",
    surfaces=(GEMINI,),
    modes=BOTH,
    catches=("drops-thought-signatures", "drops-thought-signatures-upstream", "moves-thought-signatures"),
)
async def test_thoughts_are_shown_and_their_signature_goes_back_on_the_same_part(
    client: Client, upstream: Upstream
) -> None:
    script = await upstream.answers(RICH, Reply(text="Snow."))
    first = await client.ask(Ask(script.prompt, tools=(Tool("weather"), Tool("clock"))))
    assert first.thinking == RICH.thinking
    results = tuple(ToolResult(call.id, "fine") for call in first.tool_calls)
    await client.ask(Ask(script.prompt, turns=(Turn(first, results),)))
    _, turn = await script.arrived(2)
    signed = {
        part["functionCall"]["name"]: _bytes(part["thoughtSignature"])
        for content in turn.json["contents"]
        for part in content["parts"]
        if "functionCall" in part and "thoughtSignature" in part
    }
    assert signed == {"weather": b64decode(SIGNATURE)}, "the signature is not on the part on which it came"


def _bytes(text: str) -> bytes:
    return b64decode(text.replace("-", "+").replace("_", "/"))


@check(
    "gemini/usage",
    requirement="gemini-usage",
    feature="usage",
    surfaces=(GEMINI,),
    modes=BOTH,
    catches=("counts-thoughts-as-said", "loses-gemini-usage"),
)
async def test_usage_keeps_thoughts_cache_and_total_apart(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(RICH)
    answer = await client.ask(script.prompt)
    assert answer.usage == RICH.usage
    assert answer.raw["usageMetadata"]["totalTokenCount"] == 980


async def _sent(client: GeminiClient, http: Http, url: str, body: Any) -> Exchange:
    return await http.send("POST", url, headers=[("x-goog-api-key", client.door.key)], body=body)


@check(
    "gemini/answer-unchanged",
    requirement="gemini-answer-whole",
    feature="body",
    surfaces=(GEMINI,),
    modes=HTTP,
    catches=("knows-few-gemini-fields", "counts-thoughts-as-said"),
)
async def test_an_answer_is_the_providers_field_for_field_in_each_of_its_forms(
    client: GeminiClient, upstream: Upstream, http: Http
) -> None:
    for url in (client.url(), client.url(stream=True), client.method("streamGenerateContent")):
        script = await upstream.answers(RICH)
        answer = await _sent(client, http, url, client.body(script.prompt))
        sent = (await script.received()).sent
        if "alt=sse" in url:
            got, expected = ([event.json for event in parse(body).events] for body in (answer.content, sent))
        else:
            got, expected = answer.json, json.loads(sent)
        assert_unchanged(got, expected, where=f"the answer of {url.rpartition(':')[2]}")


@check(
    "gemini/request-unchanged",
    requirement="gemini-request-unchanged",
    feature="body",
    surfaces=(GEMINI,),
    modes=HTTP,
    catches=("forwards-known-gemini-fields", "drops-thought-signatures-upstream"),
)
async def test_a_request_reaches_the_provider_field_for_field(
    client: GeminiClient, upstream: Upstream, http: Http
) -> None:
    script = await upstream.answers()
    body = client.body(script.prompt)
    body |= _EVERYTHING | {"contents": [*body["contents"], *_EVERYTHING["contents"]]}
    answer = await _sent(client, http, client.url(), body)
    assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"
    assert_kept((await script.received()).json, body, where="the request at the upstream")


@check(
    "gemini/request-unknown",
    requirement="gemini-unknown-fields",
    feature="body",
    surfaces=(GEMINI,),
    modes=HTTP,
    catches=("forwards-known-gemini-fields",),
)
async def test_what_gemini_makes_of_a_field_nobody_has_heard_of_is_for_gemini_to_say(
    client: GeminiClient, upstream: Upstream, http: Http
) -> None:
    for fields in ({"neverSeen": {"since": "2099"}}, {"neverSeen": None, "labels": {"a": "b"}}):
        script = await upstream.answers()
        answer = await _sent(client, http, client.url(), client.body(script.prompt) | fields)
        received = await script.received()
        assert "neverSeen" in received.json, "the field did not arrive"
        assert answer.status == received.status, f"the provider said {received.status}, the gateway {answer.status}"


_EVERYTHING: dict[str, Any] = {
    "contents": [
        {
            "role": "model",
            "parts": [
                {"text": "Thinking.", "thought": True},
                {"functionCall": {"id": "c1", "name": "tide", "args": {"day": 2}}, "thoughtSignature": SIGNATURE},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c1", "name": "tide", "response": {"output": "high"}}},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
                {"text": "And \u2028 now?"},
            ],
        },
    ],
    "systemInstruction": {"parts": [{"text": "You speak Norwegian only."}]},
    "generationConfig": {
        "temperature": 0.12345,
        "topK": 40,
        "maxOutputTokens": 1717,
        "stopSequences": ["\n\n"],
        "seed": 7,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024},
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "properties": {"x": {"type": ["string", "null"]}}},
    },
    "tools": [{"functionDeclarations": [{"name": "tide", "parametersJsonSchema": {"type": "object"}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["tide"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "labels": {"team": "fjord"},
}


@check(
    "gemini/stream/incremental",
    requirement="gemini-stream-in-time",
    feature="streaming",
    surfaces=(GEMINI,),
    modes=(Mode.ASYNC_STREAM, Mode.SYNC_STREAM),
    catches=("buffers", "lags-one-event"),
)
async def test_chunks_arrive_as_they_are_made(client: Client, upstream: Upstream) -> None:
    words = ("One ", "two ", "three.")
    script = await upstream.answers(Reply(text=words, delivery=Delivery(gated=True)))
    async with client.stream(script.prompt) as stream:
        for word in words:
            assert await stream.next_text() == word
            await script.release()


@check(
    "gemini/stream/plain-chunks",
    requirement="gemini-stream-of-chunks",
    feature="streaming",
    surfaces=(GEMINI,),
    modes=HTTP,
    catches=("appends-done", "keeps-alive-by-comments", "names-gemini-events"),
)
async def test_a_stream_holds_chunks_and_nothing_else(client: GeminiClient, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers(RICH)
    answer = await _sent(client, http, client.url(stream=True), client.body(script.prompt))
    assert (answer.value("content-type") or "").startswith("text/event-stream")
    lines = [line for line in answer.content.replace(b"\r\n", b"\n").split(b"\n") if line]
    others = [line for line in lines if not line.startswith(b"data:")]
    assert not others, f"Google's SDK gives up at {others[0]!r}"
    chunks = [event.json for event in parse(answer.content).events]
    strange = [chunk for chunk in chunks if not isinstance(chunk, dict) or "candidates" not in chunk]
    assert not strange, f"no chunk of an answer: {strange[0]!r}"
    ends = [("finishReason" in candidate) for chunk in chunks for candidate in chunk["candidates"]]
    assert ends == [False] * (len(ends) - 1) + [True], "finishReason stands in the last chunk and in no other"


@check(
    "gemini/stream/array",
    requirement="gemini-stream-as-array",
    feature="streaming",
    surfaces=(GEMINI,),
    modes=HTTP,
    catches=("asks-for-events", "answers-arrays-as-objects"),
)
async def test_a_stream_without_alt_sse_is_one_array(client: GeminiClient, upstream: Upstream, http: Http) -> None:
    script = await upstream.answers(Reply(text=("One ", "two.")))
    answer = await _sent(client, http, client.method("streamGenerateContent"), client.body(script.prompt))
    assert (answer.value("content-type") or "").startswith("application/json")
    assert isinstance(answer.json, list), f"not an array: {answer.content[:100]!r}"
    assert client.read(client.assemble(answer.json)).text == "One two."


@check(
    "gemini/stream/error",
    requirement="gemini-stream-error",
    feature="errors",
    surfaces=(GEMINI,),
    modes=(Mode.ASYNC_STREAM,),
    catches=("swallows-stream-errors", "hides-stream-messages"),
)
async def test_an_error_in_the_middle_of_a_stream_is_raised(client: Client, upstream: Upstream) -> None:
    for after in (1, 3):
        script = await upstream.answers(Reply(text=("One ", "two ", "three."), delivery=Delivery(error_after=after)))
        failure = await client.fails(script.prompt)
        assert len(failure.seen) == after, f"{after} chunks came before the error, the client saw {len(failure.seen)}"
        assert "overloaded" in failure.message.lower(), f"the client was told {failure.message!r}"
