"""Which groups of completions a step learns from.

Axis suffix: G completions of a group.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from adhere.config import ACCEPTED, own_function
from adhere.errors import RewardError
from adhere.reward.blame import Blame, place, traced
from adhere.reward.function import function_of

Accept: TypeAlias = Callable[[list[float], Sequence[float]], bool]
"""Takes the rewards of a group and, of the same completions, the advantages."""


def load(accept: str) -> Accept:
    """Return what decides.

    Args:
        accept: `informative`, `all`, or a function of the user's as `path/to/file.py:function`.

    Returns:
        A decision. One that is the user's raises `RewardError` where their function raises, or returns what
        is neither true nor false.

    Raises:
        ConfigError: There is no such file or function, or the file does not run.
    """
    own = own_function("grpo.accept", accept, ACCEPTED)
    if own is None:
        return _every if accept == "all" else _informative
    file, name = own
    function = function_of(file, name, where="grpo.accept", reference=accept)
    return partial(_asked, function=function, file=file, reference=accept)


def files(accept: str) -> list[Path]:
    """Return the files that decide; there are none but the user's own."""
    own = own_function("grpo.accept", accept, ACCEPTED)
    return [] if own is None else [own[0]]


def _every(_reward_G: list[float], _advantage_G: Sequence[float], /) -> bool:
    return True


def _informative(_reward_G: list[float], advantage_G: Sequence[float], /) -> bool:
    return any(advantage_G)


def _asked(
    reward_G: list[float],
    _advantage_G: Sequence[float],
    /,
    *,
    function: Callable[..., object],
    file: Path,
    reference: str,
) -> bool:
    def tell(fault: BaseException) -> RewardError:
        error = RewardError.at(
            f"{place(fault, file)}, {reference}",
            fault,
            "the function raised it, and a group that it fails on is not left out",
            fix="Mend the function",
        )
        error.add_note(traced(fault))
        return error

    with Blame(tell):
        # A list of its own, so that what the function does to it stays there.
        given = function(list(reward_G))
    if isinstance(given, bool):
        return given
    why = "a function that accepts groups says True or False"
    raise RewardError.at(reference, given, why, fix="Return one of the two; bool(...) makes one of a number")
