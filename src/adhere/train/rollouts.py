"""Groups of completions with what they earned: what reinforcement learning learns from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adhere import prompt
from adhere.config import GrpoSettings
from adhere.decode.sample import Question, Sampling, sample
from adhere.model import Model
from adhere.records import Completion, Example
from adhere.reward.loading import Attempt, Reward
from adhere.reward.score import Score
from adhere.schema import Schema
from adhere.train.advantage import group_advantages


@dataclass(frozen=True, slots=True)
class Rollout:
    """A completion with what it earned."""

    completion: Completion
    prompt: tuple[int, ...]
    score: Score
    advantage: float
    """In standard deviations of its group; 0 for every completion of a group without signal."""


def rollouts(
    model: Model,
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    reward: Reward,
    config: GrpoSettings,
    *,
    step: int,
) -> list[tuple[Rollout, ...]]:
    """Sample a group of completions for every example and score it; one group per example, in order."""
    model.network.eval()
    questions = [
        Question(
            example.id,
            prompt.prompt(
                example, schemas[example.schema], model.tokenizer, form=config.form, prefill=config.prefill
            ),
        )
        for example in examples
    ]
    settings = Sampling(
        samples=config.group_size,
        temperature=config.temperature,
        max_new_tokens=config.max_new_tokens,
        seed=config.seed,
        step=step,
    )
    completions = list(sample(model, questions, settings))
    started = prompt.beginning(config.form, config.prefill)
    scores = iter(
        reward(
            [
                Attempt(started + completion.text, example, schemas[example.schema])
                for example, group in zip(examples, completions, strict=True)
                for completion in group
            ]
        )
    )
    return [
        tuple(_group(question.tokens, group, [next(scores) for _ in group]))
        for question, group in zip(questions, completions, strict=True)
    ]


def _group(
    prompted: tuple[int, ...], completions: Sequence[Completion], scores: Sequence[Score]
) -> Iterator[Rollout]:
    advantages = group_advantages([scored.total for scored in scores])
    for completion, scored, advantage in zip(completions, scores, advantages, strict=True):
        yield Rollout(completion, prompted, scored, advantage)
