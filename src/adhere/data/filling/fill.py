"""Fills a schema with drawn values, keeping what a text must state for them to be found again."""

from dataclasses import dataclass
from random import Random

from adhere.data.filling import values
from adhere.data.filling.drawing import Drawing, Undrawable
from adhere.data.filling.kinds import Called
from adhere.data.filling.node import Node, Nodes
from adhere.data.filling.values import Drawn
from adhere.data.side import EITHER, Side
from adhere.errors import SchemaError
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.kept import Kept
from adhere.schema.leaves import Path
from adhere.schema.limits import MAX_WRITTEN_OUT_DEPTH, is_recursive
from adhere.schema.places import keys_of, pointer_of
from adhere.schema.reference import References

_MOST_TRIES = 12
"""Whole values that are drawn before a schema is given up."""
_UNJUDGED_TRIES = 2
"""The first of them, for which only the parts that may go wrong are checked one by one."""
_WITHIN_ITSELF = 2
"""Levels that a schema within itself may be entered once more."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One leaf of a target with the words that name it and the words that state it."""

    path: Path
    drawn: Drawn
    described: str = ""
    """Other words for it, from its title or description; empty where there are none."""

    @property
    def label(self) -> str:
        """The property names on the way to the leaf, as lower-case words."""
        return " ".join(values.words(step) for step in self.path if isinstance(step, str))


@dataclass(frozen=True, slots=True)
class Filled:
    """A target and the statements from which it can be read."""

    target: JSON
    stated: tuple[Stated, ...]
    absent: tuple[Path, ...] = ()
    """Paths of what was left out, and of what says that there is nothing: null, an empty string, list or
    object. The text states no value for them."""


class Plan:
    """A schema made ready for drawing values; each place of it when it is first drawn.

    What is drawn depends on the schema, the state of the source of chance and the side, and on nothing drawn
    before.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        references = References(schema.source)
        is_priced = any("currency" in leaf.pointer.lower() for leaf in schema.leaves)
        self._root = Nodes(references, is_priced=is_priced).node(
            (schema.source,), Called(key="value"), is_required=False
        )
        self._deepest = _deepest(self._root, schema) if is_recursive(references) else None

    @classmethod
    def of(cls, schema: Schema) -> "Plan":
        """Return the plan of a schema; it is kept for the next who asks.

        Raises:
            SchemaError: Every value that obeys has no end.
        """
        # The order of keys does not count for a schema's hash, and does for what is drawn.
        text = spelled(schema.source)
        return _KEPT.get(text, lambda: (Plan(schema), _PER_CHARACTER * len(text)))

    def fill(self, random: Random, side: Side = EITHER) -> Filled:
        """Draw a value that obeys the schema.

        Where values are held apart, strings of which there is no end are drawn for one side only: names,
        addresses, identifiers, remarks and the like. Days, numbers, countries and what a schema lists are
        not, nor are strings of a pattern that admits too few of the side.

        Raises:
            SchemaError: No value that obeys was found; the keyword that was in the way is named.
        """
        # What is broken without a violation says of a value that it obeys where it does not.
        fault = Undrawable("$ref", "asks of a value what depends on its own answer")
        for number in range(_MOST_TRIES):
            to = Drawing(random, side, deepest=self._deepest, is_judged=number >= _UNJUDGED_TRIES)
            try:
                target = self._root.draw(to, ())
            except Undrawable as found:
                fault = found
                if to.is_spent:
                    break
                continue
            if self._schema.obeys(target):
                return Filled(target, tuple([Stated(*fact) for fact in to.facts]), tuple(to.absent))
            for broken in self._schema.violations(target)[:1]:
                why = "was broken by every value that was drawn"
                fault = Undrawable(broken.keyword, why, keys_of(broken.pointer))
        raise _refused(self._schema, fault)


_KEPT = Kept[Plan](most=64 * 2**20)
_PER_CHARACTER = 64
"""Bytes that a plan takes for each character of its schema; measured on CPython 3.11."""


def _refused(schema: Schema, fault: Undrawable) -> SchemaError:
    return SchemaError.at(
        f"{schema.name}#{pointer_of(fault.path)}",
        fault.keyword,
        f"no value was found that obeys it: it {fault.why}",
        fix="Loosen it, or bring your own rows with `adhere import`",
    )


def _deepest(root: Node, schema: Schema) -> int:
    """Return how long a path of a value may be, so that a schema within itself comes to an end."""
    once = max((len(keys_of(leaf.pointer)) for leaf in schema.leaves), default=0)
    for levels in range(once + _WITHIN_ITSELF, once + MAX_WRITTEN_OUT_DEPTH):
        if root.fits(levels):
            return levels
    raise _refused(schema, Undrawable("$ref", "asks for a value inside of itself without end"))
