"""The two rewards of ThinkJSON, as its paper prints them.

Source: arXiv:2502.14905, Algorithms 1 and 2.
"""

from adhere.config import Length
from adhere.records import JSON
from adhere.schema import Malformed, Parsed, parse_json
from adhere.schema.canonical import canonical, spelled
from adhere.schema.leaves import leaf_count
from adhere.schema.limits import excess_of_answer

_THINK = "<think>"


def json_reward(completion: str, target: JSON, *, length: Length) -> float:
    """Compare the keys at the top of the answer with those of the target, and the lengths of the two.

    The mean of two shares, rounded to one decimal as Python rounds a double: of the keys of either that both
    have with equal values, all that is in them included; and of the shorter length in the longer. 0 where
    nothing stands between `<answer>` and the first `</answer>` after it, or no JSON. A value that is not an
    object counts as one with a single key.

    Pure.

    Args:
        completion: Whole; where it does not begin with `<think>`, that is put before it.
        target: The right answer.
        length: What is taken for the length of a value.

    Returns:
        One of 0, 0.1, …, 1.

    Source: arXiv:2502.14905, Algorithm 1.
    """
    text = _answer(_opened(completion))
    match parse_json(text if excess_of_answer(text) is None else ""):
        case Malformed():
            return 0.0
        case Parsed(answer):
            given, right = _members(answer), _members(target)
            either = given.keys() | right.keys()
            equal = sum(given[key] == right[key] for key in given.keys() & right.keys())
            key_match = equal / len(either) if either else 0.0
            short, long = sorted((_length(answer, length), _length(target, length)))
            return round((key_match + short / long) / 2, 1)


def format_reward(completion: str) -> float:
    r"""Return 1.0 where the completion keeps to the tags and 0.0 elsewhere.

    It keeps to them if, with `<think>` before it where it does not begin so, it matches
    `^<think>([^<]*(?:<(?!/?think>)[^<]*)*)</think>\n<answer>([\s\S]*?)</answer>$`: one thought without a
    tag of its own, one line break, and then an answer up to the very end, or to one line break before it.

    Pure; linear in the length of the completion, without the expression.

    Source: arXiv:2502.14905, Algorithm 2.
    """
    thought, closed, rest = _opened(completion).removeprefix(_THINK).partition("</think>")
    answer = rest.removeprefix("\n<answer>")
    kept = closed and _THINK not in thought and answer != rest
    return float(bool(kept) and answer.removesuffix("\n").endswith("</answer>"))


def _opened(completion: str) -> str:
    """Return the completion with the tag that the prompt wrote for the model, once."""
    return completion if completion.startswith(_THINK) else _THINK + completion


def _answer(completion: str) -> str:
    _, _, rest = completion.partition("<answer>")
    answer, closed, _ = rest.partition("</answer>")
    return answer if closed else ""


def _members(value: JSON) -> dict[str | None, str]:
    """Spell what is compared as a whole, so that equal values are equal texts; `None` is no key of JSON."""
    if isinstance(value, dict):
        return {key: canonical(member) for key, member in value.items()}
    return {None: canonical(value)}


def _length(value: JSON, length: Length) -> int:
    match length:
        case "characters":
            return len(spelled(value))
        case "keys":
            return len(_members(value)) or 1
        case "leaves":
            return leaf_count(value)
