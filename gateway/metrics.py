"""What Prometheus is told of calls: the names, and what they count.

No label says anything that a client could make up: what it names is counted under a name that the configuration knows,
or as `other`. https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from gateway.config import Settings
    from gateway.rows import Row

REQUESTS = "llm_gateway_requests_total"
DURATION = "llm_gateway_request_duration_seconds"
FIRST_BYTE = "llm_gateway_time_to_first_byte_seconds"
ATTEMPTS = "llm_gateway_upstream_attempts_total"
TOKENS = "llm_gateway_tokens_total"
REASONING = "llm_gateway_reasoning_tokens_total"
COST = "llm_gateway_cost_usd_total"
UNPRICED = "llm_gateway_unpriced_requests_total"
REFUSALS = "llm_gateway_refusals_total"
ABORTS = "llm_gateway_stream_aborts_total"
DROPPED = "llm_gateway_translation_dropped_fields_total"
ACTIVE = "llm_gateway_active_requests"
STREAMS = "llm_gateway_active_streams"
ROWS_LOST = "llm_gateway_audit_rows_lost_total"

MetricT = TypeVar("MetricT", Counter, Histogram)

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68)
NONE, OTHER = "none", "other"


class Metrics:
    """`active` and `streams` count what runs now; `rows_lost` is what the audit could not keep."""

    def __init__(
        self,
        models: Collection[str],
        active: Callable[[], int] = int,
        streams: Callable[[], int] = int,
        rows_lost: Callable[[], int] = int,
    ) -> None:
        self._models = frozenset(models)
        self.registry = registry = CollectorRegistry()
        where = ("protocol", "provider")
        self._requests = Counter(REQUESTS, "Calls.", ("route", *where, "model", "status_class"), registry=registry)
        self._duration = Histogram(DURATION, "Whole calls.", (*where, "stream"), buckets=SECONDS, registry=registry)
        self._first_byte = Histogram(
            FIRST_BYTE, "Until a body's first piece.", (*where, "stream"), buckets=SECONDS, registry=registry
        )
        self._attempts = Counter(ATTEMPTS, "Providers asked.", ("provider", "outcome"), registry=registry)
        self._tokens = Counter(
            TOKENS, "As providers report them.", ("provider", "model", "direction", "cache"), registry=registry
        )
        self._reasoning = Counter(REASONING, "Among those put out.", ("provider", "model"), registry=registry)
        self._cost = Counter(COST, "At list prices.", ("provider", "model"), registry=registry)
        self._unpriced = Counter(UNPRICED, "Used tokens of no known price.", ("provider", "model"), registry=registry)
        self._refusals = Counter(REFUSALS, "The gateway's own answers.", ("rule",), registry=registry)
        self._aborts = Counter(ABORTS, "Streams without their end.", ("side",), registry=registry)
        self._dropped = Counter(DROPPED, "Left out in translation.", ("pair",), registry=registry)
        Gauge(ACTIVE, "Calls that are running.", registry=registry).set_function(active)
        Gauge(STREAMS, "Streams among them.", registry=registry).set_function(streams)
        registry.register(Counted(ROWS_LOST, "Rows that the audit could not keep.", rows_lost))
        ProcessCollector(registry=registry)
        self._of = cache(labelled)  # there are no more series than the configuration has

    async def collected(self) -> CollectorRegistry:
        return self.registry

    def record(self, row: Row) -> None:
        protocol, provider, model = row["surface"] or NONE, row["provider"] or NONE, self._named(row["client_model"])
        stream = "true" if row["stream"] else "false"
        self._of(self._requests, row["route"] or NONE, protocol, provider, model, status_class(row["status"])).inc()
        self._of(self._duration, protocol, provider, stream).observe(row["duration_ms"] / 1000)
        if row["ttfb_ms"] is not None:
            self._of(self._first_byte, protocol, provider, stream).observe(row["ttfb_ms"] / 1000)
        for attempt in row["attempts"]:
            self._of(self._attempts, attempt["provider"], status_class(attempt["status"], "unanswered")).inc()
        if row["usage"] is not None:
            self._count_tokens(row, provider, model)
        if row["rule"]:
            self._of(self._refusals, row["rule"]).inc()
        if row["stream"] and row["aborted_by"]:
            self._of(self._aborts, row["aborted_by"]).inc()
        if row["dropped"]:
            self._of(self._dropped, f"{protocol}>{row['protocol']}").inc(len(row["dropped"]))

    def _count_tokens(self, row: Row, provider: str, model: str) -> None:
        usage = row["usage"]
        read, written = usage["cache_read"], usage["cache_write"]
        fresh = max(0, usage["input"] - read - written)
        for count, direction, cached in (
            (fresh, "input", NONE),
            (read, "input", "read"),
            (written, "input", "write"),
            (usage["output"], "output", NONE),
        ):
            if count > 0:
                self._of(self._tokens, provider, model, direction, cached).inc(count)
        if usage["reasoning"] > 0:
            self._of(self._reasoning, provider, model).inc(usage["reasoning"])
        if row["cost_usd"] is None:
            self._of(self._unpriced, provider, model).inc()
        else:
            self._of(self._cost, provider, model).inc(row["cost_usd"])

    def _named(self, model: str | None) -> str:
        if model is None:
            return NONE
        return model if model in self._models else OTHER


def labelled(metric: MetricT, *labels: str) -> MetricT:
    return metric.labels(*labels)


class Counted:
    """A counter that somebody else keeps."""

    def __init__(self, name: str, documentation: str, count: Callable[[], int]) -> None:
        self._name = name
        self._documentation = documentation
        self._count = count

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._documentation, self._count())


def status_class(status: int | None, none: str = NONE) -> str:
    return none if status is None else f"{status // 100}xx"


def known_models(settings: Settings) -> set[str]:
    more = settings.metrics.models if settings.metrics else ()
    return {model.name for model in settings.models} | set(more)
