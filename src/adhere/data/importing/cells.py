"""Right answers that stand in the columns of a table, a column for each field."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate

from adhere.data.store import Row
from adhere.records import JSON
from adhere.schema import Malformed, Schema, parse_json
from adhere.schema.leaf import Leaf
from adhere.schema.places import keys_of, pointer_token

_FLAGS: Mapping[str, JSON] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column whose cells are a part of the answer."""

    keys: tuple[str, ...]
    leaf: Leaf | None
    """`None` for a part that has parts itself, and is written as JSON."""


class Cells:
    """The columns that a schema gives a meaning to.

    A column is called by its property, or by the properties on the way to it with points between them:
    `vendor`, `address.city`. Objects and lists may also be one column, in JSON.
    """

    def __init__(self, schema: Schema) -> None:
        self._columns = {".".join(column.keys): column for column in _columns(schema.leaves)}

    def names(self, columns: Sequence[str]) -> list[str]:
        """List those of some columns that are part of an answer."""
        return [name for name in columns if name in self._columns]

    def target(self, row: Row, names: Sequence[str]) -> JSON:
        """Read the answer from the columns named; `None` where all their cells are empty.

        An empty cell leaves its field out if that is optional, is null where null is allowed, and an empty
        text where that is. Cells that are no text are taken as they are.

        Raises:
            DataError: A cell is not of the type that its field has.
        """
        target: dict[str, JSON] = {}
        if all(_is_empty(row.columns[name]) for name in names):
            return None
        for name in names:
            column = self._columns[name]
            given = row.columns[name]
            if _is_empty(given):
                value, is_left_out = _nothing(column.leaf)
                if is_left_out:
                    continue
            else:
                value = _typed(given, column.leaf, row, name) if isinstance(given, str) else given
            _put(target, column.keys, value)
        return target


def _columns(leaves: Sequence[Leaf]) -> Iterator[_Column]:
    """Yield the parts of an answer that may be a column, those that have parts first."""
    paths = [(keys_of(leaf.pointer), leaf) for leaf in leaves]
    for keys, _ in paths:
        fixed = keys[: keys.index("*")] if "*" in keys else keys[:-1]
        yield from (_Column(tuple(outer), None) for outer in accumulate([key] for key in fixed))
    yield from (_Column(keys, leaf) for keys, leaf in paths if keys and "*" not in keys)


def _is_empty(given: JSON) -> bool:
    return given is None or given == ""


def _nothing(leaf: Leaf | None) -> tuple[JSON, bool]:
    """Return what an empty cell means, and whether it is that the field is not there."""
    if leaf is None or not leaf.required:
        return None, True
    kinds = leaf.type.split("|")
    if "null" in kinds or (leaf.enum is not None and None in leaf.enum):
        return None, False
    return "", "string" not in kinds


def _typed(given: str, leaf: Leaf | None, row: Row, name: str) -> JSON:
    """Read a cell as its field's type; what may be a text stays one."""
    kinds = ["object", "array"] if leaf is None else leaf.type.split("|")
    if "string" in kinds or "any" in kinds:
        return given
    if "boolean" in kinds and given.strip().casefold() in _FLAGS:
        return _FLAGS[given.strip().casefold()]
    parsed = parse_json(given)
    if isinstance(parsed, Malformed) or not _is_of(kinds, parsed.value):
        why = f"the schema has {' or '.join(kinds)} there, and the cell is none"
        raise row.fault(name, why, fix="Write it as JSON does: 1234.5, true, [1, 2]")
    value = parsed.value
    return int(value) if isinstance(value, float) and value.is_integer() and "integer" in kinds else value


def _is_of(kinds: Sequence[str], value: JSON) -> bool:
    match value:
        case bool():
            return "boolean" in kinds
        case int():
            return "integer" in kinds or "number" in kinds
        case float():
            return "number" in kinds or ("integer" in kinds and value.is_integer())
        case dict():
            return "object" in kinds
        case list():
            return "array" in kinds
        case _:
            return value is None and "null" in kinds


def _put(target: dict[str, JSON], keys: Sequence[str], value: JSON) -> None:
    """Set a part of an answer, with the objects around it."""
    inside = target
    for key in keys[:-1]:
        inner = inside.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        inside = inner
    inside[keys[-1]] = value


def without_empty_fields(value: JSON, schema: Schema) -> JSON:
    """Leave out the members of objects that are null and may not be: a table has a cell for every field."""
    refused = {violation.pointer for violation in schema.violations(value)}
    return _without(value, refused, "") if refused else value


def _without(value: JSON, refused: Set[str], pointer: str) -> JSON:
    match value:
        case dict():
            inner = {key: (part, pointer + pointer_token(key)) for key, part in value.items()}
            return {
                key: _without(part, refused, at)
                for key, (part, at) in inner.items()
                if part is not None or at not in refused
            }
        case list():
            return [_without(part, refused, f"{pointer}/{index}") for index, part in enumerate(value)]
        case _:
            return value
