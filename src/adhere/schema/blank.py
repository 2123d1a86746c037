"""A schema as a form to fill in."""

from adhere.records import JSON
from adhere.schema.canonical import canonical, spelled
from adhere.schema.places import Subschema
from adhere.schema.reference import References
from adhere.schema.view import Field, View, alternatives, elements, fields, types, view


def blank(source: dict[str, JSON]) -> str:
    """Spell a schema as its blank form: the shape of an answer, with a few words where each value goes.

    The words, and what becomes of every keyword, are laid down in `docs/dialect.md`. A model is trained on
    this very text, so a change to it makes trained models worse.

    Args:
        source: A schema that adhere accepts.
    """
    return spelled(form(References(source)))


def form(references: References) -> JSON:
    """Return the blank form of a document as a value.

    Raises:
        Overgrown: It takes a look at more schemas than `references` allows.
    """
    return _form(references.root, references, frozenset(), optional=False)


def _form(schema: Subschema, references: References, path: frozenset[str], *, optional: bool) -> JSON:
    seen = view(schema, references, path)
    form = _bare(seen, references)
    if not isinstance(form, str):
        return form
    description = seen.keywords.get("description")
    words = " ".join(description.split()) if isinstance(description, str) else ""
    return form + ("?" if optional else "") + (f": {words}" if words else "")


def _bare(seen: View, references: References) -> JSON:
    """Return the form without the mark and the description that a leaf may carry."""
    if seen.again is not None:
        return f"…{seen.again}"
    if "const" in seen.keywords:
        return _option(seen.keywords["const"])
    options = seen.keywords.get("enum")
    if isinstance(options, list):
        return "|".join(map(_option, options))
    branches = alternatives(seen, references)
    if branches is not None:
        return _one_of([_bare(branch, references) for branch in branches])
    return _one_of([_of_type(kind, seen, references) for kind in types(seen.keywords)])


def _option(value: JSON) -> str:
    return value if isinstance(value, str) else spelled(value)


def _one_of(forms: list[JSON]) -> JSON:
    distinct = list({spelled(form): form for form in forms}.values())
    words = [form for form in distinct if isinstance(form, str)]
    if len(words) == len(distinct):
        return "|".join(words)
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _of_type(kind: str, seen: View, references: References) -> JSON:
    match kind:
        case "object":
            return dict(_member(field, seen, references) for field in fields(seen.keywords))
        case "array":
            first, rest = elements(seen.keywords)
            shown = first or [rest]
            return [_form(item, references, seen.path_to(item, references), optional=False) for item in shown]
        case "string":
            return _string(seen.keywords)
        case "integer" | "number":
            return kind + _range(seen.keywords)
        case _:
            return kind


def _member(field: Field, seen: View, references: References) -> tuple[str, JSON]:
    optional = field.required is False
    form = _form(field.schema, references, seen.path_to(field.schema, references), optional=optional)
    marked = optional and not isinstance(form, str)
    return (f"{field.key}?" if marked else field.key), form


def _string(keywords: dict[str, JSON]) -> str:
    given, pattern = keywords.get("format"), keywords.get("pattern")
    if isinstance(given, str):
        return given
    return f"string /{pattern}/" if isinstance(pattern, str) else "string"


def _range(keywords: dict[str, JSON]) -> str:
    low, high, above, below = (
        keywords.get(name) for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    )
    if low is not None and high is not None and above is None and below is None:
        return f" {canonical(low)}..{canonical(high)}"
    marks = ((">", above), (">=", low), ("<", below), ("<=", high))
    return "".join(f" {mark}{canonical(bound)}" for mark, bound in marks if bound is not None)
