"""Evidence: replayable by vcrpy under the official SDK, and without a secret in any form."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
import vcr  # type: ignore[import-untyped]
import yaml

from conformance.drivers import Exchange, Mode, Tape
from conformance.run.evidence import joined, leaks_to_client, leaks_to_upstream, write
from conformance.secrets import Secret, find, forms, mint
from conformance.surface import CORE, Surface
from conformance.upstream import Received, Reply, ToolCall

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.upstream import Upstream
    from tests.drivers.conftest import Knock

CLIENT, PROVIDER = mint("client"), mint("openai")
KNOWN = [CLIENT, PROVIDER]
STRICTLY = ["method", "uri", "body"]


def exchange(body: bytes = b"{}", **fields: Any) -> Exchange:
    given = {"method": "POST", "url": "http://gateway/v1", "headers": (), "sent": b"{}", "status": 200, **fields}
    return Exchange(body=bytearray(body), complete=True, **given)


def received(**fields: Any) -> Received:
    given = {"number": 1, "provider": "openai", "token": None, "method": "POST", "path": "/v1", "query": "", **fields}
    return Received(**{"headers": (), "body": b"{}", "arrived_at": 0.0, **given})


def stored(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in directory.rglob("*") if path.is_file()]


def assert_clean(directory: Path, *secrets: Secret) -> None:
    files = stored(directory)
    assert len(files) == 2
    assert [leak for content in files for secret in secrets for leak in find(secret, content, "a file")] == []


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.SYNC, Mode.ASYNC_STREAM, Mode.SYNC_STREAM])
@pytest.mark.parametrize("surface", CORE)
async def test_vcrpy_replays_a_call_to_the_sdk_as_it_was(
    surface: Surface, mode: Mode, knock: Knock, upstream: Upstream, tmp_path: Path
) -> None:
    script = await upstream.answers(Reply(text="naïve\u2028☕", tool_calls=(ToolCall("call_x", "f", '{"a": 1}'),)))
    tape = Tape()
    live = await knock(surface, mode, tape).ask(script.prompt)
    write(tmp_path, tape.exchanges, [], [])
    with vcr.use_cassette(str(tmp_path / "cassette.yaml"), record_mode="none", match_on=STRICTLY) as played:
        assert await knock(surface, mode, Tape()).ask(script.prompt) == live
        assert played.all_played
    assert len(await script.journal()) == 1


@pytest.mark.parametrize("form", forms(PROVIDER.value))
def test_no_form_of_a_secret_is_stored(form: str, tmp_path: Path) -> None:
    spelt = forms(PROVIDER.value)[form].decode()
    everywhere = exchange(
        f'{{"said": "{spelt}"}}'.encode(),
        url=f"http://gateway/v1?key={spelt}",
        headers=(("x-sent", spelt),),
        sent=spelt.encode(),
        answer_headers=(("x-came", f"a {spelt}"),),
        error=f"ReadError('{spelt}')",
    )
    journal = received(
        path=f"/{spelt}",
        query=f"key={spelt}",
        headers=(("x-sent", spelt),),
        body=spelt.encode(),
        sent=spelt.encode(),
        sent_headers=(("x-came", spelt),),
    )
    write(tmp_path, [everywhere], [journal], KNOWN)
    assert_clean(tmp_path, PROVIDER)


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe\0" * 20 + PROVIDER.value.encode() + b"\xff", b"\x07\x85" + PROVIDER.value.encode()],
    ids=["amid other bytes", "at the end"],
)
def test_a_secret_among_bytes_that_are_no_text_is_not_stored(body: bytes, tmp_path: Path) -> None:
    write(tmp_path, [exchange(body, sent=body)], [received(body=body, sent=body)], KNOWN)
    assert_clean(tmp_path, PROVIDER)
    cassette = yaml.safe_load((tmp_path / "cassette.yaml").read_text())
    content = cassette["interactions"][0]["response"]["body"]["string"]
    assert PROVIDER.fingerprint in (content if isinstance(content, str) else content.decode("latin-1"))


def test_a_secret_inside_a_compressed_body_is_not_stored(tmp_path: Path) -> None:
    body, coded = gzip.compress(PROVIDER.value.encode()), (("Content-Encoding", "gzip"), ("Content-Length", "99"))
    write(tmp_path, [exchange(body, answer_headers=coded)], [received(sent=body, sent_headers=coded)], KNOWN)
    assert_clean(tmp_path, PROVIDER)
    assert [content for content in stored(tmp_path) if b64encode(body)[:20] in content or body in content] == []


def test_a_compressed_body_is_stored_for_people_to_read(tmp_path: Path) -> None:
    body = gzip.compress(b"nothing to see")
    write(tmp_path, [exchange(body, answer_headers=(("content-encoding", "gzip"),))], [], KNOWN)
    response = yaml.safe_load((tmp_path / "cassette.yaml").read_text())["interactions"][0]["response"]
    assert response["body"]["string"] == "nothing to see"
    assert response["headers"] == {}


@pytest.mark.parametrize(
    "headers", [(("Authorization", "Bearer {}"),), (("x-api-key", "{}"),), (("authorization", "Basic {}"),)]
)
def test_keys_that_were_minted_during_a_check_are_not_stored(
    headers: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    minted = mint("of-the-gateway")
    sent = tuple((name, value.format(minted.value)) for name, value in headers)
    write(tmp_path, [exchange(f"welcome {minted.value}".encode(), headers=sent)], [received(headers=sent)], KNOWN)
    assert_clean(tmp_path, minted)


def test_an_exchange_without_an_answer_is_kept_too(tmp_path: Path) -> None:
    write(tmp_path, [Exchange("POST", "http://gateway/v1", (), b"\xff", error="ConnectError()")], [], KNOWN)
    [kept] = yaml.safe_load((tmp_path / "cassette.yaml").read_text())["interactions"]
    assert kept["response"]["status"] == {"code": 0, "message": ""}
    assert json.loads((tmp_path / "journal.json").read_text()) == []


def test_the_journal_is_json_with_both_directions(tmp_path: Path) -> None:
    call = received(body=b"\xff{}", status=200, sent="grüß".encode(), sent_headers=(("x", "1"),), client_left_at=1.0)
    write(tmp_path, [], [call], KNOWN)
    [kept] = json.loads((tmp_path / "journal.json").read_text(encoding="utf-8"))
    assert kept["body"] == "\\xff{}"
    assert kept["response"] == {"status": 200, "headers": [["x", "1"]], "body": "grüß"}
    assert kept["client_disconnected"] is True


def sse(*values: Any) -> bytes:
    return b"".join(f"data: {json.dumps(value)}\n\n".encode() for value in values)


@pytest.mark.parametrize("at", [1, 10, len(PROVIDER.value) - 1])
def test_a_key_cut_across_deltas_is_found(at: int) -> None:
    cut = [PROVIDER.value[:at], PROVIDER.value[at:]]
    body = sse(*({"choices": [{"delta": {"content": piece}}]} for piece in cut))
    assert find(PROVIDER, body, "the raw stream") == []
    [leak] = leaks_to_client([exchange(body)], KNOWN)
    assert str(leak).startswith(
        f"openai key {PROVIDER.fingerprint} in plain in the joined stream of the client's answer"
    )


def test_a_key_in_a_compressed_answer_is_found() -> None:
    coded = exchange(gzip.compress(PROVIDER.value.encode()), answer_headers=(("content-encoding", "gzip"),))
    assert [str(leak).split(" in the ")[0] for leak in leaks_to_client([coded], KNOWN)] == [
        f"openai key {PROVIDER.fingerprint} in plain"
    ]


@pytest.mark.parametrize(
    "spoiled",
    [b"data: " + b"[" * 100_000 + b"\n\n", b"data: {\n\ndata: [DONE]\n\n", b"\xff" * 99, b"data: 1\n\ndata: null\n\n"],
)
def test_bodies_of_any_shape_are_searched(spoiled: bytes) -> None:
    assert list(leaks_to_client([exchange(spoiled)], KNOWN)) == []


@pytest.mark.parametrize("coding", ["gzip", "br, gzip", "é", "identity, \xff"])
def test_a_body_that_is_not_what_its_coding_says_is_searched_as_it_came(coding: str) -> None:
    wrong = exchange(b"x " + PROVIDER.value.encode(), answer_headers=(("content-encoding", coding), ("x-ü", "\xe9")))
    assert list(leaks_to_client([wrong], KNOWN))


@pytest.mark.parametrize("place", ["headers", "path", "query", "body"])
def test_a_clients_key_is_found_wherever_a_provider_received_it(place: str) -> None:
    value = {"headers": (("x-key", CLIENT.value),), "body": CLIENT.value.encode()}.get(place, CLIENT.value)
    [leak] = leaks_to_upstream([received(**{place: value})], [CLIENT], {"openai": PROVIDER})
    assert leak.secret is CLIENT
    assert "as openai received it" in leak.place


def test_a_provider_may_receive_its_own_key_and_no_other_one() -> None:
    carried = (("authorization", f"Bearer {PROVIDER.value}"),)
    assert list(leaks_to_upstream([received(headers=carried)], [CLIENT], {"openai": PROVIDER})) == []
    foreign = received(headers=carried, provider="anthropic")
    [leak] = leaks_to_upstream([foreign], [CLIENT], {"openai": PROVIDER})
    assert leak.secret is PROVIDER


def test_strings_are_joined_by_their_place() -> None:
    body = sse({"a": "1", "b": ["x"]}, {"a": "2", "b": ["y"]}, {"other": {"a": "3"}})
    assert joined(body).decode().split("\n") == ["12", "xy", "3"]


def test_of_a_large_body_the_first_mebibyte_is_kept(tmp_path: Path) -> None:
    large = b"x" * 3_000_000
    write(tmp_path, [exchange(large, sent=large)], [received(body=large)], KNOWN)
    for content in stored(tmp_path):
        assert len(content) < 2_500_000
        assert b"more bytes]" in content


def test_a_key_that_lies_across_the_cut_is_not_stored_in_part(tmp_path: Path) -> None:
    body = b"x" * (2**20 - 5) + PROVIDER.value.encode() + b"x" * 10
    write(tmp_path, [exchange(body)], [received(body=body)], KNOWN)
    assert not any(PROVIDER.value[:5].encode() in content for content in stored(tmp_path))
