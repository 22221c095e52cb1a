from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.secrets import Secret, find, fingerprint, forms, mint, redact, redact_bytes

ODD = Secret("odd", "p@ss/word+with=odd&signs?")
KEYS = [mint("client"), ODD]
AROUND = st.binary(max_size=7)


def found(secret: Secret, haystack: bytes) -> list[str]:
    return [leak.form for leak in find(secret, haystack, "here")]


@pytest.mark.parametrize("secret", KEYS, ids=lambda secret: str(secret.name))
@given(before=AROUND, after=AROUND)
def test_a_key_is_found_in_base64_at_any_offset(secret: Secret, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.value.encode() + after)
    assert found(secret, encoded) == [f"in base64 (offset {len(before) % 3})"]


@pytest.mark.parametrize("secret", KEYS, ids=lambda secret: str(secret.name))
@given(before=AROUND, after=AROUND)
def test_a_key_is_found_in_plain_and_in_hexadecimal_wherever_it_stands(
    secret: Secret, before: bytes, after: bytes
) -> None:
    whole = before + secret.value.encode() + after
    assert found(secret, whole)[-1:] == ["in plain"]
    assert found(secret, whole.hex().encode()) == ["in hexadecimal"]


def test_a_key_is_found_in_an_address() -> None:
    assert found(ODD, quote(f"/path?key={ODD.value}", safe="").encode()) == ["URL-encoded"]


def test_forms_that_look_the_same_count_once() -> None:
    key = mint("client")
    assert quote(key.value) == key.value
    assert found(key, key.value.encode()) == ["in plain"]


@given(st.binary(max_size=4096))
def test_chance_finds_nothing(haystack: bytes) -> None:
    assert [leak for secret in KEYS for leak in find(secret, haystack, "here")] == []


def test_another_key_of_the_same_shape_is_not_found() -> None:
    assert found(mint("client"), mint("client").value.encode()) == []


@pytest.mark.parametrize("value", ["", "sk-1234", "fifteen-letters"])
def test_a_short_key_is_not_searched_for(value: str) -> None:
    with pytest.raises(AssertionError, match="found by chance"):
        find(Secret("short", value), b"", "here")


def test_a_leak_says_whose_key_was_found_where_and_never_the_key() -> None:
    [leak] = find(ODD, f"x{ODD.value}".encode(), "a header")
    assert str(leak) == f"odd key {fingerprint(ODD.value)} in plain in a header"
    assert ODD.value not in repr(leak)
    assert ODD.value not in repr(ODD)


@pytest.mark.parametrize("secret", KEYS, ids=lambda secret: str(secret.name))
def test_redaction_leaves_no_form(secret: Secret) -> None:
    text = " | ".join(needle.decode() for needle in forms(secret.value).values())
    for clean in (redact(text, KEYS).encode(), redact_bytes(b"\xff" + text.encode(), KEYS)):
        assert find(secret, clean, "what is left") == []
        assert secret.fingerprint.encode() in clean


def test_redaction_leaves_everything_else_alone() -> None:
    assert redact_bytes(b"\xff\x00 text", KEYS) == b"\xff\x00 text"
    assert redact("Text \ud800", KEYS) == "Text \ud800"


def test_minted_keys_are_new_every_time_and_look_like_keys() -> None:
    assert mint("client").value.startswith("sk-conformance-client-")
    assert len({mint("client").value for _ in range(100)}) == 100


@given(st.text(min_size=16, max_size=80))
def test_no_form_is_shorter_than_the_key(value: str) -> None:
    assert min(map(len, forms(value).values())) >= len(value)
