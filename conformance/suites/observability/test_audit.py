"""One row for each call, whatever became of it, with what it used and nothing that it said."""

from conformance.api import (
    CHAT,
    Ask,
    Client,
    Connect,
    Delivery,
    Door,
    Mode,
    Observed,
    ProviderError,
    Reply,
    Subject,
    Upstream,
    Usage,
    check,
    mint,
)
from conformance.suites.observability.telling import Audit, Marked

BOTH = (Mode.ASYNC, Mode.ASYNC_STREAM)
COUNTED = Usage(input=1234, output=567)
PROVIDER_FAILED, UNAUTHORIZED = 429, 401
GATED = Delivery(gated=True)


@check(
    "observability/audit/every-call",
    requirement="every-call-has-a-row",
    feature="audit",
    direct=False,
    catches=("audits-streams-twice", "audits-no-refusals", "audits-no-failures", "audits-no-departures"),
)
async def test_every_call_has_exactly_one_row(connect: Connect, upstream: Upstream, observed: Observed) -> None:
    audit, marks = (
        Audit(observed),
        {name: Marked(observed) for name in ("whole", "streamed", "failed", "refused", "left")},
    )
    client, streaming = connect(), connect(mode=Mode.ASYNC_STREAM)
    script = await upstream.answers(Reply(text="ok"), Reply(text="ok"), Reply(error=ProviderError(PROVIDER_FAILED)))
    await client.ask(Ask(script.prompt, headers=marks["whole"].headers))
    await streaming.ask(Ask(script.prompt, headers=marks["streamed"].headers))
    await client.fails(Ask(script.prompt, headers=marks["failed"].headers))
    await connect(key=mint("nobody").value).fails(Ask(script.prompt, headers=marks["refused"].headers))
    held = await upstream.answers(Reply(text=("one ", "two "), delivery=GATED))
    async with streaming.stream(Ask(held.prompt, headers=marks["left"].headers)) as stream:
        await stream.next_text()
    await held.caller_left()
    told = await audit.told(*marks.values())
    counts = {name: len(rows) for name, rows in zip(marks, told, strict=True)}
    assert counts == dict.fromkeys(marks, 1), f"rows of each call: {counts}"


@check(
    "observability/audit/status",
    requirement="every-call-has-a-row",
    feature="audit",
    direct=False,
    catches=("audits-every-call-as-a-success",),
)
async def test_a_row_has_the_status_that_the_client_saw(
    connect: Connect, upstream: Upstream, observed: Observed
) -> None:
    audit, client = Audit(observed), connect()
    calls = {200: Marked(observed), PROVIDER_FAILED: Marked(observed), UNAUTHORIZED: Marked(observed)}
    script = await upstream.answers(Reply(text="ok"), Reply(error=ProviderError(PROVIDER_FAILED)))
    await client.ask(Ask(script.prompt, headers=calls[200].headers))
    await client.fails(Ask(script.prompt, headers=calls[PROVIDER_FAILED].headers))
    await connect(key=mint("nobody").value).fails(Ask(script.prompt, headers=calls[UNAUTHORIZED].headers))
    told = {status: audit.status(await audit.one(call)) for status, call in calls.items()}
    wrong = {status: said for status, said in told.items() if str(said) != str(status)}
    assert not wrong, f"the client saw these, the rows say those: {wrong}"


@check(
    "observability/audit/usage",
    requirement="rows-count-as-the-provider",
    feature="audit",
    modes=BOTH,
    direct=False,
    catches=("audits-no-usage-of-streams", "audits-estimated-usage"),
)
async def test_a_row_counts_the_tokens_that_the_provider_counted(
    client: Client, upstream: Upstream, observed: Observed
) -> None:
    audit, call = Audit(observed), Marked(observed)
    script = await upstream.answers(Reply(text="Counted.", usage=COUNTED))
    counted = {"stream_options": {"include_usage": True}} if client.surface == CHAT and client.mode.streams else {}
    await client.ask(Ask(script.prompt, headers=call.headers, fields=counted))
    tokens = audit.tokens(await audit.one(call))
    assert tokens == (COUNTED.input, COUNTED.output), f"{tokens} in place of {COUNTED.input} in, {COUNTED.output} out"


@check(
    "observability/audit/nothing-said",
    requirement="prompts-are-not-told",
    feature="audit",
    modes=BOTH,
    direct=False,
    catches=("audits-prompts", "audits-answers", "audits-headers"),
)
async def test_no_row_holds_what_was_asked_or_answered_or_a_key(
    client: Client, upstream: Upstream, observed: Observed, subject: Subject, provider_door: Door
) -> None:
    audit, call = Audit(observed), Marked(observed)
    asked, answered = mint("asked").value, mint("answered").value
    script = await upstream.answers(Reply(text=answered))
    await client.ask(Ask(f"{script.prompt} {asked}", headers=call.headers))
    await audit.one(call)
    told = {"its audit": audit.text(), "its output": subject.output().decode(errors="replace")}
    hidden = {"the prompt": asked, "the answer": answered, "the client's key": client.door.key}
    hidden |= {"the provider's key": provider_door.key}
    found = [f"{what} in {where}" for where, text in told.items() for what, it in hidden.items() if it in text]
    assert not found, f"the gateway tells {', '.join(found)}"
