"""What the Chat Completions surface owes beyond what every surface does."""

from conformance.api import CHAT, Ask, Client, Mode, Tape, Upstream, check, parse

ONLY = (CHAT,)


@check(
    "chat/developer-role",
    requirement="roles-unchanged",
    feature="body",
    surfaces=ONLY,
    catches=("developer-becomes-system",),
)
async def test_the_developer_role_stays_what_it_is(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": script.prompt}]
    await client.ask(Ask(script.prompt, fields={"messages": messages}))
    assert [message["role"] for message in (await script.received()).json["messages"]] == ["developer", "user"]


@check(
    "chat/done",
    requirement="chat-ends-with-done",
    feature="streaming",
    surfaces=ONLY,
    modes=(Mode.ASYNC_STREAM,),
    catches=("loses-terminal",),
)
async def test_a_stream_ends_with_done(client: Client, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    await client.ask(script.prompt)
    assert parse(tape.last.content).events[-1].data == "[DONE]"


@check(
    "chat/client-decides",
    requirement="parameters-are-the-providers-business",
    feature="body",
    surfaces=ONLY,
    catches=("rejects-by-own-model-map",),
)
async def test_the_gateway_refuses_no_parameter_by_a_map_of_its_own(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    fields = {
        "reasoning_effort": "xhigh",
        "temperature": 0.3,
        "logprobs": True,
        "top_logprobs": 3,
        "modalities": ["text"],
    }
    await client.ask(Ask(script.prompt, fields=fields))
    received = (await script.received()).json
    assert {name: received.get(name) for name in fields} == fields
