"""A served upstream, and the official SDKs pointed straight at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import openai
import pytest

from conformance.upstream import Upstream, UpstreamAddress
from conformance.upstream.server import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEYS = {
    "anthropic": "sk-ant-upstream",
    "openai": "sk-openai-upstream",
    "gemini": "sk-gemini-upstream",
    "mistral": "sk-mistral-upstream",
    "azure": "sk-azure-upstream",
    "bedrock": "sk-bedrock-upstream",
    "vertex": "sk-vertex-upstream",
}


@pytest.fixture
async def address() -> AsyncIterator[UpstreamAddress]:
    async with serve(KEYS) as address:
        yield address


@pytest.fixture
async def upstream(address: UpstreamAddress) -> AsyncIterator[Upstream]:
    async with Upstream(address) as upstream:
        yield upstream


@pytest.fixture
async def claude(address: UpstreamAddress) -> AsyncIterator[anthropic.AsyncAnthropic]:
    url = f"{address.url}/anthropic"
    async with anthropic.AsyncAnthropic(api_key=KEYS["anthropic"], base_url=url, max_retries=0) as client:
        yield client


@pytest.fixture
async def gpt(address: UpstreamAddress) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"{address.url}/openai/v1"
    async with openai.AsyncOpenAI(api_key=KEYS["openai"], base_url=url, max_retries=0) as client:
        yield client
