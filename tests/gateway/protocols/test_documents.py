"""Documents for the model to read, in the forms in which clients give them and providers take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.protocols import hub
from gateway.protocols.chat import CHAT
from gateway.protocols.messages import MESSAGES
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


def asked_of_claude(document: hub.Document) -> dict[str, Any]:
    request = hub.Request("m", [hub.Turn("user", (document,))], limit=9)
    block: dict[str, Any] = MESSAGES.write_request(request)["messages"][0]["content"][0]
    return block


def test_claude_is_given_text_as_text() -> None:
    """As base64 it takes PDFs alone: https://docs.claude.com/en/docs/build-with-claude/files"""
    source = {"type": "text", "media_type": "text/plain", "data": "Grüße"}
    block = asked_of_claude(hub.Document("text/markdown", "R3LDvMOfZQ==", "a.md"))
    assert block == {"type": "document", "source": source, "title": "a.md"}


def test_what_claude_cannot_read_is_refused_by_name() -> None:
    with pytest.raises(
        hub.UntranslatableError, match=r"messages\.content: Claude reads PDFs and text, and no application/msword"
    ):
        asked_of_claude(hub.Document("application/msword", "AAAA"))
