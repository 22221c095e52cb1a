"""The fields that Mistral's chat requests have: every other one is forbidden.

Source: https://docs.mistral.ai/api (ChatCompletionRequest)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.upstream.reply import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUEST = {
    *("model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "metadata"),
    *("response_format", "tools", "tool_choice", "presence_penalty", "frequency_penalty", "min_tokens", "n"),
    *("repetition_penalty", "top_k", "logprobs", "top_logprobs", "prompt_logprobs", "top_prompt_logprobs"),
    *("prediction", "parallel_tool_calls", "reasoning_effort", "prompt_mode", "guardrails", "prompt_cache_key"),
    *("service_tier", "safe_prompt"),
}
_MESSAGES = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
_TOOL = {"type", "function"}
_FUNCTION = {"name", "description", "parameters", "strict"}


def objection(body: dict[str, Any]) -> ProviderError | None:
    """What Mistral has to say against a request: the first thing."""
    for place in _forbidden(body):
        return ProviderError(status=422, message="Extra inputs are not permitted", type="extra_forbidden", param=place)
    for number, message in enumerate(_objects(body.get("messages"))):
        role = str(message.get("role"))
        if role not in _MESSAGES:
            roles = ", ".join(f"'{each}'" for each in _MESSAGES)
            said = f"Input tag '{role}' found using 'role' does not match any of the expected tags: {roles}"
            return ProviderError(status=422, message=said, type="union_tag_invalid", param=f"messages.{number}")
    return None


def _forbidden(body: dict[str, Any]) -> Iterator[str]:
    yield from (name for name in body if name not in _REQUEST)
    for number, message in enumerate(_objects(body.get("messages"))):
        known = _MESSAGES.get(str(message.get("role")), message)
        yield from (f"messages.{number}.{name}" for name in message if name not in known)
    for number, tool in enumerate(_objects(body.get("tools"))):
        yield from (f"tools.{number}.{name}" for name in tool if name not in _TOOL)
        for function in _objects([tool.get("function")]):
            yield from (f"tools.{number}.function.{name}" for name in function if name not in _FUNCTION)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []
