"""What nano-base reads: right values in many conventions, asked for in many ways."""

import importlib
import json
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere import prompt
from adhere.data.shapes import shape
from adhere.data.side import EITHER
from adhere.data.source import SchemaSource
from adhere.errors import DataError
from adhere.model import Model
from adhere.records import JSON, Example
from adhere.schema import Parsed, Schema, parse_json
from adhere.schema.leaves import field_of, leaves_at
from adhere.text.dates import is_date

sys.path.append(str(Path(__file__).parents[2] / "recipes" / "nano"))  # last, so that it hides nothing
conventions = importlib.import_module("conventions")
spelling = importlib.import_module("spelling")
requested = importlib.import_module("requested")
base = importlib.import_module("base")
rows = importlib.import_module("rows")

Convention, Layout, Occasion = conventions.Convention, conventions.Layout, conventions.Occasion
seeds = st.integers(0, 10**6)
few = settings(max_examples=40, deadline=None)

SCHEMA = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "orderNo": {"type": "string"},
            "pay_date": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "paid": {"type": "boolean"},
            "state": {"enum": ["In_progress", "closed"]},
            "seats": {"type": "integer"},
            "remark": {"type": "string"},
            "contact": {"type": ["string", "null"]},
            "buyer": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["orderNo"],
    }
)


def stated(text: str, values: dict[str, str], target: JSON) -> Example:
    """Return an example of which `values` says how the text puts a leaf."""
    spans: dict[str, JSON] = {
        at: [text.index(words), text.index(words) + len(words)] for at, words in values.items()
    }
    return Example(id="e", text=text, schema="Order", target=target, meta={"spans": spans})


EXAMPLE = stated(
    "Order A-7: EUR 1,250.50 by 13 March\n2027, paid: No, in progress. 3 seats.",
    {
        "/orderNo": "A-7",
        "/total": "EUR 1,250.50",
        "/pay_date": "13 March\n2027",
        "/paid": "No",
        "/state": "in progress",
        "/seats": "3",
    },
    {
        "orderNo": "A-7", "pay_date": "2027-03-13", "total": 1250.5, "paid": False, "state": "In_progress",
        "seats": 3,
    },
)  # fmt: skip


def drawn_row(seed: int) -> tuple[Example, Schema]:
    random = Random(seed)
    source = shape(random, least=1, most=8, nesting=0.5, width=random.random())
    schema = Schema.of(source, name="s")
    return SchemaSource([schema], seed=seed, noise=0.2).example(seed, EITHER), schema


def drawn(seed: int) -> tuple[object, str]:
    """Draw a convention that is not strict, and spell the answer to a row in it."""
    example, schema = drawn_row(seed)
    convention = conventions.draw(Random(seed), strict=0.0)
    return convention, spelling.spelled(convention, example, schema)


@given(seeds)
@few
def test_the_strict_convention_is_the_house_s_answer(seed: int) -> None:
    example, schema = drawn_row(seed)
    convention = conventions.draw(Random(seed), strict=1.0)
    assert convention == conventions.STRICT
    for form in ("plain", "think"):
        written = spelling.spelled(convention, example, schema, form=form)
        assert written == prompt.answer(example, schema, form=form)


@given(seeds)
@few
def test_the_same_state_of_chance_gives_the_same_answer(seed: int) -> None:
    assert drawn(seed) == drawn(seed)


@given(seeds)
@few
def test_a_convention_that_says_that_it_is_json_parses(seed: int) -> None:
    example, schema = drawn_row(seed)
    random = Random(seed)
    some = [conventions.draw(random, strict=0.0) for _ in range(20)]
    for convention in (each for each in some if each.is_json):
        text = spelling.spelled(convention, example, schema)
        assert isinstance(parse_json(text), Parsed), text


@given(seeds)
@few
def test_names_and_codes_are_copied_under_every_convention(seed: int) -> None:
    example, schema = drawn_row(seed)
    options = {leaf.pointer for leaf in schema.leaves if leaf.enum}
    convention, text = drawn(seed)
    for path, value in leaves_at(example.target):
        if not isinstance(value, str) or is_date(value) or field_of(path) in options:
            continue
        assert value in text or json.dumps(value)[1:-1] in text or repr(value)[1:-1] in text, convention


STRICT_TEXT = (
    '{"orderNo":"A-7","pay_date":"2027-03-13","total":1250.5,"paid":false,"state":"In_progress","seats":3}'
)


