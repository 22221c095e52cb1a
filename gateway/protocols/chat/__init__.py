"""OpenAI Chat Completions: https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from gateway.protocols.chat.answer import read_answer, write_answer
from gateway.protocols.chat.decoder import Decoder
from gateway.protocols.chat.encoder import Encoder
from gateway.protocols.chat.request import FIELDS, read_request, write_request
from gateway.protocols.codec import Codec
from gateway.protocols.openai import LONGEST_TOOL_NAME, tool_id, write_error

__all__ = ["CHAT"]

CHAT = Codec(
    vendor="openai",
    longest_tool_name=LONGEST_TOOL_NAME,
    tool_id=tool_id,
    url=lambda upstream, model, stream: f"{upstream.base_url}/chat/completions",  # noqa: ARG005 - the body says both
    fields=FIELDS,
    read_request=read_request,
    write_request=write_request,
    read_answer=read_answer,
    write_answer=write_answer,
    decoder=Decoder,
    encoder=Encoder,
    write_error=write_error,
)
