"""Rows of a directory get traces, offline and from a server on loopback."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import cast

import pytest
from tests.loopback import LoopbackHandler, LoopbackServer

from adhere import artifact, prompt
from adhere.config import EndpointSettings, ImportConfig, ReasonConfig
from adhere.data import store
from adhere.data.importing.importing import import_rows
from adhere.data.reasoning.reason import reason, shortfalls
from adhere.data.reasoning.trace import fault
from adhere.errors import ConfigError, DataError, ModelError
from adhere.records import JSON
from adhere.reward.thinkjson import format_reward

SCHEMA: dict[str, JSON] = {
    "title": "Order",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
}
WORDS = ("mug", "cup", "jar", "pot", "pan")


def row(number: int, **columns: JSON) -> dict[str, JSON]:
    item = WORDS[number % 5]
    target: JSON = {"item": item, "count": number}
    return {"id": f"r{number}", "text": f"{number} of {item}", "schema": "Order", "target": target, **columns}


def write(directory: Path, rows: list[dict[str, JSON]], name: str = "examples.jsonl") -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "schemas.json").write_text(json.dumps({"Order": SCHEMA}))
    (directory / name).write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    return directory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Make 40 rows of which 3 get no trace, and 5 that are held out of which 1 gets none."""
    odd = [row(40, target=None), row(41, text="nothing"), row(42, text="2 of </think>")]
    odd[2]["target"] = {"item": "</think>", "count": 2}
    rows = [row(number) for number in range(37)]
    directory = write(tmp_path / "data", [*rows[:10], *odd, *rows[10:]])
    return write(directory, [*map(row, range(50, 54)), row(54, text="x")], "held_out.jsonl")


def config(data: Path, **settings: object) -> ReasonConfig:
    bare = ReasonConfig(data=data, out=data.parent / "out")
    return replace(bare, **settings)  # pyright: ignore[reportArgumentType] (each test names real settings)


def lines(file: Path) -> list[dict[str, JSON]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_rows_get_traces_and_the_others_are_told_by_cause(data: Path) -> None:
    summary = reason(config(data))
    assert {name: summary[name] for name in ("kept", "held_out", "rejected")} == {
        "kept": 41,  # 37 of 40 and 4 of 5
        "held_out": 4,
        "rejected": {"tags": 1, "unlabelled": 1, "unstated": 2},
    }
    out = data.parent / "out"
    assert lines(out / "examples.rejected.jsonl") == [
        {"row": 10, "id": "r40", "cause": "unlabelled", "detail": "the row has no target"},
        {"row": 11, "id": "r41", "cause": "unstated", "detail": "the text does not state /item, /count"},
        {"row": 12, "id": "r42", "cause": "tags", "detail": "it has the tag </think>"},
    ]
    assert [each["row"] for each in lines(out / "held_out.rejected.jsonl")] == [4]
    artifact.verify(out)


def test_what_is_written_is_read_back_and_trains_in_the_form_of_the_paper(data: Path) -> None:
    summary = reason(config(data))
    written = store.read(data.parent / "out")
    assert len(written.examples) == 37
    characters = 0
    for example in (*written.examples, *store.read(data.parent / "out" / "held_out.jsonl").examples):
        assert example.reasoning is not None
        schema = written.schemas[example.schema]
        assert fault(example.reasoning, example, schema) is None
        assert format_reward(prompt.answer(example, schema, form="think")) == 1.0
        characters += len(example.reasoning)
    assert summary["characters"] == round(characters / 41)


@pytest.mark.parametrize(
    ("fixed", "told"),
    [
        pytest.param(
            True,
            [
                "Kind is always order.",
                'Item: "mug".',
                'Pair has 2 entries: "1", always x.',
                "Size has 2 entries.",
                "Size 1: w is always 5.",
                'Size 2: w "7".',
            ],
            id="all",
        ),
        pytest.param(
            False, ['Item: "mug".', 'Pair has 2 entries: "1".', 'Size 2: w "7".'], id="what is open"
        ),
    ],
)
def test_what_the_schema_fixes_is_told_where_it_is_asked_for(
    told: list[str], tmp_path: Path, *, fixed: bool
) -> None:
    def pair(first: JSON, second: JSON) -> JSON:
        return {"type": "array", "prefixItems": [first, second], "items": False, "minItems": 2, "maxItems": 2}

    w: JSON = {"type": "object", "properties": {"w": {"const": 5}}}
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": {
            "kind": {"const": "order"},
            "item": {"type": "string"},
            "pair": pair({"type": "integer"}, {"const": "x"}),
            "size": pair(w, {"type": "object", "properties": {"w": {"type": "integer"}}}),
        },
    }
    target: JSON = {"kind": "order", "item": "mug", "pair": [1, "x"], "size": [{"w": 5}, {"w": 7}]}
    data = write(tmp_path / "data", [row(1, id="cg", text="1 mug of size 7", target=target)])
    (data / "schemas.json").write_text(json.dumps({"Order": schema}))
    reason(config(data, fixed=fixed))
    (line,) = lines(tmp_path / "out" / "examples.jsonl")
    assert line["reasoning"] == "\n".join(told)