@pytest.mark.parametrize(
    ("convention", "old", "new"),
    [
        pytest.param(Convention(dates="text"), '"2027-03-13"', '"13 March 2027"', id="a date as it stands"),
        pytest.param(Convention(dates="named"), '"2027-03-13"', '"13 March 2027"', id="a date by name"),
        pytest.param(Convention(dates="points"), '"2027-03-13"', '"13.03.2027"', id="a date with points"),
        pytest.param(Convention(dates="american"), '"2027-03-13"', '"03/13/2027"', id="a month first"),
        pytest.param(Convention(dates="slashes"), '"2027-03-13"', '"2027/03/13"', id="a date with slashes"),
        pytest.param(Convention(dates="with_time"), '3-13"', '3-13T00:00:00"', id="a date with a time"),
        pytest.param(Convention(numbers="text"), "1250.5", '"EUR 1,250.50"', id="an amount as it stands"),
        pytest.param(Convention(numbers="thousands"), "1250.5", '"1,250.5"', id="thousands apart"),
        pytest.param(Convention(numbers="two_places"), "1250.5", "1250.50", id="two places"),
        pytest.param(Convention(numbers="floats"), '"seats":3', '"seats":3.0', id="a count as a float"),
        pytest.param(Convention(flags="text"), "false", '"No"', id="a flag as it stands"),
        pytest.param(Convention(flags="yes_no"), "false", '"no"', id="a flag as yes or no"),
        pytest.param(Convention(flags="strings"), "false", '"false"', id="a flag as a string"),
        pytest.param(Convention(options="text"), "In_progress", "in progress", id="an option as it stands"),
        pytest.param(Convention(options="upper"), "In_progress", "IN_PROGRESS", id="an option in capitals"),
        pytest.param(Convention(options="title"), "In_progress", "In Progress", id="an option as a title"),
        pytest.param(Convention(options="lower"), "In_progress", "in_progress", id="an option in small"),
        pytest.param(Convention(keys="camel"), "pay_date", "payDate", id="keys in camel case"),
        pytest.param(Convention(keys="snake"), "orderNo", "order_no", id="keys in snake case"),
        pytest.param(Convention(keys="synonym"), "total", "amount", id="another word for a key"),
        pytest.param(Convention(extra=("note", "")), "3}", '3,"note":""}', id="a key that nobody asked for"),
        pytest.param(Convention(extra=("paid", "")), "3}", "3}", id="an extra key that is taken"),
    ],
)
def test_one_part_of_an_answer_is_spelled_another_way(convention: object, old: str, new: str) -> None:
    assert spelling.spelled(convention, EXAMPLE, SCHEMA) == STRICT_TEXT.replace(old, new)


