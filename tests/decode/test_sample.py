import dataclasses
from collections import Counter
from typing import Self

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from adhere.decode.sample import Question, Sampling, sample
from adhere.errors import ModelError
from adhere.model import Model
from adhere.records import Completion

PROMPTS = [(5, 9, 30), (40, 41, 42, 43, 44, 45, 46), (7,), (100, 90, 80, 70, 60)]
QUESTIONS = [Question(f"q{place}", tokens) for place, tokens in enumerate(PROMPTS)]


def flat(groups: list[list[Completion]]) -> list[Completion]:
    return [completion for group in groups for completion in group]


def plain_logprobs(
    model: Model, prompt: tuple[int, ...], answer: tuple[int, ...], temperature: float
) -> list[float]:
    """The log-probabilities by one forward pass without cache, padding or batch."""
    tokens = torch.tensor([[*prompt, *answer]])
    with torch.no_grad():
        logits = model.network(tokens).logits[0, len(prompt) - 1 : -1].float()
    logprobs = (logits / temperature).log_softmax(-1)
    return logprobs[range(len(answer)), list(answer)].tolist()


def test_log_probabilities_equal_those_of_a_plain_forward_pass(any_model: Model) -> None:
    settings = Sampling(samples=3, temperature=0.7, max_new_tokens=12, seed=4)
    for question, group in zip(QUESTIONS, sample(any_model, QUESTIONS, settings), strict=True):
        for completion in group:
            expected = plain_logprobs(any_model, question.tokens, completion.tokens, 0.7)
            assert completion.logprobs == pytest.approx(expected, abs=1e-4)


def test_batches_do_not_change_what_is_drawn(model: Model) -> None:
    together = flat(list(sample(model, QUESTIONS, Sampling(samples=4, max_new_tokens=20, rows=64))))
    alone = flat(list(sample(model, QUESTIONS, Sampling(samples=4, max_new_tokens=20, rows=4))))
    assert [completion.tokens for completion in together] == [completion.tokens for completion in alone]


def test_the_same_seed_draws_the_same_and_another_does_not(model: Model) -> None:
    first = flat(list(sample(model, QUESTIONS, Sampling(max_new_tokens=10, seed=1))))
    again = flat(list(sample(model, QUESTIONS, Sampling(max_new_tokens=10, seed=1))))
    other = flat(list(sample(model, QUESTIONS, Sampling(max_new_tokens=10, seed=2))))
    assert first == again
    assert [c.tokens for c in first] != [c.tokens for c in other]


def test_groups_come_in_the_order_of_the_questions(model: Model) -> None:
    groups = list(sample(model, QUESTIONS, Sampling(samples=2, max_new_tokens=3, rows=2)))
    assert [[(c.example_id, c.index) for c in group] for group in groups] == [
        [(f"q{place}", 0), (f"q{place}", 1)] for place in range(4)
    ]


def test_temperature_zero_takes_the_likeliest_token(model: Model) -> None:
    (group,) = sample(model, [QUESTIONS[1]], Sampling(temperature=0.0, max_new_tokens=5))
    tokens = list(QUESTIONS[1].tokens)
    for drawn in group[0].tokens:
        with torch.no_grad():
            assert drawn == int(model.network(torch.tensor([tokens])).logits[0, -1].argmax())
        tokens.append(drawn)


def test_draws_follow_the_models_distribution(model: Model) -> None:
    (group,) = sample(model, [Question("q", (5, 6))], Sampling(samples=4000, max_new_tokens=1, rows=4000))
    drawn = Counter(completion.tokens[0] for completion in group)
    with torch.no_grad():
        probability_V = model.network(torch.tensor([[5, 6]])).logits[0, -1].softmax(-1)
    token = int(probability_V.argmax())
    expected = float(probability_V[token])
    # Four standard deviations of a binomial share at n = 4000.
    assert abs(drawn[token] / 4000 - expected) < 4 * (expected * (1 - expected) / 4000) ** 0.5


class Spelling:
    """Allows one spelling only: 50 51 52, then the end."""

    def __init__(self, place: int = 0) -> None:
        self.place = place
        self.remaining: list[int] = []

    def copy(self) -> Self:
        return type(self)(self.place)

    def allowed(self, remaining: int) -> NDArray[np.bool_]:
        self.remaining.append(remaining)
        claims = np.zeros(300, dtype=np.bool_)
        claims[(50, 51, 52, 2)[self.place]] = True
        return claims

    def accept(self, token: int) -> None:
        assert token == (50, 51, 52)[self.place]
        self.place += 1


def test_a_constraint_is_obeyed_and_what_it_forces_has_probability_one(model: Model) -> None:
    question = Question("q", (9, 9), Spelling())
    (group,) = sample(model, [question], Sampling(samples=2, max_new_tokens=6))
    for completion in group:
        assert completion.tokens == (50, 51, 52, 2)
        assert completion.logprobs == pytest.approx((0.0, 0.0, 0.0, 0.0))
        assert completion.finished


def test_the_end_token_is_no_part_of_the_text(model: Model) -> None:
    (group,) = sample(model, [Question("q", (9,), Spelling())], Sampling(max_new_tokens=6))
    assert group[0].text == model.tokenizer.decode([50, 51, 52])


def test_a_completion_cut_off_says_so(model: Model) -> None:
    (group,) = sample(model, [Question("q", (9,), Spelling())], Sampling(max_new_tokens=2))
    assert (group[0].tokens, group[0].finished) == ((50, 51), False)


def test_rows_that_end_early_do_not_disturb_the_others(model: Model) -> None:
    free = QUESTIONS[3]
    alone = flat(list(sample(model, [free], Sampling(temperature=0.0, max_new_tokens=15))))
    beside = list(
        sample(
            model,
            [*(Question(f"s{i}", (9,), Spelling()) for i in range(5)), free],
            Sampling(temperature=0.0, max_new_tokens=15),
        )
    )
    assert beside[-1][0].tokens == alone[0].tokens


def test_a_prompt_without_room_for_an_answer_is_an_error(model: Model) -> None:
    with pytest.raises(ModelError, match=r"q = 500: .*context of 512.*Shorten"):
        list(sample(model, [Question("q", (5,) * 500)], Sampling(max_new_tokens=100)))


def test_completions_are_frozen(model: Model) -> None:
    (group,) = sample(model, [QUESTIONS[0]], Sampling(max_new_tokens=1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        group[0].text = "other"  # type: ignore[misc]
