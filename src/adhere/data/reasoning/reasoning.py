"""Tells in plain words how a target is read from its text; `docs/reasoning.md` shows it."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias
from zlib import crc32

from adhere.data.reasoning.origins import Holder, Leaf, Origins, holders, label, origins
from adhere.data.reasoning.reading import Reading
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.leaves import Path
from adhere.text.dates import dates

LONGEST_QUOTE = 200
"""Characters of the longest stretch of text that is quoted whole; of a longer one, both ends are."""
_END = 60
"""Most characters of each of these ends, which break off at a blank."""

_Fate: TypeAlias = Literal["null", "left out", "empty"]

_OPENERS = ("", "", "Field by field. ", "Reading the text. ", "I go through the form. ", "One by one. ")
_SAME = ("{l}: {q}", "the {l} is {q}", "{q} is the {l}", "for {l} the text says {q}")
_CHANGED = (
    "{l}: {q} {means} {v}",
    "the {l} is {q}, which {means} {v}",
    "{q} is the {l} and {means} {v}",
    "for {l} the text says {q}, which {means} {v}",
)
"""Wordings of a sentence; a trace keeps to one."""
_IN_LINE = ("{l} {q}", "{l} {q} {means} {v}")
_IN_LIST = ("{q}", "{q} {means} {v}")
_MEANS: dict[Reading, str] = {
    "same": "is",
    "respelled": "is written",
    "number": "is",
    "scaled": "is",
    "date": "is",
    "time": "is",
    "sign": "means",
    "option": "is the option",
    "flag": "means",
    "misread": "must be",
    "short": "stands for",
}
_NOTHING = (
    "the text gives no {l}",
    "no {l} is given",
    "the text names no {l}",
    "there is no {l} in the text",
)
_SAYS_NOTHING = (
    r"\W{1,4}(?:(?:is|was)\s)?(?:n/?a|none|nil|null|tbd|unknown|not (?:given|known|applicable|stated)|[-–—]+)"
    r"(?=\s*(?:[.,;|)\n]|$))"
)
"""What says behind a label that there is no value: `PO number: n/a`."""
_MOST_LOOKALIKES = 2
"""Dates told that answer no field."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A target with leaves that its text does not state."""

    pointers: tuple[str, ...]


def reasoning(example: Example, schema: Schema) -> str | Unexplained:
    """Tell how the target is read from the text, without giving it as JSON.

    Every leaf is told with the stretch of text that it comes from, to the letter, and with its value where
    that is spelled otherwise; what the schema fixes, with its value; of what the text does not give, that it
    is left out, null or empty. The example's id decides between a few wordings.

    Pure.

    Args:
        example: Has a target.
        schema: The one that the target obeys.
    """
    held = tuple(holders(example.target, schema))
    return explained(example, held, origins(example, held))


def explained(example: Example, held: Sequence[Holder], found: Origins) -> str | Unexplained:
    """Tell how a target is read, once its leaves have been looked for.

    Args:
        example: Has a target.
        held: The target's `holders`.
        found: The `origins` of their leaves.
    """
    leaves = (leaf for holder in held for leaf in holder.leaves)
    unstated = tuple(leaf.pointer for leaf in leaves if leaf.needs_origin and leaf.pointer not in found)
    return Unexplained(unstated) if unstated else _Teller(example, found).tell(held)


def ends(surface: str) -> tuple[str, ...]:
    """Return a stretch of text as it is quoted: whole, or its two ends."""
    if len(surface) <= LONGEST_QUOTE:
        return (surface,)
    return surface[:_END].rsplit(maxsplit=1)[0], surface[-_END:].split(maxsplit=1)[-1]


