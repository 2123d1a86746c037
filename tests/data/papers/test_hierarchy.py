import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import pytest

from adhere.config import DOMAINS, HoldOut
from adhere.data import store
from adhere.data.papers import style
from adhere.data.papers.domains import domain as domain_of
from adhere.data.papers.hierarchy import Hierarchy
from adhere.data.prose.wording import Pieces, wording
from adhere.data.reasoning.reasoning import Unexplained, reasoning
from adhere.data.side import EITHER, Side
from adhere.data.source import shape_of
from adhere.errors import DataError
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.schema import Schema
from adhere.schema.canonical import in_schema_order, spelled
from adhere.schema.dialect import unconstrainable
from adhere.schema.expected import Expected, expected
from adhere.schema.leaves import leaves_at
from adhere.schema.places import pointer_of
from adhere.text.page import Page
from adhere.text.stated import is_countable, spans

NAMES = [name for name in DOMAINS if name != "hiring"]
APART: frozenset[HoldOut] = frozenset({"template", "shape", "value"})
TRAIN, HELD_OUT = Side("train", APART), Side("held_out", APART)
FEW, ALL = 16, 48


@cache
def hierarchy(name: str, shapes: int = FEW, noise: float = 0.0) -> Hierarchy:
    return Hierarchy.of(name, seed=0, shapes=shapes, noise=noise)


def rows(name: str, count: int, *, shapes: int = FEW, noise: float = 0.0) -> list[tuple[Example, Schema]]:
    source = hierarchy(name, shapes, noise)
    made = [source.example(number, EITHER) for number in range(count)]
    return [(example, source.schemas[example.schema]) for example in made]


def leaves(example: Example, schema: Schema) -> Iterator[tuple[str, str, JSON, Expected]]:
    """Yield the leaves that a text must state: pointer, key, value and what the schema says of it."""
    for path, value in leaves_at(example.target):
        at = expected(schema)
        for step in path:
            at = at.key(step) if isinstance(step, str) else at.item(step)
        is_fixed = at.options is not None and len(at.options) == 1
        if not is_fixed and value is not None:
            yield pointer_of(path), next(step for step in reversed(path) if isinstance(step, str)), value, at


def nodes(target: JSON) -> Iterator[dict[str, JSON]]:
    """Yield every node of a document."""
    assert isinstance(target, dict)
    yield target
    children = target.get("children", [])
    assert isinstance(children, list)
    for child in children:
        yield from nodes(child)


def held(example: Example, schema: Schema) -> None:
    """Hold a row against all that is promised of it."""
    answer = spelled(example.target)
    assert schema.obeys(example.target)
    assert spelled(in_schema_order(example.target, schema.source)) == answer
    assert score(answer, example, schema, preset="fields").total == 1.0
    stated = example.meta["spans"]
    assert isinstance(stated, dict)
    page = Page(example.text)
    asked = {pointer: (key, value, at) for pointer, key, value, at in leaves(example, schema)}
    assert stated.keys() == asked.keys()
    for pointer, (key, value, at) in asked.items():
        match stated[pointer]:
            case [int() as start, int() as end]:
                assert start < end
                found = not is_countable(value, at) or (start, end) in spans(value, at, page, key=key)
                assert found, (pointer, value, example.text[start:end])
            case span:
                pytest.fail(f"{span} is no span")
    assert not isinstance(reasoning(example, schema), Unexplained)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_obeys_its_schema_and_every_leaf_stands_where_the_row_says(name: str) -> None:
    for example, schema in rows(name, FEW):
        held(example, schema)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 1.0], ids=["clean", "scanned"])
@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_every_shape_obeys_and_states(name: str, noise: float) -> None:
    for example, schema in rows(name, 2 * ALL, shapes=ALL, noise=noise):
        held(example, schema)


def test_a_scanned_text_still_states_every_leaf() -> None:
    for example, schema in rows("finance", 2 * FEW, noise=1.0):
        held(example, schema)


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_can_be_guaranteed(name: str) -> None:
    for schema in hierarchy(name).schemas.values():
        assert unconstrainable(schema) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_schema_of_every_domain_can_be_guaranteed(name: str) -> None:
    for schema in hierarchy(name, ALL).schemas.values():
        assert unconstrainable(schema) == []


def test_structures_are_distinct_named_by_kind_and_the_same_whatever_the_seed() -> None:
    few, all_of_them = hierarchy("food"), Hierarchy.of("food", seed=9, shapes=ALL)
    kinds = [paper.name for paper in domain_of("food").papers]
    assert [*all_of_them.schemas][:7] == [*(f"food/{kind}/0" for kind in kinds), f"food/{kinds[0]}/1"]
    assert few.blueprints == all_of_them.blueprints[:FEW]
    assert len({shape_of(schema) for schema in all_of_them.schemas.values()}) == ALL


