"""How hard a model of Anthropic's thinks, and what it has thought, is between the client and the provider."""

from conformance.api import MESSAGES, Ask, MessagesClient, Reply, Upstream, assert_kept, check

ONLY = (MESSAGES,)
EFFORTS = ("low", "high", "max")
WITHHELD = {"type": "thinking", "thinking": "", "signature": "EpwBCkgIBxABGAIqQHdpdGhoZWxkL2J1dCtzaWduZWQ9PQ=="}
"""What the provider answers where thinking is not to be shown; it wants it back as it was."""


@check("messages/effort", requirement="effort-forwarded", feature="body", surfaces=ONLY, catches=("drops-effort",))
async def test_the_effort_asked_for_is_asked_of_the_provider(client: MessagesClient, upstream: Upstream) -> None:
    for effort in EFFORTS:
        script = await upstream.answers(Reply(text="done"))
        await client.ask(Ask(script.prompt, fields={"output_config": {"effort": effort}}))
        asked = (await script.received()).json.get("output_config")
        assert_kept(asked, {"effort": effort}, where="output_config at the upstream")


@check(
    "thinking/withheld",
    requirement="thinking-unchanged",
    feature="thinking",
    surfaces=ONLY,
    catches=("drops-empty-thinking",),
)
async def test_thinking_without_text_goes_back_for_its_signature(client: MessagesClient, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="done"))
    messages = [
        {"role": "user", "content": script.prompt},
        {
            "role": "assistant",
            "content": [WITHHELD, {"type": "tool_use", "id": "toolu_t", "name": "tide", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_t", "content": "high"}]},
    ]
    tools = [{"name": "tide", "input_schema": {"type": "object"}}]
    await client.ask(Ask(script.prompt, fields={"messages": messages, "tools": tools}))
    assert_kept((await script.received()).json["messages"], messages, where="messages at the upstream")
