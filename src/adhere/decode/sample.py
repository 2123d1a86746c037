"""The one sampling loop: rollouts, predictions and answers all come from here."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from adhere.attention import prove
from adhere.decode.answer import Answer
from adhere.decode.chance import uniforms
from adhere.decode.constraint import Constraint
from adhere.decode.desk import Desk, Group
from adhere.decode.odds import Odds
from adhere.decode.workers import side_by_side
from adhere.errors import ModelError
from adhere.model import Model
from adhere.records import Completion


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt to be continued, under a constraint where one is given."""

    example_id: str
    tokens: tuple[int, ...]
    constraint: Constraint | None = None
    free: int = 0
    """Further completions, after the others, that are sampled without the constraint."""


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
    """Completions that a worker writes side by side; more where a single prompt has more."""
    workers: int = 1
    """Threads that write at the same time, each on one core; see `workers`."""


def sample(model: Model, questions: Sequence[Question], settings: Sampling) -> Iterator[list[Completion]]:
    """Continue every question; yield each one's completions, in the order of the questions.

    A prompt is computed once and its keys and values are shared by all samples of its group. What is drawn
    depends on the model, the question, and the settings without `rows` and `workers`: they only decide what
    is computed together. Where a completion has ended another begins.

    Raises:
        ModelError: A prompt leaves no room in the model's context, or the model's attention cannot be shared.
        Stuck: A constraint can go no further.
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
    done: dict[int, list[Completion]] = {}
    next_index = 0
    for group in chain.from_iterable(_written_by_all(model, questions, settings)):
        done[group.index] = _completions(model, questions[group.index], group)
        while next_index in done:
            yield done.pop(next_index)
            next_index += 1


def _written_by_all(
    model: Model, questions: Sequence[Question], settings: Sampling
) -> Iterator[Sequence[Group]]:
    """Write all answers; yield each question's when the last of them is over."""
    # Prompts of like length are written side by side, so that little is computed for padding.
    order = sorted(range(len(questions)), key=lambda index: len(questions[index].tokens))
    workers = min(settings.workers, len(order))
    if workers <= 1:
        return _written(model, questions, order, settings)
    prove(model.network)
    # Dealt out by turns, not as workers come to them: what is computed together depends on no clock.
    return side_by_side(
        [_written(model, questions, order[first::workers], settings) for first in range(workers)]
    )


@torch.inference_mode()
def _written(
    model: Model, questions: Sequence[Question], order: Sequence[int], settings: Sampling
) -> Iterator[Sequence[Group]]:
    """Write the answers to some questions in order; yield at each step those of which the last is over."""
    waiting = deque(order)
    desk = Desk(model)
    while waiting or desk.busy:
        entering: list[Group] = []
        over: list[Group] = []
        busy = desk.busy
        while waiting and (not busy or busy + _count(questions[waiting[0]], settings) <= settings.rows):
            group = _begin(model, waiting[0], questions[waiting.popleft()], settings)
            if group.is_over:
                over.append(group)
                continue
            entering.append(group)
            busy += len(group.answers)
        yield [*over, *desk.enter(entering), *desk.step()]


def _count(question: Question, settings: Sampling) -> int:
    return settings.samples + question.free


def _begin(model: Model, index: int, question: Question, settings: Sampling) -> Group:
    """Begin all answers to a question; what its constraint forces at the start is found once."""
    limit, stops, odds = settings.max_new_tokens, model.stop_tokens, Odds(temperature=settings.temperature)
    free = Answer(None, limit, stops, odds=odds)
    bound = Answer(question.constraint and question.constraint.copy(), limit, stops, odds=odds)
    bound.follow()
    answers = [
        (bound if number < settings.samples else free).copy(
            uniforms(
                seed=settings.seed,
                step=settings.step,
                example_id=question.example_id,
                index=number,
                count=limit if settings.temperature > 0 else 0,
            )
        )
        for number in range(_count(question, settings))
    ]
    return Group(index, question.tokens, tuple(answers))


def _completions(model: Model, question: Question, group: Group) -> list[Completion]:
    for stuck in filter(None, (answer.stuck for answer in group.answers)):
        raise stuck
    return [
        Completion(
            example_id=question.example_id,
            index=index,
            text=model.tokenizer.decode(
                answer.tokens[:-1] if answer.finished else answer.tokens, skip_special_tokens=False
            ),
            tokens=tuple(answer.tokens),
            logprobs=tuple(answer.logprobs),
            finished=answer.finished,
        )
        for index, answer in enumerate(group.answers)
    ]
