"""Figures for Prometheus and spans for OpenTelemetry; every name that either knows is in this file.

Without OpenTelemetry's SDK no span is kept, and nothing is the slower for it.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeAlias

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from adhere import __version__
from adhere.serve.visit import Visit

Compiled: TypeAlias = Literal["passed", "known", "refused", "too_complex"]
"""What became of a grammar that was asked for; known: it was tried before."""

# When a series was made is no use, and would be half of all lines.
disable_created_metrics()

CAUSES = frozenset(
    {
        "body_too_large",
        "concurrency_exceeded",
        "constraint_failed",
        "constraint_not_supported",
        "context_length_exceeded",
        "conversation_not_supported",
        "deadline_exceeded",
        "engine_fault",
        "headers_too_large",
        "host_not_allowed",
        "insufficient_scope",
        "invalid_api_key",
        "internal_error",
        "invalid_grammar",
        "invalid_json",
        "invalid_request",
        "invalid_schema",
        "malformed_request",
        "model_not_found",
        "not_ready",
        "overloaded",
        "promise_broken",
        "rate_limit_exceeded",
        "request_timeout",
        "schema_not_supported",
        "schema_too_complex",
        "unknown_url",
        "unsupported_media_type",
        "upstream_down",
        "timeout",
        "upstream_error",
        "upstream_key",
        "upstream_timeout",
    }
)
"""Codes of errors that are counted by name. Any other is `other`: nothing that is sent makes a new series."""
_CLIENTS = 256
"""Names of keys that are counted one by one; those that come later are `other`."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Bounds of the histograms: from a refusal to the longest answer that a server allows by default."""


class Telemetry:
    """What one server tells of itself.

    Its figures are its own: two servers in one process do not mix theirs.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """Begin at zero.

        Args:
            provider: Of spans; by default the process's own.
        """
        self._tracer = trace.get_tracer("adhere", __version__, provider)
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._clients: set[str] = set()
        self._requests = Counter(
            "adhere_requests", "Requests, by path and status.", ("route", "status"), registry=registry
        )
        self._refused = Counter("adhere_refused", "Errors, by their code.", ("cause",), registry=registry)
        self._left = Counter("adhere_left", "Replies whose client left before their end.", registry=registry)
        self._tokens = Counter(
            "adhere_tokens",
            "Tokens, by kind (prompt, of which cached; written) and by key.",
            ("kind", "client"),
            registry=registry,
        )
        self._promises = Counter(
            "adhere_promises", "Replies, by what became of the promise.", ("promise",), registry=registry
        )
        self._seconds = _histogram("adhere_request_seconds", "To the end of the reply.", registry, "route")
        self._first = _histogram("adhere_first_token_seconds", "To the first piece of a reply.", registry)
        self._queued = _histogram("adhere_queue_seconds", "Until the model began to write.", registry)
        self._compiling = _histogram("adhere_compile_seconds", "Making grammars.", registry, "outcome")
        self._connections = Gauge("adhere_connections", "Connections that are open.", registry=registry)
        self._dropped = Counter(
            "adhere_dropped_connections",
            "Connections closed by the server, by why.",
            ("why",),
            registry=registry,
        )
        self._bodies = Gauge("adhere_bodies_bytes", "Bytes of bodies held at the time.", registry=registry)

    def exposition(self) -> tuple[bytes, str]:
        """Return the figures as Prometheus reads them, and their content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def watch(self, **figures: Callable[[], float]) -> None:
        """Ask for figures whenever they are read: `waiting` is told as `adhere_waiting`."""
        for name, figure in figures.items():
            told = Gauge(f"adhere_{name}", f"{name.capitalize()} at the time.", registry=self._registry)
            told.set_function(figure)

    def ended(self, visit: Visit) -> None:
        """Count a request whose reply is over."""
        self._requests.labels(visit.route, str(visit.status)).inc()
        self._seconds.labels(visit.route).observe(visit.seconds)
        if visit.cause:
            self.refused(visit.cause)
        if not visit.whole:
            self._left.inc()
        if visit.promise is not None:
            self._promises.labels(visit.promise).inc()
        if visit.first_seconds is not None:
            self._first.observe(visit.first_seconds)
        if visit.queue_seconds is not None:
            self._queued.observe(visit.queue_seconds)
        client = self._client(visit.client)
        kinds = {"prompt": visit.prompt, "cached": visit.cached, "written": visit.tokens}
        for kind, count in kinds.items():
            if count:
                self._tokens.labels(kind, client).inc(count)

    def refused(self, cause: str) -> None:
        """Count an error."""
        self._refused.labels(cause if cause in CAUSES else "other").inc()

    def dropped(self, why: Literal["slow", "crowded", "reader"]) -> None:
        """Count a connection that was closed.

        Args:
            why: slow: its request did not come in time. crowded: there were too many. reader: nobody read the
                reply.
        """
        self._dropped.labels(why).inc()

    def compiled(self, seconds: float, outcome: Compiled) -> None:
        """Count a grammar that was asked for."""
        self._compiling.labels(outcome).observe(seconds)

    def connected(self, count: int) -> None:
        """Say how many connections there are."""
        self._connections.set(count)

    def held(self, count: int) -> None:
        """Say how many bytes of bodies are held."""
        self._bodies.set(count)

    def _client(self, name: str) -> str:
        if name not in self._clients:
            if len(self._clients) >= _CLIENTS:
                return "other"
            self._clients.add(name)
        return name

    @contextmanager
    def visiting(self, visit: Visit, headers: Mapping[str, str]) -> Generator[None]:
        """Span a request, as part of the trace that its `traceparent` names where it names one."""
        told = {"http.request.method": visit.method, "http.route": visit.route, "adhere.request_id": visit.id}
        with self._tracer.start_as_current_span(
            f"{visit.method} {visit.route}",
            context=propagate.extract(headers),
            kind=SpanKind.SERVER,
            attributes=told,
            # An exception's words may be a prompt's.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            finally:
                if span.is_recording():
                    _describe(span, visit)
                    self._span_parts(span, visit)

    def _span_parts(self, span: Span, visit: Visit) -> None:
        """Span what the request's time went into, now that it is known."""
        context = trace.set_span_in_context(span)
        began = time.time_ns() - time.monotonic_ns()
        for name, start, end in visit.parts:
            part = self._tracer.start_span(
                f"adhere.{name}", context=context, start_time=began + int(start * 1e9)
            )
            part.end(began + int(end * 1e9))


def outgoing() -> dict[str, str]:
    """Return headers by which a server upstream goes on with the trace of the request at hand."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def trace_id() -> str:
    """Return the id of the trace of the request at hand; empty where there is none."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def _describe(span: Span, visit: Visit) -> None:
    """Say of a request what is known at its end; nothing of what was asked or answered."""
    known = {
        "http.response.status_code": visit.status,
        "error.type": visit.cause,
        "gen_ai.usage.input_tokens": visit.prompt,
        "gen_ai.usage.output_tokens": visit.tokens,
        "gen_ai.response.finish_reasons": (visit.finish,) if visit.finish else None,
        "adhere.client": visit.client,
        "adhere.schema": visit.schema,
        "adhere.promise": visit.promise,
        "adhere.queue_seconds": visit.queue_seconds,
        "adhere.first_token_seconds": visit.first_seconds,
    }
    span.set_attributes({name: value for name, value in known.items() if value})
    if visit.status >= 500:
        span.set_status(StatusCode.ERROR)


def _histogram(name: str, purpose: str, registry: CollectorRegistry, *labels: str) -> Histogram:
    return Histogram(name, f"Seconds. {purpose}", labels, registry=registry, buckets=_SECONDS)
