"""How near an answer comes to one that can be compared: what a model earns before it obeys."""

from adhere.config import Form
from adhere.records import JSON
from adhere.reward.verdict import Malformed, NoOutput
from adhere.schema.leaves import fields

_TAGS = ("</think>", "<answer>", "</answer>")
"""Of the form `think`, but the one that the prompt has already written."""
_TAGS_ALONE = 0.15
_BREAKS_OFF = 0.2
_STANDS_WHOLE = 0.6
"""Least credit of JSON that breaks off, and of JSON that is whole with something around it: there the
model has only to learn to stop."""


def attempt(verdict: NoOutput | Malformed, completion: str, *, form: Form) -> float:
    """Return the credit for trying to write JSON, in [0, 1).

    Nothing like JSON earns 0; under the form `think`, up to 0.15 for the tags that were written, in their
    order. JSON that breaks off earns 0.2 and up to 0.4 for the share of the answer that is sound. A whole
    JSON value with something around it earns 0.6 and up to 0.4 for its share of the answer.

    Pure.
    """
    match verdict:
        case NoOutput():
            return _TAGS_ALONE * _tags(completion) / len(_TAGS) if form == "think" else 0.0
        case Malformed(embedded=inside):
            sound = (inside.end - inside.start) / len(verdict.answer)
            if inside.parsed is None:
                return _BREAKS_OFF + (_STANDS_WHOLE - _BREAKS_OFF) * sound
            return _STANDS_WHOLE + (1 - _STANDS_WHOLE) * sound


def share_of_keys(answer: JSON, target: JSON) -> float:
    """Share of the target's fields that the answer has, whatever their values, in [0, 1].

    The container at the root (an object, a list, or neither) counts as one more field; where it is another
    than the target's, the share is 0. A field is the pointer of a leaf with `*` for list indexes.

    Pure.
    """
    if _container(answer) != _container(target):
        return 0.0
    asked = fields(target)
    return (1 + len(asked & fields(answer))) / (1 + len(asked))


def _tags(completion: str) -> int:
    """Count the tags that stand in the completion, each after the one before."""
    rest = completion
    for count, tag in enumerate(_TAGS):
        _, found, rest = rest.partition(tag)
        if not found:
            return count
    return len(_TAGS)


def _container(value: JSON) -> str:
    match value:
        case dict():
            return "object"
        case list():
            return "array"
        case _:
            return "scalar"
