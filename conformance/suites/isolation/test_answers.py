"""An answer belongs to the call that got it."""

from conformance.api import Client, Mode, Reply, Upstream, check


@check(
    "isolation/answers-are-not-kept",
    requirement="answers-are-not-kept",
    feature="isolation",
    modes=(Mode.ASYNC, Mode.ASYNC_STREAM),
    catches=("keeps-answers",),
)
async def test_a_question_that_is_asked_again_is_answered_anew(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers(Reply(text="the first"), Reply(text="the second"))
    answers = [(await client.ask(script.prompt)).text for _ in range(2)]
    assert answers == ["the first", "the second"], f"asked twice, the answers were {answers}"
