"""Three spans for a call: what was asked of us, the model's work, and each provider that was tried. No content.

All are made when the call is over, with the times that it had: a call itself waits for none of it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Self

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gateway import conventions as names
from gateway import tracing
from gateway.errors import SERVER_ERRORS
from gateway.rows import host_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.util.types import AttributeValue

    from gateway.calls import Call, Tried
    from gateway.config import Telemetry as Settings
    from gateway.rows import Row

EXPORT_SECONDS = 5
CLIENT_ERRORS = 400
NANOSECONDS = 1_000_000_000


class Telemetry:
    """Spans are exported in batches by a thread of their own; when it cannot follow, they are dropped."""

    def __init__(self, settings: Settings) -> None:
        self._moving = names.MOVING[settings.names]
        self._settings = settings

    async def __aenter__(self) -> Self:
        resource = Resource.create({SERVICE_NAME: self._settings.service_name})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter(self._settings)))
        self._tracer = self._provider.get_tracer("gateway")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._provider.shutdown)

    def record(self, call: Call, row: Row) -> str:
        """The trace that the call belongs to: the caller's, or a new one."""
        clock = Clock()
        method = names.method(row["method"])
        name = method if method in names.METHODS else "HTTP"
        request = self._tracer.start_span(
            f"{name} {row['route']}" if row["route"] else name,
            remote(call),
            SpanKind.SERVER,
            known(asked(row, method)),
            start_time=clock.at(call.arrived),
        )
        if call.tried and request.is_recording():
            self._work(call, row, clock, trace.set_span_in_context(request))
        if (row["status"] or SERVER_ERRORS) >= SERVER_ERRORS:
            request.set_status(Status(StatusCode.ERROR))
        request.end(clock.now)
        return trace.format_trace_id(request.get_span_context().trace_id)

    def _work(self, call: Call, row: Row, clock: Clock, context: Context) -> None:
        operation = names.operation(call.place.endpoint) if call.place else None
        if operation is None:
            return self._tries(call, row, clock, context)
        work = self._tracer.start_span(
            f"{operation} {row['client_model']}" if row["client_model"] else operation,
            context,
            SpanKind.CLIENT,
            known(self._worked(row, operation)),
            start_time=clock.at(call.tried[0].began),
        )
        self._tries(call, row, clock, trace.set_span_in_context(work))
        if failure(row):
            work.set_status(Status(StatusCode.ERROR))
        work.end(clock.now)
        return None

    def _tries(self, call: Call, row: Row, clock: Clock, context: Context) -> None:
        method = names.method(row["method"])
        for tried in call.tried:
            span = self._tracer.start_span(
                method if method in names.METHODS else "HTTP",
                context,
                SpanKind.CLIENT,
                known(attempted(tried, method)),
                start_time=clock.at(tried.began),
            )
            if (tried.status or SERVER_ERRORS) >= CLIENT_ERRORS:
                span.set_status(Status(StatusCode.ERROR))
            span.end(clock.now if tried.ended is None else clock.at(tried.ended))

    def _worked(self, row: Row, operation: str) -> dict[str, Any]:
        usage = row["usage"] or {}
        return {
            names.OPERATION: operation,
            names.PROVIDER: names.PROVIDERS[row["protocol"]],
            names.UPSTREAM: row["provider"],
            names.REQUEST_MODEL: row["client_model"],
            names.REQUEST_STREAM: row["stream"],
            names.RESPONSE_MODEL: row["model"] if row["usage"] else None,
            names.FIRST_CHUNK: None if row["ttft_ms"] is None else row["ttft_ms"] / 1000,
            names.FINISH_REASONS: ["error"] if row["aborted_by"] else None,
            names.INPUT_TOKENS: usage.get("input"),
            names.OUTPUT_TOKENS: usage.get("output"),
            names.CACHE_READ_TOKENS: usage.get("cache_read"),
            self._moving.cache_write_tokens: usage.get("cache_write"),
            names.REASONING_TOKENS: usage.get("reasoning"),
            names.SERVER_ADDRESS: row["upstream_host"],
            names.ERROR_TYPE: failure(row),
            names.COST: row["cost_usd"],
        }


class Clock:
    """Wall time, in nanoseconds, of what was timed without it."""

    def __init__(self) -> None:
        self.now = time.time_ns()
        self._counted = time.perf_counter()

    def at(self, counted: float) -> int:
        return self.now - int((self._counted - counted) * NANOSECONDS)


def exporter(settings: Settings) -> SpanExporter:
    """Headers for the collector come from OTEL_EXPORTER_OTLP_HEADERS, as everywhere."""
    return OTLPSpanExporter(f"{settings.endpoint}/v1/traces", timeout=EXPORT_SECONDS)


def remote(call: Call) -> Context | None:
    parent = tracing.parent(call.request.headers)
    if parent is None:
        return None
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    span = SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(span))


def asked(row: Row, method: str) -> dict[str, Any]:
    failed = row["status"] is None or row["status"] >= SERVER_ERRORS
    return {
        names.METHOD: method,
        names.ROUTE: row["route"],
        names.PATH: row["path"],
        names.SCHEME: "http",
        names.STATUS_CODE: row["status"],
        names.ERROR_TYPE: failure(row) if failed else None,
        names.REQUEST_ID: row["request_id"],
        names.KEY: row["key"],
        names.RUN: row["run"],
        names.DECISION: row["decision"],
        names.RULE: row["rule"],
    }


def attempted(tried: Tried, method: str) -> dict[str, Any]:
    failed = tried.status is None or tried.status >= CLIENT_ERRORS
    return {
        names.METHOD: method,
        names.SERVER_ADDRESS: host_of(tried.route.upstream.base_url),
        names.UPSTREAM: tried.route.upstream.provider,
        names.STATUS_CODE: tried.status,
        names.ERROR_TYPE: (tried.error or str(tried.status or "unanswered")) if failed else None,
    }


def failure(row: Row) -> str | None:
    if row["aborted_by"]:
        return f"aborted-by-{row['aborted_by']}"
    return str(row["status"]) if (row["status"] or SERVER_ERRORS) >= CLIENT_ERRORS else None


def known(attributes: dict[str, Any]) -> dict[str, AttributeValue]:
    return {name: value for name, value in attributes.items() if value is not None}
