"""The table of what translation keeps is what the codecs do: each field is asked of each provider."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from gateway.losses import OUTCOMES, PASSES, losses
from gateway.protocols import CODECS, hub
from gateway.protocols.names import Names
from tests.gateway.protocols.examples import FIELDS, PLAIN

if TYPE_CHECKING:
    from gateway.losses import Outcome
    from gateway.protocols.codec import Json
    from gateway.surfaces import Protocol, Surface
    from tests.gateway.protocols.examples import Example

PAIRS = [(client, provider) for client in losses() for provider in CODECS if provider not in PASSES[client]]


def asked(client: Protocol, provider: Protocol, fields: Json) -> tuple[set[str], Json]:
    """What the provider is sent, and what the client is told of."""
    given = copy.deepcopy(PLAIN[client] | fields)
    body = {name: value for name, value in given.items() if value is not None}
    request = CODECS[client].read_request(body)
    written = CODECS[provider].write_request(Names.of(request, CODECS[provider]).written(request))
    return {CODECS[client].named(name, body) for name in request.lost}, written


def what_becomes_of(name: str, example: Example, client: Protocol, provider: Protocol) -> Outcome | str:
    told_before, before = asked(client, provider, example.without)
    try:
        told, written = asked(client, provider, example.having)
    except hub.UntranslatableError:
        return "rejected"
    if told := told - told_before:
        return "dropped" if told == {name.partition(" ")[0]} else f"dropped as {told}"
    return "lost without a word" if written == before else "mapped"


@pytest.mark.parametrize(("client", "provider"), PAIRS)
def test_the_table_says_what_becomes_of_each_field(client: Surface, provider: Protocol) -> None:
    found = {name: what_becomes_of(name, example, client, provider) for name, example in FIELDS[client].items()}
    assert found == {name: row[provider] for name, row in losses()[client].items()}


def test_the_table_is_of_every_pair_that_is_translated() -> None:
    assert {(client, provider) for client, rows in losses().items() for provider in next(iter(rows.values()))} == set(
        PAIRS
    )
    assert {outcome for rows in losses().values() for row in rows.values() for outcome in row.values()} == set(OUTCOMES)


NEVER_DROPPED = {
    *("tools", "tools (custom)", "tools.functionDeclarations", "functions", "previous_response_id", "conversation"),
    *("n (above 1)", "generationConfig.candidateCount (above 1)"),
}


def test_what_must_never_be_dropped_is_mapped_or_refused() -> None:
    """Tools, images, the schema of the answer, several answers, the conversation that is kept."""
    for rows in losses().values():
        for name, row in rows.items():
            if name in NEVER_DROPPED or "image" in name.partition("(")[2] or "schema" in name.lower():
                assert set(row.values()) <= {"mapped", "rejected"}, name
