"""A run with a teacher, against real HTTP on loopback.

No model that could teach can be had here. In its place stands a server that reads our prompts and answers
them with what the offline generator makes; everything else is as it is with a real one. A test marked slow
has a real model on a real server, `transformers serve` with nano, which cannot teach.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from tests.loopback import LoopbackHandler, LoopbackServer

from adhere.artifact import verify
from adhere.cli import main
from adhere.config import EndpointSettings, HoldOut, SynthConfig, Task
from adhere.data import store
from adhere.data.asking import REPLIES
from adhere.data.reasoning.origins import holders, origins
from adhere.data.side import EITHER
from adhere.data.source import SchemaSource
from adhere.data.teaching.rejects import MOST_IN_A_ROW
from adhere.data.teaching.teacher import taught
from adhere.errors import ConfigError, DataError, ModelError
from adhere.records import JSON
from adhere.reward.score import score
from adhere.schema import Schema
from adhere.schema.canonical import canonical, spelled

TICKET: dict[str, JSON] = {
    "title": "Ticket",
    "type": "object",
    "properties": {
        "subject": {"type": "string"},
        "customer": {"type": "string"},
        "opened_on": {"type": "string", "format": "date"},
        "amount": {"type": "number"},
        "priority": {"enum": ["low", "high"]},
    },
    "required": ["subject", "customer", "opened_on", "amount", "priority"],
    "additionalProperties": False,
}
QUICK = EndpointSettings(concurrency=4, seconds=10, price_in=1.0, price_out=2.0)
Spoil = Callable[[str, str], str]


LEAVES: dict[str, JSON] = {
    "operator": {"type": "string"},
    "hive_weight": {"type": "number"},
    "frames": {"type": "integer"},
    "inspected_on": {"type": "string", "format": "date"},
    "mood": {"enum": ["calm", "restless", "aggressive"]},
    "site": {"type": "string"},
    "queen_seen": {"type": "boolean"},
}


def closed(properties: dict[str, JSON]) -> dict[str, JSON]:
    names: list[JSON] = [*properties]
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def node(random: Random, number: str, level: int) -> dict[str, JSON]:
    """Describe a node of a document, with its values and its children."""
    called = ("ROOT", "SECTION", "SUBSECTION")[level]
    head: dict[str, JSON] = {
        name: {"const": value}
        for name, value in (
            ("id", number),
            ("title", f"Part {number}"),
            ("level", level),
            ("level_type", called),
        )
    }
    names = random.sample(sorted(LEAVES), 2)
    head["properties"] = closed({"variables": closed({name: LEAVES[name] for name in names})})
    children: list[JSON] = [
        node(random, f"{number}.{each}", level + 1)
        for each in range(random.randint(1, 2) if level < 2 else 0)
    ]
    if children:
        count = len(children)
        head["children"] = {
            "type": "array", "prefixItems": children, "items": False, "minItems": count, "maxItems": count
        }  # fmt: skip
    return closed(head)


class Teacher:
    """Answers each prompt in the one way that it always would, as a careful model might."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def reply(self, prompt: str) -> str:
        number = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big") % 10**6
        if "\nData:\n" in prompt:
            data = json.loads(prompt.rpartition("\nData:\n")[2])
            plain = "".join(f"{key}: {value}\n" for key, value in data.items())
            return f"<text>\n{self.texts.get(canonical(data), plain)}\n</text>"
        if "\nJSON Schema:\n" in prompt:
            data = self.data(prompt.rpartition("\nJSON Schema:\n")[2], number)
            return f"```json\n{spelled(data)}\n```"
        kind: dict[str, JSON] = {"title": f"Kind {number}", **node(Random(number), "1", 0)}
        said = spelled({"schema": kind, "data": self.data(spelled(kind), number)})
        return f"<think>What would be {{good}}?</think>{said}"

    def data(self, schema: str, number: int) -> JSON:
        """Make up data, and the text that it will write for them."""
        example = SchemaSource([Schema.of(schema)], seed=0).example(number, EITHER)
        self.texts[canonical(example.target)] = example.text
        return example.target


