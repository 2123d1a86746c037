"""What /openapi.json says of the routes: their bodies, and the errors that they give."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from adhere.records import JSON
from adhere.serve.body import Body
from adhere.serve.chat import ChatBody
from adhere.serve.completions import CompletionBody
from adhere.serve.responses import ResponseBody

BODIES: Mapping[str, type[Body]] = {
    "/v1/chat/completions": ChatBody,
    "/v1/completions": CompletionBody,
    "/v1/responses": ResponseBody,
}
ERROR: dict[str, JSON] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
            "required": ["message", "type", "param", "code"],
        }
    },
    "required": ["error"],
}
EVENT: dict[str, JSON] = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
"""One of a stream; its data are JSON, or the word that ends it."""
FAILED: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "It was refused, or could not be done.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
}
"""What every route may answer instead."""


class Described(FastAPI):
    """An application that says which bodies its routes take: they are read by `body.read`."""

    def openapi(self) -> dict[str, JSON]:
        """Return the description, made once."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        made = super().openapi()
        refs, shared = models_json_schema(
            [(body, "validation") for body in BODIES.values()], ref_template="#/components/schemas/{model}"
        )
        made.setdefault("components", {})["schemas"] = {**shared["$defs"], "Error": ERROR}
        for path, body in BODIES.items():
            content = {"application/json": {"schema": refs[body, "validation"]}}
            made["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}
            streamed = {"text/event-stream": {"schema": EVENT}}
            made["paths"][path]["post"]["responses"]["200"]["content"].update(streamed)
        return made
