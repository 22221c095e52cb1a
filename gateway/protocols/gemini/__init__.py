"""Gemini generateContent: https://ai.google.dev/api/generate-content"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway.protocols.codec import Codec
from gateway.protocols.gemini.answer import read_answer, read_error, write_answer, write_error
from gateway.protocols.gemini.decoder import Decoder
from gateway.protocols.gemini.encoder import ArrayEncoder, Encoder
from gateway.protocols.gemini.request import FIELDS, read_request, write_request

if TYPE_CHECKING:
    from gateway.routes import Upstream

__all__ = ["GEMINI"]


def _url(upstream: Upstream, model: str, stream: bool) -> str:  # noqa: FBT001 - as every codec's
    resource = model if "/" in model else f"models/{model}"
    operation = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"{upstream.base_url}/v1beta/{quote(resource, safe='/')}:{operation}"


GEMINI = Codec(
    vendor="google",
    longest_tool_name=64,
    url=_url,
    fields=FIELDS,
    read_request=read_request,
    write_request=write_request,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=Decoder,
    encoder=Encoder,
    array_encoder=ArrayEncoder,
    read_error=read_error,
    write_error=write_error,
)
