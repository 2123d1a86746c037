"""What a client is told where the server upstream brought no reply."""

import json

import pytest

from adhere.endpoint.line import Fault
from adhere.endpoint.reply import Cause
from adhere.serve import relayed


def fault(cause: Cause, *, status: int | None = None, body: bytes = b"", after: float | None = None) -> Fault:
    made = Fault(cause, f"HTTP {status}" if status else cause, again=False)
    made.status, made.body, made.after = status, body, after
    return made


@pytest.mark.parametrize(
    ("given", "status", "code", "retry_after"),
    [
        pytest.param(fault("status", status=429, after=7.0), 429, "rate_limit_exceeded", 7.0, id="429"),
        pytest.param(fault("status", status=503, after=3.0), 503, "upstream_busy", 3.0, id="503"),
        pytest.param(fault("status", status=503), 503, "upstream_busy", 1.0, id="503 without a time"),
        pytest.param(fault("timeout"), 504, "upstream_timeout", None, id="a time that is over"),
        pytest.param(fault("connection"), 502, "upstream_error", None, id="no connection"),
        pytest.param(fault("malformed"), 502, "upstream_error", None, id="garbage"),
        pytest.param(fault("oversize"), 502, "upstream_error", None, id="an endless body"),
        pytest.param(fault("status", status=500), 502, "upstream_error", None, id="500"),
        pytest.param(fault("status", status=404), 502, "upstream_error", None, id="no such model"),
        pytest.param(fault("status", status=307), 502, "upstream_error", None, id="a redirect"),
        pytest.param(fault("status", status=401), 502, "upstream_key", None, id="our key"),
        pytest.param(fault("status", status=403), 502, "upstream_key", None, id="our key, again"),
        pytest.param(fault("status", status=400), 400, "upstream_refused", None, id="400"),
        pytest.param(fault("status", status=413), 413, "upstream_refused", None, id="413"),
        pytest.param(fault("status", status=422, body=b"<html>"), 422, "upstream_refused", None, id="422"),
    ],
)
def test_each_fault_has_its_status(given: Fault, status: int, code: str, retry_after: float | None) -> None:
    told = relayed.refusal(given, said=str(given))
    assert (told.status, told.code, told.retry_after) == (status, code, retry_after)
    assert "\n" not in told.message


def test_what_a_server_finds_wrong_with_a_request_is_passed_on_with_its_words() -> None:
    error = {"message": "too long:\n9 > 8 tokens", "param": "messages", "code": "context_length_exceeded"}
    told = relayed.refusal(fault("status", status=400, body=json.dumps({"error": error}).encode()), said="")
    assert (told.param, told.code) == ("messages", "context_length_exceeded")
    assert told.message == "The server upstream refuses the request: too long: 9 > 8 tokens"
