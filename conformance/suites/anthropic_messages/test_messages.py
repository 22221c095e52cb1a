"""What the Messages surface owes beyond what every surface does."""

import json

from conformance.api import (
    MESSAGES,
    Ask,
    Http,
    MessagesClient,
    Mode,
    ProviderError,
    Reply,
    Tape,
    Tool,
    Upstream,
    assert_kept,
    assert_unchanged,
    check,
    parse,
)

ONLY = (MESSAGES,)


@check(
    "messages/system-blocks",
    requirement="forward-system-exactly",
    feature="body",
    surfaces=ONLY,
    catches=("system-blocks-joined", "strips-cache-control"),
)
async def test_system_blocks_keep_their_order_and_their_cache_marks(client: MessagesClient, upstream: Upstream) -> None:
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "You are terse.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "You are kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, fields={"system": system}))
    assert_unchanged((await script.received()).json.get("system"), system, where="system at the upstream")


@check(
    "messages/role-system",
    requirement="accept-mid-conversation-system",
    feature="body",
    surfaces=ONLY,
    catches=("system-role-dropped",),
)
async def test_a_system_role_inside_the_conversation_is_passed_on(client: MessagesClient, upstream: Upstream) -> None:
    script = await upstream.answers()
    messages = [
        {"role": "user", "content": script.prompt},
        {"role": "system", "content": "The user has switched to dark mode."},
    ]
    await client.ask(Ask(script.prompt, fields={"messages": messages}))
    assert_kept((await script.received()).json["messages"], messages, where="messages at the upstream")


@check(
    "messages/cache-control",
    requirement="forward-body-fields",
    feature="body",
    surfaces=ONLY,
    catches=("strips-cache-control",),
)
async def test_cache_marks_stay_where_they_were_put(client: MessagesClient, upstream: Upstream) -> None:
    script = await upstream.answers()
    content = [
        {"type": "text", "text": "A long document.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": script.prompt},
    ]
    messages = [{"role": "user", "content": content}]
    await client.ask(Ask(script.prompt, fields={"messages": messages}))
    assert_kept((await script.received()).json["messages"], messages, where="messages at the upstream")


@check(
    "messages/count-tokens/answer",
    requirement="count-tokens-upstream",
    feature="count-tokens",
    surfaces=ONLY,
    catches=("guesses-token-count",),
)
async def test_a_token_count_comes_from_the_provider(client: MessagesClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(input_tokens=31_415))
    assert await client.count_tokens(Ask(script.prompt, tools=(Tool("f"),))) == 31_415


@check(
    "messages/count-tokens/request",
    requirement="count-tokens-same-request",
    feature="count-tokens",
    surfaces=ONLY,
    catches=("drops-fields-when-counting",),
)
async def test_what_is_counted_is_what_was_asked(client: MessagesClient, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    fields = {
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "tool_choice": {"type": "auto"},
        "field_of_tomorrow": {"kept": True},
    }
    await client.count_tokens(Ask(script.prompt, tools=(Tool("f"),), fields=fields))
    for received in await script.journal():  # none where the gateway counts by itself
        assert_kept(received.json, json.loads(tape.last.sent), where="the count's request", aside=("model",))


@check(
    "messages/count-tokens/error",
    requirement="count-tokens-upstream",
    feature="count-tokens",
    surfaces=ONLY,
    catches=("guesses-when-refused",),
)
async def test_a_refused_count_is_not_replaced_by_a_guess(
    client: MessagesClient, upstream: Upstream, http: Http
) -> None:
    script = await upstream.answers(Reply(error=ProviderError(status=429, message="slow down")))
    body = client.body(script.prompt)
    del body["max_tokens"]
    headers = [("x-api-key", client.door.key), ("anthropic-version", "2023-06-01")]
    answer = await http.send("POST", f"{client.door.url}/v1/messages/count_tokens", headers=headers, body=body)
    assert answer.status == 429, f"the provider refused to count with 429, the client got {answer.status}"


@check(
    "messages/event-names",
    requirement="messages-events-have-names",
    feature="streaming",
    surfaces=ONLY,
    modes=(Mode.ASYNC_STREAM,),
    catches=("drops-event-names",),
)
async def test_every_event_has_its_name(client: MessagesClient, upstream: Upstream, tape: Tape) -> None:
    script = await upstream.answers()
    async with client.stream(script.prompt) as stream:
        while await stream.next_event():
            pass
    events = parse(tape.last.content).events
    assert [event.name for event in events] == [event.json.get("type") for event in events]


@check(
    "messages/older-sdk",
    requirement="accept-both-generations",
    feature="versions",
    surfaces=ONLY,
    catches=("ignores-x-api-key",),
)
async def test_a_client_of_the_older_generation_is_served(
    client: MessagesClient, upstream: Upstream, http: Http
) -> None:
    script = await upstream.answers(Reply(text="welcome"))
    headers = [("X-Api-Key", client.door.key), ("anthropic-version", "2023-06-01"), ("anthropic-beta", "a-2025-01-01")]
    url = f"{client.door.url}/v1/messages?beta=true"
    answer = await http.send("POST", url, headers=headers, body=client.body(script.prompt))
    assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"
    assert_kept(answer.json["content"], [{"type": "text", "text": "welcome"}], where="the answer's content")
