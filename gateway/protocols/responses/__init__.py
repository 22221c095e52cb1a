"""OpenAI Responses: https://platform.openai.com/docs/api-reference/responses"""

from __future__ import annotations

from gateway.protocols.codec import Codec
from gateway.protocols.openai import LONGEST_TOOL_NAME, tool_id, write_error
from gateway.protocols.responses.answer import read_answer, write_answer
from gateway.protocols.responses.decoder import Decoder
from gateway.protocols.responses.encoder import Encoder
from gateway.protocols.responses.request import FIELDS, read_request, write_request

__all__ = ["RESPONSES"]

RESPONSES = Codec(
    vendor="openai",
    longest_tool_name=LONGEST_TOOL_NAME,
    tool_id=tool_id,
    url=lambda upstream, model, stream: f"{upstream.base_url}/responses",  # noqa: ARG005 - the body says both
    fields=FIELDS,
    read_request=read_request,
    write_request=write_request,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=Decoder,
    encoder=Encoder,
    write_error=write_error,
)
