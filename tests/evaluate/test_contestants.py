"""Which evaluations can be held against each other, and what they are called."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adhere import artifact
from adhere.errors import AdhereError, ConfigError, DataError
from adhere.evaluate.contestants import contestants, units
from adhere.evaluate.evaluation import Evaluation
from adhere.measure.prediction import judged
from adhere.records import JSON, Example
from adhere.schema import Schema

RIGHT = ['{"item": "mug", "count": 2}', '{"item": "pot", "count": 1}']
Leave = Callable[..., str]


@pytest.fixture
def leave(
    tmp_path: Path, examples: list[Example], order: Schema, evaluated: Callable[..., Evaluation]
) -> Leave:
    """Write what `adhere eval` leaves, and return its directory."""

    def of(name: str, asked: list[Example] | None = None, schema: Schema = order) -> str:
        place = tmp_path / name
        place.mkdir(parents=True)
        rows = examples if asked is None else asked
        made = evaluated(rows, (RIGHT * len(rows))[: len(rows)])
        predictions = tuple(
            judged(each.answer, each.example, schema, tokens=2, finished=True) for each in made.predictions
        )
        Evaluation(made.summary, predictions).write(place)
        artifact.write_json(place / artifact.SUMMARY, made.summary)
        return str(place)

    return of


def names(*given: str) -> list[str]:
    return [each.name for each in contestants(given)]


# --------------------------------------------------------------------------------------------------- names


def test_an_evaluation_is_called_by_its_directory(leave: Leave) -> None:
    assert names(leave("before"), leave("after")) == ["before", "after"]


def test_directories_of_one_name_are_told_apart_by_those_that_they_are_in(leave: Leave) -> None:
    assert names(leave("a/eval"), leave("b/eval")) == ["a/eval", "b/eval"]


def test_a_name_can_be_given(leave: Leave) -> None:
    assert names(leave("eval-3"), f"after={leave('eval-4')}") == ["eval-3", "after"]


def test_a_directory_may_have_an_equals_sign_in_its_own_name(leave: Leave) -> None:
    assert names(leave("before"), leave("lr=3")) == ["before", "lr=3"]


def test_two_cannot_have_one_name(leave: Leave) -> None:
    before, after = leave("before"), leave("after")
    with pytest.raises(ConfigError, match=r"compare\.directories = 'it': two evaluations are called so"):
        contestants([f"it={before}", f"it={after}"])


def test_an_evaluation_does_not_differ_from_itself(leave: Leave) -> None:
    before = leave("before")
    with pytest.raises(ConfigError, match="this directory is named twice"):
        contestants([before, f"again={before}/../before"])


# ---------------------------------------------------------------------------------------------- wrong rows


def spoiled(leave: Leave, examples: list[Example], **changes: JSON) -> tuple[str, str]:
    changed = [replace(examples[0], **changes), examples[1]]  # type: ignore[arg-type]
    return leave("before"), leave("after", changed)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"id": "cups"}, "its row 'cups' is not in", id="id"),
        pytest.param({"text": "2 mugs"}, "the text of its row 'mugs' is another than in", id="text"),
        pytest.param(
            {"target": {"item": "mug", "count": 3}},
            "the target of its row 'mugs' is another than in",
            id="target",
        ),
        pytest.param(
            {"target": {"item": "mug", "count": 2.0}},
            "the target of its row 'mugs' is another than in",
            id="2.0 is spelled another way than 2",
        ),
    ],
)
def test_rows_that_differ_are_refused_with_what_differs(
    changes: dict[str, JSON], why: str, leave: Leave, examples: list[Example]
) -> None:
    before, after = spoiled(leave, examples, **changes)
    with pytest.raises(DataError) as caught:
        contestants([before, after])
    assert f"{why} {before}. Evaluate both on the same data." in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_schema_is_refused_though_it_has_the_same_name(leave: Leave, order: Schema) -> None:
    other = Schema.of({**order.source, "required": ["item"]}, name="order")
    with pytest.raises(DataError, match="the schema of its row 'mugs' is another than in"):
        contestants([leave("before"), leave("after", schema=other)])


def test_fewer_rows_are_refused(leave: Leave, examples: list[Example]) -> None:
    with pytest.raises(DataError, match="it has 1 rows, and there are 2 in"):
        contestants([leave("before"), leave("after", examples[:1])])


def test_the_order_of_rows_is_that_of_the_first(leave: Leave, examples: list[Example]) -> None:
    read = contestants([leave("before"), leave("after", examples[::-1])])
    assert [[each.example.id for each in one.evaluation.predictions] for one in read] == [["mugs", "pot"]] * 2


# ------------------------------------------------------------------------------------------ no evaluations


@pytest.mark.parametrize("missing", ["summary.json", "predictions.jsonl", "examples.jsonl"])
def test_what_is_no_evaluation_is_refused(missing: str, leave: Leave) -> None:
    before, after = leave("before"), leave("after")
    (Path(after) / missing).unlink()
    with pytest.raises(DataError, match=f"it is no evaluation: it has no {missing}"):
        contestants([before, after])


def test_an_evaluation_that_was_cut_short_is_refused(leave: Leave) -> None:
    before, after = leave("before"), leave("after")
    (Path(after) / artifact.MANIFEST).write_text(json.dumps({"finished": False}))
    with pytest.raises(DataError, match="this evaluation was cut short"):
        contestants([before, after])


# ------------------------------------------------------------------------------------------------- clusters


def test_rows_with_the_same_text_go_together(examples: list[Example]) -> None:
    rows = [examples[0], examples[1], replace(examples[0], id="again")]
    unit_N, clusters = units(rows, "text")
    assert (unit_N.tolist(), clusters) == ([0, 1, 0], 2)


def test_rows_may_go_together_by_a_key_of_their_meta(examples: list[Example]) -> None:
    documents: list[JSON] = [{"page": 1}, "b", {"page": 1}, 1, 1.5]
    rows = [replace(examples[0], id=f"{each}", meta={"document": each}) for each in documents]
    assert units(rows, "document")[0].tolist() == [0, 1, 0, 2, 3]


def test_a_key_that_a_row_does_not_have_is_refused_by_name(examples: list[Example]) -> None:
    rows = [replace(examples[0], meta={"document": 1, "page": 2}), examples[1]]
    with pytest.raises(
        AdhereError, match=r"compare.cluster = 'document': row 'pot' has no such key in its meta. Use text."
    ):
        units(rows, "document")
    with pytest.raises(AdhereError, match="Use text or document or page"):
        units(rows, "documnt")