SHORT = Example(
    id="e",
    text="In Oslo: A-7, red and blue",
    schema="Order",
    target={"orderNo": "A-7", "contact": None, "buyer": {"city": "Oslo"}, "tags": ["red", "blue"]},
    reasoning="Read.",
    meta={"spans": {"/buyer/city": [3, 7], "/orderNo": [9, 12], "/tags/0": [14, 17], "/tags/1": [22, 26]}},
)
SHORT_TEXT = '{"orderNo":"A-7","contact":null,"buyer":{"city":"Oslo"},"tags":["red","blue"]}'


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        pytest.param(
            Convention(layout=Layout(spaced=True)),
            '{"orderNo": "A-7", "contact": null, "buyer": {"city": "Oslo"}, "tags": ["red", "blue"]}',
            id="blanks",
        ),
        pytest.param(
            Convention(layout=Layout(indent=2, trailing=True), missing="left_out"),
            '{\n  "orderNo": "A-7",\n  "buyer": {\n    "city": "Oslo",\n  },\n  "tags": [\n    "red",\n'
            '    "blue",\n  ],\n}',
            id="lines of their own, with a comma too many",
        ),
        pytest.param(
            Convention(order="text"),
            '{"buyer":{"city":"Oslo"},"orderNo":"A-7","tags":["red","blue"],"contact":null}',
            id="as the text states it",
        ),
        pytest.param(
            Convention(order="sorted"),
            '{"buyer":{"city":"Oslo"},"contact":null,"orderNo":"A-7","tags":["red","blue"]}',
            id="keys sorted",
        ),
        pytest.param(
            Convention(flat=True, keys="title"),
            '{"Order No":"A-7","Contact":null,"Buyer.City":"Oslo","Tags":["red","blue"]}',
            id="flat, with titles for keys",
        ),
        pytest.param(
            Convention(keys="upper", missing="n/a", outer="order", listed=True),
            '[{"order":{"ORDER_NO":"A-7","CONTACT":"N/A","BUYER":{"CITY":"Oslo"},"TAGS":["red","blue"],'
            '"PAY_DATE":"N/A","TOTAL":"N/A","PAID":"N/A","STATE":"N/A","SEATS":"N/A","REMARK":"N/A"}}]',
            id="what is missing is said to be, in an object in a list",
        ),
        pytest.param(Convention(keys="singular"), SHORT_TEXT.replace("tags", "tag"), id="singular"),
        pytest.param(
            Convention(keys="blanks"), SHORT_TEXT.replace("orderNo", "order no"), id="blanks in keys"
        ),
        pytest.param(
            Convention(before="```json\n", after="\n```"), f"```json\n{SHORT_TEXT}\n```", id="a fence"
        ),
        pytest.param(Convention(again=True), f"{SHORT_TEXT}\n\n{SHORT_TEXT}", id="given twice"),
        pytest.param(
            Convention(notation="python"),
            "{'orderNo':'A-7','contact':None,'buyer':{'city':'Oslo'},'tags':['red','blue']}",
            id="Python",
        ),
        pytest.param(
            Convention(notation="yaml"),
            "orderNo: A-7\ncontact: null\nbuyer:\n  city: Oslo\ntags:\n  - red\n  - blue",
            id="YAML",
        ),
        pytest.param(
            Convention(notation="lines", keys="title", missing="left_out"),
            "Order No: A-7\nBuyer City: Oslo\nTags 1: red\nTags 2: blue",
            id="lines",
        ),
        pytest.param(
            Convention(notation="bullets", missing="left_out"),
            "- **orderNo**: A-7\n- **buyer city**: Oslo\n- **tags 1**: red\n- **tags 2**: blue",
            id="bullets",
        ),
        pytest.param(
            Convention(notation="table", missing="left_out"),
            "| Field | Value |\n|---|---|\n| orderNo | A-7 |\n| buyer city | Oslo |\n| tags 1 | red |\n"
            "| tags 2 | blue |",
            id="a table",
        ),
        pytest.param(
            Convention(notation="tags"),
            "<orderNo>A-7</orderNo>\n<contact>null</contact>\n<buyer>\n  <city>Oslo</city>\n</buyer>\n"
            "<tags>red</tags>\n<tags>blue</tags>",
            id="tags",
        ),
        pytest.param(
            Convention(notation="prose", keys="blanks", missing="left_out"),
            "The order no is A-7, the buyer city is Oslo, the tags 1 is red and the tags 2 is blue.",
            id="prose",
        ),
    ],
)
def test_an_answer_in_another_convention(convention: object, expected: str) -> None:
    assert spelling.spelled(convention, SHORT, SCHEMA) == expected


def test_keys_that_would_become_one_stay_as_they_are() -> None:
    schema = Schema.of({"type": "object", "properties": {"payDate": {}, "pay_date": {}}})
    example = Example(id="e", text="", schema="s", target={"payDate": "a", "pay_date": "b"})
    written = spelling.spelled(Convention(keys="snake", order="sorted"), example, schema)
    assert written == '{"payDate":"a","pay_date":"b"}'


def test_values_in_lists_of_objects_are_lines_of_yaml_and_tags_of_their_own() -> None:
    schema = Schema.of({"type": "object", "properties": {"lines": {"type": "array"}}})
    target: JSON = {"lines": [{"a b": 1, "c": ": x"}, {"a b": 2.5, "c": ""}]}
    example = Example(id="e", text="", schema="s", target=target)
    assert spelling.spelled(Convention(notation="yaml"), example, schema) == (
        'lines:\n  - a b: 1\n    c: ": x"\n  - a b: 2.5\n    c: ""'
    )
    assert spelling.spelled(Convention(notation="tags"), example, schema) == (
        "<lines>\n  <a_b>1</a_b>\n  <c>: x</c>\n</lines>\n<lines>\n  <a_b>2.5</a_b>\n  <c></c>\n</lines>"
    )


def test_without_spans_a_value_as_the_text_has_it_is_the_target_s() -> None:
    example = Example(id="e", text="", schema="Order", target=EXAMPLE.target)
    as_stated = Convention(dates="text", numbers="text", flags="text", options="text")
    assert spelling.spelled(as_stated, example, SCHEMA) == STRICT_TEXT