class Handler(LoopbackHandler):
    server: "Server"  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = "\n".join(message["content"] for message in asked["messages"])
        text = self.server.answer(prompt, asked["messages"][0]["content"])
        message = {"role": "assistant", "content": text}
        body = json.dumps(
            {
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 300, "completion_tokens": 100, "total_tokens": 400},
            }
        ).encode()
        try:
            self.answer(body)
        except ConnectionError:
            self.close_connection = True  # who asked was killed


class Server(LoopbackServer):
    """Serves a teacher, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(Handler, called="teacher")
        self.teacher = Teacher()
        self.prompts: Counter[str] = Counter()
        self.most_at_once = 0
        self.seconds = 0.0
        self.spoil: Spoil = lambda _, reply: reply
        self._at_once = 0
        self._lock = threading.Lock()

    def answer(self, prompt: str, first: str) -> str:
        with self._lock:
            self.prompts[prompt] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(self.seconds)
        with self._lock:
            self._at_once -= 1
            return self.spoil(prompt, self.teacher.reply(first))

    @property
    def asked(self) -> int:
        return self.prompts.total()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    with server.running():
        yield server


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "ticket.json"
    path.write_text(json.dumps(TICKET))
    return path


def config(server: Server, schema: Path, out: Path, **settings: object) -> SynthConfig:
    named: dict[str, object] = {"rows": 6, "endpoint": QUICK, **settings}
    return SynthConfig(schema=schema, out=out, teacher=server.model, **named)  # pyright: ignore[reportArgumentType]


def test_a_teacher_makes_a_sealed_directory_like_any_other(
    server: Server, schema: Path, tmp_path: Path
) -> None:
    summary = taught(config(server, schema, tmp_path / "data", rows=12, held_out=4))
    assert (summary["rows"], summary["held_out"], summary["leaks"]) == (12, 4, 0)
    verify(tmp_path / "data")
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert {"examples.jsonl", "held_out.jsonl", "schemas.json", "rejected.jsonl", "summary.json"} < names
    assert REPLIES not in names
    dataset = store.read(tmp_path / "data")
    held_out = store.read(tmp_path / "data" / "held_out.jsonl")
    assert (len(dataset.examples), len(held_out.examples)) == (12, 4)
    for example in (*dataset.examples, *held_out.examples):
        assert example.meta["teacher"] == "teacher"
        assert {"spans", "template", "distractors", "difficulty"} < example.meta.keys()
        made = dataset.schemas["Ticket"]
        assert made.obeys(example.target)
        assert score(spelled(example.target), example, made, preset="fields").total == 1.0
        leaves = [leaf for holder in holders(example.target, made) for leaf in holder.leaves]
        assert example.meta["spans"] == {
            pointer: [*origin.span]
            for pointer, origin in origins(example, tuple(holders(example.target, made))).items()
        }
        assert len(leaves) == 5
    assert server.asked == 2 * 16
    teacher = summary["teacher"]
    assert isinstance(teacher, dict)
    assert (teacher["requests"], teacher["prompt_tokens"], teacher["completion_tokens"]) == (32, 9600, 3200)
    assert teacher["cost"] == pytest.approx((9600 * 1.0 + 3200 * 2.0) / 1e6)


def test_the_command_makes_documents_of_a_domain(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    words = f"synth --domain beekeeping --teacher {server.model} --rows 20 --held-out 4 --json"
    assert main([*words.split(), "--out", str(out), "--hold-out", "shape", "--noise", "1"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["rows"], summary["held_out"]) == (20, 4)
    assert summary == json.loads((out / "summary.json").read_text())
    dataset, held_out = store.read(out), store.read(out / "held_out.jsonl")
    assert {each.schema for each in dataset.examples}.isdisjoint(each.schema for each in held_out.examples)
    assert len({each.schema for each in dataset.examples}) >= 3  # 20 rows at 8 a kind
    assert all(
        isinstance(each.target, dict) and each.target["level_type"] == "ROOT" for each in dataset.examples
    )
    asked = "\n".join(server.prompts)
    assert "this field of work: beekeeping" in asked
    assert "As if scanned" in asked


def test_so_many_lessons_go_on_at_once_and_the_rows_are_the_same(
    server: Server, schema: Path, tmp_path: Path
) -> None:
    made: list[bytes] = []
    for concurrency, seconds in ((1, 0.0), (6, 0.15)):
        server.most_at_once, server.seconds = 0, seconds
        out = tmp_path / str(concurrency)
        taught(config(server, schema, out, rows=10, endpoint=EndpointSettings(concurrency=concurrency)))
        assert server.most_at_once == concurrency
        made.append((out / "examples.jsonl").read_bytes())
    assert made[0] == made[1]


def test_another_seed_gives_other_rows(server: Server, schema: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        taught(config(server, schema, tmp_path / str(seed), seed=seed))
    one, other = (store.read(tmp_path / str(seed)).examples for seed in (0, 1))
    assert not {each.text for each in one} & {each.text for each in other}


def test_a_second_run_with_the_same_cache_asks_for_nothing(
    server: Server, schema: Path, tmp_path: Path
) -> None:
    settings = EndpointSettings(cache=tmp_path / "cache.sqlite", price_in=1.0)
    first = taught(config(server, schema, tmp_path / "a", endpoint=settings))
    asked = server.asked
    second = taught(config(server, schema, tmp_path / "b", endpoint=settings))
    assert server.asked == asked == 12
    assert (tmp_path / "a" / "examples.jsonl").read_bytes() == (
        tmp_path / "b" / "examples.jsonl"
    ).read_bytes()
    assert [summary["teacher"]["cached"] for summary in (first, second)] == [0, 12]  # pyright: ignore
    assert [summary["teacher"]["cost"] > 0 for summary in (first, second)] == [True, False]  # pyright: ignore


def changed(reply: str, **values: JSON) -> str:
    data = json.loads(reply.removeprefix("```json\n").removesuffix("\n```"))
    return spelled({**data, **values})


def shows_json(prompt: str, reply: str) -> str:
    """Write texts that have the data in them as they are; every other reply is left as it is."""
    data = prompt.rpartition("\nData:\n")[2]
    return reply.replace("<text>", f"<text>Data: {data} ") if data != prompt else reply


def test_a_fault_is_quoted_and_mended(server: Server, schema: Path, tmp_path: Path) -> None:
    server.spoil = lambda prompt, reply: (
        reply if "This cannot be used" in prompt else shows_json(prompt, reply)
    )
    summary = taught(config(server, schema, tmp_path / "data", rows=2))
    assert (summary["rows"], summary["rejected"]) == (2, {})
    corrections = [prompt for prompt in server.prompts if "This cannot be used" in prompt]
    assert len(corrections) == 2
    assert all("the text has the data as JSON" in prompt for prompt in corrections)
    assert server.asked == 2 * 3


def test_a_teacher_that_cannot_do_it_is_given_up(server: Server, schema: Path, tmp_path: Path) -> None:
    server.spoil = lambda _prompt, _reply: "I cannot do that."
    with pytest.raises(DataError, match=r"not one example was kept; rejected: \d+ not_json") as raised:
        taught(config(server, schema, tmp_path / "data", rows=2))
    assert "\n" not in str(raised.value)
    assert 2 * MOST_IN_A_ROW <= server.asked <= 2 * (MOST_IN_A_ROW + 4)
    assert [path.name for path in tmp_path.iterdir()] == ["ticket.json"]


def test_what_is_rejected_is_written_down_and_made_up_for(
    server: Server, schema: Path, tmp_path: Path
) -> None:
    server.spoil = lambda prompt, reply: shows_json(prompt, reply) if '"priority":"low"' in prompt else reply
    summary = taught(config(server, schema, tmp_path / "data", rows=8))
    assert summary["rows"] == 8
    lines = [json.loads(line) for line in (tmp_path / "data" / "rejected.jsonl").read_text().splitlines()]
    assert summary["rejected"] == {"shows_json": len(lines)}
    assert all(line["what"].startswith("train ") and "as JSON" in line["detail"] for line in lines)
    rows = store.read(tmp_path / "data").examples
    assert all(isinstance(each.target, dict) and each.target["priority"] == "high" for each in rows)


def test_a_repeat_is_dropped(server: Server, schema: Path, tmp_path: Path) -> None:
    first: dict[bool, str] = {}
    server.spoil = lambda prompt, reply: (
        reply if "\nData:\n" in prompt else first.setdefault(len(server.prompts) < 6, reply)
    )
    with_few = config(server, schema, tmp_path / "data", rows=2, endpoint=EndpointSettings(concurrency=1))
    summary = taught(with_few)
    assert summary["rows"] == 2
    assert summary["duplicates_dropped"] > 0  # pyright: ignore


def test_a_spent_budget_keeps_what_there_is(
    server: Server, schema: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    words = f"synth --teacher {server.model} --rows 50 --held-out 2 --endpoint.concurrency 2 --json"
    budget = ["--endpoint.budget", "4000", "--schema", str(schema), "--out", str(out)]
    assert main([*words.split(), *budget]) == 1
    printed = capsys.readouterr()
    summary = json.loads(printed.out)
    # 400 tokens a request, two a row: with 10 requests the budget is spent, and one more is under way.
    assert 4 <= summary["rows"] <= 5
    assert server.asked <= 11
    assert summary["rejected"]["budget"] > 0
    assert f"rows = {summary['rows']} of 50: the budget was spent" in printed.err
    assert "held_out = 0 of 2" in printed.err
    verify(out)
    assert len(store.read(out).examples) == summary["rows"]
    assert not (out / "held_out.jsonl").exists()


def test_a_budget_for_no_row_is_a_fault_and_a_larger_one_goes_on(
    server: Server, schema: Path, tmp_path: Path
) -> None:
    def with_budget(tokens: int) -> SynthConfig:
        settings = EndpointSettings(concurrency=1, budget=tokens)
        return config(server, schema, tmp_path / "data", rows=2, endpoint=settings)

    with pytest.raises(DataError, match=r"not one example was kept; rejected: \d budget.*endpoint.budget"):
        taught(with_budget(300))
    assert server.asked == 1
    assert taught(with_budget(2000))["rows"] == 2
    assert server.asked == 4, "what was paid for is not asked again"


def test_a_server_that_breaks_down_leaves_what_it_gave(server: Server, schema: Path, tmp_path: Path) -> None:
    def fails_after(most: int) -> Spoil:
        def spoil(prompt: str, reply: str) -> str:
            if server.asked > most:
                raise ConnectionError(prompt)
            return reply

        return spoil

    settings = EndpointSettings(concurrency=2, attempts=1)
    asked = config(server, schema, tmp_path / "data", rows=10, endpoint=settings)
    server.spoil = fails_after(8)
    with pytest.raises(ModelError, match=r"synth.teacher = .*4 requests in a row failed"):
        taught(asked)
    assert not (tmp_path / "data").exists()
    server.spoil = lambda _, reply: reply
    before = server.asked
    assert taught(asked)["rows"] == 10
    assert server.asked - before == 20 - 8


@pytest.mark.parametrize("kind", ["template", "value"])
def test_held_out_rows_share_nothing_that_is_held_apart(
    server: Server, schema: Path, tmp_path: Path, kind: HoldOut
) -> None:
    taught(config(server, schema, tmp_path / "data", rows=12, held_out=6, hold_out=(kind,)))
    rows = store.read(tmp_path / "data").examples
    held_out = store.read(tmp_path / "data" / "held_out.jsonl").examples
    if kind == "template":
        assert {str(each.meta["template"]) for each in rows}.isdisjoint(
            str(each.meta["template"]) for each in held_out
        )
    else:
        names = [
            {str(each.target[name]) for each in split if isinstance(each.target, dict)}
            for split in (rows, held_out)
            for name in ("subject", "customer")
        ]
        assert (names[0] | names[1]).isdisjoint(names[2] | names[3])


def test_a_held_out_row_that_shares_is_rejected(server: Server, schema: Path, tmp_path: Path) -> None:
    subjects = iter(f"matter {number // 2}" for number in range(1000))
    server.spoil = lambda prompt, reply: (
        reply if "\nData:\n" in prompt else changed(reply, subject=next(subjects))
    )
    # Subjects by turns: 0 | 0, 1, 1
    asked = config(
        server, schema, tmp_path / "data", rows=1, held_out=1, hold_out=("value",),
        endpoint=EndpointSettings(concurrency=1),
    )  # fmt: skip
    summary = taught(asked)
    assert (summary["rows"], summary["held_out"]) == (1, 1)
    assert summary["rejected"] == {"shared": 1}
    assert "it shares the value 'matter 0'" in (tmp_path / "data" / "rejected.jsonl").read_text()


@pytest.mark.parametrize("task", ["extract", "write"])
def test_reasoning_and_the_reverse_task_are_had_from_a_teacher_too(
    server: Server, schema: Path, tmp_path: Path, task: Task
) -> None:
    taught(config(server, schema, tmp_path / "data", rows=3, task=task, reasoning=task == "extract"))
    dataset = store.read(tmp_path / "data")
    for example in dataset.examples:
        if task == "extract":
            assert example.reasoning
        else:
            assert set(json.loads(example.text)) == set(TICKET["properties"])  # pyright: ignore
            assert example.target in [text.strip() for text in server.teacher.texts.values()]


def test_a_row_whose_reasoning_cannot_be_derived_is_rejected(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "gift.json"
    properties: dict[str, JSON] = {"item": {"type": "string"}, "wrapped": {"type": "boolean"}}
    path.write_text(json.dumps({**closed(properties), "title": "Gift"}))
    first: list[str] = []

    def spoil(prompt: str, reply: str) -> str:
        """Say of the first one with a tick what no rule reads."""
        data = prompt.rpartition("\nData:\n")[2]
        if data == prompt or (first and first[0] != data):
            return reply
        first.append(data)
        return f"<text>Done as you like it ☑, {json.loads(data)['item']}.</text>"

    server.spoil = spoil
    one_by_one = EndpointSettings(concurrency=1)
    summary = taught(config(server, path, tmp_path / "data", rows=2, reasoning=True, endpoint=one_by_one))
    assert (summary["rows"], summary["rejected"]) == (2, {"unstated": 1})


def test_kinds_of_documents_that_cannot_be_used_are_made_up_for(server: Server, tmp_path: Path) -> None:
    replies: list[str] = []

    def spoil(prompt: str, reply: str) -> str:
        """Repeat the first kind once, and give one without a schema, twice."""
        if "make up one document of that kind" not in prompt:
            return reply
        replies.append(reply)
        return {2: replies[0], 3: "none", 4: "none"}.get(len(replies), reply)

    server.spoil = spoil
    settings = EndpointSettings(concurrency=1)
    summary = taught(
        SynthConfig(
            domain="beekeeping", out=tmp_path / "data", rows=9, teacher=server.model, endpoint=settings
        )
    )
    assert (summary["rows"], summary["schemas"]) == (9, 2)  # 9 rows at 8 a kind
    assert summary["rejected"] == {"repeat": 1, "not_json": 1}


def test_kinds_of_one_name_are_told_apart(server: Server, tmp_path: Path) -> None:
    server.spoil = lambda _, reply: re.sub(r"Kind \d+", "Kind", reply)
    taught(SynthConfig(domain="bees", out=tmp_path / "data", rows=9, teacher=server.model, endpoint=QUICK))
    assert set(json.loads((tmp_path / "data" / "schemas.json").read_text())) == {"Kind", "Kind 2"}


def test_a_budget_that_is_spent_on_kinds_leaves_none_held_out(server: Server, tmp_path: Path) -> None:
    settings = EndpointSettings(concurrency=1, budget=400)  # one request
    asked = SynthConfig(
        domain="bees", out=tmp_path / "data", rows=1, held_out=1, hold_out=("shape",), teacher=server.model,
        endpoint=settings,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"rejected: .* budget"):
        taught(asked)


def test_drawn_schemas_may_be_taught(server: Server, tmp_path: Path) -> None:
    summary = taught(
        SynthConfig(shapes=3, out=tmp_path / "data", rows=6, teacher=server.model, endpoint=QUICK, noise=0.0)
    )
    assert (summary["rows"], summary["schemas"]) == (6, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"teacher": "gpt"}, "synth.teacher = 'gpt'", id="no reference"),
        pytest.param(
            {"domain": "hiring", "schema": None, "task": "evaluate"}, "no judgements", id="evaluate"
        ),
    ],
)
def test_what_a_teacher_does_not_do_is_refused_before_anything_is_written(
    schema: Path, tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    named: dict[str, object] = {"schema": schema, "teacher": "openai:m@http://127.0.0.1:9/v1", **settings}
    with pytest.raises(ConfigError, match=message):
        taught(SynthConfig(out=tmp_path / "data", **named))  # pyright: ignore[reportArgumentType]
    assert [path.name for path in tmp_path.iterdir()] == ["ticket.json"]


def test_the_key_is_written_down_nowhere(
    server: Server, schema: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-s3cret")
    settings = EndpointSettings(cache=tmp_path / "cache.sqlite")
    taught(config(server, schema, tmp_path / "data", rows=2, endpoint=settings))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not any(b"sk-s3cret" in path.read_bytes() for path in files)


def killed_and_resumed(server: Server, schema: Path, tmp_path: Path, *, kills: int) -> None:
    """Kill a run at random places, let it end, and hold what it made against a run that nobody disturbed."""
    rows, random = 12 + kills, Random(kills)
    words = f"synth --teacher {server.model} --rows {rows} --held-out 2 --endpoint.concurrency 3 --json"
    command = [sys.executable, "-m", "adhere", *words.split(), "--schema", str(schema)]
    server.seconds = 0.05
    for _ in range(kills):
        # One row of the runs that were killed takes several of them.
        until = server.asked + random.randint(1, max(2, 30 // kills))
        running = subprocess.Popen([*command, "--out", str(tmp_path / "data")], stderr=subprocess.DEVNULL)
        while server.asked < until and running.poll() is None:
            time.sleep(random.random() / 50)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        assert not (tmp_path / "data").exists()
    assert main([*command[3:], "--out", str(tmp_path / "data")]) == 0
    paid_twice = sum(times - 1 for times in server.prompts.values())
    assert paid_twice <= 3 * kills, "only what was under way when the run was killed"
    server.prompts.clear()
    assert main([*command[3:], "--out", str(tmp_path / "undisturbed")]) == 0
    assert server.asked == 2 * (rows + 2)
    for name in ("examples.jsonl", "held_out.jsonl", "rejected.jsonl"):
        assert (tmp_path / "data" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


def test_a_run_that_was_killed_goes_on(server: Server, schema: Path, tmp_path: Path) -> None:
    killed_and_resumed(server, schema, tmp_path, kills=1)


@pytest.mark.slow
def test_a_run_that_was_killed_fifty_times_goes_on(server: Server, schema: Path, tmp_path: Path) -> None:
    killed_and_resumed(server, schema, tmp_path, kills=50)


def test_ctrl_c_says_how_to_go_on(server: Server, schema: Path, tmp_path: Path) -> None:
    server.seconds = 0.1
    words = f"synth --teacher {server.model} --rows 500 --schema {schema} --out {tmp_path / 'data'}"
    running = subprocess.Popen([sys.executable, "-m", "adhere", *words.split()], stderr=subprocess.PIPE)
    while server.asked < 6:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert time.monotonic() - began < 3
    assert b"Run the same command again" in said
    assert b"Traceback" not in said
