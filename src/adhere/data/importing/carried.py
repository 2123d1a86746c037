"""The schema that a row brings with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from adhere.data.store import Row
from adhere.records import JSON

COLUMNS = ("response_format", "tools", "functions", "parallel_tool_calls")
"""What OpenAI's files have beside the messages to say which form the answer has."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A schema and what the row calls it."""

    name: str
    source: dict[str, JSON]


def carried(row: Row, called: str | None) -> Carried | None:
    """Return the schema of a row's `response_format`, or else that of the function that its answer calls.

    Where nothing is called and the row has one function, it is that one's.
    """
    asked = _asked(row.columns.get("response_format"))
    if asked is not None:
        return asked
    functions = list(_functions(row))
    if called is not None:
        return next((each for each in functions if each.name == called), None)
    return functions[0] if len(functions) == 1 else None


def _asked(form: JSON) -> Carried | None:
    match form:
        case {"type": "json_schema", "json_schema": {"name": str() as name, "schema": dict() as source}}:
            return Carried(name, source)
        case {"type": "json_schema", "name": str() as name, "schema": dict() as source}:
            return Carried(name, source)
        case _:
            return None


def _functions(row: Row) -> Iterator[Carried]:
    for column in ("tools", "functions"):
        listed = row.columns.get(column)
        for each in listed if isinstance(listed, list) else []:
            match each:
                case {"function": {"name": str() as name, "parameters": dict() as source}}:
                    yield Carried(name, cast("dict[str, JSON]", source))
                case {"name": str() as name, "parameters": dict() as source}:
                    yield Carried(name, cast("dict[str, JSON]", source))
                case _:
                    pass
