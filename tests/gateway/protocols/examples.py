"""What a client of each protocol may ask for, by the field's name: the least request that holds it, over a plain one.

A name may be told apart by words in parentheses. `Example.without` is the same request but for the field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.protocols.codec import Json
    from gateway.surfaces import Protocol

PNG = "iVBORw0KGgo="
OBJECT = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
URL = "https://example.org/cat.png"
DATA_URL = f"data:image/png;base64,{PNG}"
PDF_URL = "data:application/pdf;base64,JVBERi0="


@dataclass(frozen=True)
class Example:
    having: Json
    without: Json = field(default_factory=dict)


def chat_says(role: str, content: Any, **more: Any) -> Example:
    return Example({"messages": [*CHAT["messages"], {"role": role, "content": content, **more}]})


def chat_shows(part: Json) -> Example:
    return chat_says("user", [{"type": "text", "text": "Look."}, part])


CHAT: Json = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_completion_tokens": 9000}
CHAT_TOOLS = {"tools": [{"type": "function", "function": {"name": "weather", "parameters": OBJECT}}]}
CHAT_CALL = {"id": "call_00001", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
CHAT_FIELDS: dict[str, Example] = {
    "messages (system)": chat_says("system", "Be brief."),
    "messages (developer)": chat_says("developer", "Be brief."),
    "messages.content (text parts)": chat_shows({"type": "text", "text": "There."}),
    "messages.content (image by URL)": chat_shows({"type": "image_url", "image_url": {"url": URL}}),
    "messages.content (image in base64)": chat_shows({"type": "image_url", "image_url": {"url": DATA_URL}}),
    "messages.content.image_url.detail": Example(
        chat_shows({"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}}).having,
        chat_shows({"type": "image_url", "image_url": {"url": DATA_URL}}).having,
    ),
    "messages.content (file in base64)": chat_shows({"type": "file", "file": {"file_data": PDF_URL}}),
    "messages.content (file by id)": chat_shows({"type": "file", "file": {"file_id": "file-1"}}),
    "messages.content (audio)": chat_shows({"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}}),
    "messages.name": Example(chat_says("user", "Hi", name="ann").having, chat_says("user", "Hi").having),
    "messages.reasoning_content": Example(
        chat_says("assistant", "Hi", reasoning_content="Hm.").having, chat_says("assistant", "Hi").having
    ),
    "messages.refusal": chat_says("assistant", None, refusal="No."),
    "messages.audio": Example(
        chat_says("assistant", "Hi", audio={"id": "audio_1"}).having, chat_says("assistant", "Hi").having
    ),
    "messages.tool_calls": chat_says("assistant", None, tool_calls=[CHAT_CALL]),
    "messages (tool)": Example(
        {
            "messages": [
                *CHAT["messages"],
                {"role": "assistant", "content": None, "tool_calls": [CHAT_CALL]},
                {"role": "tool", "tool_call_id": "call_00001", "content": "Rain."},
            ]
        },
        chat_says("assistant", None, tool_calls=[CHAT_CALL]).having,
    ),
    "tools": Example(CHAT_TOOLS),
    "tools.strict": Example(
        {"tools": [{"type": "function", "function": {"name": "weather", "parameters": OBJECT, "strict": True}}]},
        CHAT_TOOLS,
    ),
    "tools (custom)": Example({"tools": [{"type": "custom", "custom": {"name": "patch"}}]}),
    "tool_choice (auto)": Example({**CHAT_TOOLS, "tool_choice": "auto"}, {**CHAT_TOOLS, "tool_choice": "none"}),
    "tool_choice (none)": Example({**CHAT_TOOLS, "tool_choice": "none"}, CHAT_TOOLS),
    "tool_choice (required)": Example({**CHAT_TOOLS, "tool_choice": "required"}, CHAT_TOOLS),
    "tool_choice (function)": Example(
        {**CHAT_TOOLS, "tool_choice": {"type": "function", "function": {"name": "weather"}}}, CHAT_TOOLS
    ),
    "tool_choice (allowed_tools)": Example(
        {**CHAT_TOOLS, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
        CHAT_TOOLS,
    ),
    "parallel_tool_calls": Example({**CHAT_TOOLS, "parallel_tool_calls": False}, CHAT_TOOLS),
    "functions": Example({"functions": [{"name": "weather", "parameters": OBJECT}]}),
    "function_call": Example({"function_call": "auto"}),
    "max_tokens": Example({"max_completion_tokens": None, "max_tokens": 9}, {"max_completion_tokens": None}),
    "max_completion_tokens": Example({"max_completion_tokens": 9}),
    "temperature": Example({"temperature": 0.5}),
    "temperature (above 1)": Example({"temperature": 1.5}, {"temperature": 1}),
    "top_p": Example({"top_p": 0.5}),
    "stop": Example({"stop": ["end"]}),
    "n (above 1)": Example({"n": 2}),
    "seed": Example({"seed": 7}),
    "frequency_penalty": Example({"frequency_penalty": 0.5}),
    "presence_penalty": Example({"presence_penalty": 0.5}),
    "logit_bias": Example({"logit_bias": {"1": 1}}),
    "logprobs": Example({"logprobs": True}),
    "top_logprobs": Example({"top_logprobs": 2}),
    "reasoning_effort": Example({"reasoning_effort": "high"}),
    "reasoning_effort (none)": Example({"reasoning_effort": "none"}),
    "response_format (json_schema)": Example(
        {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": OBJECT}}}
    ),
    "response_format (json_object)": Example({"response_format": {"type": "json_object"}}),
    "user": Example({"user": "u1"}),
    "safety_identifier": Example({"safety_identifier": "u1"}),
    **{
        name: Example({name: value})
        for name, value in {
            "metadata": {"a": "b"},
            "store": True,
            "service_tier": "flex",
            "prompt_cache_key": "k",
            "prompt_cache_retention": "24h",
            "prediction": {"type": "content", "content": "x"},
            "modalities": ["text", "audio"],
            "audio": {"voice": "alloy", "format": "wav"},
            "web_search_options": {},
            "verbosity": "low",
            "never_seen_before": 1,
        }.items()
    },
}


def item(*items: Json) -> Json:
    return {"input": [{"role": "user", "content": "Hello"}, *items]}


def responses_shows(part: Json) -> Example:
    return Example(item({"role": "user", "content": [part]}))


RESPONSES: Json = {"model": "m", "input": [{"role": "user", "content": "Hello"}], "max_output_tokens": 9000}
RESPONSES_TOOLS = {"tools": [{"type": "function", "name": "weather", "parameters": OBJECT, "strict": False}]}
RESPONSES_CALL = {"type": "function_call", "call_id": "call_00001", "name": "weather", "arguments": "{}"}
RESPONSES_FIELDS: dict[str, Example] = {
    "instructions": Example({"instructions": "Be brief."}),
    "input (system, developer)": Example(item({"role": "developer", "content": "Be brief."})),
    "input.content (text)": responses_shows({"type": "input_text", "text": "There."}),
    "input.content (image by URL)": responses_shows({"type": "input_image", "image_url": URL}),
    "input.content (image in base64)": responses_shows({"type": "input_image", "image_url": DATA_URL}),
    "input.content (image by id)": responses_shows({"type": "input_image", "file_id": "file-1"}),
    "input.content.detail": Example(
        responses_shows({"type": "input_image", "image_url": DATA_URL, "detail": "low"}).having,
        responses_shows({"type": "input_image", "image_url": DATA_URL}).having,
    ),
    "input.content (file in base64)": responses_shows({"type": "input_file", "file_data": PDF_URL}),
    "input.content (file by URL)": responses_shows({"type": "input_file", "file_url": URL}),
    "input.content (file by id)": responses_shows({"type": "input_file", "file_id": "file-1"}),
    "input.content (audio)": responses_shows({"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}}),
    "input (function_call)": Example(item(RESPONSES_CALL)),
    "input (function_call_output)": Example(
        item(RESPONSES_CALL, {"type": "function_call_output", "call_id": "call_00001", "output": "Rain."}),
        item(RESPONSES_CALL),
    ),
    "input (custom_tool_call)": Example(
        item({"type": "custom_tool_call", "call_id": "call_00001", "name": "patch", "input": "x"})
    ),
    "input.encrypted_content (reasoning)": Example(
        item({"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "e"})
    ),
    "input (item_reference)": Example(item({"type": "item_reference", "id": "msg_1"})),
    "input (web_search_call)": Example(item({"type": "web_search_call", "id": "ws_1", "status": "completed"})),
    "tools": Example(RESPONSES_TOOLS),
    "tools.strict": Example({"tools": [{**RESPONSES_TOOLS["tools"][0], "strict": True}]}, RESPONSES_TOOLS),
    "tools (custom)": Example({"tools": [{"type": "custom", "name": "patch"}]}),
    "tools.format": Example(
        {
            "tools": [
                {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "regex", "definition": "a"}}
            ]
        },
        {"tools": [{"type": "custom", "name": "p"}]},
    ),
    "tools (namespace)": Example(
        {"tools": [{"type": "namespace", "name": "crm", "description": "", "tools": RESPONSES_TOOLS["tools"]}]}
    ),
    **{
        f"tools.{kind}": Example({"tools": [*RESPONSES_TOOLS["tools"], {"type": kind}]}, RESPONSES_TOOLS)
        for kind in ("web_search", "file_search", "code_interpreter", "image_generation", "mcp", "local_shell", "shell")
    },
    "tool_choice (auto)": Example(
        {**RESPONSES_TOOLS, "tool_choice": "auto"}, {**RESPONSES_TOOLS, "tool_choice": "none"}
    ),
    "tool_choice (none)": Example({**RESPONSES_TOOLS, "tool_choice": "none"}, RESPONSES_TOOLS),
    "tool_choice (required)": Example({**RESPONSES_TOOLS, "tool_choice": "required"}, RESPONSES_TOOLS),
    "tool_choice (function)": Example(
        {**RESPONSES_TOOLS, "tool_choice": {"type": "function", "name": "weather"}}, RESPONSES_TOOLS
    ),
    "tool_choice (allowed_tools)": Example(
        {**RESPONSES_TOOLS, "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, RESPONSES_TOOLS
    ),
    "parallel_tool_calls": Example({**RESPONSES_TOOLS, "parallel_tool_calls": False}, RESPONSES_TOOLS),
    "max_output_tokens": Example({"max_output_tokens": 9}),
    "temperature": Example({"temperature": 0.5}),
    "temperature (above 1)": Example({"temperature": 1.5}, {"temperature": 1}),
    "top_p": Example({"top_p": 0.5}),
    "reasoning.effort": Example({"reasoning": {"effort": "high"}}),
    "text.format (json_schema)": Example({"text": {"format": {"type": "json_schema", "name": "a", "schema": OBJECT}}}),
    "text.format (json_object)": Example({"text": {"format": {"type": "json_object"}}}),
    "text.verbosity": Example({"text": {"verbosity": "low"}}),
    "user": Example({"user": "u1"}),
    "safety_identifier": Example({"safety_identifier": "u1"}),
    **{
        name: Example({name: value})
        for name, value in {
            "previous_response_id": "resp_1",
            "conversation": "conv_1",
            "prompt": {"id": "pmpt_1"},
            "store": True,
            "background": True,
            "truncation": "auto",
            "metadata": {"a": "b"},
            "service_tier": "flex",
            "prompt_cache_key": "k",
            "max_tool_calls": 2,
            "top_logprobs": 2,
            "context_management": [{"type": "compaction"}],
            "never_seen_before": 1,
        }.items()
    },
    "reasoning.mode": Example({"reasoning": {"mode": "pro"}}),
    "include (other than reasoning)": Example({"include": ["message.output_text.logprobs"]}),
}


def messages_say(role: str, *blocks: Json) -> Example:
    return Example({"messages": [*MESSAGES["messages"], {"role": role, "content": list(blocks)}]})


def image(**source: Any) -> Example:
    return messages_say("user", {"type": "image", "source": source})


def document(source: Json, **more: Any) -> Example:
    return messages_say("user", {"type": "document", "source": source, **more})


PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
SAID = {"type": "text", "text": "Hi"}
MESSAGES: Json = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9000}
MESSAGES_TOOL = {"name": "weather", "input_schema": OBJECT}
MESSAGES_TOOLS = {"tools": [MESSAGES_TOOL]}
CACHED = {"cache_control": {"type": "ephemeral"}}
USED = {"type": "tool_use", "id": "toolu_001", "name": "weather", "input": {"city": "Oslo"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_001", "content": "Rain."}


def used(result: Json) -> Json:
    talk = [{"role": "assistant", "content": [USED]}, {"role": "user", "content": [result]}]
    return {"messages": [*MESSAGES["messages"], *talk]}


MESSAGES_FIELDS: dict[str, Example] = {
    "system": Example({"system": "Be brief."}),
    "system.cache_control": Example(
        {"system": [{"type": "text", "text": "Be brief.", **CACHED}]}, {"system": "Be brief."}
    ),
    "messages (system)": messages_say("system", SAID),
    "messages (text)": messages_say("user", SAID),
    "messages.content.cache_control": Example(
        messages_say("user", {**SAID, **CACHED}).having, messages_say("user", SAID).having
    ),
    "messages (image by URL)": image(type="url", url=URL),
    "messages (image in base64)": image(type="base64", media_type="image/png", data=PNG),
    "messages (image by id)": image(type="file", file_id="file_1"),
    "messages (document in base64)": document(PDF),
    "messages (document by URL)": document({"type": "url", "url": URL}),
    "messages (document as text)": document({"type": "text", "media_type": "text/plain", "data": "Hi"}),
    "messages.content.citations": Example(document(PDF, citations={"enabled": True}).having, document(PDF).having),
    "messages.content.context": Example(document(PDF, context="From Oslo.").having, document(PDF).having),
    "messages (search_result)": messages_say(
        "user", {"type": "search_result", "source": URL, "title": "A", "content": [SAID]}
    ),
    "messages.thinking": Example(
        messages_say("assistant", {"type": "thinking", "thinking": "Hm.", "signature": "s"}, SAID).having,
        messages_say("assistant", SAID).having,
    ),
    "messages.thinking (redacted)": Example(
        messages_say("assistant", {"type": "redacted_thinking", "data": "d"}, SAID).having,
        messages_say("assistant", SAID).having,
    ),
    "messages (tool_use)": messages_say("assistant", USED),
    "messages (tool_result)": Example(used(RESULT), messages_say("assistant", USED).having),
    "messages.tool_result.is_error": Example(used({**RESULT, "is_error": True}), used(RESULT)),
    "messages (image in tool_result)": Example(
        used({**RESULT, "content": [{"type": "image", "source": {**PDF, "media_type": "image/png"}}]}), used(RESULT)
    ),
    "messages (server_tool_use)": messages_say(
        "assistant", {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    ),
    "tools": Example(MESSAGES_TOOLS),
    "tools.strict": Example({"tools": [{**MESSAGES_TOOL, "strict": True}]}, MESSAGES_TOOLS),
    "tools.cache_control": Example({"tools": [{**MESSAGES_TOOL, **CACHED}]}, MESSAGES_TOOLS),
    "tools (of the server)": Example({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    "tool_choice (auto)": Example(
        {**MESSAGES_TOOLS, "tool_choice": {"type": "auto"}}, {**MESSAGES_TOOLS, "tool_choice": {"type": "none"}}
    ),
    "tool_choice (none)": Example({**MESSAGES_TOOLS, "tool_choice": {"type": "none"}}, MESSAGES_TOOLS),
    "tool_choice (any)": Example({**MESSAGES_TOOLS, "tool_choice": {"type": "any"}}, MESSAGES_TOOLS),
    "tool_choice (tool)": Example(
        {**MESSAGES_TOOLS, "tool_choice": {"type": "tool", "name": "weather"}}, MESSAGES_TOOLS
    ),
    "tool_choice.disable_parallel_tool_use": Example(
        {**MESSAGES_TOOLS, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        {**MESSAGES_TOOLS, "tool_choice": {"type": "auto"}},
    ),
    "max_tokens": Example({"max_tokens": 9}),
    "temperature": Example({"temperature": 0.5}),
    "top_p": Example({"top_p": 0.5}),
    "top_k": Example({"top_k": 5}),
    "stop_sequences": Example({"stop_sequences": ["end"]}),
    "thinking (enabled)": Example({"thinking": {"type": "enabled", "budget_tokens": 4096}}),
    "thinking (adaptive)": Example({"thinking": {"type": "adaptive"}}),
    "thinking (disabled)": Example({"thinking": {"type": "disabled"}}),
    "thinking.display": Example(
        {"thinking": {"type": "enabled", "budget_tokens": 4096, "display": "omitted"}},
        {"thinking": {"type": "enabled", "budget_tokens": 4096}},
    ),
    "output_config.effort": Example({"output_config": {"effort": "high"}}),
    "output_config.format": Example({"output_config": {"format": {"type": "json_schema", "schema": OBJECT}}}),
    "metadata.user_id": Example({"metadata": {"user_id": "u1"}}),
    **{
        name: Example({name: value})
        for name, value in {
            "service_tier": "auto",
            "container": "c",
            "mcp_servers": [],
            "context_management": {"edits": []},
            "cache_control": {"type": "ephemeral"},
            "speed": "fast",
            "inference_geo": "eu",
            "never_seen_before": 1,
        }.items()
    },
}


def gemini_says(role: str, *parts: Json) -> Example:
    return Example({"contents": [*GEMINI["contents"], {"role": role, "parts": list(parts)}]})


def generation(**config: Any) -> Example:
    limit = GEMINI["generationConfig"]
    return Example({"generationConfig": {**limit, **config}})


GEMINI: Json = {
    "model": "m",
    "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
    "generationConfig": {"maxOutputTokens": 9000},
}
GEMINI_TOOLS = {"tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": OBJECT}]}]}
FUNCTION_CALL = {"functionCall": {"id": "c00000001", "name": "weather", "args": {"city": "Oslo"}}}
FUNCTION_RESPONSE = {"functionResponse": {"id": "c00000001", "name": "weather", "response": {"output": "Rain."}}}


def gemini_calls(**config: Any) -> Example:
    return Example({**GEMINI_TOOLS, "toolConfig": {"functionCallingConfig": config}}, GEMINI_TOOLS)


GEMINI_FIELDS: dict[str, Example] = {
    "systemInstruction": Example({"systemInstruction": {"parts": [{"text": "Be brief."}]}}),
    "contents (text)": gemini_says("user", {"text": "There."}),
    "contents (image in base64)": gemini_says("user", {"inlineData": {"mimeType": "image/png", "data": PNG}}),
    "contents (PDF in base64)": gemini_says("user", {"inlineData": {"mimeType": "application/pdf", "data": PNG}}),
    "contents (audio in base64)": gemini_says("user", {"inlineData": {"mimeType": "audio/wav", "data": PNG}}),
    "contents (image by URI)": gemini_says("user", {"fileData": {"mimeType": "image/png", "fileUri": URL}}),
    "contents (functionCall)": gemini_says("model", FUNCTION_CALL),
    "contents (functionResponse)": Example(
        {
            "contents": [
                *GEMINI["contents"],
                {"role": "model", "parts": [FUNCTION_CALL]},
                {"role": "user", "parts": [FUNCTION_RESPONSE]},
            ]
        },
        gemini_says("model", FUNCTION_CALL).having,
    ),
    "contents (executableCode)": gemini_says("model", {"executableCode": {"language": "PYTHON", "code": "1"}}),
    "tools.functionDeclarations": Example(GEMINI_TOOLS),
    **{
        f"tools.{name}": Example({"tools": [*GEMINI_TOOLS["tools"], {name: {}}]}, GEMINI_TOOLS)
        for name in ("googleSearch", "codeExecution", "urlContext")
    },
    "toolConfig (AUTO)": Example(gemini_calls(mode="AUTO").having, gemini_calls(mode="NONE").having),
    "toolConfig (ANY)": gemini_calls(mode="ANY"),
    "toolConfig (NONE)": gemini_calls(mode="NONE"),
    "toolConfig (ANY of one)": gemini_calls(mode="ANY", allowedFunctionNames=["weather"]),
    **{
        f"generationConfig.{name}{about}": generation(**{name: value})
        for name, about, value in (
            ("maxOutputTokens", "", 9),
            ("temperature", "", 0.5),
            ("topP", "", 0.5),
            ("topK", "", 5),
            ("stopSequences", "", ["end"]),
            ("candidateCount", " (above 1)", 2),
            ("seed", "", 7),
            ("frequencyPenalty", "", 0.5),
            ("presencePenalty", "", 0.5),
            ("responseLogprobs", "", True),
            ("responseModalities", " (other than text)", ["IMAGE"]),
            ("mediaResolution", "", "MEDIA_RESOLUTION_LOW"),
            ("responseMimeType", " (application/json)", "application/json"),
            ("thinkingConfig", " (thinkingLevel)", {"thinkingLevel": "HIGH"}),
            ("thinkingConfig", " (thinkingBudget)", {"thinkingBudget": 4096}),
        )
    },
    "generationConfig.responseJsonSchema": generation(responseMimeType="application/json", responseJsonSchema=OBJECT),
    "generationConfig.responseSchema": generation(
        responseMimeType="application/json", responseSchema={"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
    ),
    **{
        name: Example({name: value})
        for name, value in {
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "cachedContent": "cachedContents/c1",
            "labels": {"a": "b"},
            "serviceTier": "flex",
            "neverSeenBefore": 1,
        }.items()
    },
}
PLAIN: dict[Protocol, Json] = {
    "openai-chat": CHAT,
    "openai-responses": RESPONSES,
    "anthropic-messages": MESSAGES,
    "gemini": GEMINI,
}
FIELDS: dict[Protocol, dict[str, Example]] = {
    "openai-chat": CHAT_FIELDS,
    "openai-responses": RESPONSES_FIELDS,
    "anthropic-messages": MESSAGES_FIELDS,
    "gemini": GEMINI_FIELDS,
}