def test_a_trace_that_stood_there_is_replaced(tmp_path: Path) -> None:
    reason(config(write(tmp_path / "data", [row(1, reasoning="Of old.")])))
    (example,) = store.read(tmp_path / "out").examples
    assert "Of old." not in str(example.reasoning)


def test_a_file_alone_is_read_with_the_schema_beside_it(tmp_path: Path) -> None:
    directory = write(tmp_path / "data", [row(1), row(2)], "mine.jsonl")
    (directory / "schemas.json").rename(directory / "schema.json")
    (directory / "schema.json").write_text(json.dumps(SCHEMA))
    assert reason(config(directory / "mine.jsonl", out=tmp_path / "out"))["kept"] == 2
    assert len(store.read(tmp_path / "out").examples) == 2


def bytes_of(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.iterdir() if path.suffix == ".jsonl")
    return {path.name: path.read_bytes() for path in files}


def test_the_bytes_are_the_same_however_many_workers_there_are(data: Path) -> None:
    reason(config(data))
    reason(config(data, out=data.parent / "several", workers=3))
    assert bytes_of(data.parent / "out") == bytes_of(data.parent / "several")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        pytest.param([row(1, text="nothing")], "1 unstated", id="none is stated"),
        pytest.param([row(1, target=None), row(2, text="no")], "1 unlabelled, 1 unstated", id="by cause"),
    ],
)
def test_a_run_that_keeps_nothing_fails_and_leaves_nothing(
    tmp_path: Path, rows: list[dict[str, JSON]], why: str
) -> None:
    with pytest.raises(DataError, match=f"{why}.*no row gets a trace"):
        reason(config(write(tmp_path / "data", rows)))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_split_without_a_trace_is_not_written(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(1)])
    write(data, [row(2, text="nothing")], "held_out.jsonl")
    assert reason(config(data))["held_out"] == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {
        "examples.jsonl",
        "held_out.rejected.jsonl",
        "manifest.json",
        "schemas.json",
        "summary.json",
    }


def test_too_long_a_trace_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 too_long"):
        reason(config(write(tmp_path / "data", [row(1)]), longest=10))


def test_a_broken_row_stops_the_run(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(1), row(2, target={"count": "two"})])
    with pytest.raises(DataError, match=r"examples\.jsonl:2 target"):
        reason(config(data))


def test_what_stands_is_not_overwritten(data: Path) -> None:
    reason(config(data))
    with pytest.raises(ConfigError, match="stands already"):
        reason(config(data))


