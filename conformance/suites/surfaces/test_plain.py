"""A plain question and its answer, in every way in which the SDKs are called."""

import json

from conformance.api import EVERY_MODE, MESSAGES, PLAIN, Ask, Client, Reply, Upstream, check

TEXT = "The fjord froze over, and the ferry had to wait. Nobody minded: there was coffee. The end."
UNICODE = (
    "naïve, nai\u0308ve, 👩‍👩‍👧, 日本語, \u05e9\u05dc\u05d5\u05dd, "
    "line\u2028paragraph\u2029next\u0085line, \U0001f1f3\U0001f1f4, \ufefffin"
)


@check(
    "plain/text",
    requirement="content-unchanged",
    feature="body",
    modes=EVERY_MODE,
    catches=("loses-last-sentence", "loses-last-delta", "repeats-a-delta"),
)
async def test_the_text_arrives_whole(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=TEXT))
    answer = await client.ask(script.prompt)
    assert answer.text == TEXT


@check("plain/unicode", requirement="content-unchanged", feature="body", modes=EVERY_MODE, catches=("mangles-unicode",))
async def test_text_of_any_script_arrives_to_the_letter(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=UNICODE))
    answer = await client.ask(script.prompt)
    assert answer.text == UNICODE


@check(
    "plain/stop-reason",
    requirement="stop-reason-unchanged",
    feature="body",
    modes=PLAIN,
    catches=("flattens-stop-reason",),
)
async def test_an_answer_cut_for_length_says_so(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=TEXT, stop="length"))
    answer = await client.ask(script.prompt)
    assert answer.stop == "length"


@check("plain/refusal", requirement="stop-reason-unchanged", feature="body", modes=PLAIN, catches=("loses-refusal",))
async def test_a_refusal_is_seen_as_one(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(refusal="I would rather not."))
    answer = await client.ask(script.prompt)
    assert answer.stop == "refusal"
    assert answer.refusal == (None if client.surface == MESSAGES else "I would rather not.")


@check("plain/model", requirement="answer-unchanged", feature="body", modes=PLAIN, catches=("renames-model",))
async def test_the_model_named_is_the_one_that_answered(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=TEXT))
    answer = await client.ask(script.prompt)
    model = (await script.received()).json["model"]
    assert answer.model == model, f"{model} answered, under the name of {answer.model}"


@check("plain/id", requirement="answer-unchanged", feature="body", modes=PLAIN, catches=("rewrites-answer-id",))
async def test_the_answer_keeps_the_id_that_the_provider_gave_it(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text=TEXT))
    answer = await client.ask(script.prompt)
    sent = (await script.received()).sent
    assert answer.id.encode() in sent, f"the id {answer.id[:60]} is not in what the upstream sent"


@check("plain/conversation", requirement="request-unchanged", feature="body", catches=("mangles-unicode",))
async def test_what_the_user_said_arrives_to_the_letter(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(f"{script.prompt} {UNICODE}"))
    assert UNICODE in json.dumps((await script.received()).json, ensure_ascii=False)
