"""What reaches a provider is a request of its own: its official SDK's types know every field."""

from conformance.api import CHAT, GEMINI, MESSAGES, RESPONSES, Ask, Client, Upstream, assert_own, check
from conformance.suites.translation.refusals import refused
from conformance.suites.translation.rich import conversation, form, settings, shown


@check(
    "translation/request/schema",
    requirement="translated-foreign-fields",
    feature="tools",
    surfaces=(CHAT, RESPONSES, MESSAGES, GEMINI),
    lanes=False,
    catches=("forwards-notes-of-its-own", "marks-tools"),
)
async def test_a_request_is_to_the_letter_one_of_the_providers_own(client: Client, upstream: Upstream) -> None:
    passed = []
    for rich in (conversation, settings, form, shown):
        script = await upstream.answers()
        if not await refused(client, Ask(script.prompt, fields=rich(client.surface, script.prompt))):
            passed.append(rich)
        for received in await script.journal():
            assert_own(received)
    assert passed, "each and every request was refused"
