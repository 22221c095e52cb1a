"""A client that has the gateway's address contacts the gateway, and nobody else."""

from conformance.api import Client, Mode, ProviderError, Reply, Upstream, Verbatim, check, told_when_sealed

ELSEWHERE = (("location", "https://api.example-provider.com/v1/elsewhere"),)


@check(
    "egress/gateway-alone",
    requirement="clients-contact-the-gateway-alone",
    feature="egress",
    profile="isolation",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("sends-streams-to-the-provider",),
)
async def test_a_client_contacts_the_gateway_and_nothing_else(client: Client, upstream: Upstream) -> None:
    answered = await upstream.answers(Reply(text="in one piece"), Reply(text="piece by piece"))
    failed = await upstream.answers(Reply(error=ProviderError(status=429)))
    redirected = await upstream.answers(Reply(verbatim=Verbatim(307, ELSEWHERE, b"")))
    prompts = [script.prompt for script in (answered, failed, redirected)]
    told = await told_when_sealed(client.surface, client.door, prompts)
    assert not told.trapped, f"the client tried to reach {', '.join(told.trapped)}"
    assert told.heard[:2] == ("in one piece", "piece by piece"), f"the client heard {told.heard}"
