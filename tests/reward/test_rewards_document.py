"""The tables of docs/rewards.md are true."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from adhere.config import Form, Length, Preset, Scoring
from adhere.records import JSON, Example
from adhere.reward.claims import LARGEST_EXACT
from adhere.reward.grounded import MOST_PLACES, support
from adhere.reward.normalise import normalised
from adhere.reward.pairing import MOST_COMPARISONS, WALK
from adhere.reward.score import score
from adhere.reward.verdict import Outcome
from adhere.schema import Schema, limits
from adhere.schema.canonical import spelled
from adhere.text.page import MOST_OCCURRENCES

DOCS = (Path(__file__).parents[2] / "docs" / "rewards.md").read_text()


def section(heading: str) -> str:
    return DOCS.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def blocks(heading: str) -> list[dict[str, JSON]]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section(heading), re.DOTALL)]


def lines(heading: str, *, numbers: int) -> list[tuple[str, ...]]:
    """Lines of a table: a text, an outcome where the table has one, and so many numbers."""
    columns = r"( \| [\d.]+)" * numbers
    found = re.findall(rf"^\| `(.+)`(?: \| ([a-z_]+))?{columns} \|$", section(heading), re.MULTILINE)
    return [tuple(cell.removeprefix(" | ") for cell in line) for line in found]


SOURCE, EXAMPLE = blocks("Examples")
SCHEMA = Schema.of(SOURCE)
LABELLED = Example(id="1", text=str(EXAMPLE["text"]), schema="invoice", target=EXAMPLE["target"])
ANSWERS = lines("Examples", numbers=5)
THOUGHT = lines("thinkjson", numbers=5)
PROSE = lines("rubric", numbers=5)
AROUND = re.findall(
    r"^\| (`` .+? ``|`[^`]+`) \| (plain|think) \| ([a-z_]+) \| ([a-z]+) \|$",
    section("Verdicts"),
    re.MULTILINE,
)
ALIKE = re.findall(r"^\| `(\w+)` \| (`.*?) \| ?(.*?) ?\|$", section("Leaves"), re.MULTILINE)
LEFT_OUT = re.findall(
    r"^\| `(\w+)` \| `(\{.+?\})` \| ?(.*?) ?\| (.*?) \|$", section("What a text states"), re.MULTILINE
)
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


def test_the_tables_are_found() -> None:
    assert (len(ANSWERS), len(THOUGHT), len(PROSE), len(STATED)) == (13, 8, 4, 17)
    assert (len(AROUND), len(ALIKE), len(LEFT_OUT)) == (14, 4, 7)


@pytest.mark.parametrize(("completion", "form", "outcome", "around"), AROUND)
def test_what_stands_around_the_json_is_named_as_the_document_says(
    completion: str, form: Form, outcome: Outcome, around: str
) -> None:
    text = completion.removeprefix("`` ").removesuffix(" ``").replace("\\n", "\n")
    text = text if "```" in text else text.strip("`")
    scored = score(text, LABELLED, Schema.of({}), preset="schema", form=form)
    assert (scored.outcome, scored.wrapping) == (outcome, around)


@pytest.mark.parametrize(("name", "equal", "other"), ALIKE)
def test_each_normaliser_makes_equal_what_the_document_says(name: str, equal: str, other: str) -> None:
    setting = (f"*={name}",)
    assert len({spelled(normalised(text, setting)) for text in re.findall("`(.+?)`", equal)}) == 1
    assert all(normalised(text, setting) == text for text in re.findall("`(.+?)`", other))


@pytest.mark.parametrize(("key", "schema", "stated", "other"), LEFT_OUT)
def test_what_is_left_out_costs_as_the_document_says(key: str, schema: str, stated: str, other: str) -> None:
    asked = Schema.of({"properties": {key: json.loads(schema)}})

    def costs(text: str) -> bool:
        return support({}, f"Note; {text}; and so on.", asked).omitted == (f"/{key}",)

    assert all(map(costs, re.findall("`(.+?)`", stated)))
    assert not any(map(costs, re.findall("`(.+?)`", other)))


@pytest.mark.parametrize(
    "limit",
    [
        limits.MAX_ANSWER_CHARACTERS,
        limits.MAX_ANSWER_VALUES,
        limits.MAX_EXPLAINED_VALUES,
        limits.MAX_EXPLAINED_CHARACTERS,
        limits.MAX_PROSE_CHARACTERS,
        MOST_COMPARISONS,
        MOST_COMPARISONS // WALK,
        LARGEST_EXACT,
        MOST_PLACES,
        MOST_OCCURRENCES,
    ],
)
def test_each_limit_is_the_one_that_the_document_says(limit: int) -> None:
    assert re.search(rf"(?:\||;) {limit:,}(?:;| \|)", section("Size"))


@pytest.mark.parametrize(
    ("line", "column", "preset"),
    [
        (line, column, preset)
        for line in ANSWERS
        for column, preset in enumerate(("schema", "fields", "grounded", "hierarchical", "prefix"), 2)
    ],
)
def test_each_answer_scores_as_the_document_says(line: tuple[str, ...], column: int, preset: Preset) -> None:
    scored = score(line[0], LABELLED, SCHEMA, preset=preset)
    assert (scored.outcome, round(scored.total, 4)) == (line[1], float(line[column]))


@pytest.mark.parametrize("line", THOUGHT)
def test_each_thought_scores_as_the_document_says(line: tuple[str, ...]) -> None:
    completion = line[0].replace("\\n", "\n")
    by_length = [
        score(completion, LABELLED, SCHEMA, preset="thinkjson", scoring=Scoring(thinkjson_length=length))
        for length in get_args(Length)
    ]
    characters = by_length[0]
    assert [scored.parts["json"] for scored in by_length] == [float(cell) for cell in line[2:5]]
    assert (characters.parts["format"], characters.total) == (float(line[5]), float(line[6]))


@pytest.mark.parametrize("line", PROSE)
def test_each_prose_scores_as_the_document_says(line: tuple[str, ...]) -> None:
    (checks,) = blocks("rubric")
    scored = score(line[0], replace(LABELLED, meta=checks), SCHEMA, preset="rubric")
    numbers = [*scored.parts.values(), scored.total]
    assert [round(number, 4) for number in numbers] == [float(cell) for cell in line[2:]]


@pytest.mark.parametrize(("value", "schema", "spelling"), spellings(2))
def test_each_spelling_that_the_document_lists_is_found(value: str, schema: str, spelling: str) -> None:
    assert share(value, schema, spelling) == 1.0


@pytest.mark.parametrize(("value", "schema", "spelling"), spellings(3))
def test_each_spelling_that_the_document_rules_out_is_not(value: str, schema: str, spelling: str) -> None:
    assert share(value, schema, spelling) == 0.0