def leave(config: ReasonConfig, files: dict[str, bytes]) -> None:
    """Leave what a run leaves that is stopped once it has written these files."""
    inputs = [config.data / name for name in ("examples.jsonl", "held_out.jsonl", "schemas.json")]
    with pytest.raises(KeyboardInterrupt), artifact.resuming(config.out, config, inputs=inputs) as run:
        for name, content in files.items():
            (run.path / name).write_bytes(content)
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("kept", "others"),
    [
        pytest.param(0.0, 0.0, id="nothing was written"),
        pytest.param(0.2, 1.0, id="the rows left out are ahead"),
        pytest.param(0.5, 1.0, id="a row is cut short"),
        pytest.param(1.0, 1.0, id="the file is whole"),
        pytest.param(0.9, 0.5, id="a line of the rows left out was lost"),
        pytest.param(0.9, 0.0, id="all of the rows left out were lost"),
    ],
)
def test_a_run_that_was_cut_short_is_gone_on_with(data: Path, kept: float, others: float) -> None:
    reason(config(data))
    whole = bytes_of(data.parent / "out")
    again = config(data, out=data.parent / "again")
    shares = {"examples.jsonl": kept, "examples.rejected.jsonl": others}
    leave(again, {name: whole[name][: int(len(whole[name]) * share)] for name, share in shares.items()})
    summary = reason(again)
    assert bytes_of(again.out) == whole
    finished = json.loads((data.parent / "out" / "summary.json").read_bytes())
    assert {**summary, "rows_per_second": 0} == {**finished, "rows_per_second": 0}


@pytest.mark.slow
def test_a_run_that_is_killed_loses_no_row_and_doubles_none(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(number) for number in range(4000)])
    write(data, [row(4000)], "held_out.jsonl")
    reason(config(data, out=tmp_path / "whole"))
    command = [sys.executable, "-m", "adhere", "reason", str(data), "--out", str(tmp_path / "out")]
    statuses: list[int] = []
    while not (tmp_path / "out").exists():
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        # Each attempt gets a little longer, so that one begins nothing and another is nearly done.
        with suppress(subprocess.TimeoutExpired):
            process.wait((1 + len(statuses)) / 4)
        process.send_signal(signal.SIGKILL)
        statuses.append(process.wait())
    assert set(statuses[:-1]) == {-signal.SIGKILL}
    assert statuses[-1] in {0, -signal.SIGKILL}
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


# ---------------------------------------------------------------------------------------- with a teacher

Says = Callable[[str, int], str | None]
"""What a teacher says to a text when asked so many times before; `None` for an error of the server."""


def reads(text: str, _: int) -> str:
    count, item = text.split()[0], text.split()[-1]
    return f'The text says "{count}", the count, and "{item}", the item.'


class Teacher(LoopbackServer):
    """A server that says what it is told to, and counts how often each text is asked about."""

    def __init__(self, says: Says) -> None:
        super().__init__(Pupil, called="teacher")
        self.says = says
        self.asked: Counter[str] = Counter()
        self.lock = Lock()


