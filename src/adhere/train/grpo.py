"""Reinforcement learning from a reward on completions (GRPO): the loop."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean

import torch

from adhere.config import GrpoConfig
from adhere.model import Model
from adhere.prompt import Rendered
from adhere.records import Example
from adhere.reward.loading import load
from adhere.reward.score import by_part
from adhere.schema import Schema
from adhere.train.batch import by_length, side_by_side
from adhere.train.curriculum import EVERYTHING, Course, Curriculum
from adhere.train.forward import answer_logprobs
from adhere.train.loss import clipped_gain
from adhere.train.optimizer import adamw, update, warmed_up
from adhere.train.order import even
from adhere.train.rollouts import Rollout, rollouts


@dataclass(frozen=True, slots=True)
class GrpoStep:
    """One update."""

    step: int
    groups: tuple[tuple[Rollout, ...], ...]
    """The completions of each prompt."""
    reward: float
    """Mean over the step's completions."""
    parts: Mapping[str, float]
    """Mean of each part of the reward, over the completions that have it."""
    outcomes: Mapping[str, float]
    """Share of completions by what became of them."""
    zero_variance: float
    """Share of groups whose completions all earned the same, which teach nothing."""
    length: float
    """Mean completion length in tokens."""
    finished: float
    """Share of completions that ended before the token limit."""
    loss: float
    grad_norm: float
    clipped: float
    """Share of trained tokens whose probability ratio the clip held."""
    drift: float
    """Mean difference between the trainer's and the sampler's log-probabilities, in nats; on-policy
    it is rounding alone."""
    lr: float
    stage: int = 1
    """Of the curriculum, from 1."""
    entropy: float = 0.0
    """Mean entropy of the distributions that the trained tokens were drawn from, in nats."""
    kl: float | None = None
    """Mean divergence of the trained tokens from the reference, in nats; `None` without one."""
    truncated: float = 0.0
    """Share of trained tokens whose correction for the sampler's lag met its bound."""
    lag: int = 0
    """Updates by which the sampler's weights were older than the trainer's."""
    accepted: float = 1.0
    """Share of the sampled groups that the step learned from."""
    sampled: int = 0
    """Groups sampled, those of refills included."""
    resting: int = 0
    """Prompts passed over because they were solved or hopeless lately."""
    valid_free: float | None = None
    """Share of completions sampled without the grammar that obey; `None` where all are."""
    skipped: bool = False
    """Whether the update was left out because loss or gradient was not finite."""
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of the rollout, the reward, the gradients and the optimizer."""


def train(
    model: Model,
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    config: GrpoConfig,
    *,
    curriculum: Curriculum = EVERYTHING,
) -> Iterator[GrpoStep]:
    """Train the model against the reward; yield after every update.

    Each step samples a group of completions for a few prompts, scores them, and raises the probability of
    those that are better than their group. Groups whose rewards are all equal are dropped before any gradient
    is computed; the loss is still divided by all tokens of the step, so a step with little signal moves the
    weights little.
    """
    reward = load(config.reward, form=config.form, scoring=config.scoring, own=config.own)
    optimizer = adamw(model, lr=config.lr, weight_decay=0.0)
    batches = partial(even, size=config.prompts_per_step, seed=config.seed)
    course = Course(curriculum, examples, batches, by="reward")
    for step in range(config.steps):
        groups = rollouts(model, course.batch(), schemas, reward, config, step=step)
        informative = [rollout for group in groups for rollout in group if rollout.advantage != 0]
        tokens = sum(len(rollout.completion.tokens) for group in groups for rollout in group)
        loss, clipped, drift = _accumulate(model, informative, config, tokens)
        lr = warmed_up(config.lr, step, config.warmup_steps)
        norm = update(model, optimizer, lr=lr, grad_clip=config.grad_clip, step=step) if informative else 0.0
        made = _step(
            step + 1, course.stage, groups, loss=loss, grad_norm=norm, clipped=clipped, drift=drift, lr=lr
        )
        course.achieved(made.reward)
        yield made


def _accumulate(
    model: Model, rollouts: Sequence[Rollout], config: GrpoConfig, step_tokens: int
) -> tuple[float, float, float]:
    """Add up gradients; return the loss, the share of tokens clipped and the mean log-probability drift."""
    rows = [
        Rendered(
            (*rollout.prompt, *rollout.completion.tokens),
            (False,) * len(rollout.prompt) + (True,) * len(rollout.completion.tokens),
        )
        for rollout in rollouts
    ]
    loss_sum, clipped, drift, tokens = 0.0, 0, 0.0, 0
    for places in by_length(rows):
        batch = side_by_side([rows[place] for place in places], model.device)
        sampled_BA = torch.zeros(batch.answer_BA.shape)
        for row, place in enumerate(places):
            logprobs = rollouts[place].completion.logprobs
            sampled_BA[row, : len(logprobs)] = torch.tensor(logprobs)
        advantage_B = torch.tensor([rollouts[place].advantage for place in places], device=model.device)
        gain = clipped_gain(
            answer_logprobs(model, batch, temperature=config.temperature),
            sampled_BA.to(model.device),
            advantage_B,
            batch.is_answer_BA,
            clip=config.clip,
        )
        (gain.loss_sum / step_tokens).backward()
        loss_sum += float(gain.loss_sum.detach())
        clipped, drift, tokens = (
            clipped + gain.clipped_tokens,
            drift + gain.ratio_log_sum,
            tokens + gain.tokens,
        )
    return loss_sum / step_tokens, clipped / max(1, tokens), drift / max(1, tokens)


def _step(
    number: int,
    stage: int,
    groups: Sequence[tuple[Rollout, ...]],
    *,
    loss: float,
    grad_norm: float,
    clipped: float,
    drift: float,
    lr: float,
) -> GrpoStep:
    rolled = [rollout for group in groups for rollout in group]
    outcomes = Counter(rollout.score.outcome for rollout in rolled)
    return GrpoStep(
        step=number,
        groups=tuple(groups),
        reward=fmean(rollout.score.total for rollout in rolled),
        parts={name: fmean(values) for name, values in by_part(r.score for r in rolled).items()},
        outcomes={name: count / len(rolled) for name, count in sorted(outcomes.items())},
        zero_variance=fmean(all(rollout.advantage == 0 for rollout in group) for group in groups),
        length=fmean(len(rollout.completion.tokens) for rollout in rolled),
        finished=fmean(rollout.completion.finished for rollout in rolled),
        loss=loss,
        grad_norm=grad_norm,
        clipped=clipped,
        drift=drift,
        lr=lr,
        stage=stage,
    )
