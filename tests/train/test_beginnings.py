import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.prompt import Rendered
from adhere.train.beginnings import LEAST, of_rows
from adhere.train.pack import Answer, Group


def row(prompt: str, answer: str) -> Rendered:
    """A token for each letter."""
    made = (False,) * len(prompt) + (True,) * len(answer)
    return Rendered(tuple(map(ord, prompt + answer)), made)


def written(groups: list[Group]) -> list[tuple[str, list[str]]]:
    """The prompt of each group and its answers, those of their letters large that are trained on."""
    return [
        ("".join(map(chr, group.prompt)), [spelled(answer) for answer in group.answers]) for group in groups
    ]


def spelled(answer: Answer) -> str:
    assert answer.wanted is not None
    letters = zip(map(chr, answer.tokens), answer.wanted, strict=True)
    return "".join(letter.upper() if wanted else letter for letter, wanted in letters)


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        pytest.param([], [], id="none"),
        pytest.param([("ab", "cd")], [("ab", ["CD"])], id="one alone goes on where its prompt ends"),
        pytest.param(
            [("form:cat", "c"), ("form:dog", "d")],
            [("form:", ["catC", "dogD"])],
            id="a beginning is computed once",
        ),
        pytest.param(
            # `sys` saves 3 * 3 letters of all four; the forms save 6 + 6.
            [("sys.a:1", "x"), ("sys.b:1", "x"), ("sys.a:2", "x"), ("sys.b:2", "x")],
            [("sys.a:", ["1X", "2X"]), ("sys.b:", ["1X", "2X"])],
            id="a form of some and not the system message of all",
        ),
        pytest.param(
            # `system` saves 3 * 7 letters of four rows; `system a` 8 of two, and the others are alone.
            [("system a1", "x"), ("system a2", "x"), ("system b1", "x"), ("system c1", "x")],
            [("system ", ["a1X", "a2X", "b1X", "c1X"])],
            id="the system message of all where that saves more",
        ),
        pytest.param(
            # 1 letter of 2 * 8 would be saved, less than one in eight.
            [("abcdefg", "x"), ("azyxwvu", "x")],
            [("abcdefg", ["X"]), ("azyxwvu", ["X"])],
            id="a beginning that saves little glues nothing",
        ),
        pytest.param(
            [("same", "one"), ("same", "one"), ("same", "other")],
            [("same", ["ONE", "ONE", "OTHER"])],
            id="what is trained on is never shared",
        ),
        pytest.param(
            [("abcd", "x"), ("ab", "cdy")], [("ab", ["cdX", "CDY"])], id="as far as nobody is trained on it"
        ),
        pytest.param([("ab", "x"), ("cd", "y")], [("ab", ["X"]), ("cd", ["Y"])], id="nothing alike"),
    ],
)
def test_rows_that_begin_alike_are_a_group(
    rows: list[tuple[str, str]], groups: list[tuple[str, list[str]]]
) -> None:
    assert written(of_rows([row(*each) for each in rows])) == groups


letters = st.text("ab", min_size=1, max_size=6)


@given(st.lists(st.tuples(letters, letters), max_size=12), st.randoms(use_true_random=False))
def test_every_row_is_whole_whatever_the_order_and_nothing_is_computed_twice_for_it(
    spelled: list[tuple[str, str]], chance: random.Random
) -> None:
    rows = [row(*each) for each in spelled]
    groups = of_rows(rows)
    whole = [
        (group.prompt + answer.tokens, (False,) * len(group.prompt) + (answer.wanted or ()))
        for group in groups
        for answer in group.answers
    ]
    assert sorted(whole) == sorted((each.tokens, each.is_answer) for each in rows)
    for group in groups:
        saved = len(group.prompt) * (len(group.answers) - 1)
        assert saved == 0 or saved >= LEAST * (
            saved + len(group.prompt) + sum(len(answer.tokens) for answer in group.answers)
        )
    chance.shuffle(rows)
    assert of_rows(rows) == groups


def test_thousands_of_rows_each_within_the_last_are_no_deeper_than_their_tokens() -> None:
    rows = [row("a" * length, "b") for length in range(1, 3000)]
    assert sum(len(group.answers) for group in of_rows(rows)) == len(rows)
