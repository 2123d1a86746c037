"""How hard an example is."""

from dataclasses import dataclass

from adhere.records import JSON, Example
from adhere.schema.leaves import leaf_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """What makes an example hard, each as a count that is larger for harder ones."""

    leaves: int
    """Of the target; 0 without one."""
    depth: int
    """Objects and lists inside one another, in the target: 1 for a flat object, 0 for a single value."""
    arrays: int
    """Lists in the target."""
    distractors: int
    """Facts of the text that no leaf asks for, where whoever made it says so in `meta`."""
    characters: int
    """Of the text."""


def difficulty(example: Example) -> Difficulty:
    """Measure an example."""
    target, distractors = example.target, example.meta.get("distractors", 0)
    return Difficulty(
        leaves=0 if target is None else leaf_count(target),
        depth=_depth(target),
        arrays=_arrays(target),
        distractors=distractors if isinstance(distractors, int) else 0,
        characters=len(example.text),
    )


def _depth(value: JSON) -> int:
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
        case _:
            return 0


def _arrays(value: JSON) -> int:
    match value:
        case dict():
            return sum(map(_arrays, value.values()))
        case list():
            return 1 + sum(map(_arrays, value))
        case _:
            return 0
