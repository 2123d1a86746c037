"""A JSON Schema that adhere accepts: checked, named, hashed and compiled."""

import hashlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, cast

from adhere.errors import SchemaError
from adhere.records import JSON
from adhere.schema.blank import blank
from adhere.schema.canonical import canonical, content_hash, spelled
from adhere.schema.check import Check, Violation, check
from adhere.schema.dialect import refusals
from adhere.schema.footprint import footprint
from adhere.schema.kept import Kept
from adhere.schema.leaf import Leaf, leaves
from adhere.schema.parse import Malformed, Parsed, parse_bytes, parse_json
from adhere.schema.reference import References

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A JSON Schema that adhere accepts; two are equal if their canonical texts are.

    Make one with `of`, `read` or `load`. Equal schemas share one compiled check, and what was read and
    compiled is kept for the next who gives the same text: up to 64 MiB. A copy or a pickle of a schema is
    made again from its source.
    """

    source: dict[str, JSON] = field(compare=False)
    """As it was given, keys in their order; to be read only."""
    name: str = field(compare=False)
    canonical: str = field(compare=False, repr=False)
    hash: str
    """SHA-256 of the canonical text, in hexadecimal."""
    blank: str = field(compare=False, repr=False)
    """The schema as a form to fill in; `docs/dialect.md` defines it."""
    leaves: tuple[Leaf, ...] = field(compare=False, repr=False)
    _check: Check = field(compare=False, repr=False)

    @classmethod
    def of(cls, given: "Mapping[str, JSON] | str | type[BaseModel]", *, name: str | None = None) -> Self:
        """Accept a schema.

        Args:
            given: A mapping, a JSON text, or a Pydantic model, whose `model_json_schema()` is taken.
            name: Otherwise the schema's `title`, the model's name, or `schema`.

        Raises:
            SchemaError: It is not a JSON Schema, or it uses what `docs/dialect.md` lists as refused.
        """
        if isinstance(given, str):
            return cls._of_text(given, name=name, where=name or "schema", otherwise="schema")
        if isinstance(given, type):
            where = name or given.__name__
            text = _as_text(_model_schema(given, where), where)
            return cls._of_text(text, name=name, where=where, otherwise=given.__name__)
        where = name or "schema"
        return cls._of_text(_as_text(given, where), name=name, where=where, otherwise="schema")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Accept the schema in a JSON file; its name is its `title`, or the file's without extension.

        Raises:
            SchemaError: The file cannot be read, or `of` would refuse what is in it.
        """
        try:
            text = path.read_bytes()
        except OSError as fault:
            raise SchemaError.at(
                "schema",
                str(path),
                f"the file cannot be read ({fault.strerror})",
                fix="Give the path of a JSON Schema",
            ) from fault
        return cls._of_text(text, name=None, where=str(path), otherwise=path.stem)

    @classmethod
    def load(cls, reference: str) -> Self:
        """Accept the schema of `path/to/schema.json`, or the Pydantic model of `path/to/file.py:Model`.

        The Python file is run.

        Raises:
            SchemaError: There is no such file or model, or `of` would refuse it. What the Python file itself
            raises
                is not caught.
        """
        path, colon, name = reference.rpartition(":")
        if not colon or not path.endswith(".py"):
            return cls.read(Path(reference))
        model = getattr(_module(Path(path), reference), name, None)
        if not isinstance(model, type):
            raise SchemaError.at(
                "schema",
                reference,
                f"the file has no class {name!r}",
                fix="Name a Pydantic model of the file",
            )
        return cls.of(model)

    @classmethod
    def _of_text(cls, text: str | bytes, *, name: str | None, where: str, otherwise: str) -> Self:
        given = text.encode(errors="surrogatepass") if isinstance(text, str) else text
        accepted = _ACCEPTED.get(hashlib.sha256(given).hexdigest(), lambda: _accepted(text, where))
        return cls(
            source=accepted.source,
            name=name or accepted.title or otherwise,
            canonical=accepted.canonical,
            hash=accepted.hash,
            blank=accepted.blank,
            leaves=accepted.leaves,
            _check=accepted.check,
        )

    def violations(self, value: JSON) -> list[Violation]:
        """Return everything that `value` breaks; empty exactly where it obeys.

        Args:
            value: As `parse_json` returns it.
        """
        return self._check.violations(value)

    def obeys(self, value: JSON) -> bool:
        """Say whether `value`, as `parse_json` returns it, breaks nothing."""
        return self._check.obeys(value)

    def __reduce__(self) -> "tuple[partial[Self], tuple[str]]":
        return partial(type(self).of, name=self.name), (spelled(self.source),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Accepted:
    """All of a schema but its name, which depends on who gives it."""

    source: dict[str, JSON]
    title: str
    canonical: str
    hash: str
    blank: str
    leaves: tuple[Leaf, ...]
    check: Check


_ACCEPTED = Kept[_Accepted](most=64 * 2**20)
"""By the hash of the text that was given: some thousand schemas of a dozen fields."""


def _accepted(text: str | bytes, where: str) -> tuple[_Accepted, int]:
    """Read, refuse or compile a schema, and say how much memory it takes."""
    source = _object(parse_json(text) if isinstance(text, str) else parse_bytes(text), where)
    found = refusals(source)
    if found:
        first = found[0]
        place = References(source).places[first.pointer].schema
        named = f"keyword {first.keyword!r}" if first.keyword else "it"
        raise SchemaError.at(f"{where}#{first.pointer}", place, f"{named} {first.reason}", fix=first.fix)
    title, spelling = source.get("title"), canonical(source)
    accepted = _Accepted(
        source=source,
        title=title if isinstance(title, str) else "",
        canonical=spelling,
        hash=content_hash(source),
        blank=blank(source),
        leaves=leaves(source),
        check=check(spelling),
    )
    return accepted, footprint(source, size=len(spelling.encode()), leaves=len(accepted.leaves))


def _as_text(given: object, where: str) -> str:
    shown = given
    if not isinstance(given, Mapping):
        raise SchemaError.at(
            where, shown, "a schema is a mapping, a JSON text or a Pydantic model", fix="Give one of these"
        )
    try:
        return json.dumps(dict(cast("Mapping[str, JSON]", given)), allow_nan=False)
    except RecursionError as fault:
        raise SchemaError.at(
            where, type(shown).__name__, "it is nested too deeply to be read", fix="Use '$defs' and '$ref'"
        ) from fault
    except (TypeError, ValueError) as fault:
        raise SchemaError.at(
            where, shown, f"it cannot be written as JSON ({fault})", fix="Use what JSON has, and nothing else"
        ) from fault


def _model_schema(model: type[object], where: str) -> Mapping[str, Any]:  # Any: what Pydantic declares
    from pydantic import BaseModel
    from pydantic.errors import PydanticUserError

    if not issubclass(model, BaseModel):
        raise SchemaError.at(
            where, model, "the class is not a Pydantic model", fix="Derive it from BaseModel"
        )
    try:
        return model.model_json_schema()
    except PydanticUserError as fault:
        why = f"Pydantic cannot write its schema ({str(fault).partition(chr(10))[0].rstrip('.')})"
        raise SchemaError.at(where, model, why, fix="Use types that JSON has") from fault


def _object(read: Parsed | Malformed, where: str) -> dict[str, JSON]:
    match read:
        case Parsed(value=dict() as source):
            return source
        case Parsed(value=value):
            raise SchemaError.at(where, value, "a schema is a JSON object", fix="Write it as {...}")
        case Malformed(reason=reason, position=position):
            raise SchemaError.at(
                f"{where}, character {position}",
                reason,
                "the schema is not a JSON text",
                fix="Name the class too, as file.py:Model" if where.endswith(".py") else "Correct it there",
            )


def _module(path: Path, reference: str) -> ModuleType:
    name = f"adhere_schema_{content_hash(str(path.resolve()))[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SchemaError.at(
            "schema", reference, "there is no such file", fix="Give the path of a Python file"
        )
    module = importlib.util.module_from_spec(spec)
    # Pydantic looks a model's module up by name to resolve the annotations of the file.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
