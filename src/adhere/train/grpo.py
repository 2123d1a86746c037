"""Reinforcement learning from a reward on completions (GRPO): the loop."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import fmean

import torch

from adhere.config import GrpoConfig
from adhere.errors import TrainingError
from adhere.model import Model
from adhere.records import Example
from adhere.reward import loading
from adhere.reward.score import by_part
from adhere.schema import Schema
from adhere.train import acceptance
from adhere.train.clock import Clock
from adhere.train.curriculum import EVERYTHING, Course, Curriculum
from adhere.train.gathering import Gathered, gather
from adhere.train.lesson import Lesson, Taught
from adhere.train.optimizer import Updated, adamw, update, warmed_up
from adhere.train.order import even
from adhere.train.reference import Reference
from adhere.train.resting import Resting
from adhere.train.rollouts import Rollout, Writer
from adhere.train.sampler import Sampler
from adhere.train.state import State

PHASES = ("rollout", "reward", "gradients", "optimizer")
"""Of a step, in its order."""
RESTING = "resting"
"""Under which name a run remembers the prompts that rest."""
DRIFT = {torch.float32: 1e-3, torch.bfloat16: 0.1}
"""Most that log-probabilities of the sampler and the trainer may differ by on average, in nats, where both
have the same weights. In 32 bits they differ by some 1e-7. In bfloat16, which keeps 8 bits of a number, those
of a small model differ by some 0.005, and more with every layer that rounds."""


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
    entropy: float | None = None
    """Mean entropy of the distributions that the trained tokens were drawn from, in nats; `None` where no
    token was trained."""
    kl: float | None = None
    """Mean divergence of the trained tokens from the reference, in nats; `None` without one or the other."""
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
    seconds: Mapping[str, float] = field(default_factory=dict[str, float], compare=False)
    """Of the rollout, the reward, the gradients and the optimizer."""


def begun(model: Model, config: GrpoConfig) -> State:
    """Return the state of a run before its first step."""
    return State(adamw(model, lr=config.lr, weight_decay=0.0))


def train(
    model: Model,
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    config: GrpoConfig,
    *,
    curriculum: Curriculum = EVERYTHING,
    state: State | None = None,
    reference: Model | None = None,
) -> Iterator[GrpoStep]:
    """Train the model against the reward; yield after every step.

    Each step samples a group of completions for a few prompts, scores them, and raises the probability of
    those that are better than their group. What cannot change the gradient is left out before it is computed.

    Args:
        model: Is trained in place; its adapters alone, where it has some.
        examples: What it is asked about.
        schemas: By name.
        config: Of the run.
        curriculum: Which examples come when.
        state: Where the run stands; `None` at its beginning. When a step is yielded it holds all that the
            steps so far have changed but the model's weights, so that a run which is given both goes on as
            if it had never stopped.
        reference: The model that the run began with. A run that goes on needs it where there is a `beta` and
            no adapter; one that begins copies its model.

    Raises:
        ConfigError: The reward or what accepts groups cannot be loaded, or no answer can begin with the
            prefill under its grammar.
        ModelError: A prompt leaves no room in the model's context.
        RewardError: A function of the user's own fails.
        SchemaError: A grammar cannot guarantee a schema.
        TrainingError: The sampler's log-probabilities are not the trainer's.
    """
    state = begun(model, config) if state is None else state
    reward = loading.load(config.reward, form=config.form, scoring=config.scoring, own=config.own)
    accept = acceptance.load(config.accept)
    writer = Writer.of(model, examples, schemas, reward, config)
    one_by_one = partial(even, size=1, seed=config.seed)
    course = Course(curriculum, examples, one_by_one, by="reward", place=state.place)
    resting = Resting(state.remembered.get(RESTING), steps=config.rest)
    sampler = Sampler(model, config, step=state.step, held=state.sampler)
    held_to = Reference(model, reference, step=state.step) if config.beta else None
    for step in range(state.step, config.steps):
        clock = Clock(*PHASES)
        written = partial(writer.groups, sampler.model, step=step, clock=clock)
        gathered = gather(course, resting, accept, written, config)
        with clock.phase("gradients"):
            lesson = Lesson(gathered.counted, config, writer.grammars, model.device)
        lr = warmed_up(config.lr, step, config.warmup_steps)
        taught: list[Taught] = []
        updated: list[Updated] = []
        for _ in range(0 if lesson.is_empty else config.updates_per_batch):
            with clock.phase("gradients"):
                taught.append(lesson.gradients(model, held_to))
            if config.sync_every == 1 and len(taught) == 1:
                _refuse_drift(taught[0], sampler.model, config, step=step)
            with clock.phase("optimizer"):
                loss = taught[-1].loss
                updated.append(update(model, state.optimizer, loss=loss, lr=lr, grad_clip=config.grad_clip))
        made = _step(step + 1, gathered, taught, updated, config)
        made = replace(made, lr=lr, stage=course.stage, lag=sampler.lag(step), seconds=clock.seconds)
        sampler.after(step)
        resting.note(gathered.sampled, step=step)
        course.achieved(made.reward)
        state.step, state.place, state.sampler = step + 1, course.place, sampler.weights
        state.remembered[RESTING] = resting.as_json()
        yield made


def _refuse_drift(taught: Taught, model: Model, config: GrpoConfig, *, step: int) -> None:
    """Stop a run whose trainer and sampler, with the same weights, are not the same policy.

    Raises:
        TrainingError: Their log-probabilities differ by more than rounding.
    """
    mean = taught.apart / max(1, taught.counts.tokens)
    # Rounding of the logits counts for more where a low temperature multiplies them.
    bound = DRIFT.get(model.network.dtype, DRIFT[torch.bfloat16]) / min(1.0, config.temperature)
    if mean > bound:
        raise TrainingError.at(
            f"step {step + 1} drift",
            mean,
            f"the trainer's log-probabilities are that many nats from the sampler's, the mean of "
            f"{taught.counts.tokens} tokens, and rounding accounts for {bound:g} at most: what is trained is "
            "not what sampled",
            fix="Take another model; this one says something else of a text than it did when it wrote it",
        )


def _step(
    number: int,
    gathered: Gathered,
    taught: Sequence[Taught],
    updated: Sequence[Updated],
    config: GrpoConfig,
) -> GrpoStep:
    """Sum a step up; what the loop alone knows is left at its default."""
    groups = gathered.sampled
    rolled = [rollout for group in groups for rollout in group.rollouts]
    outcomes = Counter(rollout.score.outcome for rollout in rolled)
    free = [group.obeys_free for group in groups if group.obeys_free is not None]
    counts = [each.counts for each in taught]
    tokens = max(1, sum(each.tokens for each in counts))
    return GrpoStep(
        step=number,
        groups=tuple(group.rollouts for group in groups),
        reward=fmean(rollout.score.total for rollout in rolled),
        parts={name: fmean(values) for name, values in by_part(r.score for r in rolled).items()},
        outcomes={name: count / len(rolled) for name, count in sorted(outcomes.items())},
        zero_variance=fmean(not group.informs for group in groups),
        length=fmean(len(rollout.completion.tokens) for rollout in rolled),
        finished=fmean(rollout.completion.finished for rollout in rolled),
        loss=fmean(each.loss for each in taught) if taught else 0.0,
        grad_norm=fmean(each.norm for each in updated) if updated else 0.0,
        clipped=sum(each.clipped for each in counts) / tokens,
        truncated=sum(each.truncated for each in counts) / tokens,
        drift=sum(each.drift for each in counts) / tokens,
        lr=0.0,
        entropy=sum(each.entropy for each in taught) / tokens if taught else None,
        kl=sum(each.kl for each in counts) / tokens if taught and config.beta else None,
        accepted=fmean(group.accepted for group in groups),
        sampled=len(groups),
        resting=gathered.resting,
        valid_free=fmean(free) if free else None,
        skipped=any(each.skipped for each in updated),
    )
