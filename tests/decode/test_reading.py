from dataclasses import replace

import pytest

from adhere import prompt
from adhere.decode.reading import Begun, Shelf
from adhere.decode.sample import Question, Sampling, sample
from adhere.model import Model
from adhere.records import Example
from adhere.schema import Schema

FORM = tuple(range(100, 108))
"""8 tokens, worth taking over in a prompt of up to 32."""


def test_a_prompt_is_read_from_where_it_departs_from_one_that_was_read() -> None:
    shelf = Shelf()
    assert shelf.put((*FORM, 1, 2, 3), 0) == Begun((*FORM, 1, 2, 3), place=0, source=0, known=0)
    assert shelf.put((*FORM, 1, 5), 1) == Begun((*FORM, 1, 5), place=1, source=0, known=9)
    assert shelf.put((*FORM, 1, 5, 6), 2) == Begun((*FORM, 1, 5, 6), place=2, source=1, known=10)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        pytest.param((*FORM, 1), 8, id="all but the last token, which is read in any case"),
        pytest.param((*FORM, 1, 2), 9, id="longer than what it begins as"),
        pytest.param((*FORM, *[7] * 24), 8, id="a quarter of it"),
        pytest.param((*FORM, *[7] * 25), 0, id="less than a quarter"),
        pytest.param((7, *FORM), 0, id="nothing alike"),
    ],
)
def test_how_much_of_a_beginning_is_taken_over(asked: tuple[int, ...], known: int) -> None:
    shelf = Shelf()
    shelf.put((*FORM, 1), 0)
    assert shelf.put(asked, 1).known == known


def test_a_place_holds_what_was_put_there_last_even_by_the_prompt_that_begins_alike() -> None:
    shelf = Shelf()
    shelf.put((*FORM, 1), 3)
    assert shelf.put((*FORM, 2), 3) == Begun((*FORM, 2), place=3, source=3, known=8)
    shelf.put((7, 8), 3)
    assert shelf.put((*FORM, 1), 4).known == 0


def test_a_prompt_that_moves_is_found_where_it_stands() -> None:
    shelf = Shelf()
    shelf.put((*FORM, 1, 2), 5)
    shelf.move({5: 0})
    shelf.put((7, 8), 5)
    assert shelf.put((*FORM, 1, 3), 1) == Begun((*FORM, 1, 3), place=1, source=0, known=9)


SCHEMAS = [
    Schema.of({"title": "S", "type": "object", "properties": {name: {"type": "string"}}})
    for name in ("short", "a_longer_name")
]


@pytest.mark.parametrize("rows", [1, 2, 5], ids="{} side by side".format)
def test_prompts_that_go_on_from_others_are_answered_as_on_their_own(any_model: Model, rows: int) -> None:
    """Places are taken again and again while prompts of two schemas come in turn."""
    questions = [
        Question(
            f"q{number}",
            prompt.prompt(
                Example(id="e", text="mug " * (number % 5), schema="S"),
                SCHEMAS[number % 2],
                any_model.tokenizer,
            ),
        )
        for number in range(9)
    ]
    settings = Sampling(max_new_tokens=4, samples=1, rows=rows)
    together = list(sample(any_model, questions, settings))
    alone = [group for question in questions for group in sample(any_model, [question], settings)]
    assert [group[0].tokens for group in together] == [group[0].tokens for group in alone]
    for one, other in zip(together, alone, strict=True):
        assert one[0].logprobs == pytest.approx(other[0].logprobs, abs=1e-5)
        assert replace(one[0], logprobs=()) == replace(other[0], logprobs=())
