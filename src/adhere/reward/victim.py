"""A row as a cheat sees it: its text, its right answer, and what the rows around it have."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from adhere.config import Form
from adhere.records import JSON, Example
from adhere.reward.found import Found, find
from adhere.reward.mould import Mould, mould
from adhere.schema import Schema
from adhere.schema.canonical import canonical
from adhere.schema.leaves import Path, field_of, leaves_at

_TRIED = 5
"""Values of other rows that are tried for a leaf; the first is taken with which the answer obeys."""
_OTHERS_KEPT = 50
"""Different values of a field that are remembered, to be wrong with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """One row, and everything to cheat it with."""

    example: Example
    schema: Schema
    form: Form
    shape: Mould
    found: Found
    gold: JSON
    """Its right answer, or what stands in for it."""
    wrong: JSON
    """The gold with all of its leaves wrong that can be."""
    honest: JSON
    """The gold with every second leaf wrong, from the second on: it obeys, and half of it is right."""
    other: JSON
    """The gold of the next row with this schema."""
    frequent: JSON
    """The gold that most rows with this schema have."""


def victims(
    examples: Sequence[Example], golds: Sequence[JSON], schemas: Mapping[str, Schema], *, form: Form
) -> Iterator[Victim]:
    """Set up rows to be cheated.

    Args:
        examples: All rows of a data set.
        golds: The right answer to each.
        schemas: Those that the rows name.
        form: Where in a completion the answer stands.
    """
    shapes = {name: mould(schemas[name]) for name in {example.schema for example in examples}}
    siblings: dict[str, list[JSON]] = defaultdict(list)
    for example, gold in zip(examples, golds, strict=True):
        siblings[example.schema].append(gold)
    fields = {name: _fields(listed) for name, listed in siblings.items()}
    frequent = {name: _most_frequent(listed) for name, listed in siblings.items()}
    seen = Counter[str]()
    for example, gold in zip(examples, golds, strict=True):
        seen[example.schema] += 1
        same, schema = siblings[example.schema], schemas[example.schema]
        wrong = _wrong(gold, schema, fields[example.schema], turn=seen[example.schema])
        yield Victim(
            example=example,
            schema=schema,
            form=form,
            shape=shapes[example.schema],
            found=find(example.text),
            gold=gold,
            wrong=wrong(lambda _: True),
            honest=wrong(lambda position: position % 2 == 1),
            other=same[seen[example.schema] % len(same)],
            frequent=frequent[example.schema],
        )


def written(answer: str, form: Form, thought: str = "") -> str:
    """Spell a completion with an answer where its form wants it."""
    return answer if form == "plain" else f"<think>{thought}</think>\n<answer>{answer}</answer>"


def mapped(value: JSON, change: Callable[[Path, JSON], JSON], path: Path = ()) -> JSON:
    """Return `value` with each leaf changed; an empty list or object is a leaf."""
    match value:
        case dict() if value:
            return {key: mapped(part, change, (*path, key)) for key, part in value.items()}
        case list() if value:
            return [mapped(part, change, (*path, index)) for index, part in enumerate(value)]
        case _:
            return change(path, value)


def _fields(golds: Sequence[JSON]) -> Mapping[str, list[JSON]]:
    """List the different values that rows have at each field."""
    fields: dict[str, dict[str, JSON]] = defaultdict(dict)
    for gold in golds:
        for path, leaf in leaves_at(gold):
            values = fields[field_of(path)]
            if len(values) < _OTHERS_KEPT:
                values[canonical(leaf)] = leaf
    return {field: list(values.values()) for field, values in fields.items()}


def _most_frequent(golds: Sequence[JSON]) -> JSON:
    spelled = {canonical(gold): gold for gold in reversed(golds)}
    most, _ = Counter(map(canonical, golds)).most_common(1)[0]
    return spelled[most]


def _wrong(
    gold: JSON, schema: Schema, fields: Mapping[str, list[JSON]], *, turn: int
) -> Callable[[Callable[[int], bool]], JSON]:
    """Return a function that makes the leaves of some positions wrong, as many as still obey together."""
    places = list(leaves_at(gold))
    usable: dict[Path, JSON] = {}
    for path, leaf in places:
        for other in islice(_others(leaf, fields[field_of(path)], turn), _TRIED):
            if schema.obeys(
                mapped(gold, lambda at, mine, path=path, other=other: other if at == path else mine)
            ):
                usable[path] = other
                break

    def wrong(chosen: Callable[[int], bool]) -> JSON:
        swapped = {
            path: usable[path]
            for position, (path, _) in enumerate(places)
            if chosen(position) and path in usable
        }
        while not schema.obeys(answer := mapped(gold, lambda at, leaf: swapped.get(at, leaf))) and swapped:
            swapped.popitem()
        return answer

    return wrong


def _others(leaf: JSON, values: Sequence[JSON], turn: int) -> Iterator[JSON]:
    """Yield other rows' values of a field, then the leaf changed by little."""
    mine = canonical(leaf)
    turned = (values[(turn + step) % len(values)] for step in range(len(values)))
    yield from (other for other in turned if canonical(other) != mine)
    if canonical(changed := _changed(leaf)) != mine:
        yield changed


def _changed(leaf: JSON) -> JSON:
    match leaf:
        case bool():
            return not leaf
        case int() | float():
            return leaf + 1
        case str():
            return f"{leaf[1:]}{leaf[:1]}x"
        case _:
            return leaf
