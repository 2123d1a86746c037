"""Checks of free text: what each asks for, and what is no check."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.errors import ConfigError, DataError
from adhere.records import JSON, Example
from adhere.reward.rubric import aspects, criteria, of_file

TEXT = """
# 1. Summary
Acme Corp billed three mugs on April 15, 2024, because we asked:
£1,654.00 in all.

**Verdict:**
Pay.
"""
"""20 words, # and 1. included."""


def asking(*checks: JSON) -> Example:
    return Example(id="7", text="", schema="any", meta={"rubric": list(checks)})


def check(kind: str, value: JSON, *, aspect: str = "accuracy", **more: JSON) -> dict[str, JSON]:
    return {"aspect": aspect, "check": kind, "value": value, **more}


def met(kind: str, value: JSON, text: str = TEXT) -> float:
    asked = criteria(asking(check(kind, value)), None)
    return aspects(asked, text, completion=text)["accuracy"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("contains", "acme  corp", 1.0, id="a text, whatever its case and white space"),
        pytest.param("contains", "mug", 0.0, id="whole words only"),
        pytest.param("contains", ["Acme Corp", "mugs", "cups"], 2 / 3, id="the share of several"),
        pytest.param("absent", "cups", 1.0, id="a text that is not there"),
        pytest.param("absent", ["cups", "mugs"], 0.5, id="one of two is there"),
        pytest.param("number", 1654, 1.0, id="a number, however it is written"),
        pytest.param("number", [1654.0, 3, 16], 2 / 3, id="the share of several, one of them in words"),
        pytest.param("date", "2024-04-15", 1.0, id="a date, however it is written"),
        pytest.param("date", ["2024-04-15", "2024-04-16"], 0.5, id="the share of several dates"),
        pytest.param("regex", r"(?i)ACME\s+corp", 1.0, id="an expression"),
        pytest.param("regex", [r"^x", r"\d{4},", r"pay\."], 1 / 3, id="the share of several"),
        pytest.param("absent_regex", [r"cups?", r"mugs?"], 0.5, id="one of two expressions matches nowhere"),
        pytest.param("sections", ["Summary", "verdict"], 1.0, id="headings, whatever their marks"),
        pytest.param("sections", ["Summary", "Acme Corp", "Risks"], 1 / 3, id="a heading has its own line"),
        pytest.param("min_words", 10, 1.0, id="words enough"),
        pytest.param("min_words", 40, 20 / 40, id="20 words of 40"),
        pytest.param("max_words", 20, 1.0, id="as many as may be"),
        pytest.param("max_words", 5, 5 / 20, id="20 words where 5 may be"),
        pytest.param("json_field", {"pointer": ""}, 0.0, id="prose has no fields"),
    ],
)
def test_a_check_earns_the_share_that_the_text_has(kind: str, value: JSON, expected: float) -> None:
    assert met(kind, value) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"pointer": ""}, 1.0, id="any value"),
        pytest.param({"pointer": "/total"}, 1.0, id="a key"),
        pytest.param({"pointer": "/total", "equals": 5.0}, 1.0, id="an equal number"),
        pytest.param({"pointer": "/total", "equals": "5"}, 0.0, id="another type"),
        pytest.param({"pointer": "/none", "equals": None}, 1.0, id="null"),
        pytest.param({"pointer": "/rows/1/a~1b"}, 1.0, id="an item, and a key with a slash"),
        pytest.param({"pointer": "/rows/2"}, 0.0, id="past the end"),
        pytest.param({"pointer": "/rows/01"}, 0.0, id="no index"),
        pytest.param({"pointer": "/total/0"}, 0.0, id="below a number"),
    ],
)
def test_a_field_of_json_is_found_by_its_pointer(value: JSON, expected: float) -> None:
    assert met("json_field", value, '{"total": 5, "none": null, "rows": [1, {"a/b": 2}]}') == expected


def test_an_aspect_is_the_weighted_mean_of_its_checks() -> None:
    asked = criteria(
        asking(
            check("contains", "cups", aspect="format", weight=3),
            check("contains", "mugs", aspect="format"),
            check("number", 3),
        ),
        None,
    )
    assert aspects(asked, TEXT, completion=TEXT) == {"accuracy": 1.0, "format": 0.25}


def test_reasoning_alone_is_checked_on_the_thoughts_too() -> None:
    asked = criteria(
        asking(check("contains", "because", aspect="reasoning"), check("contains", "because")), None
    )
    found = aspects(asked, "Pay it.", completion="<think>because</think><answer>Pay it.</answer>")
    assert found == {"accuracy": 0.0, "reasoning": 1.0}


# ---------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rubric.toml", '[[rubric]]\naspect = "format"\ncheck = "contains"\nvalue = ["mugs", "Pay"]\n'),
        ("rubric.json", json.dumps({"rubric": [check("contains", ["mugs", "Pay"], aspect="format")]})),
    ],
)
def test_a_file_has_checks_for_every_row(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    alone = criteria(Example(id="1", text="", schema="any"), tmp_path / name)
    both = criteria(asking(check("number", 1654), check("number", 7)), tmp_path / name)
    assert aspects(alone, TEXT, completion=TEXT) == {"format": 1.0}
    assert aspects(both, TEXT, completion=TEXT) == {"accuracy": 0.5, "format": 1.0}


def test_a_date_of_toml_is_its_spelling(tmp_path: Path) -> None:
    file = tmp_path / "rubric.toml"
    file.write_text('[[rubric]]\naspect = "accuracy"\ncheck = "contains"\nvalue = 2024-04-15\n')
    (only,) = of_file(file)
    assert only.check("On 2024-04-15.") == 1.0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"[[rubric]", "a.toml = .*: it is not TOML"),
        ("a.toml", b"\xff", "it is not TOML in UTF-8"),
        ("a.toml", b"rubric = [nan]", "it is not TOML in UTF-8, or has what JSON has not"),
        ("a.json", b'{"rubric": [}', "a.json, character 12 = 'expecting value': it is not JSON"),
        ("a.json", b"[]", r"it has no list `rubric`. Give it one, as in \[\[rubric\]\]"),
        ("a.json", b'{"rubrics": []}', "it has no list `rubric`"),
        ("a.json", b'{"rubric": {}}', "a.json rubric = {}: it is not a list of checks"),
        ("a.json", b'{"rubric": [5]}', r"a.json rubric\[0\] = 5: a check is an object"),
    ],
)
def test_a_file_that_has_no_checks_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        of_file(tmp_path / name)


