"""Keys and prompts stay where they belong, whatever is asked, and whatever goes wrong."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.guarded import Reply, awaited, heard, made_key, spelled
from tests.serve.served import Served, served
from tests.serve.test_limits import PATH, TEXT, asked, record, under
from tests.serve.test_sockets import connected

PROMPT = "Mrs Eberhardt of 12 Quince Lane owes 4711 euros"
ANSWER = "a" * 30
CLIENT = {"content_type": "application/json", "host": "127.0.0.1"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.json"


@pytest.fixture(scope="module")
def keys(path: Path) -> dict[str, str]:
    limits = {"requests_per_minute": 1, "scopes": ("generate", "metrics")}
    return {
        "good": made_key(path, "good", scopes=("generate", "models", "metrics")),
        "spent": made_key(path, "spent", **limits),
        "models": made_key(path, "models", scopes=("models",)),
        "unknown": "adh_00000000_" + "Z" * 43,
        "another": "sk-proj-abcdefgh12345678",
    }


@pytest.fixture(scope="module")
def strict(path: Path, keys: dict[str, str]) -> Iterator[Served]:
    """A server with keys, small limits and a queue of one."""
    assert keys
    flags = ("--keys", str(path), "--queue", "1", "--rows", "1", "--workers", "1")
    with served(*flags, "--limits.receipt", "1", "--max-new-tokens", "200") as running:
        yield running


def ask(server: Served, key: str, body: object, *, path: str = PATH) -> Reply:
    headers = {**CLIENT, "authorization": f"Bearer {key}"}
    with connected(server) as line:
        line.sendall(spelled(body, path=path, method="GET" if body is None else "POST", **headers))
        return heard(line)


def with_prompt(**more: object) -> dict[str, object]:
    return {**asked(), "messages": [{"role": "user", "content": PROMPT}], **more}


def test_no_log_no_figure_and_no_error_has_a_key_or_a_prompt(strict: Served, keys: dict[str, str]) -> None:
    good = keys["good"]
    schema = {**under(record(a={"const": ANSWER}, b=TEXT)), "messages": with_prompt()["messages"]}
    refused = [
        ask(strict, keys["unknown"], with_prompt()),
        ask(strict, keys["another"], with_prompt()),
        ask(strict, keys["models"], with_prompt()),
        *(ask(strict, keys["spent"], with_prompt()) for _ in range(2)),
        ask(strict, good, with_prompt(surprise=1)),
        ask(strict, good, with_prompt(n=9)),
        ask(strict, good, with_prompt(model="other")),
        ask(strict, good, {**schema, "stop": ["x"]}),
        ask(strict, good, {**under(record(a={"not": {}})), "messages": with_prompt()["messages"]}),
        ask(strict, good, with_prompt(), path="/v1/nothing"),
    ]
    served_well = [
        ask(strict, good, schema),
        ask(strict, good, with_prompt()),
        ask(strict, good, None, path="/v1/models"),
    ]
    figures = ask(strict, good, None, path="/metrics").body.decode()
    assert [reply.status for reply in served_well] == [200, 200, 200]
    assert [reply.status for reply in refused] == [401, 401, 403, 200, 429, 400, 400, 404, 400, 400, 404]
    errors = b"".join(reply.body for reply in refused if reply.status != 200).decode()
    told = strict.told
    for place in (errors, told, figures):
        for secret in [*keys.values(), *(key[-20:] for key in keys.values())]:
            assert secret not in place
        assert "Eberhardt" not in place
    assert ANSWER not in told + figures
    assert {json.loads(line)["client"] for line in told.splitlines() if '"client"' in line} == {
        "good",
        "spent",
        "models",
    }


def test_a_queue_that_is_full_says_when_to_come_again(strict: Served, keys: dict[str, str]) -> None:
    headers = {**CLIENT, "authorization": f"Bearer {keys['good']}"}
    lines = [connected(strict) for _ in range(6)]
    for line in lines:
        line.sendall(spelled(with_prompt(max_tokens=200), path=PATH, **headers))
    replies = [heard(line) for line in lines]
    for line in lines:
        line.close()
    statuses = {reply.status for reply in replies}
    assert statuses <= {200, 429, 503}
    assert {200} < statuses
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in replies if reply.status != 200)


def test_no_answer_has_more_tokens_than_the_server_allows(strict: Served, keys: dict[str, str]) -> None:
    reply = ask(strict, keys["good"], with_prompt(max_tokens=10**9))
    assert json.loads(reply.body)["usage"]["completion_tokens"] <= 200


def test_a_request_that_does_not_come_whole_is_given_up(strict: Served, keys: dict[str, str]) -> None:
    said = spelled(with_prompt(), path=PATH, authorization=f"Bearer {keys['good']}", **CLIENT)
    began = time.monotonic()
    with connected(strict) as line:
        line.sendall(said[:-1])
        reply = heard(line)
    assert (reply.status, reply.code) == (408, "request_timeout")
    assert 1 <= time.monotonic() - began < 3


def test_a_request_is_logged_by_its_id_with_what_became_of_its_promise(
    strict: Served, keys: dict[str, str]
) -> None:
    reply = ask(strict, keys["good"], {**under(record(a={"enum": [True]})), "max_tokens": 20})
    id = reply.headers["x-request-id"]
    line = awaited(lambda: next((json.loads(e) for e in strict.told.splitlines() if id in e), None))
    assert (line["promise"], line["finish_reason"], line["client"]) == ("kept", "stop", "good")
    assert line["schema"]
    assert line["queue_seconds"] <= line["first_token_seconds"] <= line["seconds"]


def test_strangers_addresses_need_keys_or_a_word() -> None:
    with (
        pytest.raises(AssertionError, match=r"adhere serve: serve.host = '0.0.0.0': whoever reaches"),
        served(
            "--host",
            "0.0.0.0",  # noqa: S104
        ),
    ):
        pass
