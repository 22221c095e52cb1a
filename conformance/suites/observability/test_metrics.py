"""Metrics count what the configuration knows, not what a client makes up."""

from secrets import token_hex

from conformance.api import Ask, Client, Door, Http, Mode, Observed, Reply, Upstream, check, mint


async def _metrics(http: Http, observed: Observed) -> str:
    assert observed.metrics is not None, "the target file names no metrics"
    answer = await http.send("GET", observed.metrics)
    assert answer.status == 200, f"the metrics answer {answer.status}"
    text = answer.content.decode()
    assert text.strip(), "the metrics are empty"
    return text


@check(
    "observability/metrics/bounded",
    requirement="metrics-are-bounded",
    feature="metrics",
    modes=(Mode.HTTP,),
    direct=False,
    catches=("counts-by-model", "counts-by-path", "counts-by-agent"),
)
async def test_what_a_client_makes_up_is_no_label(
    client: Client, upstream: Upstream, http: Http, observed: Observed
) -> None:
    script, made_up = await upstream.answers(), {what: f"made-up-{token_hex(8)}" for what in ("model", "path", "agent")}
    credential, version = ("authorization", f"Bearer {client.door.key}"), ("anthropic-version", "2023-06-01")
    headers = [credential, version, ("user-agent", made_up["agent"])]
    body = client.body(script.prompt) | {"model": made_up["model"]}
    await http.send("POST", client.door.url + client.path, headers=headers, body=body)
    await http.send("GET", f"{client.door.url}{client.path}/{made_up['path']}", headers=headers)
    text = await _metrics(http, observed)
    found = [what for what, name in made_up.items() if name in text]
    assert not found, f"the metrics have a series for each {' and '.join(found)} that a client makes up"


@check(
    "observability/metrics/nothing-said",
    requirement="prompts-are-not-told",
    feature="metrics",
    direct=False,
    catches=("counts-by-key",),
)
async def test_the_metrics_hold_no_key_and_nothing_that_was_said(
    client: Client, upstream: Upstream, http: Http, observed: Observed, provider_door: Door
) -> None:
    asked, answered = mint("asked").value, mint("answered").value
    script = await upstream.answers(Reply(text=answered))
    await client.ask(Ask(f"{script.prompt} {asked}"))
    text = await _metrics(http, observed)
    hidden = {"the prompt": asked, "the answer": answered, "the client's key": client.door.key}
    hidden |= {"the provider's key": provider_door.key}
    found = [what for what, it in hidden.items() if it in text]
    assert not found, f"the metrics hold {' and '.join(found)}"
