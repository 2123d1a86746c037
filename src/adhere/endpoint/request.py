"""What a server is asked."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.endpoint.reference import Reference
from adhere.records import JSON
from adhere.schema.canonical import canonical

Role: TypeAlias = Literal["system", "user", "assistant"]

_BYTES_A_TOKEN = 4
"""Of English under the vocabularies of today's models, roughly; OpenAI's help pages say so of theirs."""
_FRAME = 4
"""Tokens that stand around a message in a chat template, roughly."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A conversation that a model is to go on with.

    What is `None` or empty is not sent, save for `temperature` and `max_tokens`, for which the settings of
    the endpoint then count.
    """

    messages: tuple[Message, ...]
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    """Tells apart requests that are otherwise the same: each has a reply of its own."""
    stop: tuple[str, ...] = ()
    response_format: Mapping[str, JSON] | None = None


def body(request: Request) -> dict[str, JSON]:
    """Return what is sent beside the name of the model."""
    messages: list[JSON] = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    sent: dict[str, JSON] = {"messages": messages}
    if request.temperature is not None:
        sent["temperature"] = request.temperature
    if request.max_tokens is not None:
        sent["max_tokens"] = request.max_tokens
    if request.seed is not None:
        sent["seed"] = request.seed
    if request.stop:
        sent["stop"] = list(request.stop)
    if request.response_format is not None:
        sent["response_format"] = dict(request.response_format)
    return sent


def key(reference: Reference, sent: Mapping[str, JSON]) -> str:
    """Return a hash that two requests share only if the same is asked of the same model at the same URL."""
    asked: dict[str, JSON] = {"base_url": reference.base_url, "model": reference.model, "body": dict(sent)}
    return hashlib.sha256(canonical(asked).encode(errors="surrogatepass")).hexdigest()


def estimated_tokens(text: str) -> int:
    """Guess the tokens of a text whose server does not count them."""
    return math.ceil(len(text.encode(errors="replace")) / _BYTES_A_TOKEN)


def estimated_prompt(request: Request) -> int:
    """Guess the tokens of a prompt."""
    return sum(_FRAME + estimated_tokens(turn.content) for turn in request.messages)
