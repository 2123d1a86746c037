"""`adhere serve` from its start to its end."""

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.serve.served import served

from adhere.cli import main
from adhere.config import ServeConfig
from adhere.errors import ConfigError


@pytest.fixture
def _as_before() -> Iterator[None]:
    """Logging is the process's own, and the server changes it."""
    root = logging.getLogger()
    before = root.handlers, root.level
    yield
    root.handlers, root.level = before


upstream = partial(ServeConfig, upstream="http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    ("setting", "refused", "kept"),
    [
        ("port", 65536, 65535),
        ("port", -1, 0),
        ("undecided_below", 1.01, 1.0),
        ("undecided_below", -0.01, None),
        ("temperature", 2.01, 2.0),
        ("temperature", -0.01, 0.0),
        ("max_new_tokens", 0, 1),
        ("seconds", 0.0, 0.1),
        ("drain", -1.0, 0.0),
        ("queue", 0, 1),
        ("rows", 0, 1),
        ("workers", 0, 1),
        ("workers", -1, None),
        ("remembered_mib", -1, 0),
        ("room_mib", 0, 1),
    ],
)
def test_a_setting_just_outside_its_range_is_refused_by_name(
    setting: str, refused: float, kept: float | None
) -> None:
    assert getattr(ServeConfig(**{setting: kept}), setting) == kept  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=rf"^serve\.{setting} = {refused}: .+\. Use .+\.$"):
        ServeConfig(**{setting: refused})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"name": " "}, "requests could not name it", id="no name"),
        pytest.param({"upstream_model": "x"}, "there is no server upstream", id="a model of no server"),
        pytest.param({"upstream": "localhost:8000"}, "no plain address", id="no scheme"),
        pytest.param({"upstream": "http://[::1"}, "no plain address", id="half an address"),
        pytest.param({"upstream": "http://host:99999/v1"}, "no plain address", id="no such port"),
        pytest.param({"upstream": "http://u:secret@host/v1"}, "no plain address", id="a password in it"),
        pytest.param({"upstream": "http://host/v1?key=secret"}, "no plain address", id="a key in it"),
        pytest.param({"host": "0.0.0.0"}, "whoever reaches this address", id="everyone, without keys"),  # noqa: S104
    ],
)
def test_settings_that_make_no_server_are_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ServeConfig(**given)  # type: ignore[arg-type]
    assert why in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (ServeConfig(), "nano"),
        (ServeConfig(model="runs/invoices"), "invoices"),
        (ServeConfig(model="Qwen/Qwen2.5-1.5B"), "Qwen2.5-1.5B"),
        (ServeConfig(name="mine"), "mine"),
    ],
)
def test_requests_call_the_model_by_the_last_part_of_its_name(config: ServeConfig, name: str) -> None:
    assert config.called == name


def test_models_trained_here_are_asked_as_they_were_trained_and_others_by_their_template() -> None:
    assert ServeConfig().prompted == "trained"
    assert upstream().prompted == "chat"
    assert upstream(manner="trained").prompted == "trained"


@pytest.mark.usefixtures("_as_before")
def test_a_port_that_is_taken_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert told == (
        f"adhere serve: serve.port = {port}: the port cannot be had (Address already in use). "
        "Give another --port, or 0 for any that is free.\n"
    )


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize(
    ("flags", "told"),
    [
        pytest.param(["--model", "no/such/model"], "no/such/model", id="no model"),
        pytest.param(["--schema", "no_such.json"], "no_such.json", id="no schema"),
        pytest.param(["--host", "no-such-host.invalid", "--open"], "no-such-host.invalid", id="no address"),
        pytest.param(["--keys", "no_such_keys.json"], "no_such_keys.json", id="no keys"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    flags: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port", "0", *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("adhere serve: ")
    assert told in line


@pytest.mark.usefixtures("_as_before")
def test_a_default_schema_that_cannot_be_promised_is_refused_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object", "not": {"required": ["a"]}}')
    assert main(["serve", "--port", "0", "--schema", str(file)]) == 2
    assert "not" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.usefixtures("_as_before")
def test_it_says_that_it_is_ready_and_at_the_end_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def ask_and_stop() -> None:
        for _ in range(600):
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                    line.sendall(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
                    line.recv(12)
                break
            except ConnectionError:
                time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask_and_stop)
    asking.start()
    assert main(["serve", "--port", str(port), "--name", "mine", "--json"]) == 0
    asking.join()
    told = capsys.readouterr()
    summary = json.loads(told.out)
    assert {**summary, "seconds": 0} == {
        "model": "mine",
        "url": f"http://127.0.0.1:{port}",
        "requests": 1,
        "seconds": 0,
    }
    assert told.err.splitlines()[0] == f"adhere serve: mine answers at http://127.0.0.1:{port}/v1"


@pytest.mark.slow
def test_it_serves_a_default_schema_finishes_what_it_began_and_ends_in_order(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(
        json.dumps(
            {
                "type": "object",
                "properties": {"words": {"type": "array", "items": {"type": "string"}, "minItems": 12}},
                "required": ["words"],
                "additionalProperties": False,
            }
        )
    )
    with served("--schema", str(file), "--name", "mine", "--max-new-tokens", "200") as server:
        with server.client() as client:
            stream = client.chat.completions.create(
                model="mine",
                messages=[{"role": "user", "content": "a b c"}],
                temperature=1,
                seed=1,
                stream=True,
            )
            first = next(stream)
            server.process.send_signal(signal.SIGTERM)
            rest = list(stream)
        assert server.process.wait(30) == 0
        assert rest[-1].choices[0].finish_reason in ("stop", "length")
        text = "".join(chunk.choices[0].delta.content or "" for chunk in [first, *rest])
        if rest[-1].choices[0].finish_reason == "stop":
            assert len(json.loads(text)["words"]) >= 12
        lines = server.told.splitlines()
    assert lines[0] == f"adhere serve: mine answers at {server.url}/v1"
    assert all(line.startswith("{") for line in lines[1:])
