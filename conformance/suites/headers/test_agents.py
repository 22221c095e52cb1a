"""Agents: what a client calls itself changes nothing."""

import json

from conformance.api import MESSAGES, Ask, Client, Mode, Reply, Tape, Upstream, assert_unchanged, check
from conformance.suites.headers.test_betas import never_seen_betas
from conformance.suites.isolation.test_client_keys import AGENTS

LIKE_AN_AGENT = {
    "x-app": "cli",
    "x-stainless-lang": "js",
    "x-stainless-retry-count": "0",
    "originator": "codex_exec",
    "anthropic-dangerous-direct-browser-access": "true",
}


@check(
    "headers/agents",
    requirement="agents-are-treated-alike",
    feature="body",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("rewrites-for-agents",),
)
async def test_what_a_client_calls_itself_changes_nothing(client: Client, upstream: Upstream, tape: Tape) -> None:
    fields = {"metadata": {"user_id": "device-1"}, "field_of_tomorrow": {"kept": True}}
    betas = never_seen_betas(1) if client.surface == MESSAGES else ()
    for agent in AGENTS:
        script = await upstream.answers(Reply(text="as always"))
        headers = LIKE_AN_AGENT | {"User-Agent": agent}
        answer = await client.ask(Ask(script.prompt, headers=headers, fields=fields, betas=betas))
        received = await script.received()
        asked = json.loads(tape.last.sent)
        assert answer.text == "as always", f"{agent} was answered {answer.text!r}"
        assert_unchanged(received.json, asked, where=f"the request of {agent}", aside=("model", "stream_options"))
        assert set(betas) <= set(received.tokens("anthropic-beta")), f"{agent} lost its betas"
