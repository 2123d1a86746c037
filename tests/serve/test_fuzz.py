"""Whatever our own description of the API allows or forbids, the server does not fail at it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
)
from tests.serve.served import Served, served

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, negative_data_rejection]
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
"""What is no fault of a test whose data are whole requests."""
BODIES = {
    "/v1/chat/completions": "ChatBody",
    "/v1/completions": "CompletionBody",
    "/v1/responses": "ResponseBody",
}


@pytest.fixture(scope="module")
def short() -> Iterator[Served]:
    """`adhere serve`, whose answers are short."""
    with served("--max-new-tokens", "4") as running:
        yield running


@pytest.fixture(scope="module")
def description(short: Served) -> Any:
    """What /openapi.json says; but with a model that is there."""
    described = json.loads(short.get("/openapi.json"))
    for body in BODIES.values():
        described["components"]["schemas"][body]["properties"]["model"] = {"const": "nano"}
    return schemathesis.openapi.from_dict(described)


@pytest.mark.slow
@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("path", BODIES)
def test_no_request_makes_the_server_fail(
    short: Served, description: Any, path: str, mode: GenerationMode
) -> None:
    cases: st.SearchStrategy[schemathesis.Case] = description[path]["POST"].as_strategy(generation_mode=mode)

    @settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=SLOW)
    @given(case=cases)
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=short.url, checks=CHECKS, timeout=60)

    ask()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/{model_id}", "/healthz", "/readyz", "/metrics"])
def test_no_question_makes_the_server_fail(short: Served, description: Any, path: str) -> None:
    @settings(max_examples=20, derandomize=True, deadline=None, suppress_health_check=SLOW)
    @given(case=description[path]["GET"].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=short.url, checks=CHECKS[:3], timeout=60)

    ask()
