"""Prices by products, against the library that they come from."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot

from gateway import prices

if TYPE_CHECKING:
    from gateway.surfaces import Protocol

MODELS = [(provider, model) for provider in get_snapshot().providers for model in provider.models]
INPUTS = (1, 4000, 128_000, 128_001, 200_000, 200_001, 272_001, 3_000_000)
LEAST_DIFFERENCE = Decimal("1e-11")


def test_products_say_what_the_library_says_of_every_model() -> None:
    chance, seen = random.Random(5), 0  # noqa: S311 -- no secret
    for provider, model in MODELS:
        known = prices.rates_of(model)
        assert known, (provider.id, model.id)
        for most in INPUTS:
            read, written = chance.randint(0, most // 2), chance.randint(0, most // 2)
            thought = chance.randint(0, 900)
            usage = {"input": most, "cache_read": read, "cache_write": written, "output": 900, "reasoning": thought}
            theirs = Usage(**{name: usage[ours] for ours, name in prices.NAMES.items()})
            said = model.get_prices(datetime.now(UTC)).calc_price(theirs)["total_price"]
            assert abs(prices.charge(known, usage) - said) < LEAST_DIFFERENCE, (provider.id, model.id, usage)
            seen += 1
    assert seen > 10_000


@pytest.mark.parametrize(
    ("base_url", "protocol", "provider"),
    [
        ("https://api.openai.com/v1", "openai-chat", "openai"),
        ("https://openrouter.ai/api/v1", "openai-chat", "openrouter"),
        ("http://127.0.0.1:9/anthropic", "anthropic-messages", "anthropic"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com", "bedrock", "aws"),
        ("http://vertex.internal", "vertex", "google"),
    ],
)
def test_the_address_says_whose_prices_count_and_else_the_protocol(
    base_url: str, protocol: Protocol, provider: str
) -> None:
    assert prices.provider_of(base_url, protocol).id == provider


@pytest.mark.parametrize("tokens_in", [1, 4000, 200_000, 200_001, 3_000_000])
@pytest.mark.parametrize(
    ("protocol", "model"),
    [("anthropic-messages", "claude-sonnet-4-5"), ("openai-chat", "gpt-5-mini"), ("gemini", "gemini-2.5-pro")],
)
def test_the_most_is_what_the_dearer_of_cached_and_not_costs(protocol: Protocol, model: str, tokens_in: int) -> None:
    usage = {"input": tokens_in, "output": 700, "cache_read": 0, "reasoning": 0}
    costs = [
        prices.cost("http://127.0.0.1:9", protocol, [model], {**usage, "cache_write": written}).usd
        for written in (0, tokens_in)
    ]
    assert prices.most("http://127.0.0.1:9", protocol, model, tokens_in, 700) == max(filter(None, costs))


def test_a_model_without_a_price_has_no_most() -> None:
    assert prices.most("http://127.0.0.1:9", "anthropic-messages", "made-up-9", 1, 1) is None
    assert prices.most("http://127.0.0.1:9", "anthropic-messages", None, 1, 1) is None
