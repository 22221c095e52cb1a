"""Cost centres."""

from conformance.api import Ask, Client, Upstream, check


@check(
    "fjord/cost-centre",
    requirement="fjord-cost-centre-passes",
    feature="fjord-cost-centres",
    profile="fjord",
    catches=("fjord-loses-cost-centre", "drops-custom-headers"),
)
async def test_the_cost_centre_reaches_the_provider(client: Client, upstream: Upstream) -> None:
    script = await upstream.answers()
    await client.ask(Ask(script.prompt, headers={"x-fjord-cost-centre": "4711"}))
    assert (await script.received()).values("x-fjord-cost-centre") == ["4711"]
