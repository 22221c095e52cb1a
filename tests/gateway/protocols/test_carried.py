"""What once was lost in silence."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.protocols import CODECS, hub
from gateway.protocols.chat import CHAT
from gateway.protocols.gemini import GEMINI
from gateway.protocols.messages import MESSAGES
from gateway.protocols.responses import RESPONSES

CALL = hub.Turn("assistant", (hub.ToolUse("call_1", "weather", "{}"),))
FAILED = hub.Turn("user", (hub.ToolResult("call_1", (hub.Text("no wind"),), is_error=True),))
HELLO = hub.Turn("user", (hub.Text("Hello"),))
PICTURE = hub.Image("image/png", "AAAA")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def test_responses_is_not_told_that_a_tool_failed_and_the_client_learns_it() -> None:
    request = hub.Request("m", [HELLO, CALL, FAILED])
    RESPONSES.write_request(request)
    assert request.lost == ["messages.tool_result.is_error"]


def test_a_temperature_above_claudes_highest_is_named() -> None:
    request = hub.Request("m", [HELLO], temperature=1.5)
    assert MESSAGES.write_request(request)["temperature"] == 1
    assert request.lost == ["temperature"]


def test_gemini_is_not_told_what_a_document_is_called_and_the_client_learns_it() -> None:
    request = hub.Request("m", [hub.Turn("user", (hub.Document("application/pdf", "AAAA", "a.pdf"),))])
    GEMINI.write_request(request)
    assert request.lost == ["messages.document.name"]
    assert MESSAGES.named("messages.document.name", {"messages": []}) == "messages.content.title"


def test_an_earlier_refusal_stays_in_the_conversation() -> None:
    request = hub.Request("m", [HELLO, hub.Turn("assistant", (hub.Refusal("I would rather not."),)), HELLO])
    assert CHAT.write_request(request)["messages"][1]["refusal"] == "I would rather not."


def test_an_instruction_amid_the_conversation_keeps_its_place_in_responses() -> None:
    brief, now = (hub.Turn("system", (hub.Text(text),)) for text in ("Be brief.", "Now."))
    request = hub.Request("m", [brief, HELLO, now])
    body = RESPONSES.write_request(request)
    assert body["instructions"] == "Be brief."
    assert [item["role"] for item in body["input"]] == ["user", "system"]


@pytest.mark.parametrize("protocol", ["openai-chat", "openai-responses", "anthropic-messages"])
@pytest.mark.parametrize("role", ["system", "assistant"])
def test_a_picture_that_is_not_the_users_is_refused_where_it_cannot_be_said(protocol: Any, role: Any) -> None:
    request = hub.Request("m", [hub.Turn(role, (PICTURE,)), HELLO])
    with pytest.raises(hub.UntranslatableError, match=r"^messages\.content: "):
        CODECS[protocol].write_request(request)


@pytest.mark.parametrize("strictness", [{}, {"strict": False}, {"strict": True}])
def test_a_schema_is_as_strict_as_it_was_asked_to_be(strictness: dict[str, Any]) -> None:
    """OpenAI refuses a strict schema without `additionalProperties: false`."""
    given = {"name": "city", "schema": SCHEMA, "description": "Where.", **strictness}
    form = {"type": "json_schema", "json_schema": given}
    asked = CHAT.read_request({"model": "m", "messages": [], "response_format": form})
    told = RESPONSES.write_request(asked)["text"]["format"]
    assert told == {"type": "json_schema", **given}


def test_openai_is_sent_no_field_of_others_for_thoughts() -> None:
    """It refuses unknown fields of messages."""
    request = hub.Request("m", [HELLO, hub.Turn("assistant", (hub.Thinking("Hm.", "c2ln"), hub.Text("Hi."))), HELLO])
    assert CHAT.write_request(request)["messages"][1] == {"role": "assistant", "content": "Hi."}


def test_mistral_is_told_thoughts_and_refusals_as_content() -> None:
    parts = (hub.Thinking("Hm."), hub.Refusal("I would rather not."))
    written = CODECS["mistral"].write_request(hub.Request("m", [HELLO, hub.Turn("assistant", parts), HELLO]))
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    said = {"type": "text", "text": "I would rather not."}
    assert written["messages"][1] == {"role": "assistant", "content": [thought, said]}