def test_a_row_without_a_target_has_no_answer() -> None:
    with pytest.raises(DataError, match="there is no right answer"):
        spelling.spelled(Convention(again=True), Example(id="e", text="", schema="Order"), SCHEMA)


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        (Convention(order="sorted", after="!"), "<answer>{text}!</answer>"),
        (Convention(order="sorted", tagged=False), "{text}"),
    ],
    ids=["in tags", "without tags"],
)
def test_after_a_thought_the_convention_is_that_of_the_answer(convention: object, expected: str) -> None:
    text = '{"buyer":{"city":"Oslo"},"contact":null,"orderNo":"A-7","tags":["red","blue"]}'
    written = spelling.spelled(convention, SHORT, SCHEMA, form="think")
    assert written == "<think>Read.</think>\n" + expected.format(text=text)


@pytest.mark.parametrize(
    ("occasion", "share"),
    [
        pytest.param(Occasion(leaves=3), 0.24, id="three values: all of it"),
        pytest.param(Occasion(leaves=1), 0.30, id="one value: 15/12"),
        pytest.param(Occasion(leaves=20), 0.08, id="many values: 4/12"),
        pytest.param(Occasion(leaves=3, is_sheet=True), 0.12, id="a sheet: half"),
        pytest.param(Occasion(leaves=3, is_vague=True), 0.08, id="a vague request: a third"),
        pytest.param(Occasion(wanted="yaml"), 0.0, id="YAML is asked for"),
    ],
)
def test_the_share_of_strict_answers_goes_by_the_question(occasion: object, share: float) -> None:
    assert conventions.strict_share(occasion, 0.24) == pytest.approx(share)
    random = Random(1)
    strict = sum(
        conventions.draw(random, strict=0.24, occasion=occasion) == Convention() for _ in range(1500)
    )
    assert strict / 1500 == pytest.approx(share, abs=0.035)  # three standard errors of 0.0118


def test_what_is_asked_for_in_a_notation_is_mostly_given_in_it() -> None:
    random = Random(1)
    given_in = [
        conventions.draw(random, strict=1.0, occasion=Occasion(wanted="yaml")).notation for _ in range(300)
    ]
    assert 0.8 < given_in.count("yaml") / 300 < 1


@given(seeds)
@few
def test_every_request_shows_the_text_and_is_the_house_s_own_if_that_is_wanted(seed: int) -> None:
    example, schema = drawn_row(seed)
    other = requested.asked(Random(seed), example, schema, house=0.0)
    assert other == requested.asked(Random(seed), example, schema, house=0.0)
    assert example.text in other.messages[-1]["content"]
    assert other.messages[-1]["role"] == "user"
    assert other.messages != prompt.messages(example, schema)
    own = requested.asked(Random(seed), example, schema, house=1.0)
    assert own.messages == prompt.messages(example, schema)


def test_a_request_shows_the_form_in_one_of_four_ways() -> None:
    random = Random(3)
    shown = [requested.asked(random, EXAMPLE, SCHEMA, house=0.0).messages[-1]["content"] for _ in range(100)]
    ways = (
        SCHEMA.blank,
        '"properties":{"orderNo":{"type":"string"}',
        "orderNo, pay_date, total, paid, state, seats, remark, contact, buyer.city, tags[]",
        "- orderNo (string)\n- pay_date (date)",
    )
    assert [sum(way in text for text in shown) > 5 for way in ways] == [True] * 4
    assert all(any(way in text for way in ways) for text in shown)


def test_a_short_lined_text_is_a_sheet() -> None:
    sheet = Example(id="e", text="Name: A\nDate: B\nSum: C\nTax: D", schema="s")
    assert Occasion.of(sheet, 4) == Occasion(leaves=4, is_sheet=True)
    assert not Occasion.of(EXAMPLE, 4).is_sheet


@pytest.mark.parametrize("form", ["plain", "think"])
def test_strict_answers_to_the_house_s_request_are_rendered_as_the_house_does(
    model: Model, form: prompt.Form
) -> None:
    row = rows.Row(SHORT, SCHEMA, form)
    found = base.rendered(Random(1), row, model.tokenizer, strict=1.0, house=1.0)
    assert found == prompt.render(SHORT, SCHEMA, model.tokenizer, form=form)


def test_of_a_rendered_row_the_answer_is_marked_and_nothing_else(model: Model) -> None:
    row = rows.Row(SHORT, SCHEMA, "plain")
    random = Random(5)
    for _ in range(20):
        state = random.getstate()
        found = base.rendered(random, row, model.tokenizer)
        random.setstate(state)
        asked = requested.asked(random, SHORT, SCHEMA)
        convention = conventions.draw(random, occasion=asked.occasion)
        pairs = zip(found.tokens, found.is_answer, strict=True)
        answer = model.tokenizer.decode([token for token, is_answer in pairs if is_answer])
        assert answer == spelling.spelled(convention, SHORT, SCHEMA) + "<|im_end|>"
