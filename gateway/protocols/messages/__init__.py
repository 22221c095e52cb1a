"""Anthropic Messages: https://docs.claude.com/en/api/messages"""

from __future__ import annotations

from gateway.protocols.codec import Codec
from gateway.protocols.messages.answer import read_answer, write_answer, write_error
from gateway.protocols.messages.decoder import Decoder
from gateway.protocols.messages.encoder import Encoder
from gateway.protocols.messages.parts import tool_id
from gateway.protocols.messages.request import FIELDS, read_request, write_request

__all__ = ["MESSAGES"]

VERSION = "2023-06-01"  # the last one whose requests may set a temperature

MESSAGES = Codec(
    vendor="anthropic",
    longest_tool_name=128,
    tool_id=tool_id,
    url=lambda upstream, model, stream: f"{upstream.base_url}/v1/messages",  # noqa: ARG005 - the body says both
    headers={"anthropic-version": VERSION},
    fields=FIELDS,
    read_request=read_request,
    write_request=write_request,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=Decoder,
    encoder=Encoder,
    write_error=write_error,
)
