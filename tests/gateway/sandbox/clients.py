"""Run in a process of its own, whose whole environment is under test: each client is made without an argument.

Says, as JSON, what each was answered; None where it raised what its SDK raises.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import anthropic
import openai
from google import genai
from google.genai import errors

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "everywhere"
MESSAGES: list[Any] = [{"role": "user", "content": "Hello"}]


def from_openai() -> object:
    answer = openai.OpenAI(max_retries=0).chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content


def from_openai_responses() -> object:
    return openai.OpenAI(max_retries=0).responses.create(model=MODEL, input="Hello").output_text


def from_openai_module() -> object:
    return openai.chat.completions.create(model=MODEL, messages=MESSAGES).choices[0].message.content


def from_azure() -> object:
    answer = openai.AzureOpenAI(max_retries=0).chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content


def from_anthropic() -> object:
    answer = anthropic.Anthropic(max_retries=0).messages.create(model=MODEL, max_tokens=9, messages=MESSAGES)
    return "".join(block.text for block in answer.content if block.type == "text")


def from_genai() -> object:
    with genai.Client() as client:
        return client.models.generate_content(model=MODEL, contents="Hello").text


def from_bedrock() -> object:
    client = anthropic.AnthropicBedrock(max_retries=0, aws_region="eu-north-1")
    return client.messages.create(model=MODEL, max_tokens=9, messages=MESSAGES).id


CLIENTS: dict[str, Callable[[], object]] = {
    "openai": from_openai,
    "openai-responses": from_openai_responses,
    "openai-module": from_openai_module,
    "azure": from_azure,
    "anthropic": from_anthropic,
    "genai": from_genai,
    "bedrock": from_bedrock,
}
REFUSALS = (openai.OpenAIError, anthropic.AnthropicError, errors.APIError)


def main(names: list[str]) -> None:
    answers: dict[str, object] = dict.fromkeys(names)
    for name in names:
        with contextlib.suppress(*REFUSALS):
            answers[name] = CLIENTS[name]()
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1:])
