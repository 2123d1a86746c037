"""A schema made ready for drawing values that obey it."""

from collections.abc import Sequence
from dataclasses import replace

from jsonschema_rs import Validator

from adhere.data.filling.drawing import Drawing, Undrawable, Way
from adhere.data.filling.fork import Fork
from adhere.data.filling.goal import Choice, Conjunction, Goal
from adhere.data.filling.items import Items
from adhere.data.filling.judge import Judges
from adhere.data.filling.kinds import Called, Style, number_style, says_string
from adhere.data.filling.leaf import Leaf, Never, Nothing, Options
from adhere.data.filling.members import Members
from adhere.data.filling.numbers import Bounds, number_maker
from adhere.data.filling.strings import Asked, text_maker
from adhere.data.filling.values import flag, words
from adhere.records import JSON
from adhere.schema.canonical import type_of
from adhere.schema.leaves import Path
from adhere.schema.reference import References

_MOST_TRIES = 60
"""Draws of one part of a value before the part is given up."""
_LONGEST_DESCRIPTION = 80
"""Characters of a description that may stand for a name."""


class Nodes:
    """All that was made ready of one document.

    Args:
        references: Those of the document.
        is_priced: Whether the document has a property for the currency of its amounts.
    """

    def __init__(self, references: References, *, is_priced: bool) -> None:
        self.references = references
        self.judges = Judges(references)
        self.is_priced = is_priced
        self._made: dict[tuple[object, ...], Node] = {}

    def node(self, schemas: Conjunction, called: Called, *, is_required: bool) -> "Node":
        """Return what draws values that obey all of `schemas`; the same for the same."""
        mark = (called.key, called.parent, is_required, *map(id, schemas))
        if mark not in self._made:
            self._made[mark] = Node(schemas, called, self, is_required=is_required)
        return self._made[mark]


