"""A request's body, read strictly into the record of its route."""

import asyncio
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request

from adhere.schema import Malformed, parse_bytes
from adhere.serve.faults import of_body
from adhere.serve.order import Refusal

LARGE = 64 * 2**10
"""Bytes of a body from which on a thread reads it: the loop would stand still for more than 2 ms."""


class Body(BaseModel):
    """Fields of a request: of their exact types, and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Gone(Exception):
    """The client has left; nobody waits for a reply."""


Read = TypeVar("Read", bound=Body)


async def read(request: Request, kind: type[Read]) -> Read:
    """Return the body of a request.

    Raises:
        Refusal: It is not JSON, or not what the route takes.
        Gone: The client left before it was all there.
    """
    _refuse_other_types(request)
    try:
        text = await request.body()
    except ClientDisconnect as fault:
        raise Gone from fault
    if len(text) > LARGE:
        return await asyncio.to_thread(_read, text, kind)
    return _read(text, kind)


def _read(text: bytes, kind: type[Read]) -> Read:
    parsed = parse_bytes(text)
    if isinstance(parsed, Malformed):
        where = "" if parsed.position is None else f" at character {parsed.position}"
        message = f"body: it is not JSON: {parsed.reason}{where}. Send one JSON object in UTF-8."
        raise Refusal(400, message, code="invalid_json")
    if not isinstance(parsed.value, dict):
        raise Refusal(400, "body: it is no JSON object. Send one JSON object.", code="invalid_json")
    try:
        return kind.model_validate(parsed.value)
    except ValidationError as fault:
        refusal = of_body(fault, parsed.value)
    raise refusal


def _refuse_other_types(request: Request) -> None:
    """Refuse a body that says that it is no JSON in UTF-8."""
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    named, _, charset = rest.strip().partition("=")
    plain = kind.strip().lower() == "application/json"
    if not plain or (named.lower() == "charset" and charset.strip('"').lower() not in ("utf-8", "utf8")):
        given = cast("str | None", request.headers.get("content-type"))
        message = f"content-type = {given!r}: bodies are JSON in UTF-8. Send application/json."
        raise Refusal(415, message, code="unsupported_media_type")
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        message = f"content-encoding = {encoding!r}: bodies are read as they are. Send the body plain."
        raise Refusal(415, message, code="unsupported_media_type")
