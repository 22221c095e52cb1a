"""Agents: what a client calls itself changes nothing."""

from conformance.api import MESSAGES, Ask, Client, Reply, Upstream, assert_unchanged, check
from conformance.suites.headers.test_betas import never_seen_betas
from conformance.suites.isolation.test_client_keys import AGENTS

NOBODY = "nobody-in-particular/1.0"
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
    catches=("rewrites-for-agents",),
)
async def test_what_a_client_calls_itself_changes_nothing(client: Client, upstream: Upstream) -> None:
    fields = {"metadata": {"user_id": "device-1"}, "field_of_tomorrow": {"kept": True}}
    betas = never_seen_betas(1) if client.surface == MESSAGES else ()
    script = await upstream.answers(Reply(text="as always"))
    for agent in (NOBODY, *AGENTS):
        headers = LIKE_AN_AGENT | {"User-Agent": agent}  # as the SDKs spell it: older ones would send both
        answer = await client.ask(Ask(script.prompt, headers=headers, fields=fields, betas=betas))
        assert answer.text == "as always", f"{agent} was answered {answer.text!r}"
    nobodys, *others = await script.journal()
    for agent, received in zip(AGENTS, others, strict=True):
        assert_unchanged(received.json, nobodys.json, where=f"the request of {agent}")
        assert received.tokens("anthropic-beta") == nobodys.tokens("anthropic-beta"), f"{agent} sent other betas"
