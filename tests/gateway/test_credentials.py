"""Signatures, judged by AWS's own description of them, with nothing of the library that makes them."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from multidict import CIMultiDict
from yarl import URL

from gateway.config import Aws
from gateway.credentials import Credential, signing
from gateway.sources import CredentialSource

if TYPE_CHECKING:
    from pathlib import Path

    from multidict import MultiMapping

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"
TOKEN = "session/token+1"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<scope>[^,]+), "
    r"SignedHeaders=(?P<signed>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def expected_signature(url: URL, headers: MultiMapping[str], body: bytes, secret: str = SECRET) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    stated = AUTHORIZATION.fullmatch(headers["Authorization"])
    assert stated
    told = {
        "host": url.raw_authority,
        **{name: headers[name] for name in stated["signed"].split(";") if name != "host"},
    }
    canonical = "\n".join(
        (
            "POST",
            quote(url.raw_path, safe="/-_.~"),
            "&".join(sorted(url.raw_query_string.split("&"))),
            *(f"{name}:{told[name].strip()}" for name in stated["signed"].split(";")),
            "",
            stated["signed"],
            hashlib.sha256(body).hexdigest(),
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{headers['X-Amz-Date']}\n{stated['scope']}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in stated["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def stated_signature(headers: MultiMapping[str]) -> str:
    stated = AUTHORIZATION.fullmatch(headers["Authorization"])
    assert stated
    assert (stated["id"], stated["scope"].split("/", 1)[1]) == ("AKIAEXAMPLE", "eu-west-3/bedrock/aws4_request")
    assert stated["scope"].startswith(headers["X-Amz-Date"][:8])
    return stated["signature"]


@pytest.fixture
def credential(tmp_path: Path) -> Credential:
    (tmp_path / "token").write_text(TOKEN)
    aws = Aws(region="eu-west-3", access_key_id="AKIAEXAMPLE", session_token=CredentialSource(file=tmp_path / "token"))
    return signing("AWS_SECRET", SECRET, aws)


@pytest.mark.parametrize(
    "target",
    [
        "/model/us.anthropic.claude-v1:0/invoke",
        "/model/us.anthropic.claude-v1%3A0/invoke",
        "/model/arn%3Aaws%3Abedrock%3A%3A1%3Ainference-profile%2Fx/converse-stream",
        "/model/m/invoke?b=2&a=%20x",
        "/model/%C3%B8~(1)/invoke",
    ],
)
def test_a_request_is_signed_as_it_is_sent(credential: Credential, target: str) -> None:
    url = URL(f"http://bedrock.test:8443{target}", encoded=True)
    headers = CIMultiDict([("Content-Type", "application/json"), ("X-Stainless-Lang", "js"), ("x-amz-trace", "1")])
    credential.authorize("POST", url, headers, b'{"a": 1}')
    assert stated_signature(headers) == expected_signature(url, headers, b'{"a": 1}')
    assert stated_signature(headers) != expected_signature(url, headers, b'{"a": 2}')
    assert stated_signature(headers) != expected_signature(url, headers, b'{"a": 1}', secret="other")
    assert headers["X-Amz-Security-Token"] == TOKEN
    assert "x-amz-security-token;x-amz-trace," in headers["Authorization"]


def test_what_signs_is_never_shown(credential: Credential) -> None:
    assert SECRET not in repr(credential)
    echoed = credential.redact(f"{SECRET} {quote(SECRET, safe='')} {TOKEN}")
    assert echoed == "[redacted] [redacted] [redacted]"


def test_without_a_session_no_token_is_sent() -> None:
    headers: CIMultiDict[str] = CIMultiDict()
    url = URL("http://bedrock.test/model/m/invoke")
    signing("AWS_SECRET", SECRET, Aws(region="eu-west-3", access_key_id="AKIAEXAMPLE")).authorize(
        "POST", url, headers, b""
    )
    assert sorted(headers) == ["Authorization", "X-Amz-Date"]
    assert stated_signature(headers) == expected_signature(url, headers, b"")
