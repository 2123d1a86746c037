"""What a `$ref` names."""

from urllib.parse import unquote, urldefrag, urljoin

from adhere.records import JSON
from adhere.schema.places import DEFINITIONS, Place, Subschema, children, places

DRAFT_07 = frozenset({"http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-07/schema#"})


class Overgrown(Exception):
    """Raised when more schemas are looked at than was allowed."""


class References:
    """The schemas of one document, found by reference.

    Only references within the document are followed, and only to places where a schema stands.

    Args:
        source: The document's root.
        most_looks: How many schemas may be looked at through `view`; `None` for any number.
    """

    def __init__(self, source: dict[str, JSON], *, most_looks: int | None = None) -> None:
        self.root = source
        self._looks_left = most_looks
        self.places: dict[str, Place] = {place.pointer: place for place in places(source)}
        self.is_draft_07 = source.get("$schema") in DRAFT_07
        identifier = source.get("$id")
        self._base = urldefrag(identifier).url if isinstance(identifier, str) else ""
        self._pointers = {id(place.schema): place.pointer for place in self.places.values()}
        self._anchors = {name: place for place in self.places.values() for name in _anchors(place.schema)}

    def look(self) -> None:
        """Count a look at a schema.

        Raises:
            Overgrown: It is one more than is allowed.
        """
        if self._looks_left is None:
            return
        if self._looks_left == 0:
            raise Overgrown
        self._looks_left -= 1

    def target(self, reference: str) -> Place | None:
        """Return the place that `reference` names; `None` where it leaves the document or names no schema.

        Source: RFC 3986 section 5.2, RFC 6901 section 6, JSON Schema 2020-12 core section 8.2.
        """
        base, fragment = urldefrag(reference if reference.startswith("#") else urljoin(self._base, reference))
        if base not in {"", self._base}:
            return None
        name = unquote(fragment)
        return self.places.get(name) or self._anchors.get(name)

    def steps(self, schema: dict[str, JSON]) -> list[Subschema]:
        """Return the schemas inside `schema`, definitions aside, and the one that it names."""
        reference = schema.get("$ref")
        target = self.target(reference) if isinstance(reference, str) else None
        inside = [child.schema for child in children(schema) if child.keyword not in DEFINITIONS]
        return inside if target is None else [*inside, target.schema]

    def pointer(self, schema: Subschema) -> str | None:
        """Return where in the document this very object stands; `None` for any other."""
        return self._pointers.get(id(schema)) if isinstance(schema, dict) else None

    def name(self, pointer: str) -> str:
        """Name a schema of the document for a reader: its title, else its key, else `schema` for the root."""
        schema = self.places[pointer].schema
        title = schema.get("title") if isinstance(schema, dict) else None
        key = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        return title if isinstance(title, str) else key or "schema"


def _anchors(schema: Subschema) -> list[str]:
    if not isinstance(schema, dict):
        return []
    names = (schema.get("$anchor"), schema.get("$dynamicAnchor"))
    return [name for name in names if isinstance(name, str)]
