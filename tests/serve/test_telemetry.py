"""What a server tells Prometheus and OpenTelemetry, and what it does not."""

import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client.parser import text_string_to_metric_families
from tests.serve.guarded import awaited, guarded

from adhere.serve.telemetry import Telemetry, outgoing, trace_id
from adhere.serve.visit import Visit

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    yield kept
    kept.shutdown()


@pytest.fixture
def telemetry(exporter: InMemorySpanExporter) -> Telemetry:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Telemetry(provider)


def whole(exporter: InMemorySpanExporter) -> ReadableSpan | None:
    """Return the span of a request, which is ended after those of its parts."""
    return next((span for span in exporter.get_finished_spans() if span.name.startswith("POST")), None)


def figures(telemetry: Telemetry) -> dict[str, float]:
    """Return every series by its name and labels."""
    text, kind = telemetry.exposition()
    assert kind.startswith("text/plain")
    families = text_string_to_metric_families(text.decode())
    return {
        ",".join([sample.name, *map(str, sample.labels.values())]): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_request_is_counted_by_path_status_and_what_it_took() -> None:
    telemetry = Telemetry()
    visit = Visit(id="a", route="/v1/completions", client="billing", status=200, whole=True, promise="kept")
    visit.spent(prompt=100, cached=60, tokens=20)
    visit.spent(tokens=5)
    visit.began, visit.began_writing, visit.first, visit.ended = 10.0, 10.5, 11.0, 12.0
    telemetry.ended(visit)
    told = figures(telemetry)
    assert told["adhere_requests_total,/v1/completions,200"] == 1
    assert told["adhere_request_seconds_sum,/v1/completions"] == 2.0
    assert told["adhere_queue_seconds_sum"] == 0.5
    assert told["adhere_first_token_seconds_sum"] == 1.0
    assert told["adhere_promises_total,kept"] == 1
    assert told["adhere_tokens_total,billing,prompt"] == 100
    assert told["adhere_tokens_total,billing,cached"] == 60
    assert told["adhere_tokens_total,billing,written"] == 25
    assert told["adhere_left_total"] == 0


def test_moments_are_noted_once() -> None:
    visit = Visit(id="a")
    assert (visit.queue_seconds, visit.first_seconds) == (None, None)
    visit.entered()
    visit.first_token()
    first = visit.queue_seconds, visit.first_seconds
    visit.entered()
    visit.first_token()
    assert (visit.queue_seconds, visit.first_seconds) == first
    assert visit.seconds >= 0


def test_errors_are_counted_by_code_and_no_stranger_makes_a_series() -> None:
    telemetry = Telemetry()
    for number in range(1000):
        telemetry.ended(Visit(id="a", status=400, cause=f"made_up_{number}"))
        telemetry.ended(Visit(id="a", status=200, client=f"key-{number}", tokens=1, whole=True))
    telemetry.refused("rate_limit_exceeded")
    told = figures(telemetry)
    assert told["adhere_refused_total,other"] == 1000
    assert told["adhere_refused_total,rate_limit_exceeded"] == 1
    assert told["adhere_tokens_total,other,written"] == 1000 - 255  # an empty name is one of the 256
    assert told["adhere_left_total"] == 1000
    assert len(told) < 600


def test_grammars_connections_and_what_is_watched_are_told() -> None:
    telemetry = Telemetry()
    telemetry.compiled(0.25, "too_complex")
    telemetry.dropped("slow")
    telemetry.watch(waiting=lambda: 3)
    told = figures(telemetry)
    assert told["adhere_compile_seconds_sum,too_complex"] == 0.25
    assert told["adhere_dropped_connections_total,slow"] == 1
    assert told["adhere_waiting"] == 3


def test_two_servers_of_a_process_do_not_mix_their_figures() -> None:
    first, second = Telemetry(), Telemetry()
    first.refused("overloaded")
    assert "adhere_refused_total,overloaded" not in figures(second)


def test_a_request_is_a_span_of_the_trace_that_its_client_names(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    with guarded(telemetry=telemetry, content=True) as server:
        body = {"prompt": 7, "tokens": 5, "words": "the text of a prompt"}
        reply = server.post(body, traceparent=PARENT)
        span = awaited(lambda: whole(exporter))
        line = server.line_of(reply.headers["x-request-id"])
    assert span.name == "POST /v1/completions"
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == TRACE == line["trace_id"]
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.attributes is not None
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/completions",
        "http.response.status_code": 200,
        "adhere.request_id": reply.headers["x-request-id"],
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 5,
    }


def test_a_fault_marks_its_span_and_its_words_stay_out(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    with guarded(telemetry=telemetry) as server:
        server.post({"do": "fail", "words": "the text of a prompt"})
        span = awaited(lambda: whole(exporter))
    assert span.status.status_code == StatusCode.ERROR
    assert "the text of a prompt" not in span.to_json()


def test_parts_of_a_request_are_spans_in_it_and_a_server_upstream_goes_on_with_the_trace(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    visit = Visit(id="a", method="POST", route="/v1/completions", schema="abc", promise="kept", finish="stop")
    visit.began, visit.came, visit.began_writing, visit.ended = 1.0, 1.5, 3.5, 8.0
    with telemetry.visiting(visit, {"traceparent": PARENT}):
        assert trace_id() == TRACE
        assert outgoing()["traceparent"].startswith(f"00-{TRACE}-")
    *parts, whole = exporter.get_finished_spans()
    assert [(part.name, seconds(part), part.parent) for part in parts] == [
        ("adhere.receive", 0.5, whole.context),
        ("adhere.queue", 2.0, whole.context),
        ("adhere.write", 4.5, whole.context),
    ]
    assert json.loads(whole.to_json())["attributes"]["gen_ai.response.finish_reasons"] == ["stop"]


def test_a_request_that_did_not_come_whole_has_no_parts(
    telemetry: Telemetry, exporter: InMemorySpanExporter
) -> None:
    with telemetry.visiting(Visit(id="a", method="POST", route="/", status=408), {}):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.name == "POST /"


def seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return round((span.end_time - span.start_time) / 1e9, 3)


def test_without_the_sdk_a_trace_goes_on_and_nothing_is_kept() -> None:
    telemetry = Telemetry()
    with telemetry.visiting(Visit(id="a", method="GET", route="/"), {"traceparent": PARENT}):
        assert trace_id() == TRACE
        assert outgoing()["traceparent"] == PARENT
    assert trace_id() == ""
    assert outgoing() == {}
