"""The one sampling loop: rollouts, predictions and answers all come from here.

Axis suffixes: B rows being written, N prompts of a chunk, T tokens, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import DynamicCache

from adhere.decode.chance import uniforms
from adhere.decode.constraint import Constraint
from adhere.errors import ModelError
from adhere.model import Model
from adhere.records import Completion

_COMPACT_BELOW = 0.75
"""Rows that have ended leave the batch when less than this share is still being written: moving the cache
costs about as much as a few steps, so it is not done at every end."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt to be continued, under a constraint where one is given."""

    example_id: str
    tokens: tuple[int, ...]
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How completions are drawn."""

    samples: int = 1
    """Completions per prompt."""
    temperature: float = 1.0
    """0 takes the likeliest token; otherwise logits are divided by it."""
    max_new_tokens: int = 256
    seed: int = 0
    step: int = 0
    rows: int = 64
    """Completions written side by side."""


@dataclass(slots=True)
class _Writing:
    """A completion under way."""

    question: Question
    index: int
    constraint: Constraint | None
    chance: np.ndarray[tuple[int], np.dtype[np.float64]]
    tokens: list[int] = field(default_factory=list[int])
    logprobs: list[float] = field(default_factory=list[float])
    finished: bool = False


def sample(model: Model, questions: Sequence[Question], settings: Sampling) -> Iterator[list[Completion]]:
    """Continue every question; yield each one's completions, in the order of the questions.

    A prompt is computed once and its keys and values are shared by all samples of its group. What is drawn
    depends on the model, the question, and the settings without `rows`: batches only decide what is computed
    together.

    Raises:
        ModelError: A prompt leaves no room in the model's context.
    """
    for question in questions:
        if len(question.tokens) + settings.max_new_tokens > model.context:
            raise ModelError.at(
                question.example_id,
                len(question.tokens),
                f"the prompt's tokens and {settings.max_new_tokens} new ones exceed the model's context of "
                f"{model.context}",
                fix="Shorten the text, lower max_new_tokens, or take a model with a longer context",
            )
    # Prompts of like length share a chunk, so that little of it is padding.
    order = sorted(range(len(questions)), key=lambda place: len(questions[place].tokens))
    chunk_size = max(1, settings.rows // settings.samples)
    done: dict[int, list[Completion]] = {}
    next_place = 0
    for start in range(0, len(order), chunk_size):
        places = order[start : start + chunk_size]
        for place, group in zip(places, _chunk(model, [questions[p] for p in places], settings), strict=True):
            done[place] = group
        while next_place in done:
            yield done.pop(next_place)
            next_place += 1


@torch.inference_mode()
def _chunk(model: Model, questions: Sequence[Question], settings: Sampling) -> list[list[Completion]]:
    """Write all completions of a few questions, as one batch."""
    rows = [_begin(question, index, settings) for question in questions for index in range(settings.samples)]
    logits_BV, cache, attended_BT = _prefill(model, questions, settings.samples)
    live = rows
    for _ in range(settings.max_new_tokens):
        token_B = _draw(model, live, logits_BV, settings)
        still = [place for place, row in enumerate(live) if not row.finished]
        if not still:
            break
        if len(still) < _COMPACT_BELOW * len(live):
            keep_B = torch.tensor(still, device=model.device)
            cache.batch_select_indices(keep_B)
            live, token_B, attended_BT = (
                [live[place] for place in still],
                token_B[keep_B],
                attended_BT[keep_B],
            )
        attended_BT = torch.nn.functional.pad(attended_BT, (0, 1), value=1)
        logits_BV = model.network(
            input_ids=token_B[:, None],
            attention_mask=attended_BT,
            position_ids=attended_BT.sum(-1, keepdim=True) - 1,
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]
    completions = [_completion(model, row) for row in rows]
    return [completions[start : start + settings.samples] for start in range(0, len(rows), settings.samples)]


def _begin(question: Question, index: int, settings: Sampling) -> _Writing:
    chance = uniforms(
        seed=settings.seed,
        step=settings.step,
        example_id=question.example_id,
        index=index,
        count=settings.max_new_tokens if settings.temperature > 0 else 0,
    )
    return _Writing(question, index, question.constraint.copy() if question.constraint else None, chance)


def _prefill(
    model: Model, questions: Sequence[Question], samples: int
) -> tuple[torch.Tensor, DynamicCache, torch.Tensor]:
    """Compute every prompt once, padded on the left, and share it with its group."""
    longest = max(len(question.tokens) for question in questions)
    token_NT = torch.zeros(len(questions), longest, dtype=torch.long)
    attended_NT = torch.zeros_like(token_NT)
    for place, question in enumerate(questions):
        token_NT[place, longest - len(question.tokens) :] = torch.tensor(question.tokens)
        attended_NT[place, longest - len(question.tokens) :] = 1
    token_NT, attended_NT = token_NT.to(model.device), attended_NT.to(model.device)
    cache = DynamicCache(config=model.network.config)
    logits_NV = model.network(
        input_ids=token_NT,
        attention_mask=attended_NT,
        position_ids=(attended_NT.cumsum(-1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    cache.batch_repeat_interleave(samples)
    return logits_NV.repeat_interleave(samples, 0), cache, attended_NT.repeat_interleave(samples, 0)


def _draw(
    model: Model, rows: Sequence[_Writing], logits_BV: torch.Tensor, settings: Sampling
) -> torch.Tensor:
    """Draw the next token of every unfinished row and write it down."""
    logits_BV = logits_BV.float()
    if settings.temperature > 0:
        logits_BV = logits_BV / settings.temperature
    _forbid(rows, logits_BV, settings.max_new_tokens)
    logprob_BV = logits_BV.log_softmax(-1)
    token_B = logprob_BV.argmax(-1) if settings.temperature == 0 else _inverse(rows, logprob_BV)
    logprob_B = logprob_BV.gather(1, token_B[:, None])[:, 0]
    stops = model.stop_tokens
    for row, token, logprob in zip(rows, token_B.tolist(), logprob_B.tolist(), strict=True):
        if row.finished:
            continue
        row.tokens.append(token)
        row.logprobs.append(logprob)
        row.finished = token in stops
        if row.constraint and not row.finished:
            row.constraint.accept(token)
    return token_B


def _forbid(rows: Sequence[_Writing], logits_BV: torch.Tensor, limit: int) -> None:
    """Give tokens that a row's constraint does not allow no probability, in place."""
    for place, row in enumerate(rows):
        if row.constraint and not row.finished:
            allowed_V = torch.from_numpy(row.constraint.allowed(limit - len(row.tokens))).to(logits_BV.device)
            logits_BV[place, : len(allowed_V)].masked_fill_(~allowed_V, -torch.inf)
            logits_BV[place, len(allowed_V) :] = -torch.inf


def _inverse(rows: Sequence[_Writing], logprob_BV: torch.Tensor) -> torch.Tensor:
    """Draw by inverting the cumulative distribution at each row's own uniform number."""
    cumulative_BV = logprob_BV.double().exp().cumsum(-1)
    uniform_B = [0.0 if row.finished else float(row.chance[len(row.tokens)]) for row in rows]
    aim_B1 = (
        torch.tensor(uniform_B, dtype=torch.double, device=logprob_BV.device)[:, None] * cumulative_BV[:, -1:]
    )
    # The first token whose cumulative probability exceeds the aim; a token of probability 0 is never it.
    return (cumulative_BV <= aim_B1).sum(-1).clamp(max=logprob_BV.shape[-1] - 1)


def _completion(model: Model, row: _Writing) -> Completion:
    written = row.tokens[:-1] if row.finished else row.tokens
    return Completion(
        example_id=row.question.example_id,
        index=row.index,
        text=model.tokenizer.decode(written, skip_special_tokens=False),
        tokens=tuple(row.tokens),
        logprobs=tuple(row.logprobs),
        finished=row.finished,
    )