def test_documents_go_from_half_a_dozen_leaves_to_sixty() -> None:
    made = rows("biomanufacturing", 240, shapes=ALL)
    counts = sorted(sum(1 for _ in leaves(*row)) for row in made)
    lengths = sorted(len(example.text) for example, _ in made)
    assert counts[0] >= 3
    assert counts[12] <= 8
    assert counts[-12] >= 45
    assert counts[-1] <= 90
    assert sum(length < 900 for length in lengths) >= 80
    assert sum(length > 1500 for length in lengths) >= 24
    assert lengths[-1] <= 5000


DEEP = [name for name in NAMES if name != "construction"]


@pytest.mark.parametrize("name", DEEP)
def test_short_documents_have_one_part_within_another_down_to_the_fourth_level(name: str) -> None:
    source = Hierarchy.of(name, seed=0, shapes=FEW, short=True)
    for number in range(FEW):
        example = source.example(number, EITHER)
        schema = source.schemas[example.schema]
        held(example, schema)
        assert [node["level_type"] for node in nodes(example.target)] == [
            "ROOT",
            "SECTION",
            "SUBSECTION",
            "DETAIL_3",
        ]
        assert len(example.text) <= 500
        assert 3 <= sum(1 for _ in leaves(example, schema)) <= 12
        assert unconstrainable(schema) == []


def test_short_documents_still_have_tables_logs_and_checkboxes() -> None:
    source = Hierarchy.of("biomanufacturing", seed=0, shapes=100, short=True)
    text = " ".join(spelled(schema.source) for schema in source.schemas.values())
    assert all(word in text for word in ("TABLE", "CHECKBOX", "PARAGRAPH", "logs"))


def test_a_short_document_that_is_long_is_drawn_again_whichever_came_before() -> None:
    source = Hierarchy.of("biomanufacturing", seed=0, shapes=FEW, short=True)
    texts = [source.example(number, TRAIN).text for number in range(200)]
    assert sum(len(text) > 400 for text in texts) <= 2
    assert source.example(150, TRAIN).text == texts[150]


def test_a_domain_without_a_document_of_four_levels_has_no_short_ones() -> None:
    with pytest.raises(DataError, match=r"synth\.short = 'construction': none of its kinds of document"):
        Hierarchy.of("construction", seed=0, short=True)


def test_all_that_a_document_may_have_occurs() -> None:
    made = [example.target for example, _ in rows("biomanufacturing", ALL, shapes=ALL)]
    listed = [node for target in made for node in nodes(target)]
    assert {str(node["level_type"]) for node in listed} == {"ROOT", "SECTION", "SUBSECTION", "DETAIL_3"}
    assert all(node["level"] == str(node["id"]).count(".") + 1 or node["level"] == 0 for node in listed)
    text = spelled(made)
    for part in ("PARAGRAPH", "TABLE", "CHECKBOX"):
        assert f'"type":"{part}"' in text
    for part in (
        "variables",
        "metrics",
        "formulas",
        "logs",
        "content",
        "header",
        "selected",
        "checked",
        "options",
    ):
        assert f'"{part}":' in text


def test_every_title_stands_in_the_text() -> None:
    for example, _ in rows("clinical", ALL, shapes=ALL):
        for node in nodes(example.target):
            assert str(node["title"]).casefold() in example.text.casefold()


def number(value: JSON) -> float:
    assert isinstance(value, int | float)
    return float(value)


def test_formulas_follow_from_what_stands_beside_them() -> None:
    checked: set[str] = set()
    for example, schema in rows("finance", 4 * ALL, shapes=ALL):
        for node in nodes(example.target):
            properties = node.get("properties", {})
            assert isinstance(properties, dict)
            metrics, formulas = properties.get("metrics", {}), properties.get("formulas", {})
            assert isinstance(metrics, dict)
            assert isinstance(formulas, dict)
            for name, result in formulas.items():
                says = re.search(rf'"{name}":"number: ([\w ]+?) ([-/]) ([\w ]+?)( \* 100)?"', schema.blank)
                if says is None:
                    continue
                one, other = (number(metrics[says[at].replace(" ", "_")]) for at in (1, 3))
                # A tenth of a percent is the last digit of a share.
                right = one - other if says[2] == "-" else 100 * one / other
                assert number(result) == pytest.approx(right, abs=0.001 if says[2] == "-" else 0.0501)
                checked.add(says[2])
    assert checked == {"-", "/"}


def column(node: dict[str, JSON], title: str, name: str) -> list[float]:
    """Return the numbers in a column of a table of a node, whose rows are objects or lists."""
    component = node["component"]
    assert isinstance(component, list)
    (table,) = [each for each in component if isinstance(each, dict) and each.get("title") == title]
    lines, header = table["rows"], table.get("header", [])
    assert isinstance(lines, list)
    assert isinstance(header, list)
    return [
        number(line[name] if isinstance(line, dict) else line[header.index(name.replace("_", " "))])
        for line in lines
        if isinstance(line, dict | list)
    ]


