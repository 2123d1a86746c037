"""Learning under a grammar: the policy is the one that the mask leaves, not the model's own.

A schema with three values makes every answer countable, so that expectations are sums and nothing is drawn.
"""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from adhere.config import GrpoConfig
from adhere.decode.constraint import Constraint, replay
from adhere.decode.grammar import Grammar
from adhere.decode.vocabulary import Vocabulary
from adhere.model import Model
from adhere.records import Completion, Example
from adhere.reward.score import Score
from adhere.schema import Schema
from adhere.train.lesson import Lesson
from adhere.train.rollouts import Group, Rollout

SCHEMA = Schema.of({"title": "S", "enum": ["ab", "ac", "b"]})
EXAMPLE = Example(id="e", text="", schema="S")
PROMPT = (70, 71, 72, 73)
LIMIT = 30
CPU = torch.device("cpu")


def config(**changes: object) -> GrpoConfig:
    # Each token weighs 1 / (completions x limit), however long the others are.
    return GrpoConfig(
        data=Path("d"),
        out=Path("o"),
        constrain=True,
        loss="dr_grpo",
        max_new_tokens=LIMIT,
        **changes,  # type: ignore[arg-type]
    )


def answers(at: Constraint, model: Model, written: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every answer that a constraint leaves open."""
    if written and written[-1] in model.stop_tokens:
        yield written
        return
    forced = tuple(at.forced(LIMIT - len(written)))
    choices = (
        [forced] if forced else [(int(token),) for token in np.flatnonzero(at.allowed(LIMIT - len(written)))]
    )
    for choice in choices:
        further = at.copy()
        for token in choice:
            if token not in model.stop_tokens:
                further.accept(token)
        yield from answers(further, model, written + choice)


def masked_logprobs(
    model: Model, grammar: Constraint, answer: tuple[int, ...], temperature: float
) -> torch.Tensor:
    """The definition: of all that the model says, only what the grammar allows, and that adds up to 1."""
    replayed = replay(grammar, answer, LIMIT)
    logits_TV = model.network(input_ids=torch.tensor([[*PROMPT, *answer]]), use_cache=False).logits[0]
    logits_AV = logits_TV[len(PROMPT) - 1 : -1][torch.tensor(replayed.wanted)] / temperature
    refused_AV = ~torch.from_numpy(replayed.allowed)
    logprob_AV = logits_AV.masked_fill(refused_AV, -torch.inf).log_softmax(-1)
    chosen = [token for token, wanted in zip(answer, replayed.wanted, strict=True) if wanted]
    logprob_A = torch.zeros(len(answer), dtype=logits_TV.dtype)
    logprob_A[torch.tensor(replayed.wanted)] = logprob_AV.gather(-1, torch.tensor(chosen)[:, None])[:, 0]
    return logprob_A


class Toy:
    """A model that answers under the grammar of three values, each of which earns something."""

    def __init__(self, model: Model, *, temperature: float = 1.0, **rewards: float) -> None:
        self.model, self.temperature = model, temperature
        self.grammar = Grammar(SCHEMA, Vocabulary(model))
        self.answers = list(answers(self.grammar, model))
        said = [model.tokenizer.decode(answer[:-1]).strip('"') for answer in self.answers]
        assert sorted(said) == ["ab", "ac", "b"]
        self.rewards = [rewards[value] for value in said]

    def logprobs(self, model: Model) -> list[torch.Tensor]:
        """Of each answer's tokens, under the mask."""
        return [masked_logprobs(model, self.grammar, answer, self.temperature) for answer in self.answers]

    @torch.no_grad()
    def expected(self, model: Model) -> float:
        """The reward, on average."""
        return sum(
            float(logprob_A.sum().exp()) * reward
            for logprob_A, reward in zip(self.logprobs(model), self.rewards, strict=True)
        )

    @torch.no_grad()
    def every_answer(self) -> Group:
        """Each answer once, with an advantage of its probability times what it earns above the mean."""
        logprobs = self.logprobs(self.model)
        shares = [float(logprob_A.sum().exp()) for logprob_A in logprobs]
        assert sum(shares) == pytest.approx(1.0)
        mean = sum(share * reward for share, reward in zip(shares, self.rewards, strict=True))
        rollouts: list[Rollout] = []
        for index, answer in enumerate(self.answers):
            completion = Completion(
                example_id="e",
                index=index,
                text="",
                tokens=answer,
                logprobs=tuple(logprobs[index].tolist()),
                finished=True,
            )
            reward = self.rewards[index]
            score = Score(reward, "obeys", {})
            rollouts.append(Rollout(completion, PROMPT, score, shares[index] * (reward - mean)))
        return Group(example=EXAMPLE, rollouts=tuple(rollouts))


def moved(model: Model, exact: Model, directions: list[torch.Tensor], step: float) -> Model:
    """Return the second as the first, moved so far along directions."""
    with torch.no_grad():
        for weight, own, direction in zip(
            exact.network.parameters(), model.network.parameters(), directions, strict=True
        ):
            weight.copy_(own.double() + step * direction.double())
    return exact


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_the_gradient_is_that_of_the_expected_reward_under_the_mask(
    any_model: Model, temperature: float
) -> None:
    toy = Toy(any_model, temperature=temperature, ab=1.0, ac=0.2, b=0.5)
    lesson = Lesson([toy.every_answer()], config(temperature=temperature), {"S": toy.grammar}, CPU)
    any_model.network.zero_grad()
    taught = lesson.gradients(any_model, None)
    # Forced tokens are not there: "ab" and "ac" have two choices, "b" has one.
    assert taught.counts.tokens == 2 + 2 + 1
    assert taught.apart < 1e-5
    exact = Model("exact", copy.deepcopy(any_model.network).double(), any_model.tokenizer)
    generator = torch.Generator().manual_seed(0)
    weights = list(any_model.network.parameters())
    for _ in range(2):
        drawn = [torch.randn(weight.shape, generator=generator) for weight in weights]
        length = float(torch.stack([(each**2).sum() for each in drawn]).sum().sqrt())
        directions = [each / length for each in drawn]
        slopes = [
            float((weight.grad * direction).sum())
            for weight, direction in zip(weights, directions, strict=True)
            if weight.grad is not None
        ]
        expected = {
            step: toy.expected(moved(any_model, exact, directions, step))
            for step in (-2e-2, -1e-2, 1e-2, 2e-2)
        }
        near, far = expected[1e-2] - expected[-1e-2], expected[2e-2] - expected[-2e-2]
        # The loss is what is earned, negated, over completions times limit.
        assert -sum(slopes) * 3 * LIMIT == pytest.approx((8 * near - far) / 12e-2, rel=2e-3, abs=2e-6)


def learned(model: Model, *, corrected: bool) -> float:
    """Climb the expected reward; return how likely the one right answer is then, under the mask."""
    toy = Toy(model, ab=1.0, ac=0.0, b=0.0)
    constraints: Mapping[str, Constraint] = {"S": toy.grammar} if corrected else {}
    for _ in range(UPDATES):
        model.network.zero_grad()
        Lesson([toy.every_answer()], config(), constraints, CPU).gradients(model, None)
        with torch.no_grad():
            for weight in model.network.parameters():
                if weight.grad is not None:
                    weight.sub_(weight.grad, alpha=RATE * 3 * LIMIT)
    return toy.expected(model)


UPDATES, RATE = 25, 0.15


def test_without_the_masks_probabilities_what_needed_the_mask_is_not_learned(model: Model) -> None:
    # A model that would write anything gives the three values a few hundredths; so much is left of a ratio of
    # its own probability to that under the mask.
    began = Model(model.reference, copy.deepcopy(model.network), model.tokenizer)
    assert learned(model, corrected=True) > 0.95
    assert learned(began, corrected=False) < 0.5
