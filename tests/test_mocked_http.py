"""Our own HTTP clients against answers that are hard to come by for real."""

from __future__ import annotations

import json

import httpx
import httpx2
import pytest

from conformance.target import Auth, HookFailedError, Hooks
from tests.mocked_http import mocked_http

GATEWAY = "http://gateway.example"
ADMIN_KEY = "sk-conformance-admin-of-this-test"


def hooks(**steps: object) -> Hooks:
    return Hooks(Auth.model_validate(steps), GATEWAY, {"secret:admin": ADMIN_KEY}, {})


MINTING = {
    "path": "/keys",
    "headers": {"authorization": "Bearer {secret:admin}"},
    "json": {"life": "{expires_in}"},
    "key_at": "/key",
}


def test_a_mint_hook_sends_what_the_target_file_says() -> None:
    with mocked_http() as http:
        route = http.post(f"{GATEWAY}/keys").mock(return_value=httpx.Response(201, json={"key": "minted"}))
        assert hooks(mint=MINTING).mint(expires_in=5) == "minted"
    [call] = route.calls
    assert call.request.headers["authorization"] == f"Bearer {ADMIN_KEY}"
    assert json.loads(call.request.content) == {"life": 5}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(500, text=f"no: {ADMIN_KEY}"), "answered 500: no: [admin key "),
        (httpx.Response(200, json={"key": ""}), "no key at /key"),
        (httpx.Response(200, text="<html>"), "no key at /key"),
        (httpx.Response(302, headers={"location": "http://elsewhere.example"}), "answered 302"),
    ],
)
def test_a_gateway_that_mints_no_key_is_told_without_the_admins_key(answer: httpx.Response, said: str) -> None:
    with mocked_http() as http:
        http.post(f"{GATEWAY}/keys").mock(return_value=answer)
        with pytest.raises(HookFailedError) as caught:
            hooks(mint=MINTING).mint()
    assert said in str(caught.value)
    assert ADMIN_KEY not in str(caught.value)


def test_a_gateway_that_hangs_fails_the_hook() -> None:
    with mocked_http() as http:
        http.post(f"{GATEWAY}/keys").mock(side_effect=httpx2.ReadTimeout("timed out"))
        with pytest.raises(HookFailedError, match="mint: timed out"):
            hooks(mint=MINTING).mint()