class Pupil(LoopbackHandler):
    """Answers one request."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = asked["messages"][1]["content"].split("\n")[1]
        teacher = cast("Teacher", self.server)
        with teacher.lock:
            times = teacher.asked[text]
            teacher.asked[text] += 1
        said = teacher.says(text, times)
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        body = json.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})
        self.answer(body.encode(), status=200 if said is not None else 400)


@contextmanager
def teaching(says: Says) -> Iterator[Teacher]:
    teacher = Teacher(says)
    with teacher.running():
        yield teacher


def taught(data: Path, teacher: Teacher, **endpoint: object) -> ReasonConfig:
    settings = replace(EndpointSettings(concurrency=4, attempts=1, seconds=20), **endpoint)  # pyright: ignore[reportArgumentType]
    return config(data, teacher=teacher.model, endpoint=settings)


def test_a_teacher_writes_the_traces(data: Path) -> None:
    with teaching(reads) as teacher:
        summary = reason(taught(data, teacher))
    assert (summary["kept"], summary["held_out"]) == (41, 4)
    # What the text does not state a teacher might infer; this one says nothing of it.
    assert summary["rejected"] == {"unlabelled": 1, "unmentioned": 3}
    written = store.read(data.parent / "out")
    assert written.examples[0].reasoning == reads("0 of mug", 0)
    totals = cast("dict[str, JSON]", summary["teacher"])
    # A request for each of the 40 and 5 rows but one, and a second for the three with a fault.
    assert (totals["requests"], totals["prompt_tokens"]) == (47, 470)


def test_a_teacher_gets_one_chance_to_mend_a_fault(tmp_path: Path) -> None:
    def mends(text: str, times: int) -> str | None:
        return {"1 of cup": (None,), "2 of jar": ("no", "no"), "3 of pot": ("no", reads(text, 0))}.get(
            text, (reads(text, 0),)
        )[times]

    data = write(tmp_path / "data", [row(number) for number in range(4)])
    with teaching(mends) as teacher:
        summary = reason(taught(data, teacher))
        assert teacher.asked == {"0 of mug": 1, "1 of cup": 1, "2 of jar": 2, "3 of pot": 2}
    assert (summary["kept"], summary["rejected"]) == (2, {"failed": 1, "unmentioned": 1})
    assert [example.id for example in store.read(tmp_path / "out").examples] == ["r0", "r3"]


def test_a_spent_budget_ends_the_asking(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(number) for number in range(12)])
    with teaching(reads) as teacher:
        summary = reason(taught(data, teacher, budget=75, concurrency=1))
        # 15 tokens a row: five rows.
        assert sum(teacher.asked.values()) == 5
    assert (summary["kept"], summary["rejected"]) == (5, {"budget": 7})
    assert list(shortfalls(summary)) == ["7 rows have no trace: the budget was spent."]
    assert "replies.sqlite" not in [path.name for path in (tmp_path / "out").iterdir()]


def test_a_run_that_did_all_falls_short_of_nothing(data: Path) -> None:
    assert list(shortfalls(reason(config(data)))) == []


def test_a_budget_too_small_for_anything_may_be_enlarged(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(number) for number in range(5)])
    with teaching(lambda text, times: reads(text, times) if times else "no") as teacher:
        with pytest.raises(DataError, match=r"5 budget.*no row gets a trace"):
            reason(taught(data, teacher, budget=1, concurrency=1))
        assert reason(taught(data, teacher, concurrency=1))["kept"] == 5
        # What was said to the first row is kept, and not asked for again.
        assert teacher.asked["0 of mug"] == 2


def test_a_teacher_that_fails_at_the_only_row_is_told_with_what_it_said(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(1)])
    with (
        teaching(lambda *_: None) as teacher,
        pytest.raises(DataError, match=r"1 failed.*; the teacher: .*HTTP 400.*Mend the server"),
    ):
        reason(taught(data, teacher, attempts=1))


def test_a_reply_that_is_kept_is_not_asked_for_again(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(number) for number in range(6)])
    with teaching(reads) as teacher:
        first = taught(data, teacher, cache=tmp_path / "replies.sqlite")
        reason(first)
        reason(replace(first, out=tmp_path / "second"))
        assert set(teacher.asked.values()) == {1}
    assert bytes_of(first.out) == bytes_of(tmp_path / "second")


def test_a_teacher_that_is_gone_stops_the_run_which_goes_on_when_it_is_back(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [row(number) for number in range(30)])
    with teaching(lambda text, _: None if text.startswith(("1", "2")) else reads(text, 0)) as teacher:
        settings = taught(data, teacher, concurrency=1)
        with pytest.raises(ModelError, match="2 requests in a row failed"):
            reason(settings)
        teacher.says = reads
        summary = reason(settings)
    assert (summary["kept"], summary["rejected"]) == (30, {})
    assert teacher.asked["0 of mug"] == 1  # what was written is not asked for again


# ---------------------------------------------------------------------------------------------- real data


@pytest.mark.parametrize(
    ("file", "kept", "rejected"),
    [
        pytest.param("snips/validate.jsonl", 697, {"unstated": 3}, id="requests, their values marked"),
        pytest.param(
            "e2e/dev.jsonl",
            1375,
            {"unstated": 3297},
            id="descriptions that paraphrase",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_public_rows_get_traces_where_they_state_their_targets(
    tmp_path: Path, shared_data: Path, file: str, kept: int, rejected: dict[str, int]
) -> None:
    summary = reason(ReasonConfig(data=shared_data / file, out=tmp_path / "out"))
    assert (summary["kept"], summary["rejected"]) == (kept, rejected)


def test_public_invoices_get_traces_where_their_gold_is_right(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "invoices"
    rows = ImportConfig(
        file=folder / "eval.jsonl",
        schema=folder / "schema.json",
        target_column="ground_truth",
        out=tmp_path / "data",
    )
    import_rows(rows)
    # Of 50, 6 have an amount that the text rounds, and 10 a currency that it does not name.
    assert reason(config(tmp_path / "data"))["rejected"] == {"unstated": 16}
