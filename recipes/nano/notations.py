"""Notations: keys and values written as JSON, as nearly JSON, as YAML, lines, a table, tags or prose."""

import json
import re
from collections.abc import Iterator

from conventions import Language, Layout, Notation

from adhere.records import JSON
from adhere.schema.leaves import Path, leaves_at

_PLAIN = re.compile(r"\w(?:[\w .,/@+()&%$€£'-]*[\w.)%])?")
"""A string that YAML takes without quotation marks."""
_SENTENCES: dict[Language, tuple[str, str, str]] = {
    "en": ("The {} is {}", "the {} is {}", "and"),
    "de": ("{}: {}", "{}: {}", "und"),
    "fr": ("{} : {}", "{} : {}", "et"),
    "es": ("{}: {}", "{}: {}", "y"),
    "it": ("{}: {}", "{}: {}", "e"),
}
"""How the first value is said, how the others are, and the word before the last."""


class Numeral(str):
    """A number spelled as no float or integer is, such as 12.50."""

    __slots__ = ()


def written(value: JSON, notation: Notation, layout: Layout, language: Language) -> str:
    """Write an answer.

    Args:
        value: The answer, its keys and leaves as they should read.
        notation: What it is written in.
        layout: Of JSON and what is nearly JSON.
        language: Of prose.
    """
    match notation:
        case "json" | "python":
            return _braced(value, layout, 0, python=notation == "python")
        case "yaml":
            return "\n".join(_yaml(value))
        case "lines":
            return "\n".join(f"{_label(path)}: {_plain(leaf)}" for path, leaf in leaves_at(value))
        case "bullets":
            return "\n".join(f"- **{_label(path)}**: {_plain(leaf)}" for path, leaf in leaves_at(value))
        case "table":
            rows = [f"| {_label(path)} | {_plain(leaf)} |" for path, leaf in leaves_at(value)]
            return "\n".join(["| Field | Value |", "|---|---|", *rows])
        case "tags":
            return "\n".join(_tags(value, "item"))
        case "prose":
            return _prose(value, language)


def _braced(value: JSON, layout: Layout, level: int, *, python: bool) -> str:
    match value:
        case dict():
            colon = ": " if layout.indent or layout.spaced else ":"
            parts = [
                _scalar(key, python=python) + colon + _braced(member, layout, level + 1, python=python)
                for key, member in value.items()
            ]
            return "{" + _joined(parts, layout, level) + "}"
        case list():
            parts = [_braced(item, layout, level + 1, python=python) for item in value]
            return "[" + _joined(parts, layout, level) + "]"
        case _:
            return _scalar(value, python=python)


def _joined(parts: list[str], layout: Layout, level: int) -> str:
    if not parts or not layout.indent:
        return (", " if layout.spaced else ",").join(parts)
    end = "\n" + " " * layout.indent * level
    start = end + " " * layout.indent
    return start + f",{start}".join(parts) + ("," if layout.trailing else "") + end


def _scalar(value: JSON, *, python: bool) -> str:
    if isinstance(value, Numeral):
        return str(value)
    return repr(value) if python else json.dumps(value, ensure_ascii=False)


def _plain(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _label(path: Path) -> str:
    """Name a leaf by the keys that lead to it, and its place in a list from 1."""
    return " ".join(str(step + 1) if isinstance(step, int) else step for step in path)


def _yaml(value: JSON) -> Iterator[str]:
    match value:
        case dict() if value:
            for key, member in value.items():
                if isinstance(member, dict | list) and member:
                    yield f"{key}:"
                    yield from (f"  {line}" for line in _yaml(member))
                else:
                    yield f"{key}: {_yaml_leaf(member)}"
        case list() if value:
            for item in value:
                first, *rest = _yaml(item)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        case _:
            yield _yaml_leaf(value)


def _yaml_leaf(value: JSON) -> str:
    is_plain = isinstance(value, Numeral) or (isinstance(value, str) and _PLAIN.fullmatch(value))
    return str(value) if is_plain else json.dumps(value, ensure_ascii=False)


def _tags(value: JSON, name: str) -> Iterator[str]:
    """Write each leaf between tags of its key; blanks in keys become low lines."""
    match value:
        case dict():
            for key, member in value.items():
                tag = key.replace(" ", "_")
                if isinstance(member, dict) and member:
                    yield f"<{tag}>"
                    yield from (f"  {line}" for line in _tags(member, tag))
                    yield f"</{tag}>"
                else:
                    yield from _tags(member, tag)
        case list():
            for item in value:
                yield from _tags({name: item} if isinstance(item, dict) else item, name)
        case _:
            yield f"<{name}>{_plain(value)}</{name}>"


def _prose(value: JSON, language: Language) -> str:
    first, other, last = _SENTENCES[language]
    said = [
        (other if place else first).format(_label(path), _plain(leaf))
        for place, (path, leaf) in enumerate(leaves_at(value))
    ]
    if len(said) == 1:
        return f"{said[0]}."
    return f"{', '.join(said[:-1])} {last} {said[-1]}."
