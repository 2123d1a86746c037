"""Supervised fine-tuning: the loop."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from adhere import prompt
from adhere.config import Form, SftConfig
from adhere.errors import ConfigError, DataError
from adhere.model import Model
from adhere.prompt import Rendered
from adhere.records import Example
from adhere.schema import Schema
from adhere.train.beginnings import of_rows
from adhere.train.curriculum import EVERYTHING, Course, Curriculum
from adhere.train.forward import answer_logprobs
from adhere.train.optimizer import adamw, decayed, update
from adhere.train.order import in_passes
from adhere.train.pack import packs
from adhere.train.state import State


@dataclass(frozen=True, slots=True)
class SftStep:
    """One update."""

    step: int
    loss: float
    """Mean over the batch's answer tokens, in nats."""
    tokens: int
    """Answer tokens of the batch."""
    grad_norm: float
    lr: float
    stage: int
    """Of the curriculum, from 1."""
    skipped: bool = False
    """Whether the update was left out because loss or gradient was not finite."""
    seconds: Mapping[str, float] = field(default_factory=dict[str, float], compare=False)
    """Of the gradients and the optimizer."""


def rendered(
    model: Model,
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    *,
    form: Form = "plain",
    max_tokens: int,
    learn_reasoning: bool = True,
) -> dict[str, Rendered]:
    """Return every example's prompt and right answer as tokens, by id.

    Args:
        model: Its tokenizer and its context count.
        examples: Each has a target.
        schemas: By name.
        form: Shape of the answers.
        max_tokens: Longest example, prompt and answer.
        learn_reasoning: Under the form `think`, learn what stands before the answer too.

    Raises:
        DataError: An example has no target, or not what its form needs: a reasoning or an instruction.
        ConfigError: An example is longer than `max_tokens` or the model's context.
        ModelError: The reasoning cannot be left out under the model's tokenizer.
    """
    rows: dict[str, Rendered] = {}
    limit, is_models = min(max_tokens, model.context), model.context <= max_tokens
    for example in examples:
        if form == "think" and example.reasoning is None:
            raise DataError.at(
                f"row {example.id} reasoning",
                None,
                "there is nothing to think before the answer",
                fix="Have it written by `adhere reason`, or train in the form plain",
            )
        schema = schemas[example.schema]
        row = prompt.render(example, schema, model.tokenizer, form=form, learn_reasoning=learn_reasoning)
        rows[example.id] = row
    too_long = [(key, len(row.tokens)) for key, row in rows.items() if len(row.tokens) > limit]
    if too_long:
        key, length = too_long[0]
        raise ConfigError.at(
            "sft.max_tokens",
            max_tokens,
            f"{key} has {length} tokens with its answer, and the "
            f"{'model takes' if is_models else 'limit is'} {limit} "
            f"(rows too long: {len(too_long)} of {len(rows)})",
            fix="Shorten or drop what is too long, or "
            + ("take a model with a longer context" if is_models else "raise max_tokens"),
        )
    return rows


def updates(examples: Sequence[Example], config: SftConfig) -> int:
    """Return how many updates a run makes, whatever the order of its examples."""
    return -(-len(examples) // config.batch_size) * config.epochs


def begun(model: Model, config: SftConfig) -> State:
    """Return where a run stands before its first update."""
    return State(adamw(model, lr=config.lr, weight_decay=config.weight_decay))


def train(
    model: Model,
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    config: SftConfig,
    *,
    curriculum: Curriculum = EVERYTHING,
    state: State | None = None,
) -> Iterator[SftStep]:
    """Teach the model the right answers; yield after every update.

    The loss is the mean over a batch's answer tokens, whichever rows they stand in; prompts carry none, nor
    does reasoning where `config.learn_reasoning` is off. Rows are packed one after the other and none sees
    another. The model is in evaluation mode whenever a step is yielded.

    Args:
        model: Its weights that require gradients are trained, in place: all of them, or its adapters.
        examples: All of the run, whatever the stage.
        schemas: By name.
        config: The run's.
        curriculum: Decides which examples come when.
        state: Where the run stands, as an earlier one left it together with the weights: it goes on as if it
            had never ended. It is changed before a step is yielded. `None` begins afresh.

    Raises:
        DataError: As `rendered`.
        ConfigError: As `rendered`, or no example fits a stage of the curriculum.
    """
    state = begun(model, config) if state is None else state
    rows = rendered(
        model, examples, schemas,
        form=config.form, max_tokens=config.max_tokens, learn_reasoning=config.learn_reasoning,
    )  # fmt: skip
    batches = partial(in_passes, size=config.batch_size, seed=config.seed)
    course = Course(curriculum, examples, batches, by="loss", place=state.place)
    steps = updates(examples, config)
    for step in range(state.step, steps):
        stage, began = course.stage, time.perf_counter()
        batch = [rows[example.id] for example in course.batch()]
        loss, tokens = accumulate(model, batch, seed=f"{config.seed}.{step}")
        taught = time.perf_counter()
        lr = decayed(config.lr, step, steps=steps, warmup_steps=round(config.warmup * steps))
        updated = update(model, state.optimizer, loss=loss, lr=lr, grad_clip=config.grad_clip)
        seconds = {"gradients": taught - began, "optimizer": time.perf_counter() - taught}
        course.achieved(loss)
        state.step, state.place = step + 1, course.place
        yield SftStep(step + 1, loss, tokens, updated.norm, lr, stage, updated.skipped, seconds)


def mean_loss(model: Model, batch: Sequence[Rendered]) -> float:
    """Return the mean loss over the batch's answer tokens, in nats, without learning from it."""
    model.network.eval()
    with torch.no_grad():
        total, tokens = 0.0, 0
        for _, pack in packs(of_rows(batch), model.device):
            total -= float(answer_logprobs(model, pack).logprob_N.sum())
            tokens += len(pack.target_N)
    return total / tokens


def accumulate(model: Model, batch: Sequence[Rendered], *, seed: str) -> tuple[float, int]:
    """Add up the gradients of a batch; return its mean loss and its answer tokens.

    What is dropped, where the model or its adapters drop anything in training, is a function of `seed`.
    """
    tokens = sum(sum(row.is_answer) for row in batch)
    total = 0.0
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big", signed=True))
        model.network.train()
        for _, pack in packs(of_rows(batch), model.device):
            loss = -answer_logprobs(model, pack).logprob_N.sum() / tokens
            loss.backward()
            total += float(loss.detach())
        model.network.eval()
    return total, tokens
