"""What no provider said."""

from typing import Any

from conformance.api import Client, Reply, Upstream, check
from conformance.suites.translation.replies import BOTH, HUBS


@check(
    "translation/answer/made-up",
    requirement="translated-nothing-made-up",
    feature="tools",
    surfaces=HUBS,
    modes=BOTH,
    catches=("makes-up-searches",),
)
async def test_an_answer_in_words_becomes_nothing_else(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="Just these words."))
    answer = await client.ask(script.prompt)
    assert _kinds(answer.raw) == ["text"], "the client was given what the provider had not said"


def _kinds(raw: dict[str, Any]) -> list[str]:
    """What an answer is made of: blocks of a message, items of a response, the filled parts of a choice."""
    if "choices" in raw:
        message = raw["choices"][0]["message"]
        return [{"content": "text"}.get(part, part) for part in message if part != "role" and message[part]]
    if "output" in raw:
        return [{"message": "text"}.get(item["type"], item["type"]) for item in raw["output"]]
    if "candidates" in raw:
        return [kind for part in raw["candidates"][0]["content"]["parts"] for kind in part if part[kind]]
    return [block["type"] for block in raw["content"]]
