import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.decode.answer import Answer
from adhere.decode.draw import draw
from adhere.decode.odds import PLAIN, Odds, nucleus

HALVES = torch.tensor([0.0625, 0.5, 0.125, 0.25, 0.0625]).log()


def answer(odds: Odds = PLAIN, *, chance: float = 0.0, told: int | None = None) -> Answer:
    return Answer(None, 4, frozenset(), np.full(4, chance), odds=odds, told=told)


def drawn(answer: Answer, logit_V: torch.Tensor = HALVES) -> Answer:
    draw([answer], logit_V[None])
    return answer


@pytest.mark.parametrize(
    ("top_p", "left"),
    [
        pytest.param(0.0, {1}, id="the likeliest in any case"),
        pytest.param(0.5, {1}, id="enough already"),
        pytest.param(0.51, {1, 3}, id="as few as have so much"),
        pytest.param(0.8, {1, 2, 3}, id="0.5 + 0.25 + 0.125"),
        pytest.param(0.9, {0, 1, 2, 3}, id="of two alike the first"),
        pytest.param(0.9999, {0, 1, 2, 3, 4}, id="all"),
    ],
)
def test_top_p_leaves_the_likeliest_and_makes_them_one_again(top_p: float, left: set[int]) -> None:
    logprob_V = nucleus(HALVES[None], torch.tensor([top_p]))[0]
    assert {token for token in range(5) if logprob_V[token] > -math.inf} == left
    assert float(logprob_V.exp().sum()) == pytest.approx(1.0)
    kept = sum(math.exp(HALVES[token]) for token in left)
    assert float(logprob_V[1]) == pytest.approx(math.log(0.5 / kept), abs=1e-6)


def test_the_log_probability_told_is_of_what_was_drawn_from_and_the_plain_one_of_the_model() -> None:
    """At temperature 1/2 probabilities are squared: 64 : 16 : 4 : 1 : 1; of 86 the first two have 80."""
    made = drawn(answer(Odds(temperature=0.5, top_p=0.9), chance=0.9, told=3))
    assert made.tokens == [3]
    assert made.logprobs[0] == pytest.approx(math.log(16 / 80))
    assert made.plain[0] == pytest.approx(math.log(0.25))
    assert [token for token, _ in made.beside[0]] == [1, 3]
    assert [sure for _, sure in made.beside[0]] == pytest.approx([math.log(0.8), math.log(0.2)])


def test_without_odds_of_its_own_both_are_the_same() -> None:
    made = drawn(answer(chance=0.3))
    assert made.logprobs == made.plain
    assert made.beside == []


@pytest.mark.parametrize("told", [0, 2, 9])
def test_as_many_tokens_are_told_as_were_asked_for_and_there_are(told: int) -> None:
    made = drawn(answer(told=told))
    assert [token for token, _ in made.beside[0]] == [1, 3, 2, 0, 4][:told]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.5, 1.0, 1.3]),
            st.sampled_from([0.3, 0.9, 1.0]),
            st.floats(0, 1, exclude_max=True),
            st.sampled_from([None, 0, 3]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 99),
)
@settings(max_examples=60)
def test_what_is_drawn_for_an_answer_depends_on_no_other(
    asked: list[tuple[float, float, float, int | None]], seed: int
) -> None:
    logit_BV = torch.randn(len(asked), 17, generator=torch.Generator().manual_seed(seed)) * 3

    def answers() -> list[Answer]:
        return [
            answer(Odds(temperature=temperature, top_p=top_p), chance=chance, told=told)
            for temperature, top_p, chance, told in asked
        ]

    together, alone = answers(), answers()
    draw(together, logit_BV)
    for each, logit_V in zip(alone, logit_BV, strict=True):
        draw([each], logit_V[None])
    for one, other in zip(together, alone, strict=True):
        assert (one.tokens, one.logprobs, one.plain) == (other.tokens, other.logprobs, other.plain)
        assert one.beside == other.beside
