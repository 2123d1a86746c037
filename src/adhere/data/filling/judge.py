"""Validators of single values of a document."""

from functools import cached_property
from typing import cast
from urllib.parse import quote

from jsonschema_rs import Validator

from adhere.data.filling.goal import Conjunction
from adhere.records import JSON
from adhere.schema.check import compiled
from adhere.schema.places import Child, Subschema, with_children
from adhere.schema.reference import References

_IDENTITY = frozenset({"$anchor", "$id", "$schema"})


class Judges:
    """Compiles some schemas of a document by themselves, their references and all.

    Args:
        references: Those of the document.
    """

    def __init__(self, references: References) -> None:
        self._references = references
        draft = references.root.get("$schema")
        self._head: dict[str, JSON] = {} if draft is None else {"$schema": draft}

    def judge(self, schemas: Conjunction) -> Validator:
        """Return what says whether a value obeys all of `schemas`."""
        asked: JSON = [self._rebased(schema) for schema in schemas] or [True]
        definitions: dict[str, JSON] = {"$defs": {"document": self._document}} if self._document else {}
        return compiled({**self._head, "allOf": asked, **definitions})

    @cached_property
    def _document(self) -> JSON:
        """The whole document, where a reference may lead into it."""
        has_references = any(
            isinstance(place.schema, dict) and "$ref" in place.schema
            for place in self._references.places.values()
        )
        return self._rebased(self._references.root) if has_references else None

    def _rebased(self, schema: Subschema) -> JSON:
        """Copy a schema so that its references find the document under `$defs`."""
        if isinstance(schema, bool):
            return schema

        def inner(child: Child) -> JSON:
            return self._rebased(child.schema)

        copy = with_children({name: value for name, value in schema.items() if name not in _IDENTITY}, inner)
        target = self._references.target(cast("str", schema["$ref"])) if "$ref" in schema else None
        return copy if target is None else {**copy, "$ref": f"#/$defs/document{quote(target.pointer)}"}
