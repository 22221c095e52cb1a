"""What Messages alone takes: very large requests, and counts of all that can be sent."""

from conformance.api import MESSAGES, Http, MessagesClient, Reply, Upstream, check, differences, documented
from conformance.suites.surfaces.raw import Sender, Variant

ONLY = (MESSAGES,)
COUNT = "/v1/messages/count_tokens"


@check(
    "messages/largest",
    requirement="large-requests",
    feature="body",
    surfaces=ONLY,
    catches=("cuts-large-bodies",),
)
async def test_a_request_of_31_megabytes_arrives(client: MessagesClient, http: Http, upstream: Upstream) -> None:
    sender = Sender(client, http, upstream)
    script = await upstream.answers()
    data = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x" * (31 * 2**17)}
    turns = [{"role": "user", "content": [{"type": "document", "source": data}]}]
    answer = await sender.post(sender.body(Variant(turns=turns), script.prompt))
    assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"
    assert len((await script.received()).body) > 31 * 2**20


@check(
    "messages/count-tokens/documented",
    requirement="count-tokens-same-request",
    feature="count-tokens",
    surfaces=ONLY,
    catches=("drops-fields-when-counting", "counts-plain-content"),
)
async def test_whatever_can_be_sent_can_be_counted(client: MessagesClient, http: Http, upstream: Upstream) -> None:
    sender = Sender(client, http, upstream)
    script = await upstream.answers(Reply(input_tokens=27_182))
    options = documented.together(documented.countable())[0]
    variant = Variant({"tools": documented.tools(MESSAGES), **options}, documented.turns(MESSAGES))
    body = sender.body(variant, script.prompt)
    del body["max_tokens"]
    answer = await sender.post(body, path=COUNT)
    assert answer.status == 200, f"refused with {answer.status}: {answer.content[:200]!r}"
    assert answer.json["input_tokens"] == 27_182
    received = (await script.received()).json
    lost = [line for line in differences(received | {"model": body["model"]}, body) if not line.startswith("added ")]
    assert not lost, "; ".join(sorted(lost)[:12])
