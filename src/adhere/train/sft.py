"""Supervised fine-tuning: the loop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from adhere import prompt
from adhere.config import Form, SftConfig
from adhere.errors import ConfigError, DataError
from adhere.model import Model
from adhere.prompt import Rendered
from adhere.records import Example
from adhere.schema import Schema
from adhere.train.batch import by_length, side_by_side
from adhere.train.curriculum import EVERYTHING, Course, Curriculum
from adhere.train.forward import answer_logprobs
from adhere.train.optimizer import adamw, decayed, update
from adhere.train.order import in_passes


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


def rendered(
    model: Model,
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    *,
    form: Form = "plain",
    max_tokens: int,
) -> dict[str, Rendered]:
    """Return every example's prompt and right answer as tokens, by id.

    Raises:
        DataError: An example has no target, or not what its form needs: a reasoning or an instruction.
        ConfigError: An example is longer than `max_tokens` or the model's context.
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
        row = prompt.render(example, schemas[example.schema], model.tokenizer, form=form)
        if len(row.tokens) > limit:
            raise ConfigError.at(
                "sft.max_tokens",
                max_tokens,
                f"{example.id} has {len(row.tokens)} tokens with its answer, and the "
                f"{'model takes' if is_models else 'limit is'} {limit}",
                fix="Shorten or drop that row, or "
                + ("take a model with a longer context" if is_models else "raise max_tokens"),
            )
        rows[example.id] = row
    return rows


def updates(examples: Sequence[Example], config: SftConfig) -> int:
    """Return how many updates a run makes, whatever the order of its examples."""
    return -(-len(examples) // config.batch_size) * config.epochs


def train(
    model: Model,
    examples: Sequence[Example],
    schemas: Mapping[str, Schema],
    config: SftConfig,
    *,
    curriculum: Curriculum = EVERYTHING,
) -> Iterator[SftStep]:
    """Teach the model the right answers; yield after every update.

    The loss is the mean over a batch's answer tokens, whichever rows they stand in; prompts carry none.
    """
    rows = rendered(model, examples, schemas, form=config.form, max_tokens=config.max_tokens)
    batches = partial(in_passes, size=config.batch_size, seed=config.seed)
    course = Course(curriculum, examples, batches, by="loss")
    steps = updates(examples, config)
    optimizer = adamw(model, lr=config.lr, weight_decay=config.weight_decay)
    model.network.train()
    for step in range(steps):
        stage = course.stage
        loss, tokens = _accumulate(model, [rows[example.id] for example in course.batch()])
        lr = decayed(config.lr, step, steps=steps, warmup_steps=round(config.warmup * steps))
        norm = update(model, optimizer, lr=lr, grad_clip=config.grad_clip, step=step)
        course.achieved(loss)
        yield SftStep(step + 1, loss, tokens, norm, lr, stage)
    model.network.eval()


def mean_loss(model: Model, batch: Sequence[Rendered]) -> float:
    """Return the mean loss over the batch's answer tokens, in nats, without learning from it."""
    model.network.eval()
    with torch.no_grad():
        total, tokens = 0.0, 0
        for places in by_length(batch):
            rows = side_by_side([batch[place] for place in places], model.device)
            total -= float((answer_logprobs(model, rows) * rows.is_answer_BA).sum())
            tokens += int(rows.is_answer_BA.sum())
    return total / tokens


def _accumulate(model: Model, batch: Sequence[Rendered]) -> tuple[float, int]:
    """Add up the gradients of a batch; return its mean loss and its answer tokens."""
    tokens = sum(sum(row.is_answer) for row in batch)
    total = 0.0
    for places in by_length(batch):
        rows = side_by_side([batch[place] for place in places], model.device)
        loss = -(answer_logprobs(model, rows) * rows.is_answer_BA).sum() / tokens
        loss.backward()
        total += float(loss.detach())
    return total, tokens
