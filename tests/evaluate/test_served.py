"""Evaluations of a model on a server: a real HTTP server on loopback that does what a test tells it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.loopback import LoopbackHandler, LoopbackServer

from adhere import prompt
from adhere.config import EndpointSettings, EvalConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import AdhereError, ConfigError, DataError, ModelError
from adhere.evaluate.evaluation import read, write_predictions
from adhere.evaluate.served import evaluate
from adhere.evaluate.underway import underway
from adhere.measure.prediction import Prediction, judged
from adhere.records import JSON, Example
from adhere.schema import Schema

Act = Callable[["Handler"], None]
ROWS = 12


class Handler(LoopbackHandler):
    """Reads a request and acts it out."""

    server: "Server"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked = json.loads(sent)
        try:
            self.server.act(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    @property
    def about(self) -> str:
        """The text of the row that it is asked about."""
        return self.asked["messages"][-1]["content"].rpartition("\n\n")[2]

    def say(self, text: str | None, *, finish_reason: str = "stop", model: str | None = None) -> None:
        """Reply as a server does: 100 tokens of prompt, 10 of reply."""
        message = {"role": "assistant", "content": text, "reasoning_content": "never read"}
        body = {
            "model": model or self.server.called,
            "choices": [{"message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
        }
        self.answer(json.dumps(body).encode())


class Server(LoopbackServer):
    """Gives right answers, save about the rows for which it has other acts; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.called = "fake"
        self.right: dict[str, JSON] = {}
        self.acts: dict[str, list[Act]] = {}
        """By the text of a row: in turn, the last one over and over."""
        self.otherwise: Act = rightly
        self.asked: list[dict[str, JSON]] = []
        self.counts = Counter[str]()
        self.let_go = threading.Event()
        self._lock = threading.Lock()

    def act(self, handler: Handler) -> None:
        with self._lock:
            self.asked.append(handler.asked)
            self.counts[handler.about] += 1
            acts = self.acts.get(handler.about)
            act = self.otherwise if acts is None else acts.pop(0) if len(acts) > 1 else acts[0]
        act(handler)


def rightly(handler: Handler) -> None:
    handler.say(json.dumps(handler.server.right[handler.about]))


def says(text: str | None, *, finish_reason: str = "stop", model: str | None = None) -> Act:
    return lambda handler: handler.say(text, finish_reason=finish_reason, model=model)


def refuses(status: int, *, headers: Mapping[str, str] | None = None) -> Act:
    body = json.dumps({"error": {"message": "that is no good"}}).encode()
    return lambda handler: handler.answer(body, status=status, headers=headers)


def garbles(handler: Handler) -> None:
    handler.answer(b'{"choices": [{"mess')


def hangs(handler: Handler) -> None:
    handler.server.let_go.wait(30)
    handler.close_connection = True


def obeys_the_schema(handler: Handler) -> None:
    """Decode under a schema, as far as the tests have one: the canary's code, or the right answer."""
    properties = handler.asked["response_format"]["json_schema"]["schema"]["properties"]
    if "code" in properties:
        handler.say(json.dumps({"code": properties["code"]["enum"][0]}))
    else:
        rightly(handler)


@pytest.fixture
def server(rows: list[Example]) -> Iterator[Server]:
    server = Server()
    server.right = {each.text: each.target for each in rows}
    with server.running():
        yield server
        server.let_go.set()


@pytest.fixture
def rows() -> list[Example]:
    """Twelve rows: no mug, one mug and so on."""
    return [
        Example(id=f"{count}", text=f"{count} mugs", schema="order", target={"item": "mug", "count": count})
        for count in range(ROWS)
    ]


@pytest.fixture
def config(tmp_path: Path, server: Server, order: Schema, rows: list[Example]) -> EvalConfig:
    data = tmp_path / "data"
    data.mkdir()
    store.write(Dataset({"order": order}, tuple(rows)), data)
    settings = EndpointSettings(seconds=30, attempts=1, concurrency=4)
    return EvalConfig(model=server.model, data=data, out=tmp_path / "out", endpoint=settings)


