"""A reward of the user's own: calls of their function, whose every number is checked."""

import asyncio
import copy
import math
import weakref
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypeAlias, cast

from adhere.errors import RewardError
from adhere.records import JSON
from adhere.reward.blame import Blame, place, traced
from adhere.reward.function import Function


@dataclass(frozen=True, slots=True)
class Written:
    """A completion and the row that it was written for."""

    completion: str
    row: Mapping[str, JSON]
    """`id`, `text`, `schema` as its source, `target`, `reasoning`, and the further columns of the row."""


Call: TypeAlias = Sequence[Written]
"""What one call of a function is about: one completion, or a batch of them."""


class Own:
    """A user's function as a reward."""

    def __init__(self, function: Function) -> None:
        self.function = function
        # One loop for all calls, so that a client which the file opened once stays usable.
        self._loop = asyncio.new_event_loop() if function.is_async else None
        if self._loop is not None:
            weakref.finalize(self, self._loop.close)

    def calls(self, written: Sequence[Written]) -> list[Call]:
        """Part completions into calls: each by itself, or all at once where the function takes a batch."""
        return [written] if self.function.takes_batch and written else [[each] for each in written]

    def rewards(self, written: Sequence[Written]) -> list[float]:
        """Return the reward of every completion, in order.

        Calls of an `async def` run at the same time, others one after the other.

        Raises:
            RewardError: A call raised, or returned what is not one finite number for each completion.
        """
        calls = self.calls(written)
        if self._loop is None:
            return [reward for call in calls for reward in self._checked(self._returned(call), call)]
        returned = self._loop.run_until_complete(self._awaited(calls))
        return [
            reward
            for call, given in zip(calls, returned, strict=True)
            for reward in self._checked(given, call)
        ]

    def where(self, call: Call) -> str:
        """Name a call as an error does: the function, and the row or the first and last of several."""
        first, last = (str(written.row["id"]) for written in (call[0], call[-1]))
        return f"{self.function.reference}, {f'row {first}' if len(call) == 1 else f'rows {first} to {last}'}"

    def _returned(self, call: Call) -> object:
        arguments = self._arguments(call)
        with self._blame(call):
            return _listed(self.function.call(**arguments))

    async def _awaited(self, calls: Sequence[Call]) -> list[object]:
        async def returned(call: Call) -> object:
            arguments = self._arguments(call)
            with self._blame(call):
                return _listed(await cast("Awaitable[object]", self.function.call(**arguments)))

        done = await asyncio.gather(*map(returned, calls), return_exceptions=True)
        for each in done:
            if isinstance(each, BaseException):
                raise each
        return done

    def _arguments(self, call: Call) -> dict[str, object]:
        """Return what a call is given, which is the function's to keep and to change."""
        function = self.function
        if not function.takes_batch:
            (written,) = call
            return {"completion": written.completion, "row": copy.deepcopy(dict(written.row))}
        names = dict.fromkeys(name for written in call for name in written.row)
        columns: dict[str, object] = {
            **{name: [copy.deepcopy(written.row.get(name)) for written in call] for name in names},
            "prompts": [written.row["text"] for written in call],
            "completions": [written.completion for written in call],
        }
        for name in sorted(function.needed - columns.keys()):
            raise RewardError.at(
                self.where(call),
                name,
                f"the function asks for this column, and there are {', '.join(sorted(columns))}",
                fix="Rename the parameter, or give it a default",
            )
        return {
            name: column for name, column in columns.items() if function.takes_any or name in function.named
        }

    def _blame(self, call: Call) -> Blame:
        file = self.function.file

        def tell(fault: BaseException) -> RewardError:
            error = RewardError.at(
                f"{place(fault, file)}, {self.where(call)}",
                fault,
                "the function raised it, and a reward that fails is not taken for 0",
                fix="Mend the function",
            )
            error.add_note(traced(fault))
            return error

        return Blame(tell)

    def _checked(self, given: object, call: Call) -> list[float]:
        """Return the rewards of a call.

        Raises:
            RewardError: They are not one finite number for each completion.
        """
        if not self.function.takes_batch:
            return [_number(given, self.where(call))]
        if not isinstance(given, list):
            why = "the function takes a batch, whose rewards are a list"
            raise RewardError.at(self.where(call), given, why, fix="Return one")
        rewards = cast("list[object]", given)
        if len(rewards) != len(call):
            why = f"these are {len(rewards)} rewards for {len(call)} completions"
            raise RewardError.at(self.where(call), rewards, why, fix="Return one for each, in order")
        return [_number(reward, self.where([written])) for reward, written in zip(rewards, call, strict=True)]


def _listed(given: object) -> object:
    """Draw rewards out of what holds several, such as an array, while the user's code is to blame."""
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        return cast("object", given)
    return list(cast("Iterable[object]", given))


def _number(given: object, where: str) -> float:
    if given is None:
        raise RewardError.at(
            where,
            given,
            "a run has one reward, so a completion without a number cannot be compared with others",
            fix="Return a number for each, or leave out the rows that it does not apply to",
        )
    if not isinstance(given, Real):
        raise RewardError.at(where, given, "a reward is a number", fix="Return a float")
    try:
        number = float(given)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RewardError.at(where, given, "a reward is a finite number", fix="Return one")
    return number
