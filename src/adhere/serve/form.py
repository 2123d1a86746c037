"""The form that an answer is to have, as requests ask for it."""

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, TypeAlias, cast

from pydantic import Field

from adhere.records import JSON
from adhere.schema import Malformed, Schema, parse_json
from adhere.serve.body import Body
from adhere.serve.order import AnyObject, AnyText, Matching, Obeying, OneOf, Refusal, Spelled, Wanted

NAME = r"^[a-zA-Z0-9_-]{1,64}$"
"""Of a schema or a tool. Source: OpenAI's API reference."""
Object: TypeAlias = dict[str, object]
"""A JSON object that is not looked into here."""


class Compiler(Protocol):
    """What looks into a stranger's schema, pattern or grammar before anything else does."""

    async def schema(
        self, given: JSON, *, param: str, client: str = "", name: str | None = None, lenient: bool = False
    ) -> Schema:
        """Accept a schema; raises `Refusal`."""
        ...

    async def admit(self, wanted: Wanted, *, param: str, client: str = "") -> None:
        """Accept any other form; raises `Refusal`."""
        ...

    def relaxed(self, schema: Schema) -> list[JSON]:
        """Return what the grammar does not guarantee of a schema that was accepted all the same."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and what answers stand on."""

    id: str
    """Of the request."""
    client: str
    compiler: Compiler
    default: Schema | None
    """What answers obey where a request says nothing."""


class Own(Body):
    """What adhere adds to OpenAI's API."""

    fields: bool | None = None
    """Say in the reply how sure the model is of each field, and where in the prompt it was found."""
    undecided_below: float | None = Field(default=None, ge=0, le=1)
    """Confidence below which a field is undecided."""
    lenient: bool = False
    """Answer although the grammar cannot guarantee all that the schema says; the reply is labelled so."""


class TextFormat(Body):
    """No form at all."""

    type: Literal["text"]


class ObjectFormat(Body):
    """Some JSON object."""

    type: Literal["json_object"]


class NamedSchema(Body):
    """A schema, and what it is called."""

    name: str = Field(pattern=NAME)
    description: str | None = None
    schema_: Object = Field(alias="schema")
    strict: bool | None = None
    """Either way the answer obeys."""


class SchemaFormat(Body):
    """JSON that obeys a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


Format: TypeAlias = Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")]


class StructuredOutputs(Body):
    """The same and more as vLLM spells it: exactly one of these."""

    json_: Object | str | None = Field(default=None, alias="json")
    regex: str | None = None
    choice: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1)
    grammar: str | None = None
    json_object: Literal[True] | None = None


async def of_format(given: Format, own: Own | None, asker: Asker) -> Wanted:
    """Read `response_format`."""
    match given:
        case TextFormat():
            return AnyText()
        case ObjectFormat():
            return AnyObject()
        case SchemaFormat(json_schema=named):
            at = "response_format.json_schema.schema"
            return await of_schema(named.schema_, own, asker, name=named.name, at=at)


async def of_schema(given: Object, own: Own | None, asker: Asker, *, name: str | None, at: str) -> Obeying:
    """Read a schema that stood in the field `at`."""
    lenient = own is not None and own.lenient
    source = cast("dict[str, JSON]", given)
    schema = await asker.compiler.schema(source, param=at, client=asker.client, name=name, lenient=lenient)
    return Obeying(schema=schema, lenient=lenient)


async def of_structured(given: StructuredOutputs, own: Own | None, asker: Asker) -> Wanted:
    """Read `structured_outputs`."""
    named = [name for name in type(given).model_fields if getattr(given, name) is not None]
    if len(named) != 1:
        message = (
            f"structured_outputs: {len(named)} forms are named, and an answer has one. "
            "Give exactly one of json, regex, choice, grammar and json_object."
        )
        raise Refusal(400, message, param="structured_outputs")
    at = f"structured_outputs.{named[0].strip('_')}"
    wanted: Wanted = AnyObject()
    if given.json_ is not None:
        return await of_schema(_object(given.json_, at), own, asker, name=None, at=at)
    if given.regex is not None:
        wanted = Matching(given.regex)
    elif given.choice is not None:
        wanted = OneOf(tuple(given.choice))
    elif given.grammar is not None:
        wanted = Spelled(given.grammar)
    await asker.compiler.admit(wanted, param=at, client=asker.client)
    return wanted


def _object(given: Object | str, at: str) -> Object:
    """Return a schema that may have been given as text."""
    if isinstance(given, dict):
        return given
    parsed = parse_json(given)
    if isinstance(parsed, Malformed):
        raise Refusal(400, f"{at}: it is not JSON: {parsed.reason}. Give a JSON Schema.", param=at)
    if not isinstance(parsed.value, dict):
        raise Refusal(400, f"{at}: it is no JSON object. Give a JSON Schema.", param=at)
    return cast("Object", parsed.value)
