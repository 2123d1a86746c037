"""The tables of docs/rewards.md are true."""

import json
import re
from pathlib import Path

import pytest

from adhere.config import Preset
from adhere.records import JSON, Example
from adhere.reward.grounded import support
from adhere.reward.score import score
from adhere.schema import Schema

DOCS = (Path(__file__).parents[2] / "docs" / "rewards.md").read_text()
SOURCE, EXAMPLE = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL))
ANSWERS = re.findall(r"^\| `(.+?)` \| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", DOCS, re.MULTILINE)
STATED = re.findall(r"^\| `([^`]+)` \| (string|number|\{.+?\}) \| (.*?) \| (.*?) \|$", DOCS, re.MULTILINE)


def spellings(column: int) -> list[tuple[str, str, str]]:
    return [
        (line[0], line[1], spelling) for line in STATED for spelling in re.findall(r"`(.+?)`", line[column])
    ]


def share(value: str, schema: str, spelling: str) -> float:
    """Support of one value in a text that states one thing."""
    kind: JSON = json.loads(schema) if schema.startswith("{") else {"type": schema}
    asked = Schema.of({"properties": {"it": kind}})
    return support({"it": json.loads(value)}, f"Note: ({spelling}), and so on.", asked).share


def test_the_document_has_thirteen_answers_and_seventeen_values() -> None:
    assert (len(ANSWERS), len(STATED)) == (13, 17)


@pytest.mark.parametrize(("answer", "outcome", "by_schema", "by_fields", "by_text"), ANSWERS)
def test_each_answer_scores_as_the_document_says(
    answer: str, outcome: str, by_schema: str, by_fields: str, by_text: str
) -> None:
    schema = Schema.of(SOURCE)
    example = Example(id="1", text=EXAMPLE["text"], schema="invoice", target=EXAMPLE["target"])
    expected: list[tuple[Preset, str]] = [("schema", by_schema), ("fields", by_fields), ("grounded", by_text)]
    for preset, total in expected:
        scored = score(answer, example, schema, preset=preset)
        assert (preset, scored.outcome, scored.total) == (preset, outcome, pytest.approx(float(total)))


@pytest.mark.parametrize(("value", "schema", "spelling"), spellings(2))
def test_each_spelling_that_the_document_lists_is_found(value: str, schema: str, spelling: str) -> None:
    assert share(value, schema, spelling) == 1.0


@pytest.mark.parametrize(("value", "schema", "spelling"), spellings(3))
def test_each_spelling_that_the_document_rules_out_is_not(value: str, schema: str, spelling: str) -> None:
    assert share(value, schema, spelling) == 0.0
