"""Provider keys: put into one header of one provider, or signed with; blacked out wherever a provider echoes them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from multidict import CIMultiDict
    from yarl import URL

    from gateway.aliases import Content
    from gateway.config import Aws, Provider

REDACTED = "[redacted]"


@dataclass(frozen=True)
class Credential:
    """`name` is where it was read from, and all that may ever be logged."""

    name: str
    header: str
    value: str = field(repr=False)
    spellings: tuple[str, ...] = field(repr=False)

    def authorize(self, method: str, url: URL, headers: CIMultiDict[str], body: bytes) -> None:  # noqa: ARG002
        """Adds to the headers of a request what makes the provider answer it."""
        headers.add(self.header, self.value)

    def redact(self, text: str) -> str:
        for spelling in self.spellings:
            if spelling in text:
                text = text.replace(spelling, REDACTED)
        return text

    def redact_bytes(self, data: bytes) -> bytes:
        for spelling in self.spellings:
            data = data.replace(spelling.encode(), REDACTED.encode())
        return data

    def begun_in(self, data: bytes) -> int:
        """How many bytes at the end of the data may be the beginning of it."""
        sizes = (
            size
            for spelling in map(str.encode, self.spellings)
            for size in range(1, min(len(spelling), len(data) + 1))
            if data.endswith(spelling[:size])
        )
        return max(sizes, default=0)


@dataclass
class Redacted:
    """A stream that its provider may repeat the credential in. What may begin one waits for what comes next."""

    content: Content
    credential: Credential
    _kept: bytes = b""

    async def readany(self) -> bytes:
        while chunk := await self.content.readany():
            if ready := self._ready(chunk):
                return ready
        kept, self._kept = self._kept, b""
        return kept

    def _ready(self, chunk: bytes) -> bytes:
        shown = self.credential.redact_bytes(self._kept + chunk)
        whole = len(shown) if shown.endswith(b"\n") else len(shown) - self.credential.begun_in(shown)
        self._kept = shown[whole:]
        return shown[:whole]


@dataclass(frozen=True)
class SigningCredential(Credential):
    """AWS's secret access key never travels: `value` signs each request, with its path, its query and its body.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """

    signer: Any = field(repr=False)
    request: Any = field(repr=False)

    def authorize(self, method: str, url: URL, headers: CIMultiDict[str], body: bytes) -> None:
        names = {name.lower() for name in headers if name.lower().startswith("x-amz-")} | {"content-type"}
        told = {name: ",".join(headers.getall(name)) for name in names if name in headers}
        request = self.request(method, str(url), told, body)
        self.signer.add_auth(request)
        for name, value in request.headers.items():
            if name.lower() not in told:
                headers.add(name, value)


def credential_of(provider: Provider) -> Credential:
    secret = provider.credential.reveal()
    name = provider.credential.name
    if provider.aws is not None:
        return signing(name, secret, provider.aws)
    header, value = ("Authorization", f"Bearer {secret}") if provider.auth == "bearer" else (provider.auth, secret)
    return Credential(name, header, value, spelled(secret))


def signing(name: str, secret: str, aws: Aws) -> Credential:
    """botocore takes a tenth of a second to import: only who signs waits for it."""
    auth, request = import_module("botocore.auth"), import_module("botocore.awsrequest")
    token = aws.session_token.reveal() if aws.session_token else None
    keys = import_module("botocore.credentials").Credentials(aws.access_key_id, secret, token)
    signer = auth.SigV4Auth(keys, "bedrock", aws.region)
    spellings = (*spelled(secret), *(spelled(token) if token else ()))
    return SigningCredential(name, "Authorization", secret, spellings, signer, request.AWSRequest)


def spelled(secret: str) -> tuple[str, ...]:
    """As a provider might write it."""
    return tuple(
        dict.fromkeys((secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")))
    )
