"""An order under way."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from adhere.decode.answer import Answer
from adhere.decode.chance import uniforms
from adhere.decode.constraint import Constraint
from adhere.decode.desk import Group
from adhere.decode.odds import Odds
from adhere.model import Model
from adhere.serve.order import Event, Order, Refusal
from adhere.serve.reply import Reply, Spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What an order comes to for a model."""

    order: Order
    prompt: tuple[int, ...]
    constraint: Constraint | None
    limit: int
    """Most tokens of an answer."""
    seed: int
    """Of the draws, with the place of an answer among its order's and nothing else."""


class Job:
    """What the loop that waits for an order and the thread that writes it share.

    The thread begins it and tells what is new; the loop gives it up, and takes what came.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.come: deque[Event | Refusal] = deque()
        """What was told and not taken yet; a refusal is the last."""
        self.has_come = asyncio.Event()
        """Set in the loop when something has."""
        self.is_given_up = False
        """Whether nobody waits for it any more."""
        self._group: Group | None = None
        self._is_closed = False
        self._replies: list[Reply] = []

    @property
    def client(self) -> str:
        """Who asks."""
        return self.task.order.client

    @property
    def tokens(self) -> int:
        """What is asked for: those of the prompt, and the most of all answers."""
        return len(self.task.prompt) + self.task.order.n * self.task.limit

    @property
    def is_over(self) -> bool:
        """Whether all ends were told, or it was closed."""
        return self._is_closed or all(reply.is_over for reply in self._replies)

    def begin(self, model: Model, spelling: Spelling) -> Group:
        """Begin all answers; what the constraint forces at the start is found once."""
        task, order = self.task, self.task.order
        if order.begun is not None:
            order.begun()
        odds = Odds(temperature=order.temperature, top_p=order.top_p)
        drawn = task.limit if odds.temperature > 0 else 0
        first = Answer(
            task.constraint and task.constraint.copy(),
            task.limit,
            model.stop_tokens,
            odds=odds,
            told=order.alternatives,
        )
        first.follow()
        answers = tuple(
            first.copy(uniforms(seed=task.seed, step=0, example_id="", index=index, count=drawn))
            for index in range(order.n)
        )
        self._replies = [Reply(order, index, answer, model, spelling) for index, answer in enumerate(answers)]
        self._group = Group(0, task.prompt, answers)
        return self._group

    def heard(self) -> Iterator[Event | Refusal]:
        """Yield what is new of the answers that were begun."""
        if self._group is None or self._is_closed:
            return
        for reply in self._replies:
            if reply.answer.stuck is not None:
                self.close()
                why = f"An answer could not be written to its end: {reply.answer.stuck}."
                yield Refusal(500, why, code="constraint_failed")
                return
            yield from reply.heard(prompt_tokens=len(self._group.prompt), cached_tokens=self._group.known)

    def close(self) -> None:
        """End all answers as they are, and tell no more of them."""
        self._is_closed = True
        for reply in self._replies:
            reply.answer.is_closed = True
