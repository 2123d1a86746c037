from collections.abc import Mapping

import pytest

from adhere.data.side import EITHER, Side
from adhere.data.writing import INSTRUCTIONS, PROSE, Reversed
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.schema import Schema

ORDER = Schema.of(
    {
        "title": "Order",
        "type": "object",
        "properties": {
            "vendor": {"type": "string"},
            "due": {"type": "string", "format": "date"},
            "total": {"type": "number"},
            "state": {"enum": ["in_stock", "sold_out"]},
            "paid": {"type": "boolean"},
            "note": {"type": ["string", "null"]},
        },
    }
)
TEXT = "Bolt & Sons billed us 1,250.50 euros, due on 3 May 2026. It is in stock, and {paid}."


class Told:
    """A source of one kind of text."""

    schemas: Mapping[str, Schema] = {"Order": ORDER}

    def __init__(self, text: str = TEXT, distractors: tuple[int, ...] = (0,), **target: JSON) -> None:
        self.text = text
        self.distractors = distractors
        self.target: dict[str, JSON] = {
            "paid": True, "vendor": "Bolt & Sons", "due": "2026-05-03", "total": 1250.5, "state": "in_stock",
            "note": None, **target,
        }  # fmt: skip

    def example(self, number: int, side: Side) -> Example:
        at = self.text.find("in stock")
        return Example(
            id=f"Order-{side.split}-{number}",
            text=self.text,
            schema="Order",
            target=self.target,
            meta={
                "spans": {"/state": [at, at + 8], "/paid": [0, 4]},
                "template": f"{number}",
                "distractors": self.distractors[number // 10**9 % len(self.distractors)],
            },
        )


def earned(text: str, example: Example) -> Mapping[str, float]:
    scored = score(text, example, PROSE, preset="rubric", form="prose")
    return {"total": scored.total, **scored.parts}


def test_the_json_is_the_text_in_the_schema_s_order_and_the_text_is_the_answer() -> None:
    example = Reversed(Told()).example(7, EITHER)
    assert example.text == (
        '{"vendor":"Bolt & Sons","due":"2026-05-03","total":1250.5,'
        '"state":"in_stock","paid":true,"note":null}'
    )
    assert example.target == TEXT
    assert (example.schema, example.id) == ("prose", "write-Order-train-7")
    assert PROSE.obeys(example.target)
    assert Reversed(Told()).schemas == {"prose": PROSE}
    assert (example.meta["template"], example.meta["spans"], example.meta["distractors"]) == ("7", {}, 0)


@pytest.mark.parametrize(
    ("distractors", "turn"),
    [
        pytest.param((0, 0), 0, id="none at once"),
        pytest.param((2, 1, 0, 0), 2, id="the first without any"),
        pytest.param((1, 1, 1, 1, 0), 3, id="none of four is without"),
    ],
)
def test_a_text_that_says_what_the_json_does_not_is_passed_over(
    distractors: tuple[int, ...], turn: int
) -> None:
    example = Reversed(Told(distractors=distractors)).example(7, EITHER)
    assert (example.id, example.meta["template"]) == ("write-Order-train-7", f"{7 + turn * 10**9}")


def test_the_checks_ask_for_every_value_that_the_text_states() -> None:
    example = Reversed(Told()).example(0, EITHER)
    rubric = example.meta["rubric"]
    assert isinstance(rubric, list)
    # An option in other words is asked for in those of the text; true and null are not asked for.
    assert rubric[:4] == [
        {"aspect": "accuracy", "check": "contains", "value": ["Bolt & Sons", "in stock"], "weight": 2},
        {"aspect": "accuracy", "check": "date", "value": ["2026-05-03"], "weight": 1},
        {"aspect": "accuracy", "check": "number", "value": [1250.5], "weight": 1},
        {"aspect": "accuracy", "check": "absent", "value": ['{"', '":'], "weight": 4},
    ]


def test_the_text_itself_earns_full_marks() -> None:
    example = Reversed(Told()).example(0, EITHER)
    assert earned(TEXT, example)["total"] == 1.0


@pytest.mark.parametrize(
    ("text", "accuracy"),
    [
        pytest.param(
            "In stock at Bolt & Sons: EUR 1250,50, payable 2026-05-03.", 1.0, id="other words and spellings"
        ),
        # Seven of eight parts, to the power of 4.
        pytest.param(TEXT.replace("1,250.50", "1,205.50"), (7 / 8) ** 4, id="a wrong number"),
        pytest.param(TEXT.replace("3 May", "4 May"), (7 / 8) ** 4, id="a wrong date"),
        pytest.param("Nothing at all.", (4 / 8) ** 4, id="nothing but prose"),
    ],
)
def test_what_is_right_is_paid_whatever_its_spelling(text: str, accuracy: float) -> None:
    example = Reversed(Told()).example(0, EITHER)
    assert earned(text, example)["accuracy"] == pytest.approx(accuracy)


def test_to_copy_the_data_is_no_answer() -> None:
    example = Reversed(Told()).example(0, EITHER)
    copied = earned(example.text, example)
    # All values are there but the option in its own words, and the marks of JSON are too.
    assert copied["accuracy"] == pytest.approx((3 / 8) ** 4)
    assert copied["total"] < 0.4
    assert earned("", example)["total"] < 0.2


def test_a_text_that_quotes_json_may() -> None:
    told = Told(text='We got {"total": 5} from Bolt & Sons.', total=5)
    example = Reversed(told).example(0, EITHER)
    assert earned(told.text, example)["total"] == 1.0


def test_a_text_that_states_nothing_is_measured_by_its_length() -> None:
    told = Told(text="See the letter.", vendor="?", due="2026-05-03", total=9, state="sold_out")
    example = Reversed(told).example(0, EITHER)
    assert earned("See the letter.", example)["total"] == 1.0
    # Three words; six may be, and 12 are half a check too many.
    assert earned("See " * 12, example)["format"] == 0.75


def test_a_number_is_one_example_and_instructions_vary() -> None:
    source = Reversed(Told())
    assert source.example(3, EITHER) == source.example(3, EITHER)
    asked = {str(source.example(number, EITHER).meta["instruction"]) for number in range(60)}
    assert asked == set(INSTRUCTIONS)