def lines(config: EvalConfig) -> list[dict[str, JSON]]:
    text = (config.out / "predictions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def part(summary: Mapping[str, JSON], name: str) -> dict[str, JSON]:
    found = summary[name]
    assert isinstance(found, dict)
    return found


def test_a_server_is_asked_what_a_local_model_is_asked(
    config: EvalConfig, server: Server, order: Schema, rows: list[Example]
) -> None:
    evaluate(replace(config, limit=1, max_new_tokens=77))
    assert server.asked == [
        {
            "model": "fake",
            "messages": prompt.messages(rows[0], order, form="plain"),
            "temperature": 0.0,
            "max_tokens": 77,
        }
    ]


def test_what_asking_took_is_reported(config: EvalConfig, server: Server) -> None:
    priced = replace(config.endpoint, price_in=2.0, price_out=5.0, attempts=2)
    server.acts = {"3 mugs": [refuses(429, headers={"Retry-After": "0.05"}), rightly]}
    summary = evaluate(replace(config, endpoint=priced))
    assert summary["exact"] == summary["schema_valid"]
    assert part(summary, "exact")["hits"] == ROWS
    told = part(summary, "endpoint")
    latency = told.pop("latency")
    assert told == {
        "requests": ROWS,
        "cached": 0,
        "attempts": ROWS + 1,
        "prompt_tokens": 100 * ROWS,
        "completion_tokens": 10 * ROWS,
        "estimated_tokens": 0,
        "cost": round((2.0 * 100 + 5.0 * 10) * ROWS / 1e6, 6),
        "models": {"fake": ROWS},
    }
    assert isinstance(latency, dict)
    assert latency["n"] == ROWS
    assert 0 < float(str(latency["p50"])) <= float(str(latency["p95"])) <= float(str(latency["p99"]))
    assert float(str(latency["p99"])) >= 0.05, "waiting is part of it"
    assert (summary["failed"], summary["causes"]) == (
        {"hits": 0, "tries": ROWS, "rate": 0.0, "low": 0.0, "high": part(summary, "failed")["high"]},
        {},
    )


@pytest.mark.parametrize(
    ("act", "cause", "completion", "tokens"),
    [
        pytest.param(hangs, "timeout", "", 0, id="no answer in time"),
        pytest.param(refuses(429, headers={"Retry-After": "0"}), "status", "", 0, id="429"),
        pytest.param(refuses(500), "status", "", 0, id="500"),
        pytest.param(refuses(400), "refused", "", 0, id="400"),
        pytest.param(garbles, "malformed", "", 0, id="garbage"),
        pytest.param(says('{"item": "mu', finish_reason="length"), "cut", '{"item": "mu', 10, id="cut"),
        pytest.param(says("", finish_reason="content_filter"), "filtered", "", 10, id="filtered"),
        pytest.param(says(None), "empty", "", 10, id="reasoning alone"),
    ],
)
def test_a_request_that_failed_is_a_row_without_output(
    config: EvalConfig,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    act: Act,
    cause: str,
    completion: str,
    tokens: int,
) -> None:
    server.acts = {"3 mugs": [act]}
    seconds = 1.0 if act is hangs else 30.0
    summary = evaluate(replace(config, endpoint=replace(config.endpoint, seconds=seconds)))
    failed = part(summary, "failed")
    assert (failed["hits"], failed["tries"], summary["causes"]) == (1, ROWS, {cause: 1})
    assert summary["rows"] == ROWS
    for metric in ("schema_valid", "valid_json", "exact"):
        assert (part(summary, metric)["hits"], part(summary, metric)["tries"]) == (ROWS - 1, ROWS)
    assert part(summary, "match_all")["n"] == ROWS
    row = lines(config)[3]
    assert (row["completion"], row["tokens"], row["finished"]) == (completion, tokens, False)
    assert row["outcome"] == ("malformed" if completion else "no_output")
    assert isinstance(row["request"], dict)
    assert row["request"]["cause"] == cause
    assert f"1 of {ROWS} failed by {cause}, the last: " in capsys.readouterr().err
    prediction = read(config.out).predictions[3]
    assert (prediction.cause, prediction.finished) == (cause, False)


def test_rows_that_the_budget_leaves_unasked_count_and_are_told_of(
    config: EvalConfig, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    # Each takes 110 tokens: after the third 330 are spent.
    frugal = replace(config.endpoint, budget=300, concurrency=1)
    summary = evaluate(replace(config, endpoint=frugal))
    assert len(server.asked) == 3
    assert (summary["rows"], summary["causes"]) == (ROWS, {"budget": 9})
    assert (part(summary, "no_output")["hits"], part(summary, "exact")["hits"]) == (9, 3)
    assert "9 of 12 were not asked: the budget of 300 tokens is spent." in capsys.readouterr().err


def test_a_server_with_another_model_is_told_of(
    config: EvalConfig, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.acts = {"3 mugs": [says("{}", model="fake-mini")]}
    summary = evaluate(config)
    assert part(summary, "endpoint")["models"] == {"fake": 11, "fake-mini": 1}
    said = capsys.readouterr().err
    assert "the server says that its model is fake-mini, and fake was asked for." in said
    assert [each.request and each.request.model for each in read(config.out).predictions[2:4]] == [
        "fake",
        "fake-mini",
    ]


def test_a_server_out_of_order_ends_the_evaluation_and_the_same_command_goes_on(
    config: EvalConfig, server: Server
) -> None:
    one = replace(config, endpoint=replace(config.endpoint, concurrency=1))
    server.acts = {f"{count} mugs": [refuses(500), rightly] for count in (5, 6)}
    with pytest.raises(ModelError, match=r"eval\.model = .*2 requests in a row failed, the last by status"):
        evaluate(one)
    assert not config.out.exists()
    summary = evaluate(one)
    # The five that were answered are not asked again; the sixth and seventh are.
    assert server.counts == {f"{count} mugs": 2 if count in (5, 6) else 1 for count in range(ROWS)}
    assert part(summary, "exact")["hits"] == ROWS
    told = part(summary, "endpoint")
    assert (told["attempts"], told["requests"], told["cached"]) == (14, ROWS, 0)
    assert isinstance(told["latency"], dict)
    assert told["latency"]["n"] == ROWS
    assert not any(path.name.startswith(".") for path in config.out.parent.iterdir())
    assert {path.name for path in config.out.iterdir()} == {
        "examples.jsonl",
        "schemas.json",
        "predictions.jsonl",
        "summary.json",
        "manifest.json",
    }


def test_a_server_that_answers_nothing_leaves_nothing(config: EvalConfig, server: Server) -> None:
    server.otherwise = refuses(404)
    with pytest.raises(ModelError, match="there is no such model"):
        evaluate(config)
    assert [path.name for path in config.out.parent.iterdir()] == ["data"]


class TestConstrained:
    """With `--constrain`."""

    @pytest.fixture
    def config(self, config: EvalConfig) -> EvalConfig:
        return replace(config, constrain=True)

    def test_the_schema_goes_with_every_request_after_a_canary(
        self, config: EvalConfig, server: Server, order: Schema
    ) -> None:
        server.otherwise = obeys_the_schema
        summary = evaluate(config)
        assert (summary["canary"], summary["constrained"]) == ("kept", True)
        canary, *asked = server.asked
        assert len(asked) == ROWS
        assert "code" in json.dumps(canary["response_format"])
        for each in asked:
            assert each["response_format"] == {
                "type": "json_schema",
                "json_schema": {"name": order.name, "schema": order.source, "strict": True},
            }

    @pytest.mark.parametrize(
        ("act", "complaint"),
        [
            pytest.param(
                says('{"code": "1234"}'), "the server drops response_format: it answered", id="dropped"
            ),
            pytest.param(says("Hello!"), "the server drops response_format", id="prose"),
            pytest.param(
                refuses(400), "the server refuses response_format: HTTP 400: .*that is no good", id="refused"
            ),
            pytest.param(
                refuses(429), "whether the server keeps to a schema cannot be told: HTTP 429", id="429"
            ),
            pytest.param(
                says("Well, the weather", finish_reason="length"),
                "the server drops response_format: it answered 'Well, .* unless it was still thinking",
                id="prose that was cut",
            ),
            pytest.param(
                says("{", finish_reason="length"),
                "whether the server keeps to a schema cannot be told: the reply was cut off",
                id="cut",
            ),
        ],
    )
    def test_without_the_constraint_nothing_is_measured(
        self, config: EvalConfig, server: Server, act: Act, complaint: str
    ) -> None:
        server.otherwise = act
        with pytest.raises(ModelError, match=rf"eval\.model = .*: {complaint}") as raised:
            evaluate(config)
        assert "\n" not in str(raised.value)
        assert len(server.asked) == 1
        assert [path.name for path in config.out.parent.iterdir()] == ["data"]

    def test_a_schema_that_the_server_refuses_is_told_of(
        self, config: EvalConfig, server: Server, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def act(handler: Handler) -> None:
            (obeys_the_schema if "code" in json.dumps(handler.asked) else refuses(400))(handler)

        server.otherwise = act
        summary = evaluate(replace(config, limit=2))
        assert (summary["causes"], summary["canary"]) == ({"refused": 2}, "kept")
        assert "2 of 2 failed by refused, the last: HTTP 400" in capsys.readouterr().err

    def test_every_attempt_sends_a_canary(self, config: EvalConfig, server: Server) -> None:
        one = replace(config, endpoint=replace(config.endpoint, concurrency=1))
        server.otherwise = obeys_the_schema
        server.acts = {f"{count} mugs": [refuses(500), rightly] for count in (5, 6)}
        with pytest.raises(ModelError, match="2 requests in a row failed"):
            evaluate(one)
        # The server comes back without its constraint; what was answered stays, and is not asked again.
        server.acts["Write today's code as JSON only."] = [says('{"code": "0"}')]
        with pytest.raises(ModelError, match="drops response_format"):
            evaluate(one)
        del server.acts["Write today's code as JSON only."]
        assert part(evaluate(one), "exact")["hits"] == ROWS
        assert server.counts["0 mugs"] == 1


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ('<think>{"item": "pot"}? No.</think>\n{"item": "mug", "count": 3}', "obeys"),
        ('no opening tag</think>{"item": "mug", "count": 3}', "obeys"),
        ('<think>never ends {"item": "mug", "count": 3}', "no_output"),
        ('<think>short</think>Here it is: {"item": "mug", "count": 3}', "malformed"),
        ('<think>short</think>```json\n{"item": "mug", "count": 3}\n```', "malformed"),
        ("<think>short</think>", "no_output"),
        ('{"item": "mug</think>", "count": 3}', "obeys"),
    ],
)
def test_a_thought_before_the_answer_is_not_judged(
    config: EvalConfig, server: Server, reply: str, outcome: str
) -> None:
    server.acts = {"3 mugs": [says(reply)]}
    evaluate(config)
    row = lines(config)[3]
    assert (row["outcome"], row["completion"]) == (outcome, reply)
    assert read(config.out).predictions[3].row.outcome == outcome


def test_under_the_form_think_the_tags_are_asked_for_and_read(config: EvalConfig, server: Server) -> None:
    server.otherwise = says('<think>Three.</think>\n<answer>{"item": "mug", "count": 3}</answer>')
    summary = evaluate(replace(config, form="think"))
    assert "<answer>" in str(server.asked[0]["messages"])
    assert (part(summary, "schema_valid")["hits"], part(summary, "exact")["hits"]) == (ROWS, 1)


class TestSamples:
    """Several answers to each row."""

    @pytest.fixture
    def config(self, config: EvalConfig) -> EvalConfig:
        return replace(config, samples=4, temperature=0.7)

    def test_each_is_asked_for_with_a_seed_of_its_own(self, config: EvalConfig, server: Server) -> None:
        evaluate(config)
        assert server.counts == {f"{count} mugs": 4 for count in range(ROWS)}
        seeds = [each["seed"] for each in server.asked]
        assert len(set(map(str, seeds))) == 4 * ROWS
        assert all(isinstance(seed, int) and 0 <= seed < 2**31 for seed in seeds)
        again = replace(config, out=config.out.with_name("again"))
        evaluate(again)
        assert sorted(map(str, seeds)) == sorted(str(each["seed"]) for each in server.asked[4 * ROWS :])

    def test_all_are_kept_and_the_first_one_is_measured(self, config: EvalConfig, server: Server) -> None:
        one = replace(config, endpoint=replace(config.endpoint, concurrency=1), limit=2)
        wrong = says('{"item": "mug", "count": 9}')
        # Of the four answers about no mug the second to last are right; about one mug the first and no other.
        server.acts = {
            "0 mugs": [wrong, rightly, rightly, says("?", finish_reason="length")],
            "1 mugs": [rightly, wrong, says('{"item": "pot", "count": 9}'), wrong],
        }
        summary = evaluate(one)
        assert (summary["rows"], summary["samples"]) == (2, 4)
        assert part(summary, "exact")["hits"] == 1
        assert (part(summary, "failed")["hits"], part(summary, "failed")["tries"]) == (1, 8)
        at = part(summary, "pass_at")
        # c = 2 and c = 1 of n = 4: k = 1: (2/4 + 1/4) / 2; k = 2: (1 - 1/6 + 1 - 3/6) / 2; k = 4: 1.
        assert {k: mean["mean"] for k, mean in at.items() if isinstance(mean, dict)} == {
            "1": 0.375,
            "2": pytest.approx(2 / 3),
            "4": 1.0,
        }
        agreed = part(summary, "consistent")
        assert isinstance(agreed["exact"], dict)
        assert isinstance(agreed["match_all"], dict)
        # No mug: two right against one wrong. One mug: two that say nine, of which the item is right.
        assert (agreed["exact"]["hits"], agreed["match_all"]["mean"]) == (1, 0.75)
        again = read(config.out)
        assert [len(each.samples) for each in again.predictions] == [4, 4]
        assert [each.cause for each in again.predictions[0].samples] == [None, None, None, "cut"]
        write_predictions(config.out.with_name("again.jsonl"), again.predictions)
        assert (
            config.out.with_name("again.jsonl").read_bytes()
            == (config.out / "predictions.jsonl").read_bytes()
        )

    def test_a_row_of_which_a_sample_failed_is_asked_for_that_one_alone(
        self, config: EvalConfig, server: Server
    ) -> None:
        one = replace(config, endpoint=replace(config.endpoint, concurrency=1), limit=2)
        server.acts = {"1 mugs": [rightly, rightly, refuses(500), refuses(500), rightly]}
        with pytest.raises(ModelError, match="2 requests in a row failed"):
            evaluate(one)
        assert part(evaluate(one), "exact")["hits"] == 2
        assert server.counts == {"0 mugs": 4, "1 mugs": 6}


def test_the_key_of_a_reply_finds_it_in_the_cache(config: EvalConfig, server: Server) -> None:
    import sqlite3

    kept = config.out.with_name("replies.sqlite")
    shared = replace(config, endpoint=replace(config.endpoint, cache=kept))
    evaluate(shared)
    base = sqlite3.connect(kept)
    keys = {key for (key,) in base.execute("SELECT key FROM replies")}
    base.close()
    assert {
        str(line["request"]["key"]) for line in lines(config) if isinstance(line["request"], dict)
    } == keys
    again = evaluate(replace(shared, out=config.out.with_name("again")))
    assert len(server.asked) == ROWS
    told = part(again, "endpoint")
    assert (told["cached"], told["attempts"], told["cost"]) == (ROWS, 0, 0)
    assert told["models"] == {"fake": ROWS}
    assert told["latency"] == {"p50": None, "p95": None, "p99": None, "n": 0}
    evaluate(replace(shared, out=config.out.with_name("anew"), cache=False))
    assert len(server.asked) == 2 * ROWS
    assert {path.name for path in config.out.with_name("anew").iterdir()} == {
        path.name for path in config.out.iterdir()
    }


def test_without_the_cache_nothing_of_an_earlier_attempt_is_used(config: EvalConfig, server: Server) -> None:
    one = replace(config, endpoint=replace(config.endpoint, concurrency=1))
    server.acts = {f"{count} mugs": [refuses(500), rightly] for count in (5, 6)}
    with pytest.raises(ModelError, match="2 requests in a row failed"):
        evaluate(one)
    evaluate(replace(one, cache=False))
    assert server.counts["0 mugs"] == 2


def test_what_is_left_of_another_evaluation_is_not_removed(config: EvalConfig, server: Server) -> None:
    one = replace(config, endpoint=replace(config.endpoint, concurrency=1))
    server.acts = {f"{count} mugs": [refuses(500), rightly] for count in (5, 6)}
    with pytest.raises(ModelError, match="2 requests in a row failed"):
        evaluate(one)
    with pytest.raises(ConfigError, match=r"unfinished run, which differs in config\.max_new_tokens"):
        evaluate(replace(one, max_new_tokens=99))


def test_half_a_line_of_a_killed_attempt_is_dropped(
    config: EvalConfig, server: Server, order: Schema, rows: list[Example]
) -> None:
    def coming() -> Iterator[Prediction]:
        for each in rows[:3]:
            yield judged(f"answer {each.id}", each, order, tokens=1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), underway(config) as work:
        work.gather(coming())
    with pytest.raises(KeyError), underway(config) as work:
        assert work.answered == 3
        with (work.directory / "answers.jsonl").open("a") as file:
            file.write('{"id": "3", "comp')
        raise KeyError
    evaluate(config)
    assert [line["completion"] for line in lines(config)[:3]] == ["answer 0", "answer 1", "answer 2"]
    assert set(server.counts) == {f"{count} mugs" for count in range(3, ROWS)}


def test_an_evaluation_that_was_killed_when_it_was_done_is_put_in_its_place(
    config: EvalConfig, server: Server
) -> None:
    summary = evaluate(config)
    # As it stands between the manifest and the renaming.
    config.out.rename(config.out.with_name(f".{config.out.name}.partial"))
    assert evaluate(config) == summary
    assert len(server.asked) == ROWS


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        ({"request": {"key": 3}}, "predictions.jsonl:1 request"),
        ({"samples": 3}, "predictions.jsonl:1 samples"),
        ({"confidence": 3}, "predictions.jsonl:1 confidence"),
    ],
)
def test_a_damaged_line_is_refused(config: EvalConfig, spoil: dict[str, JSON], complaint: str) -> None:
    evaluate(config)
    first, *rest = lines(config)
    text = "".join(f"{json.dumps(line)}\n" for line in [{**first, **spoil}, *rest])
    (config.out / "predictions.jsonl").write_text(text)
    with pytest.raises(DataError, match=re.escape(complaint)):
        read(config.out)


