"""What a call may cost before it is made, and what it has used when it is over: as reported, else as it looks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateway import prices
from gateway.limits import picodollars
from gateway.rows import countable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.calls import Call
    from gateway.routes import Place, Route

FAILURES = 300
BYTES_PER_TOKEN = 3
"""Of a request, or of the text of an answer: English has four and more, other languages and code have fewer."""

MEDIA = re.compile(rb"[A-Za-z0-9+/=_-]{1024,}")
MEDIA_TOKENS = 2000
"""What a picture or a document in base64 counts for, however large it is."""

MOST_PICODOLLARS = 10**17
BOUNDS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens")
SETTINGS = ("generationConfig", "generation_config", "inferenceConfig")
CHOICES = ("n", "candidateCount", "best_of")
SPENDING = {"generate", "compact"}
METERED = {"embeddings", "completions"}
UNMETERED = {"batches", "images", "audio", "vector_stores"}
"""Of the further routes those whose answers say what they have used, and those that cost what no answer says."""


def spends(place: Place) -> bool:
    """Whether a call to this place can cost anything that its answer tells."""
    endpoint = place.endpoint
    if endpoint.further:
        return endpoint.further in METERED
    return endpoint.operation in SPENDING or "/converse" in endpoint.path


def spends_unseen(place: Place, method: str) -> bool:
    return place.endpoint.further in UNMETERED and method == "POST" and not place.path.endswith("/cancel")


@dataclass(frozen=True)
class Used:
    tokens: int
    picodollars: int


NOTHING = Used(0, 0)


@dataclass(frozen=True)
class Estimate:
    """Of one call to a place that spends. `output_tokens` is what a call without a bound is taken to ask for."""

    call: Call
    output_tokens: int

    @cached_property
    def tokens_in(self) -> int:
        body = self.call.body
        media = [len(found) for found in MEDIA.findall(body)]
        return (len(body) - sum(media)) // BYTES_PER_TOKEN + MEDIA_TOKENS * len(media) + 1

    @cached_property
    def tokens_out(self) -> int:
        """As many as the call allows its answer."""
        asked = self.call.asked
        settings = [asked, *(found for name in SETTINGS if isinstance(found := asked.get(name), dict))]
        bounds = list(numbers(settings, BOUNDS))
        return max(bounds, default=self.output_tokens) * max(numbers(settings, CHOICES), default=1)

    def most(self, way: Route) -> int | None:
        """In picodollars; None where the provider's model has no known price."""
        return self._priced(way, self.tokens_in, self.tokens_out)

    def used(self) -> Used:
        """To be asked for when the call is over. Who asked a provider and left before the answer pays the question."""
        asked = [tried for tried in self.call.tried if tried.error is None]
        if not asked or (asked[-1].status or 0) >= FAILURES:
            return NOTHING
        way = asked[-1].route
        usage = countable(self.call.reading.usage)
        if usage is None:
            tokens_out = self.tokens_out if self.call.asked.get("background") else self._seen
            cost = self._priced(way, self.tokens_in, tokens_out)
            return Used(self.tokens_in + tokens_out, cost or 0)
        if self.call.streamed and self.call.end != "complete":
            usage = {**usage, "output": max(usage["output"], self._seen)}
        usd, _ = prices.cost(way.upstream.base_url, way.protocol, self._names(way), usage)
        cost = self._priced(way, usage["input"], usage["output"]) if usd is None else picodollars(usd)
        return Used(usage["input"] + usage["output"], min(cost or 0, MOST_PICODOLLARS))

    @property
    def _seen(self) -> int:
        """Tokens of the answer that have come so far."""
        said = self.call.said if self.call.streamed else self.call.bytes_out
        return -(-said // BYTES_PER_TOKEN)

    def _priced(self, way: Route, tokens_in: int, tokens_out: int) -> int | None:
        found = (
            prices.most(way.upstream.base_url, way.protocol, name, tokens_in, tokens_out) for name in self._names(way)
        )
        usd = next((usd for usd in found if usd is not None), None)
        return None if usd is None else min(picodollars(usd), MOST_PICODOLLARS)

    def _names(self, way: Route) -> tuple[str | None, ...]:
        """The answer's own name for the model is the more exact one, unless the gateway has put the client's there."""
        if way.renamed:
            return (way.upstream_name,)
        return self.call.reading.model, way.upstream_name or self.call.model_asked_for


def numbers(settings: Sequence[dict[str, Any]], names: Iterable[str]) -> Iterable[int]:
    found = (table.get(name) for table in settings for name in names)
    return [value for value in found if isinstance(value, int) and value > 0]
