"""Requests that use what their protocol has, by every client: a conversation with tools, settings, documents."""

from typing import Any

from conformance.api import CHAT, GEMINI, MESSAGES, RESPONSES, Surface

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
IMAGE_URI, PDF_URI = f"data:image/png;base64,{PIXEL}", f"data:application/pdf;base64,{PDF}"
SYSTEM, ASKED, TOLD = "You speak Norwegian only.", "And tomorrow?", "Snow."
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
ID = "call_Oslo1"
Json = dict[str, Any]


def conversation(surface: Surface, prompt: str) -> Json:
    """Tools, one of which was called, and what it said."""
    return _SAID[surface](prompt) | _TOOLS[surface]


def settings(surface: Surface, prompt: str) -> Json:
    return _start(surface, prompt) | _SETTINGS[surface]


def form(surface: Surface, prompt: str) -> Json:
    """An answer that has to fit a schema, and how hard to think about it."""
    return _start(surface, prompt) | _FORM[surface]


def shown(surface: Surface, prompt: str) -> Json:
    """A picture and a document."""
    return _SHOWN[surface](prompt)


def _start(surface: Surface, prompt: str) -> Json:
    name = {RESPONSES: "input", GEMINI: "contents"}.get(surface, "messages")
    said = {"role": "user", "parts": [{"text": prompt}]} if surface == GEMINI else {"role": "user", "content": prompt}
    return {name: [said]}


def _chat(prompt: str) -> Json:
    call = {"id": ID, "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    return {
        "messages": [
            {"role": "developer", "content": SYSTEM},
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": "Let me look.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": ID, "content": TOLD},
            {"role": "assistant", "content": None, "refusal": "I would rather not."},
            {"role": "user", "content": ASKED},
        ]
    }


def _responses(prompt: str) -> Json:
    said = {"type": "output_text", "text": "Let me look.", "annotations": []}
    return {
        "instructions": SYSTEM,
        "input": [
            {"role": "user", "content": prompt},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [said]},
            {"type": "function_call", "call_id": ID, "name": "weather", "arguments": '{"city": "Oslo"}'},
            {"type": "function_call_output", "call_id": ID, "output": TOLD},
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
            {"role": "user", "content": ASKED},
        ],
    }


def _messages(prompt: str) -> Json:
    used = {"type": "tool_use", "id": ID, "name": "weather", "input": {"city": "Oslo"}}
    thought = {"type": "thinking", "thinking": "Oslo, then.", "signature": "c2lnbmF0dXJl"}
    failed = {"type": "tool_result", "tool_use_id": ID, "content": [{"type": "text", "text": TOLD}], "is_error": True}
    return {
        "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": [thought, {"type": "text", "text": "Let me look."}, used]},
            {"role": "user", "content": [failed, {"type": "text", "text": ASKED}]},
        ],
    }


def _gemini(prompt: str) -> Json:
    call = {"functionCall": {"id": ID, "name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": "c2ln"}
    result = {"functionResponse": {"id": ID, "name": "weather", "response": {"output": TOLD}}}
    return {
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "contents": [
            {"role": "user", "parts": [{"text": prompt}]},
            {"role": "model", "parts": [{"text": "Let me look."}, call]},
            {"role": "user", "parts": [result, {"text": ASKED}]},
        ],
    }


_SAID = {CHAT: _chat, RESPONSES: _responses, MESSAGES: _messages, GEMINI: _gemini}
_TOOLS: dict[Surface, Json] = {
    CHAT: {
        "tools": [{"type": "function", "function": {"name": "weather", "description": "Now.", "parameters": CITY}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
    },
    RESPONSES: {
        "tools": [{"type": "function", "name": "weather", "description": "Now.", "parameters": CITY, "strict": True}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    },
    MESSAGES: {
        "tools": [{"name": "weather", "description": "Now.", "input_schema": CITY}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    },
    GEMINI: {
        "tools": [{"functionDeclarations": [{"name": "weather", "description": "Now.", "parametersJsonSchema": CITY}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    },
}
_SETTINGS: dict[Surface, Json] = {
    CHAT: {"max_completion_tokens": 700, "temperature": 0.5, "stop": ["END"], "seed": 7, "user": "somebody"},
    RESPONSES: {"max_output_tokens": 700, "temperature": 0.5, "store": False, "safety_identifier": "somebody"},
    MESSAGES: {"max_tokens": 700, "stop_sequences": ["END"], "metadata": {"user_id": "somebody"}},
    GEMINI: {"generationConfig": {"maxOutputTokens": 700, "temperature": 0.5, "topK": 40, "stopSequences": ["END"]}},
}
_SCHEMA = {"name": "city", "schema": CITY, "strict": True}
_FORM: dict[Surface, Json] = {
    CHAT: {"response_format": {"type": "json_schema", "json_schema": _SCHEMA}, "reasoning_effort": "low"},
    RESPONSES: {"text": {"format": {"type": "json_schema", **_SCHEMA}}, "reasoning": {"effort": "low"}},
    MESSAGES: {"output_config": {"format": {"type": "json_schema", "schema": CITY}, "effort": "low"}},
    GEMINI: {
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": CITY,
            "thinkingConfig": {"thinkingLevel": "LOW"},
        }
    },
}


def _in_chat(prompt: str) -> Json:
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URI}}
    image = {"type": "image_url", "image_url": {"url": IMAGE_URI}}
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": prompt}, image, file]}]}


def _in_responses(prompt: str) -> Json:
    file = {"type": "input_file", "filename": "a.pdf", "file_data": PDF_URI}
    image = {"type": "input_image", "image_url": IMAGE_URI, "detail": "auto"}
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": prompt}, image, file]}]}


def _in_messages(prompt: str) -> Json:
    image, file = (
        {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}
        for kind, media_type, data in (("image", "image/png", PIXEL), ("document", "application/pdf", PDF))
    )
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": prompt}, image, file]}]}


def _in_gemini(prompt: str) -> Json:
    shown = [
        {"inlineData": {"mimeType": kind, "data": data}}
        for kind, data in (("image/png", PIXEL), ("application/pdf", PDF))
    ]
    return {"contents": [{"role": "user", "parts": [{"text": prompt}, *shown]}]}


_SHOWN = {CHAT: _in_chat, RESPONSES: _in_responses, MESSAGES: _in_messages, GEMINI: _in_gemini}
