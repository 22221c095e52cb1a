"""What the gateway writes of calls that go wrong."""

from conformance.api import Client, Door, Http, Mode, Secret, Subject, Upstream, assert_absent, check


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
    await http.send("POST", f"{url}?key={key}&beta=true", headers=headers, body=client.body(script.prompt))
    await http.send("GET", f"{url}/{key}", headers=headers)
    await http.send("POST", url, headers=headers, body=f'{{"model": "m", "api_key": "{key}"'.encode())
    await http.send("POST", f"{url}?api_key={key}", headers=headers[1:], body=client.body(script.prompt))
    for secret in (Secret("client", key), Secret("provider", provider_door.key)):
        assert_absent(secret, {"the gateway's own output": subject.output()})
