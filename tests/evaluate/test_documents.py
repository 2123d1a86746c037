"""What another tool asks is what adhere asks, and what an answer is worth there it is worth here."""

from pathlib import Path

import pytest

from adhere import prompt
from adhere.data.store import Dataset
from adhere.evaluate import documents
from adhere.evaluate.documents import Asking
from adhere.measure import per_row
from adhere.measure.prediction import judged
from adhere.records import Example
from adhere.schema import Schema

PLAIN = Asking(form="plain", prefill="", max_new_tokens=64)
THINK = Asking(form="think", prefill="<think>", max_new_tokens=64)


@pytest.mark.parametrize("asking", [PLAIN, THINK], ids=["plain", "think"])
def test_a_document_holds_the_messages_that_adhere_sends(
    tmp_path: Path, order: Schema, examples: list[Example], asking: Asking
) -> None:
    documents.write(Dataset({"order": order}, tuple(examples)), tmp_path, asking)
    for document, example in zip(documents.documents(tmp_path), examples, strict=True):
        asked = prompt.messages(example, order, form=asking.form)
        assert [document["system"], document["prompt"]] == [each["content"] for each in asked]
        assert (document["id"], document["prefill"]) == (example.id, asking.prefill)
        assert document["target"] == prompt.answer(example, order)


@pytest.mark.parametrize(
    ("asking", "answer"),
    [
        pytest.param(PLAIN, '{"item":"mug","count":2}', id="right"),
        pytest.param(PLAIN, '{"item":"mug","count":3,"size":1}', id="wrong, invented and violating"),
        pytest.param(PLAIN, '```json\n{"item":"mug","count":2}\n```', id="fenced"),
        pytest.param(PLAIN, "none", id="no JSON"),
        pytest.param(PLAIN, "", id="nothing"),
        pytest.param(
            PLAIN, '<think>two</think>{"item":"mug","count":2}', id="a thought that was not asked for"
        ),
        pytest.param(THINK, '<think>two</think><answer>{"item":"mug","count":2}</answer>', id="think"),
    ],
)
def test_an_answer_has_the_values_that_an_evaluation_gives_it(
    tmp_path: Path, order: Schema, examples: list[Example], asking: Asking, answer: str
) -> None:
    documents.write(Dataset({"order": order}, tuple(examples)), tmp_path, asking)
    first, _ = documents.documents(tmp_path)
    here = judged(answer, examples[0], order, form=asking.form, tokens=9, thoughts=True).row
    assert documents.measured(first, answer, tmp_path) == per_row.values(here)


def test_rows_without_targets_have_the_metrics_that_need_none(tmp_path: Path, order: Schema) -> None:
    unlabelled = Dataset({"order": order}, (Example(id="row", text="mug", schema="order"),))
    documents.write(unlabelled, tmp_path, PLAIN)
    (document,) = documents.documents(tmp_path)
    assert document["target"] is None
    measured = documents.measured(document, '{"item":"mug","count":2}', tmp_path)
    assert measured == {"schema_valid": 1.0, "valid_json": 1.0, "no_output": 0.0}
    assert set(documents.metrics(unlabelled)) == measured.keys()


def test_one_target_is_enough_for_all_metrics(order: Schema, examples: list[Example]) -> None:
    mixed = Dataset({"order": order}, (Example(id="row", text="mug", schema="order"), *examples))
    assert documents.metrics(mixed) == tuple(per_row.VALUES)


def test_every_row_is_judged_by_its_own_schema(tmp_path: Path, order: Schema) -> None:
    number = Schema.of({"title": "number", "type": "integer"})
    rows = (
        Example(id="a", text="two mugs", schema="order", target={"item": "mug", "count": 2}),
        Example(id="b", text="two", schema="number", target=2),
    )
    documents.write(Dataset({"order": order, "number": number}, rows), tmp_path, PLAIN)
    measured = [documents.measured(each, "2", tmp_path) for each in documents.documents(tmp_path)]
    assert [each["schema_valid"] for each in measured] == [0.0, 1.0]
    assert [each["exact"] for each in measured] == [0.0, 1.0]