class _Teller:
    """One wording, and what it is told of."""

    def __init__(self, example: Example, found: Origins) -> None:
        self.example = example
        self.found = found
        draw = crc32(example.id.encode())
        self._same, self._changed = _SAME[draw & 3], _CHANGED[draw & 3]
        self._nothing = _NOTHING[draw >> 2 & 3]
        self._joint = " " if draw >> 4 & 1 else "\n"
        self._opener = _OPENERS[(draw >> 5) % len(_OPENERS)]

    def tell(self, held: Sequence[Holder]) -> str:
        """Put a target into words."""
        told: list[str] = []
        for holder in held:
            if isinstance(holder.node, list):
                told.append(self._list(holder, holder.node))
            else:
                told += self._line(holder) if holder.path else self._sentences(holder)
        told += self._lookalikes(held)
        return self._opener + self._joint.join([f"{each[:1].upper()}{each[1:]}." for each in told])

    def _sentences(self, holder: Holder) -> Iterator[str]:
        """Tell the object at the top, or a target that is a leaf: a sentence each."""
        yield from _fixed(holder)
        for leaf in holder.leaves:
            if leaf.needs_origin:
                yield self._clause(leaf, self._same, self._changed)
        for fate, keys in _nothings(holder).items():
            sayings = {key: _says_nothing(key).search(self.example.text) for key in keys}
            for key, saying in sayings.items():
                if saying is not None:
                    yield f'"{saying[0]}" says that there is no {_name(key)}, so it is {fate}'
            unsaid = [_name(key) for key, saying in sayings.items() if saying is None]
            if unsaid:
                so = "it is" if len(unsaid) == 1 else "they are"
                yield f"{self._nothing.format(l=_either(unsaid))}, so {so} {fate}"

    def _line(self, holder: Holder) -> Iterator[str]:
        """Tell an object further in, in one line."""
        told = _fixed(holder)
        told += [self._clause(leaf, *_IN_LINE) for leaf in holder.leaves if leaf.needs_origin]
        for fate, keys in _nothings(holder).items():
            told.append(f"no {_either(list(map(_name, keys)))}{'' if fate == 'left out' else f' ({fate})'}")
        if told:
            yield f"{_heading(holder.path)}: {', '.join(told)}"

    def _list(self, holder: Holder, items: list[JSON]) -> str:
        """Tell how long a list is, and what stands right in it; what stands further in has its own lines."""
        told = [self._item(leaf) for leaf in holder.leaves]
        counted = f"{_heading(holder.path)} has {len(items)} {'entry' if len(items) == 1 else 'entries'}"
        return f"{counted}: {', '.join(told)}" if told else counted

    def _item(self, leaf: Leaf) -> str:
        if leaf.is_fixed:
            return f"always {_shown(leaf.value)}"
        return _fate(leaf) if leaf.is_empty else self._clause(leaf, *_IN_LIST)

    def _clause(self, leaf: Leaf, same: str, changed: str) -> str:
        origin = self.found[leaf.pointer]
        quote = f'"{" … ".join(ends(origin.surface))}"'
        if origin.means == "same":
            return same.format(l=_name(leaf.key), q=quote)
        # `"yes" is the paid and means true` is no English.
        wording = _CHANGED[0] if origin.means == "flag" and changed in _CHANGED else changed
        return wording.format(l=_name(leaf.key), q=quote, means=_MEANS[origin.means], v=_shown(leaf.value))

    def _lookalikes(self, held: Sequence[Holder]) -> Iterator[str]:
        """Tell other dates than those asked for, where some are asked for and there may be others."""
        asked = {str(leaf.value)[:10] for holder in held for leaf in holder.leaves if self._is_date(leaf)}
        if not asked or self.example.meta.get("distractors") == 0:
            return
        told = [origin.span for origin in self.found.values()]
        others = {
            span
            for date, span in dates(self.example.text)
            if date not in asked and not any(start < span[1] and span[0] < end for start, end in told)
        }
        for start, end in sorted(others)[:_MOST_LOOKALIKES]:
            yield f'"{self.example.text[start:end]}" is another date, which answers no field'

    def _is_date(self, leaf: Leaf) -> bool:
        origin = self.found.get(leaf.pointer)
        return origin is not None and (origin.means == "date" or leaf.at.is_date)


def _fixed(holder: Holder) -> list[str]:
    """Tell together what the schema fixes of an object."""
    fixed = [leaf for leaf in holder.leaves if leaf.is_fixed]
    told = [f"{_name(leaf.key)} {_shown(leaf.value)}" for leaf in fixed[1:]]
    return [", ".join([f"{_name(leaf.key)} is always {_shown(leaf.value)}", *told]) for leaf in fixed[:1]]


def _nothings(holder: Holder) -> dict[_Fate, list[str]]:
    """Sort the keys of an object without a value by what becomes of them."""
    keys: dict[_Fate, list[str]] = defaultdict(list)
    for leaf in holder.leaves:
        if leaf.is_empty and not leaf.is_fixed:
            keys[_fate(leaf)].append(leaf.key)
    node = holder.node
    left_out = [key for key in holder.at.optional if key not in node] if isinstance(node, dict) else []
    return {**keys, "left out": left_out} if left_out else keys


def _fate(leaf: Leaf) -> _Fate:
    return "null" if leaf.value is None else "empty"


def _heading(path: Path) -> str:
    return (
        " ".join([_name(step) if isinstance(step, str) else str(step + 1) for step in path]) or "the answer"
    )


def _name(key: str) -> str:
    return label(key) or "answer"


def _shown(value: JSON) -> str:
    return " … ".join(ends(value if isinstance(value, str) else spelled(value)))


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@lru_cache(maxsize=1024)
def _says_nothing(key: str) -> re.Pattern[str]:
    words = r"[\W_]{0,2}".join(map(re.escape, label(key).split()))
    return re.compile(rf"(?<![^\W_]){words}{_SAYS_NOTHING}", re.IGNORECASE)
