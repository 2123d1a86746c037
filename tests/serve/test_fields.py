"""What a reply tells of each of its leaves."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.measure.calibration import Calibration, Logistic
from adhere.records import JSON
from adhere.schema import Schema
from adhere.serve import fields
from adhere.serve.order import (
    AnyObject,
    AnyText,
    Calling,
    Ended,
    Obeying,
    OneOf,
    Order,
    Reason,
    Tool,
    Turn,
    Wanted,
)

INVOICE = Schema.of(
    {
        "type": "object",
        "properties": {
            "vendor": {"type": "string"},
            "date": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "paid": {"type": "boolean"},
            "kind": {"const": "invoice"},
            "note": {"type": ["string", "null"]},
        },
        "required": ["vendor", "date", "total", "paid", "kind", "note"],
        "additionalProperties": False,
    }
)
ANSWER: JSON = {
    "vendor": "Bolt & Sons",
    "date": "2026-05-03",
    "total": 1250,
    "paid": False,
    "kind": "invoice",
    "note": None,
}
TEXT = "Invoice by Bolt & Sons of 3 May 2026, € 1,250.00, not paid."
FORM = Obeying(schema=INVOICE)
# Log-odds of 0.8 are ln 4; of the calibrated ln 4 - ln 4 = 0, which is 0.5.
HALVES = Calibration(curve=Logistic(1.0, -1.3862943611198906), rows=20, leaves=40)


def told(
    answer: JSON,
    *turns: Turn,
    prompt: str = "",
    wanted: Wanted = FORM,
    reason: Reason = "stop",
    sure: Mapping[str, float] | None = None,
    calibration: Calibration | None = None,
    below: float | None = None,
    note: Mapping[str, JSON] | None = None,
) -> dict[str, Any]:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    ended = Ended(index=0, reason=reason, text=text, prompt_tokens=1, tokens=1, confidence=sure, note=note)
    order = Order(id="1", turns=turns, prompt=prompt, wanted=wanted)
    promise = "cut" if reason == "length" else "kept"
    return fields.told(order, ended, promise=promise, calibration=calibration, below=below)


def test_the_documented_block_is_what_is_told() -> None:
    document = (Path(__file__).parents[2] / "docs" / "fields.md").read_text(encoding="utf-8")
    text, answer = re.findall(r"^Of the text `(.*)` and the answer `(.*)`:$", document, re.MULTILINE)[0]
    (block,) = re.findall(r"```json\n(.*?)```", document, re.DOTALL)
    expected = json.loads(block)
    sure = {leaf["pointer"]: leaf["confidence"]["raw"] for leaf in expected["leaves"]}
    properties: dict[str, JSON] = {name: {} for name in json.loads(answer)}
    wanted = Obeying(schema=Schema.of({"type": "object", "properties": properties}))
    assert told(answer, user(text), wanted=wanted, sure=sure, below=0.9) == expected


def leaves(block: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {leaf["pointer"]: leaf for leaf in block["leaves"]}


def user(text: str) -> Turn:
    return Turn(role="user", content=text)


@pytest.mark.parametrize(
    ("pointer", "reading", "stated"),
    [
        ("/vendor", "same", "Bolt & Sons"),
        ("/date", "date", "3 May 2026"),
        ("/total", "number", "1,250.00"),
        ("/paid", "flag", "not paid"),
        ("/kind", "not needed", None),
        ("/note", "not needed", None),
    ],
)
def test_a_leaf_is_told_with_where_the_text_says_it(pointer: str, reading: str, stated: str | None) -> None:
    leaf = leaves(told(ANSWER, user(TEXT)))[pointer]
    assert leaf["reading"] == reading
    if stated is None:
        assert leaf["source"] is None
    else:
        start = TEXT.index(stated)
        assert leaf["source"] == {"message": 0, "start": start, "end": start + len(stated), "text": stated}


def test_leaves_come_in_the_order_in_which_they_are_written() -> None:
    assert [leaf["value"] for leaf in told(ANSWER, user(TEXT))["leaves"]] == [
        "Bolt & Sons",
        "2026-05-03",
        1250,
        False,
        "invoice",
        None,
    ]


def test_what_the_text_does_not_say_is_told_so() -> None:
    leaf = leaves(told({"vendor": "Umbrella"}, user(TEXT)))["/vendor"]
    assert (leaf["reading"], leaf["source"]) == ("not in the text", None)


def test_a_source_names_its_message_and_the_answer_of_before_is_none() -> None:
    said = [
        Turn(role="system", content="You read invoices."),
        Turn(role="assistant", content="Bolt & Sons, 99"),
        user("Here it is:"),
        Turn(role="tool", content=f"\U0001f600 {TEXT}", answers="1"),
    ]
    found = leaves(told({"vendor": "Bolt & Sons", "total": 99}, *said))
    # An emoji is one character.
    assert found["/vendor"]["source"] == {"message": 3, "start": 13, "end": 24, "text": "Bolt & Sons"}
    assert found["/total"]["source"] is None


def test_what_only_a_system_message_says_is_found_there() -> None:
    said = [Turn(role="system", content="The vendor is Bolt & Sons."), user("€ 1,250.00")]
    found = leaves(told({"vendor": "Bolt & Sons", "total": 1250}, *said))
    assert [found[each]["source"]["message"] for each in ("/vendor", "/total")] == [0, 1]


def test_nothing_is_found_across_messages() -> None:
    assert leaves(told({"vendor": "Bolt & Sons"}, user("Bolt &"), user("Sons")))["/vendor"]["source"] is None


def test_in_a_plain_prompt_sources_are_of_the_prompt() -> None:
    source = leaves(told({"vendor": "Bolt & Sons"}, prompt=TEXT))["/vendor"]["source"]
    assert (source["message"], source["start"]) == (0, 11)


@pytest.mark.parametrize(
    ("calibration", "expected"),
    [(None, {"raw": 0.8}), (HALVES, {"raw": 0.8, "calibrated": pytest.approx(0.5)})],
    ids=["raw", "calibrated"],
)
def test_confidence_is_raw_and_where_there_is_a_calibration_calibrated(
    calibration: Calibration | None, expected: JSON
) -> None:
    found = leaves(told(ANSWER, user(TEXT), sure={"/total": 0.8}, calibration=calibration))
    assert found["/total"]["confidence"] == expected
    assert found["/vendor"]["confidence"] is None


@pytest.mark.parametrize(
    ("sure", "calibration", "below", "doubtful"),
    [
        pytest.param({"/total": 0.8, "/vendor": 0.9}, None, 0.8, [], id="as much as asked is enough"),
        pytest.param({"/total": 0.8, "/vendor": 0.9}, None, 0.85, ["/total"], id="less"),
        pytest.param({"/total": 0.8, "/vendor": 0.9}, HALVES, 0.8, ["/vendor", "/total"], id="calibrated"),
        pytest.param({"/vendor": 0.9}, None, 0.5, ["/total"], id="of which nothing is known"),
        pytest.param(None, None, None, [], id="nobody asked"),
    ],
)
def test_below_a_threshold_a_leaf_is_undecided(
    sure: dict[str, float] | None, calibration: Calibration | None, below: float | None, doubtful: list[str]
) -> None:
    answer: JSON = {"vendor": "Bolt & Sons", "total": 1250}
    found = told(answer, user(TEXT), sure=sure, calibration=calibration, below=below)
    assert (found["doubtful"], found["undecided"], found["below"]) == (doubtful, bool(doubtful), below)


def test_an_answer_that_was_cut_is_undecided() -> None:
    found = told('{"vendor":"Bo', user(TEXT), reason="length")
    assert (found["promise"], found["undecided"], found["leaves"]) == ("cut", True, [])


def test_leaves_of_a_call_are_those_of_its_spelling() -> None:
    wanted = Calling(tools=(Tool(name="book", description="", parameters=INVOICE),), must=False)
    call: JSON = {"name": "book", "arguments": {"total": 1250}}
    found = leaves(told(call, user(TEXT), wanted=wanted, sure={"/name": 1.0, "/arguments/total": 0.5}))
    assert found["/name"]["reading"] == "not needed"
    assert found["/arguments/total"]["source"]["text"] == "1,250.00"
    assert found["/arguments/total"]["confidence"] == {"raw": 0.5}
    assert told("no call", user(TEXT), wanted=wanted)["leaves"] == []


@pytest.mark.parametrize(
    ("wanted", "answer", "found"),
    [
        pytest.param(AnyText(), "1,250.00", [], id="free text has none"),
        pytest.param(OneOf(texts=("paid", "open")), "paid", [("", "same")], id="a text is one"),
        pytest.param(AnyObject(), {"a": "Bolt & Sons"}, [("/a", "same")], id="any object"),
        pytest.param(AnyObject(), "no JSON", [], id="what is no JSON has none"),
        pytest.param(FORM, {}, [("", "not needed")], id="an empty object"),
    ],
)
def test_what_has_leaves(wanted: Wanted, answer: JSON, found: list[tuple[str, str]]) -> None:
    block = told(answer, user(TEXT), wanted=wanted)
    assert [(leaf["pointer"], leaf["reading"]) for leaf in block["leaves"]] == found


def test_what_a_backend_notes_stands_in_the_block() -> None:
    assert told(ANSWER, user(TEXT), note={"constrained": False})["constrained"] is False


def test_a_long_text_is_looked_at_to_a_limit_from_the_last_message_on() -> None:
    long = "x " * (fields.MOST_CHARACTERS // 2)
    block = told({"vendor": "Bolt & Sons", "total": 1250}, user("€ 1,250.00"), user(f"{TEXT[:22]} {long}"))
    found = leaves(block)
    assert block["unsearched"] == len("€ 1,250.00") + 23
    assert found["/vendor"]["source"]["message"] == 1
    assert (found["/total"]["reading"], found["/total"]["source"]) == ("not found", None)


@settings(max_examples=50)
@given(
    st.lists(st.text(st.sampled_from(" a\n0\0€ßİ9."), max_size=12), min_size=1, max_size=4),
    st.lists(st.sampled_from(["a", "a 9", "0", "ss", 9, 0.9, True]), max_size=4),
)
def test_a_source_is_the_text_that_it_says(said: list[str], answer: list[JSON]) -> None:
    order = Schema.of({"type": "array", "items": {}})
    block = told(answer, *map(user, said), wanted=Obeying(schema=order))
    for source in (leaf["source"] for leaf in block["leaves"] if leaf["source"]):
        assert said[source["message"]][source["start"] : source["end"]] == source["text"] != ""


def test_a_block_is_made_in_a_moment() -> None:
    """2,000 characters and 12 leaves take 1 to 2 ms; 3,000 leaves and 4 MiB take no minutes."""
    names = [f"name{at}" for at in range(12)]
    answer: JSON = {name: f"{name} of Acme Ltd" for name in names}
    said = " ".join(f"{name}: {name} of Acme Ltd, {at} May 2026." for at, name in enumerate(names))
    text = f"{'The pump was tested again. ' * 60}{said}"
    assert min(_seconds(answer, text) for _ in range(5)) < 0.05
    many: JSON = {f"name{at}": f"pump {at} again" for at in range(3_000)}
    assert _seconds(many, text * 2_000) < 5


def _seconds(answer: JSON, text: str) -> float:
    wanted = Obeying(schema=Schema.of({"type": "object", "additionalProperties": {"type": "string"}}))
    began = time.process_time()
    told(answer, user(text), wanted=wanted)
    return time.process_time() - began
