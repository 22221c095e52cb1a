"""Documents for the model to read, in the forms that clients of OpenAI give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.protocols import hub
from gateway.protocols.chat import CHAT
from gateway.protocols.responses import RESPONSES

if TYPE_CHECKING:
    from gateway.protocols.codec import Codec

forms = pytest.mark.parametrize("data", ["data:application/pdf;base64,JVBERi0=", "JVBERi0="], ids=["url", "bare"])


def read(codec: Codec, turns: str, part: dict[str, Any]) -> hub.Part:
    (turn,) = codec.read_request({"model": "m", turns: [{"role": "user", "content": [part]}]}).turns
    return turn.parts[0]


@forms
def test_a_document_keeps_its_content_however_chat_gives_it(data: str) -> None:
    part = {"type": "file", "file": {"file_data": data, "filename": "a.pdf"}}
    assert read(CHAT, "messages", part) == hub.Document("application/pdf", "JVBERi0=", "a.pdf")


@forms
def test_a_document_keeps_its_content_however_responses_gives_it(data: str) -> None:
    part = {"type": "input_file", "file_data": data, "filename": "a.pdf"}
    assert read(RESPONSES, "input", part) == hub.Document("application/pdf", "JVBERi0=", "a.pdf")
