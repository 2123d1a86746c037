"""A schema as its reader sees it: references followed, `allOf` written into one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from adhere.records import JSON
from adhere.schema.places import Subschema, pointer_token
from adhere.schema.reference import References

_ANNOTATIONS = frozenset(
    {"$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$schema", "default", "definitions"}
    | {"deprecated", "description", "examples", "readOnly", "title", "writeOnly"}
)
_OBJECT = frozenset({"additionalProperties", "patternProperties", "properties", "required"})
_ARRAY = frozenset({"items", "prefixItems"})


@dataclass(frozen=True, slots=True)
class View:
    """The keywords that apply to one value, merged shallowly, and how the reader came to them."""

    keywords: dict[str, JSON]
    paths: dict[str, frozenset[str]]
    """For the schema itself and each one written into it: the pointers of those that the reader is inside of
    there, its own included."""
    again: str | None
    """The name of a schema that the reader is already inside of, where that is all there is to see here."""

    def path_to(self, inner: Subschema, references: References) -> frozenset[str]:
        """Return the path of a reader who steps into `inner`: that of the schema in which it stands."""
        pointer = references.pointer(inner)
        holders = [outer for outer in self.paths if pointer is not None and pointer.startswith(f"{outer}/")]
        if holders:
            return self.paths[max(holders, key=len)]
        return frozenset[str]().union(*self.paths.values())


@dataclass(frozen=True, slots=True)
class Field:
    """A key that an object may have."""

    key: str
    """`*` where any key will do, `/PATTERN/` where any that matches."""
    segment: str
    """The key as a step of a JSON pointer; `/*` for the two above."""
    schema: Subschema
    required: bool | None
    """`None` where the key is not fixed."""


def view(schema: Subschema, references: References, path: frozenset[str] = frozenset()) -> View:
    """Follow the references of `schema` and merge the members of its `allOf`.

    Of a keyword that stands twice the outer one is kept, except that `properties` and `required` are united
    and `type` is narrowed. Under draft-07 what stands beside a `$ref` does not count, save its description.

    Args:
        schema: A schema of the document, or one put together from its parts.
        references: Those of the document.
        path: Pointers of the schemas that the reader is inside of; meeting one again ends the view.

    Raises:
        Overgrown: More schemas have been looked at than `references` allows.
    """
    references.look()
    if isinstance(schema, bool):
        return View({}, {}, None)
    pointer = references.pointer(schema)
    if pointer is not None and pointer in path:
        return View({}, {}, references.name(pointer))
    here = path if pointer is None else path | {pointer}
    keywords, parts = _split(schema, references)
    paths = {} if pointer is None else {pointer: here}
    again: str | None = None
    for part in parts:
        inner = view(part, references, here)
        keywords = merge(keywords, inner.keywords)
        paths |= inner.paths
        again = again or inner.again
    return View(keywords, paths, None if _says_something(keywords) else again)


def _split(schema: dict[str, JSON], references: References) -> tuple[dict[str, JSON], list[Subschema]]:
    """Split a schema into its own keywords and the schemas to merge into them."""
    own = {keyword: value for keyword, value in schema.items() if keyword not in {"$ref", "allOf"}}
    parts = _schemas(schema.get("allOf"))
    reference = schema.get("$ref")
    target = references.target(reference) if isinstance(reference, str) else None
    if target is None:
        return own, parts
    if references.is_draft_07:
        return {keyword: own[keyword] for keyword in own if keyword == "description"}, [target.schema]
    return own, [target.schema, *parts]


def _says_something(keywords: dict[str, JSON]) -> bool:
    return not keywords.keys() <= _ANNOTATIONS


def merge(outer: dict[str, JSON], inner: dict[str, JSON]) -> dict[str, JSON]:
    """Write two sets of keywords into one, as `view` says."""
    merged = {**inner, **outer}
    properties = _properties(outer), _properties(inner)
    if all(properties):
        merged["properties"] = _united(*properties)
    required = _required(outer) + _required(inner)
    if required:
        merged["required"] = cast("JSON", list(dict.fromkeys(required)))
    if "type" in outer and "type" in inner:
        common = [kind for kind in types(inner) if _is_among(kind, types(outer))]
        merged["type"] = cast("JSON", common or types(outer))
    return merged


def _united(outer: dict[str, JSON], inner: dict[str, JSON]) -> dict[str, JSON]:
    """Unite two tables of properties; a key of both must obey both."""
    both = {key: cast("JSON", {"allOf": [outer[key], inner[key]]}) for key in outer if key in inner}
    return {**outer, **inner, **both}


def _is_among(kind: str, kinds: list[str]) -> bool:
    return kind in kinds or (kind == "integer" and "number" in kinds)


def types(keywords: dict[str, JSON]) -> list[str]:
    """Return the types that a value may have; `any` where nothing is said of it.

    Without `type`, keywords of objects and arrays mean that one is expected.
    """
    given = keywords.get("type")
    if isinstance(given, str):
        return [given]
    if isinstance(given, list):
        return [kind for kind in given if isinstance(kind, str)]
    implied = [kind for kind, marks in (("object", _OBJECT), ("array", _ARRAY)) if marks & keywords.keys()]
    return implied or ["any"]


def alternatives(seen: View, references: References) -> list[View] | None:
    """Return one view for each branch of the first of `anyOf` and `oneOf`; `None` where there is neither.

    Each has what stands beside the branches written into it. A branch that nothing obeys is left out.
    """
    keyword = next((name for name in ("anyOf", "oneOf") if isinstance(seen.keywords.get(name), list)), None)
    if keyword is None:
        return None
    beside = {name: value for name, value in seen.keywords.items() if name != keyword}
    branches = [branch for branch in _schemas(seen.keywords[keyword]) if branch is not False]
    return [_branch(seen, beside, branch, references) for branch in branches]


def _branch(seen: View, beside: dict[str, JSON], branch: Subschema, references: References) -> View:
    inner = view(branch, references, seen.path_to(branch, references))
    keywords = merge(beside, inner.keywords)
    return View(keywords, seen.paths | inner.paths, None if _says_something(beside) else inner.again)


def fields(keywords: dict[str, JSON]) -> Iterator[Field]:
    """Yield the keys of an object: its `properties`, others it requires, then those that are not fixed.

    A key whose schema is `false` may not be there and is left out.
    """
    required = _required(keywords)
    properties = _properties(keywords)
    for key in dict.fromkeys([*properties, *required]):
        schema = properties.get(key, True)
        if isinstance(schema, dict) or schema is True:
            yield Field(key, pointer_token(key), schema, key in required)
    patterns = keywords.get("patternProperties")
    for pattern, schema in patterns.items() if isinstance(patterns, dict) else ():
        if isinstance(schema, dict):
            yield Field(f"/{pattern}/", "/*", schema, None)
    rest = keywords.get("additionalProperties")
    if isinstance(rest, dict) and rest:
        yield Field("*", "/*", rest, None)


def elements(keywords: dict[str, JSON]) -> tuple[list[Subschema], Subschema]:
    """Return the schemas of an array's first elements, one each, and that of the others.

    Under draft-07 a list of `items` says what `prefixItems` says since.
    """
    items = keywords.get("items", True)
    first = keywords.get("prefixItems", items if isinstance(items, list) else [])
    rest = keywords.get("additionalItems", True) if isinstance(items, list) else items
    return _schemas(first), rest if isinstance(rest, (dict, bool)) else True


def _schemas(value: JSON) -> list[Subschema]:
    return [inner for inner in value if isinstance(inner, (dict, bool))] if isinstance(value, list) else []


def _properties(keywords: dict[str, JSON]) -> dict[str, JSON]:
    properties = keywords.get("properties")
    return properties if isinstance(properties, dict) else {}


def _required(keywords: dict[str, JSON]) -> list[str]:
    required = keywords.get("required")
    return [key for key in required if isinstance(key, str)] if isinstance(required, list) else []
