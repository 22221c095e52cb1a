"""What the gateway writes of calls that go wrong."""

from conformance.api import Client, Door, Http, Mode, Secret, Subject, Upstream, assert_absent, check
from conformance.suites.isolation.test_places import heard


@check(
    "isolation/output/troubled",
    requirement="keys-are-not-logged",
    feature="isolation",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("logs-addresses", "logs-what-it-cannot-read"),
)
async def test_the_output_of_the_gateway_holds_no_key_when_calls_go_wrong(
    client: Client, upstream: Upstream, http: Http, provider_door: Door, subject: Subject
) -> None:
    key, script = client.door.key, await upstream.answers()
    headers, url = [("authorization", f"Bearer {key}"), ("anthropic-version", "2023-06-01")], client.url()
    await heard(http, "POST", f"{url}?key={key}&beta=true", headers, client.body(script.prompt))
    await heard(http, "GET", f"{url}/{key}", headers)
    await heard(http, "POST", url, headers, f'{{"model": "m", "api_key": "{key}"'.encode())
    await heard(http, "POST", f"{url}?api_key={key}", headers[1:], client.body(script.prompt))
    for secret in (Secret("client", key), Secret("provider", provider_door.key)):
        assert_absent(secret, {"the gateway's own output": subject.output()})