@pytest.mark.parametrize("reference", ["openai:", "openai:fake", "openai:fake@ftp://host/v1"])
def test_what_names_no_server_is_refused(config: EvalConfig, reference: str) -> None:
    with pytest.raises(AdhereError, match=r"eval\.model = "):
        evaluate(replace(config, model=reference))


@pytest.mark.slow
def test_an_evaluation_that_is_killed_again_and_again_asks_everything_once(
    config: EvalConfig, server: Server
) -> None:
    def slowly(handler: Handler) -> None:
        time.sleep(0.05)
        rightly(handler)

    server.otherwise = slowly
    concurrency = 2
    command = [sys.executable, "-m", "adhere", "eval", "--model", server.model, "--data", str(config.data)]
    command += ["--out", str(config.out), "--endpoint.concurrency", str(concurrency), "--json"]
    kills = 0
    for enough in (2, 5, 9):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(server.asked) < enough + kills * concurrency:
            assert process.poll() is None
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    summary = json.loads(done.stdout)
    assert summary["exact"]["hits"] == ROWS
    assert set(server.counts) == {f"{count} mugs" for count in range(ROWS)}
    # What was under way when the process died is asked again, and nothing else.
    assert sum(server.counts.values()) <= ROWS + kills * concurrency
    assert summary["endpoint"]["attempts"] + kills * concurrency >= sum(server.counts.values())
    assert [line["id"] for line in lines(config)] == [f"{count}" for count in range(ROWS)]