def test_lines_add_up() -> None:
    sums = 0
    for example, schema in rows("finance", 2 * ALL, shapes=ALL):
        for node in nodes(example.target):
            formulas = re.findall(r'"(\w+)":"number: sum of ([\w ]+) over ([\w ]+)"', schema.blank)
            for name, column_name, title in formulas:
                found = re.search(rf'"{name}":([0-9.]+)', spelled(node.get("properties", {})))
                if found:
                    lines = column(node, title, column_name.replace(" ", "_"))
                    assert float(found[1]) == pytest.approx(sum(lines))
                    sums += 1
    assert sums


def test_a_verdict_says_whether_the_reading_is_within_its_limits() -> None:
    checked: set[str] = set()
    for example, _ in rows("aviation", 4 * ALL, shapes=ALL):
        for table in re.findall(
            r'"header":(\[[^\]]*"limits"[^\]]*"verdict"\]),"rows":(\[\[.*?\]\])', spelled(example.target)
        ):
            for row in re.findall(
                r'\["[^"]*",(-?[0-9.]+),(?:"[^"]*",)?"(-?[0-9.]+) to (-?[0-9.]+)","([^"]*)"\]', table[1]
            ):
                reading, low, high = map(float, row[:3])
                good = row[3] in {"pass", "in trend", "inside"}
                assert good == (low <= reading <= high)
                checked.add("good" if good else "bad")
    assert checked == {"good", "bad"}


def test_the_same_number_gives_the_same_row_and_another_seed_another() -> None:
    one, other = Hierarchy.of("energy", seed=0, shapes=FEW), Hierarchy.of("energy", seed=1, shapes=FEW)
    again = pickle.loads(pickle.dumps(one))  # noqa: S301 - what was pickled here
    lines = [store.line(one.example(number, EITHER)) for number in range(FEW)]
    assert [store.line(again.example(number, EITHER)) for number in reversed(range(FEW))] == lines[::-1]
    texts = {one.example(number, EITHER).text for number in range(3 * FEW)}
    assert len(texts) == 3 * FEW
    assert texts.isdisjoint(other.example(number, EITHER).text for number in range(3 * FEW))


def test_a_row_does_not_depend_on_the_order_of_sets() -> None:
    program = (
        "from adhere.data import store; from adhere.data.papers.hierarchy import Hierarchy; "
        "from adhere.data.side import EITHER; source = Hierarchy.of('energy', seed=0, shapes=6, noise=0.5); "
        "print([store.line(source.example(number, EITHER)) for number in range(12)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_row_says_where_it_comes_from() -> None:
    example = hierarchy("software").example(2, EITHER)
    assert (example.meta["domain"], example.meta["kind"]) == ("software", "change_request")
    assert example.meta.keys() == {"spans", "template", "distractors", "domain", "kind"}
    distracted = {str(made.meta["distractors"]) for made, _ in rows("software", 4 * FEW)}
    assert {"0", "1", "2"} <= distracted


@pytest.mark.parametrize("name", NAMES)
def test_what_is_held_apart_is_on_one_side_alone(name: str) -> None:
    source = hierarchy(name)
    train = [source.example(number, TRAIN) for number in range(2 * FEW)]
    held_out = [source.example(number, HELD_OUT) for number in range(FEW)]
    for example in (*train, *held_out):
        held(example, source.schemas[example.schema])
    assert {example.schema for example in train}.isdisjoint(example.schema for example in held_out)
    templates = [{str(example.meta["template"]) for example in side} for side in (train, held_out)]
    assert templates[0].isdisjoint(templates[1])
    values = [
        {
            value
            for example in side
            for _, _, value, at in leaves(example, source.schemas[example.schema])
            # Days and times of day are no names.
            if isinstance(value, str) and at.options is None and not re.fullmatch(r"[0-9]+[-:][-0-9]+", value)
        }
        for side in (train, held_out)
    ]
    assert values[0].isdisjoint(values[1])


def test_a_side_without_a_structure_is_an_error() -> None:
    source = Hierarchy.of("food", seed=0, shapes=1)
    sides = [side for side in (TRAIN, HELD_OUT) if not side.admits("shape", source.marks[0])]
    with pytest.raises(DataError, match=r"none of so many structures .* Draw more of them"):
        source.example(0, sides[0])


@pytest.mark.parametrize("side", [TRAIN, HELD_OUT], ids=["train", "held_out"])
def test_both_splits_have_a_wording_for_everything(side: Side) -> None:
    for name, listed in vars(style).items():
        if name.isupper():
            for pieces in (listed,) if isinstance(listed, Pieces) else listed.values():
                assert wording(side).of(pieces), (name, pieces.spelled)