class Node:
    """A place of the document, made ready when something is first drawn for it."""

    __slots__ = ("_called", "_fits", "_is_required", "_judge", "_judges_always", "_nodes", "_schemas", "_way")

    def __init__(self, schemas: Conjunction, called: Called, nodes: Nodes, *, is_required: bool) -> None:
        self._schemas = schemas
        self._called = called
        self._nodes = nodes
        self._is_required = is_required
        self._way: Way | None = None
        self._judge: Validator | None = None
        self._judges_always = False
        self._fits: dict[int, bool] = {}

    def draw(self, to: Drawing, path: Path) -> JSON:
        """Draw a value; one that breaks the schemas after all is drawn again."""
        way = self._way or self._ready()
        if not (self._judges_always or to.is_judged):
            return way.draw(to, path)
        if self._judge is None:
            self._judge = self._nodes.judges.judge(self._schemas)
        value: JSON = None
        for _ in range(_MOST_TRIES):
            mark = to.mark()
            value = way.draw(to, path)
            if self._judge.is_valid(value):
                return value
            to.back(mark)
            if to.is_spent:
                break
        raise Undrawable(
            _broken(self._judge, value), f"was broken by all of {_MOST_TRIES} values that were drawn", path
        )

    def fits(self, levels: int) -> bool:
        """Whether a value of so many levels can be drawn."""
        if levels not in self._fits:
            self._fits[levels] = levels >= 0 and (self._way or self._ready()).fits(levels)
        return self._fits[levels]

    def _ready(self) -> Way:
        goal = Goal(self._schemas, self._nodes.references)
        self._judges_always = goal.is_judged
        self._way = self.way(goal)
        return self._way

    def way(self, goal: Goal) -> Way:
        """Return a way to draw what a goal asks for."""
        if goal.impossible:
            return Never(Undrawable(goal.impossible, "admits no value beside the other keywords"))
        try:
            if goal.choices:
                return self._chosen(goal)
            return self._typed(goal) if goal.options is None else self._listed(goal, goal.options)
        except Undrawable as fault:
            return Never(fault)

    def _chosen(self, goal: Goal) -> Way:
        """Leave the first choice open, and the others to its branches."""
        choice, branches = next(iter(goal.choices.items()))
        keyword = choice[1].partition("/")[0]
        if not branches:
            raise Undrawable(keyword, "has no branch that anything obeys")
        branches = self._told_apart(goal, choice, branches)
        return Fork(
            len(branches),
            lambda index: self.way(goal.branch(choice, branches[index])),
            keyword,
            is_required=self._is_required,
        )

    def _told_apart(self, goal: Goal, choice: Choice, branches: list[Conjunction]) -> list[Conjunction]:
        """Leave out strings beside numbers, where the name asks for a number: a text spells both alike."""
        if not self._asks_number(goal):
            return branches
        left = [goal.branch(choice, taken) for taken in branches]
        if not any(branch.is_typed and "number" in branch.types for branch in left):
            return branches
        return [
            taken
            for taken, branch in zip(branches, left, strict=True)
            if list(branch.types) != ["string"] or branch.options is not None
        ]

    def _asks_number(self, goal: Goal) -> bool:
        called = self._named(goal)
        return number_style(called) is not None and not says_string(called)

    def _listed(self, goal: Goal, listed: Sequence[JSON]) -> Way:
        judge = self._nodes.judges.judge(goal.schemas) if _asks_more_than_type(goal) else None
        options = [
            option
            for option in listed
            if (_simple_type(option) in goal.types if judge is None else judge.is_valid(option))
        ]
        if not options:
            keyword = "enum" if judge is None else _broken(judge, listed[0])
            raise Undrawable(keyword, "admits no value that is listed")
        # Where a key may be left out, that says as much as null does.
        unsaid = ("",) if self._is_required else ("", None)
        telling = [option for option in options if option not in unsaid]
        return Options(telling or options, self._described(goal))

    def _typed(self, goal: Goal) -> Way:
        kinds = goal.types if goal.is_typed else [kind for kind in goal.hints if kind in goal.types]
        if not kinds:
            likely = self._likely(goal)
            kinds = [likely, *(kind for kind in goal.types if kind != likely and goal.is_judged)]
        if "number" in kinds and "string" in kinds and self._asks_number(goal):
            kinds = [kind for kind in kinds if kind != "string"]
        if len(kinds) == 1:
            return self._of_type(kinds[0], goal)
        return Fork(
            len(kinds),
            lambda index: self._of_type(kinds[index], goal),
            "type",
            is_required=self._is_required,
        )

    def _likely(self, goal: Goal) -> str:
        """Choose a type for what may be anything: what its name says, as a rule a string."""
        if "number" in goal.types and self._asks_number(goal):
            return "number"
        return "string" if "string" in goal.types else goal.types[0]

    def _of_type(self, kind: str, goal: Goal) -> Way:
        try:
            match kind:
                case "object":
                    return Members(goal, self._member, self._called.key)
                case "array":
                    return Items(goal, self._item, is_required=self._is_required)
                case "null":
                    return Nothing()
                case "boolean":
                    return Leaf(flag, self._described(goal))
                case "number":
                    maker = number_maker(goal.bounds, self._style(goal), signed=not self._nodes.is_priced)
                    return Leaf(maker, self._described(goal))
                case _:
                    maker = text_maker(_asked(goal), self._named(goal), self._text_source(goal))
                    return Leaf(maker, self._described(goal))
        except Undrawable as fault:
            return Never(fault)

    def _member(self, schemas: Conjunction, key: str, *, is_required: bool) -> Way:
        return self._nodes.node(schemas, Called(key=key, parent=self._called.key), is_required=is_required)

    def _item(self, schemas: Conjunction) -> Way:
        return self._nodes.node(schemas, self._called, is_required=False)

    def _named(self, goal: Goal) -> Called:
        return replace(self._called, title=goal.title, description=goal.description)

    def _described(self, goal: Goal) -> str:
        """Return other words for the key: a title, or a short description."""
        for text in (goal.title, goal.description):
            said = " ".join(text.split()).rstrip(".")
            if said and len(said) <= _LONGEST_DESCRIPTION and said.lower() != words(self._called.key):
                return said
        return ""

    def _style(self, goal: Goal) -> Style:
        found = number_style(self._named(goal))
        if found is not None:
            return found
        bounds: Bounds = goal.bounds
        if bounds.step is not None and bounds.step.denominator == 1:
            return "count"
        return "share" if bounds.low is not None and bounds.high is not None else "amount"

    def _text_source(self, goal: Goal) -> dict[str, JSON]:
        draft = self._nodes.references.root.get("$schema")
        patterns: JSON = [{"pattern": pattern} for pattern in goal.patterns]
        source: dict[str, JSON] = {"type": "string", **goal.strings, "minLength": goal.least.get("Length", 0)}
        if patterns:
            source["allOf"] = patterns
        if "Length" in goal.most:
            source["maxLength"] = goal.most["Length"]
        return source if draft is None else {"$schema": draft, **source}


def _broken(judge: Validator, value: JSON) -> str:
    """Name a keyword that a value breaks."""
    found = [error.kind.name for error in judge.iter_errors(value)]
    # Nothing is found where a schema says of a value that it obeys if it does not.
    return found[0] if found else "$ref"


def _asked(goal: Goal) -> Asked:
    strings = {keyword: value for keyword, value in goal.strings.items() if isinstance(value, str)}
    return Asked(
        patterns=tuple(goal.patterns),
        format=strings.get("format"),
        encoding=strings.get("contentEncoding"),
        media_type=strings.get("contentMediaType"),
        least=goal.least.get("Length", 0),
        most=goal.most.get("Length"),
    )


def _asks_more_than_type(goal: Goal) -> bool:
    """Whether the type of an option does not say yet whether it obeys."""
    counted = (
        goal.is_judged or goal.least or goal.most or goal.strings or goal.patterns or goal.bounds != Bounds()
    )
    return bool(counted or goal.hints.keys() & {"array", "object"})


def _simple_type(option: JSON) -> str:
    kind = type_of(option)
    return "number" if kind == "integer" else kind
