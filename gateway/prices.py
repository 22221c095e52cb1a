"""What a call cost, by the prices that genai-prices carries: nothing is ever downloaded.

Not known to it: service tiers, batch discounts, and whether a cache write is to last an hour (it is priced as one of
five minutes).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import genai_prices
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import TieredPrices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from genai_prices.types import ModelInfo, ModelPrice, Provider

    from gateway.surfaces import Protocol


Status = Literal["priced", "unpriced"]

SOURCE = f"genai-prices {genai_prices.__version__}"
PROVIDERS: dict[Protocol, str] = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic-messages": "anthropic",
    "gemini": "google",
    "azure-openai": "azure",
    "bedrock": "aws",
    "vertex": "google",
    "mistral": "mistral",
}
"""Whose prices count where the address of a provider says nothing."""
NAMES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "output_reasoning_tokens",
}
"""Our counts and theirs; both take input as including the cache, and output as including what was thought."""
PRICES_HOLD_SECONDS = 60
DIGITS = 18


class Cost(NamedTuple):
    """In US dollars; None where the model has no known price or the counts contradict each other."""

    usd: Decimal | None
    status: Status


class Rates(NamedTuple):
    """What one token costs, as long as the input has at most `most_input` of them: long contexts cost more.

    In 10^-18 dollars, in whole numbers: exact enough for the sums of a century, and much faster than decimals.
    """

    prices: ModelPrice
    most_input: float
    none: int
    fresh: int
    cache_read: int
    cache_write: int
    said: int
    thought: int


UNPRICED = Cost(None, "unpriced")
get_snapshot()  # a third of a second, and many objects: at the start, not in the first call


def cost(base_url: str, protocol: Protocol, models: Iterable[str | None], usage: Mapping[str, int]) -> Cost:
    """By the first of the model's names that has a price."""
    minute = this_minute()
    for model in models:
        if model and (known := rates(base_url, protocol, model, minute)):
            return charged(known, usage)
    return UNPRICED


def most(base_url: str, protocol: Protocol, model: str | None, tokens_in: int, tokens_out: int) -> Decimal | None:
    """What so many tokens cost at most, cached on the way or not; None where the model has no known price."""
    known = rates(base_url, protocol, model, this_minute()) if model else None
    if known and tokens_in <= known.most_input:
        dearest = known.none + max(known.fresh, known.cache_write) * tokens_in + known.said * tokens_out
        return Decimal(dearest).scaleb(-DIGITS)
    usage = {"input": tokens_in, "output": tokens_out, "cache_read": 0, "reasoning": 0}
    costs = [cost(base_url, protocol, (model,), {**usage, "cache_write": written}).usd for written in (0, tokens_in)]
    return max((usd for usd in costs if usd is not None), default=None)


def this_minute() -> int:
    return int(time.time() // PRICES_HOLD_SECONDS)


def charged(known: Rates, usage: Mapping[str, int]) -> Cost:
    try:
        return Cost(charge(known, usage), "priced")
    except ValueError:
        return UNPRICED


def charge(known: Rates, usage: Mapping[str, int]) -> Decimal:
    read, written, thought = usage["cache_read"], usage["cache_write"], usage["reasoning"]
    fresh, said = usage["input"] - read - written, usage["output"] - thought
    if min(read, written, thought, fresh, said) < 0:
        raise ValueError("the counts contradict each other")
    if usage["input"] > known.most_input:
        return known.prices.calc_price(Usage(**{name: usage[ours] for ours, name in NAMES.items()}))["total_price"]
    fine = (
        known.none
        + known.fresh * fresh
        + known.cache_read * read
        + known.cache_write * written
        + known.said * said
        + known.thought * thought
    )
    return Decimal(fine).scaleb(-DIGITS)


@lru_cache(1024)
def rates(base_url: str, protocol: Protocol, model: str, _minute: int) -> Rates | None:
    """Asking the library costs as much as half a call; within a tier of its prices a few products say the same."""
    found = provider_of(base_url, protocol).find_model(model.lower(), all_providers=get_snapshot().providers)
    return rates_of(found) if found else None


def rates_of(model: ModelInfo) -> Rates | None:
    """None where the prices do not fit together."""
    prices = model.get_prices(datetime.now(UTC))
    try:
        none = total(prices)
        return Rates(
            prices,
            most_input(prices),
            none,
            total(prices, input_tokens=1) - none,
            total(prices, input_tokens=1, cache_read_tokens=1) - none,
            total(prices, input_tokens=1, cache_write_tokens=1) - none,
            total(prices, output_tokens=1) - none,
            total(prices, output_tokens=1, output_reasoning_tokens=1) - none,
        )
    except ValueError:
        return None


def total(prices: ModelPrice, **tokens: int) -> int:
    return round(prices.calc_price(Usage(**tokens))["total_price"].scaleb(DIGITS))


def most_input(prices: ModelPrice) -> float:
    tiered = [price for price in vars(prices).values() if isinstance(price, TieredPrices)]
    return min((tier.start for price in tiered for tier in price.tiers), default=float("inf"))


@lru_cache
def provider_of(base_url: str, protocol: Protocol) -> Provider:
    """Whoever answers at the address; else whoever the protocol belongs to."""
    snapshot = get_snapshot()
    try:
        return snapshot.find_provider(None, None, base_url)
    except LookupError:
        return snapshot.find_provider(None, PROVIDERS[protocol], None)
