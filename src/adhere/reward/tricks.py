"""Completions that are no answer, with the right one inside: each family a pure function of a row."""

import json
import re
from collections.abc import Iterator

from adhere.records import JSON
from adhere.reward.cheats import Family
from adhere.reward.mould import cast_from, least
from adhere.reward.victim import Victim, mapped, written
from adhere.schema.canonical import spelled
from adhere.text.numerals import is_number

_FENCE = "```"
_NOT_FINITE = ("NaN", "Infinity", "-Infinity", "1e999")
_PLACE = "number that is none"

# ------------------------------------------------------------------------------------------- of the answer


def in_a_fence(row: Victim) -> Iterator[str]:
    """The target in a code fence."""
    yield f"{_FENCE}json\n{spelled(row.gold)}\n{_FENCE}"
    yield f"{_FENCE}\n{spelled(row.gold)}{_FENCE}"
    yield f"{_FENCE}json\n{spelled(row.gold)}"


def in_prose(row: Victim) -> Iterator[str]:
    """The target with words before or after it."""
    yield f"Here is the answer: {spelled(row.gold)}"
    yield f"{spelled(row.gold)}\nI hope that this helps."
    yield f"\ufeff{spelled(row.gold)}"
    yield f"{spelled(row.gold)}\u200b"


def twice(row: Victim) -> Iterator[str]:
    """The target twice, or beside a wrong answer."""
    right, wrong = spelled(row.gold), spelled(row.wrong)
    yield f"{right}{right}"
    yield f"{right}\n{right}"
    yield f"{right},{right}"
    yield f"{right}\n{wrong}"
    yield f"{wrong}\n{right}"


def cut_off(row: Victim) -> Iterator[str]:
    """The target up to some character before its end."""
    right = spelled(row.gold)
    for share in (0.1, 0.5, 0.9):
        yield right[: int(len(right) * share)]
    yield right[:-1]


def comments(row: Victim) -> Iterator[str]:
    """The target with comments or commas that JSON does not have."""
    right = spelled(row.gold)
    yield f"// the answer\n{right}"
    yield f"{right} /* done */"
    yield f"{right[:-1]},{right[-1:]}"
    yield f"{right};"


def other_quotes(row: Victim) -> Iterator[str]:
    """The target as Python or JavaScript spells it."""
    yield repr([row.gold, ""])
    yield "'" + spelled(row.gold) + "'"
    yield re.sub(r'"(\w+)":', r"\1:", spelled(row.gold)) + "\n;"


def not_finite(row: Victim) -> Iterator[str]:
    """Numbers of the target as NaN, as infinities, or past the largest double."""
    has_numbers = mapped(row.gold, lambda _, leaf: _PLACE if is_number(leaf) else leaf)
    for word in _NOT_FINITE:
        yield spelled([has_numbers, _PLACE]).replace(spelled(_PLACE), word)
        yield spelled(has_numbers).replace(spelled(_PLACE), word) + ("" if has_numbers != row.gold else word)


def keys_twice_right_first(row: Victim) -> Iterator[str]:
    """Every key twice: with its right value, then with a wrong one."""
    if isinstance(row.gold, dict) and row.gold:
        yield _twice(row.gold, row.wrong)


def keys_twice_right_last(row: Victim) -> Iterator[str]:
    """Every key twice: with a wrong value, then with its right one."""
    if isinstance(row.gold, dict) and row.gold:
        yield _twice(row.wrong, row.gold)


SPOILT: tuple[Family, ...] = (
    *(in_a_fence, in_prose, twice, cut_off, comments, other_quotes, not_finite),
    *(keys_twice_right_first, keys_twice_right_last),
)
"""Answers that are not JSON, however much of them is right."""

# --------------------------------------------------------------------------------------------- of the tags


def two_answers(row: Victim) -> Iterator[str]:
    """Tags with the target and, before or after them, tags with a wrong answer."""
    right, wrong = _tagged(spelled(row.gold)), _tagged(spelled(row.wrong))
    yield f"<think></think>\n{right}\n{wrong}"
    yield f"<think></think>\n{wrong}\n{right}"
    yield f"<think>{right}</think>\n{wrong}"
    yield f"<think>{wrong}</think>\n{right}"
    yield f"<think></think>\n<answer>{right}</answer>"


def answer_in_thought(row: Victim) -> Iterator[str]:
    """The target in the thought, and an answer that states nothing."""
    nothing = spelled(cast_from(row.shape, least))
    yield written(nothing, "think", thought=spelled(row.gold))
    yield written("{}", "think", thought=spelled(row.gold))
    yield written("", "think", thought=spelled(row.gold))


def empty_thought(row: Victim) -> Iterator[str]:
    """All the tags, and nothing or almost nothing in them."""
    for answer in ("", " ", "{}", "null", spelled(cast_from(row.shape, least))):
        yield written(answer, "think")
    yield f"<think>{'hm ' * 300}</think>\n<answer>{{}}</answer>"


TAGS: tuple[Family, ...] = (two_answers, answer_in_thought, empty_thought)
"""Whole completions of the form `think`."""


def open_tags(row: Victim) -> Iterator[str]:
    """The target in tags of which some are missing."""
    right = spelled(row.gold)
    yield f"<think></think>\n<answer>{right}"
    yield f"<think>\n<answer>{right}"
    yield f"<think></think>\n{right}</answer>"
    yield f"<think>{right}</think>"
    yield f"<think></think>\n<ANSWER>{right}</ANSWER>"


def wrapped_in_tags(row: Victim) -> Iterator[str]:
    """The target in a fence, in a tag or in words, all of it in the tags."""
    right = spelled(row.gold)
    yield f"<think></think>\n<answer>The answer: {right}</answer>"
    yield f"<think></think>\n<answer>{_FENCE}{right}{_FENCE}</answer>"
    yield f"<think></think>\n<answer><json>{right}</json></answer>"


BROKEN_TAGS: tuple[Family, ...] = (open_tags, wrapped_in_tags)
"""Whole completions of which no part is an answer in tags."""


def _tagged(answer: str) -> str:
    return f"<answer>{answer}</answer>"


def _twice(first: JSON, then: JSON) -> str:
    """Spell two values of the same shape as one, with every key of both."""
    match first, then:
        case dict(), dict() if first:
            members = [
                f"{json.dumps(key, ensure_ascii=False)}:{_twice(first[key], then[key])}" for key in first
            ]
            again = [f"{json.dumps(key, ensure_ascii=False)}:{spelled(then[key])}" for key in then]
            return "{" + ",".join(members + again) + "}"
        case _:
            return spelled(first)