def test_a_file_that_is_not_there_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"scoring.rubric.file = .*none.toml'?: the file cannot be read"):
        of_file(tmp_path / "none.toml")


# ----------------------------------------------------------------------------------------- what is no check


def test_a_row_without_anything_to_check_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.json"
    file.write_text('{"rubric": []}')
    for example in (asking(), Example(id="7", text="", schema="any")):
        with pytest.raises(
            DataError, match=r"example 7 rubric = \[\]: the reward `rubric` has nothing to check"
        ):
            criteria(example, file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param("mugs", r"example 7 rubric\[0\] = 'mugs': a check is an object of aspect,", id="a text"),
        pytest.param(check("contains", "a", wieght=2), "and nothing else in it", id="a typo"),
        pytest.param(
            check("contains", "a", aspect="style"), "no such aspect. Use one of accuracy,", id="aspect"
        ),
        pytest.param(
            {"check": "contains", "value": "a"}, "aspect = None: there is no such aspect", id="none"
        ),
        pytest.param(check("has", "a"), "'has': there is no such check. Use one of contains,", id="check"),
        pytest.param({"aspect": "format"}, "check = None: there is no such check", id="no check"),
        pytest.param(
            check("contains", "a", weight=0), "weight = 0: a weight is a number above 0", id="weight 0"
        ),
        pytest.param(check("contains", "a", weight=True), "weight = True", id="a weight that is a boolean"),
        pytest.param(check("contains", "a", weight="2"), "weight = '2'", id="a weight that is a text"),
        pytest.param(check("contains", ""), "value = '': contains needs a text", id="an empty text"),
        pytest.param(check("absent", []), "absent needs a text, or a list of texts", id="no texts"),
        pytest.param(check("sections", ["a", 5]), "sections needs a text", id="a number for a heading"),
        pytest.param(check("number", "5"), "number needs a number, or a list", id="a text for a number"),
        pytest.param(check("number", [5, True]), "number needs a number", id="a boolean among numbers"),
        pytest.param(check("number", []), "number needs a number", id="no numbers"),
        pytest.param(check("min_words", 0), "min_words needs a whole number above 0", id="no words"),
        pytest.param(check("max_words", 2.5), "max_words needs a whole number", id="half a word"),
        pytest.param(check("max_words", value=True), "max_words needs a whole number", id="a boolean count"),
        pytest.param(
            check("json_field", "/a"), 'json_field needs an object such as {"pointer"', id="a pointer"
        ),
        pytest.param(check("json_field", {"pointer": "a"}), "json_field needs an object", id="no pointer"),
        pytest.param(check("json_field", {"pointer": "", "is": 5}), "json_field needs", id="another key"),
        pytest.param(check("regex", "("), r"value = '\(': it is no regular expression", id="no expression"),
        pytest.param(check("regex", "(?=a)"), "without lookaround", id="lookaround"),
        pytest.param(check("regex", r"(a)\1"), "matched in linear time", id="a backreference"),
        pytest.param(check("regex", "a" * 1025), "at most 1 KiB", id="too long"),
    ],
)
def test_what_is_no_check_is_refused_by_name(given: JSON, message: str) -> None:
    with pytest.raises(DataError, match=message):
        criteria(asking(given), None)


def test_a_rubric_that_is_no_list_is_refused() -> None:
    with pytest.raises(DataError, match="example 7 rubric = 'good': it is not a list of checks"):
        criteria(Example(id="7", text="", schema="any", meta={"rubric": "good"}), None)


# ----------------------------------------------------------------------------------------------- any text

CHECKS = (
    check("contains", ["a", "b c"]),
    check("absent", ["a", "0"]),
    check("number", [0, 1.5]),
    check("regex", [r"(a+)+$", "^[0-9]"]),
    check("sections", "a"),
    check("min_words", 3),
    check("max_words", 3),
    check("json_field", {"pointer": "/a", "equals": 1}),
)


@given(st.sampled_from(CHECKS), st.text() | st.text(alphabet='ab 01.5\n#{}":\ud800'))
def test_no_text_escapes_the_unit_interval(asked: dict[str, JSON], text: str) -> None:
    (criterion,) = criteria(asking(asked), None)
    assert 0.0 <= criterion.check(text) <= 1.0


@pytest.mark.parametrize("text", ["a" * 250_000 + "b", "\ud800" * 100_000, "a\n" * 100_000, "1." * 100_000])
def test_a_long_text_takes_a_few_seconds_at_most(text: str) -> None:
    asked = criteria(asking(*CHECKS), None)
    began = time.process_time()
    aspects(asked, text, completion=text)
    assert time.process_time() - began < 10
