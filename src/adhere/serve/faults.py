"""What is wrong with a request, as OpenAI's API says it."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import cast

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from adhere.records import JSON
from adhere.serve.order import Refusal

_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_ADVICE: Mapping[str, str] = {
    **dict.fromkeys(
        ("guided_json", "guided_regex", "guided_choice", "guided_grammar"),
        "It was renamed: use structured_outputs with json, regex, choice or grammar",
    ),
    "function_call": "Use tool_choice",
    "functions": "Use tools",
    "chat_template_kwargs": "Leave it out; `adhere serve --manner` says how a prompt is built",
    "extra_body": "The client puts what is in it beside the other fields; do so too",
}
_SHOWN = 80
"""Most characters of what was given that a message repeats."""


def error(refusal: Refusal) -> dict[str, JSON]:
    """Return the body of an error."""
    told: dict[str, JSON] = {
        "message": refusal.message,
        "type": _KINDS.get(
            refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error"
        ),
        "param": refusal.param,
        "code": refusal.code,
    }
    if refusal.detail is not None:
        told["adhere"] = dict(refusal.detail)
    return {"error": told}


def answer(refusal: Refusal) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers and the body of the reply to a request that is refused."""
    body = orjson.dumps(error(refusal))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(max(1, math.ceil(refusal.retry_after))).encode()))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers, body


def response(refusal: Refusal) -> Response:
    """Return the reply to a request that is refused."""
    headers, body = answer(refusal)
    reply = Response(body, status_code=refusal.status)
    reply.raw_headers = headers
    return reply


def of_body(fault: ValidationError, given: JSON) -> Refusal:
    """Say what is wrong with the first field at fault; of several readings of it, the one that got furthest.

    Args:
        fault: What Pydantic says of `given`.
        given: The body.
    """
    found = [
        (_path(each["loc"], given, missing=each["type"] == "missing"), each)
        for each in fault.errors(include_url=False)
    ]
    first = found[0][0][:1]
    path, worst = max(
        (pair for pair in found if pair[0][:1] == first),
        # Of several forms that were tried, the one whose type is right says more.
        key=lambda pair: (len(pair[0]), not pair[1]["type"].endswith("_type")),
    )
    param = spelled(path)
    context = cast("Mapping[str, object]", worst.get("ctx", {}))
    fix = "Leave it out"
    match worst["type"]:
        case "missing":
            return Refusal(400, f"{param}: it must be given.", param=param)
        case "union_tag_not_found" | "union_tag_invalid":
            tag = str(context["discriminator"]).strip("'")
            param, expected = f"{param}.{tag}", context.get("expected_tags", "given")
            return Refusal(400, f"{param}: it must be {expected}. Use what is honoured.", param=param)
        case "extra_forbidden":
            why = "this server does not know the field, or cannot honour it"
        case "none_required":
            why = "this server cannot honour it"
        case _ if 0 in (context.get("le"), context.get("max_length")):
            why = "this server cannot honour it"
        case "literal_error":
            why, fix = f"it must be {_as_json(str(context['expected']))}", "Use that, or leave it out"
        case _:
            message = worst["msg"].partition(" after validation")[0]
            why, fix = f"{message[:1].lower()}{message[1:]}", "docs/serving.md says what each field may be"
    fix = _ADVICE.get(str(path[-1]), fix)
    return Refusal(400, f"{param} = {_shown(worst['input'])}: {why}. {fix}.", param=param)


def _as_json(expected: str) -> str:
    return expected.replace("'", '"').replace("True", "true").replace("False", "false")


def spelled(path: Sequence[str | int]) -> str:
    """Return a path as OpenAI writes it: `messages[0].content`."""
    whole = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return whole.removeprefix(".")


def _path(loc: Sequence[str | int], given: JSON, *, missing: bool) -> list[str | int]:
    """Leave out what Pydantic names of its own: which of several forms it tried.

    Args:
        loc: Its path.
        given: The body.
        missing: Whether the path ends with a field that is not there.
    """
    path: list[str | int] = []
    inner: object = given
    for place, step in enumerate(loc):
        match inner:
            case dict() if step in inner:
                inner = cast("dict[str | int, object]", inner)[step]
            case list() if isinstance(step, int) and step < len(inner):
                inner = cast("list[object]", inner)[step]
            case _ if missing and place == len(loc) - 1:
                pass
            case _:
                continue
        path.append(step)
    return path


def _shown(given: object) -> str:
    try:
        text = json.dumps(given, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(given)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
