"""One spelling of a JSON value."""

import hashlib
import json
from typing import cast

from adhere.records import JSON
from adhere.schema.places import Subschema
from adhere.schema.reference import References
from adhere.schema.view import View, alternatives, elements, fields, types, view

_COMPACT = (",", ":")


def canonical(value: JSON) -> str:
    """Spell `value` so that equal values have equal texts: keys sorted, no spaces, a number in one form.

    A number without a fraction is written as an integer with all its digits, so `1.0`, `1` and `1e0` are `1`;
    any other as the shortest text that reads back as the same double. `true` is not `1`.

    Raises:
        ValueError: `value` has NaN or an infinity, which JSON cannot write.
    """
    return json.dumps(
        _in_one_form(value), sort_keys=True, separators=_COMPACT, ensure_ascii=False, allow_nan=False
    )


def content_hash(value: JSON) -> str:
    """Return the SHA-256 of the canonical spelling in UTF-8, as 64 hexadecimal digits.

    Raises:
        ValueError: `value` has NaN, an infinity or half a surrogate pair, which JSON in UTF-8 cannot write.
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def spelled(value: JSON) -> str:
    """Spell `value` as adhere writes an answer: no spaces, letters as themselves, keys as they come.

    Raises:
        ValueError: `value` has NaN or an infinity, which JSON cannot write.
    """
    return json.dumps(value, separators=_COMPACT, ensure_ascii=False, allow_nan=False)


def in_schema_order(value: JSON, schema_source: dict[str, JSON]) -> JSON:
    """Return `value` with its keys in the order of the schema's `properties`, other keys last.

    A grammar forces that order, so targets must have it too. Where the schema leaves a choice (`anyOf`,
    `oneOf`), the branch that fits the value's type, constants and keys best decides. Nothing but the order
    changes.
    """
    references = References(schema_source)
    return _ordered(value, view(schema_source, references), references)


def _in_one_form(value: JSON) -> JSON:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_in_one_form(element) for element in value]
        case dict():
            return {key: _in_one_form(member) for key, member in value.items()}
        case _:
            return value


def _ordered(value: JSON, seen: View, references: References) -> JSON:
    if not isinstance(value, (dict, list)):
        return value
    chosen = _best_branch(value, seen, references)

    def inside(inner: JSON, schema: Subschema) -> JSON:
        return _ordered(inner, view(schema, references), references)

    if isinstance(value, list):
        first, rest = elements(chosen.keywords)
        schemas = first + [rest] * (len(value) - len(first))
        return [inside(element, schema) for element, schema in zip(value, schemas, strict=False)]
    known = {field.key: field.schema for field in fields(chosen.keywords) if field.required is not None}
    others = chosen.keywords.get("additionalProperties", True)
    order = [key for key in known if key in value] + [key for key in value if key not in known]
    return {key: inside(value[key], known.get(key, cast("Subschema", others))) for key in order}


def _best_branch(value: JSON, seen: View, references: References) -> View:
    branches = alternatives(seen, references)
    if not branches:
        return seen
    chosen = [_best_branch(value, branch, references) for branch in branches]
    return max(chosen, key=lambda branch: _fit(value, branch.keywords, references))


def _fit(value: JSON, keywords: dict[str, JSON], references: References) -> tuple[bool, int, int]:
    """Rank a branch: right type before right constants before known keys."""
    right_type = type_of(value) in (kinds := types(keywords)) or kinds == ["any"]
    if not isinstance(value, dict):
        return right_type, 0, 0
    known = {field.key: field.schema for field in fields(keywords)}
    wrong = sum(
        _contradicts(value[key], view(known[key], references).keywords) for key in value if key in known
    )
    missing = sum(field.required is True and field.key not in value for field in fields(keywords))
    return right_type, -wrong - missing, sum(key in known for key in value)


def _contradicts(value: JSON, keywords: dict[str, JSON]) -> bool:
    options = [keywords["const"]] if "const" in keywords else keywords.get("enum")
    return isinstance(options, list) and canonical(value) not in map(canonical, options)


def type_of(value: JSON) -> str:
    """Name the type of `value` in JSON Schema's words; a number without a fraction is an `integer`."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
