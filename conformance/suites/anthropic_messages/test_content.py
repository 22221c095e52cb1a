"""What Messages alone takes: very large requests, and counts of all that can be sent."""

from conformance.api import MESSAGES, Http, MessagesClient, Upstream, check, documented
from conformance.suites.surfaces.raw import Sender, Variant, options_apart, refused, turns_apart

ONLY = (MESSAGES,)
COUNT = "/v1/messages/count_tokens"


@check(
    "messages/largest",
    requirement="largest-requests",
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
    options, tools = documented.countable(), documented.tools(MESSAGES)
    turns = documented.turns(MESSAGES)
    at_once = Variant({"tools": tools, **documented.together(options)[0]}, turns)
    offered = [Variant({"tools": [tool]}, name=f"tool {tool.get('type', 'custom')}") for tool in tools]
    apart = [*options_apart(options), *offered, *turns_apart(turns)]
    await Sender(client, http, upstream, COUNT).unharmed([at_once], apart, aside=refused)
