"""Fields that conversations and plain prompts have in common: how answers are drawn, and their form."""

import time
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from adhere.records import JSON
from adhere.serve.answers import Service
from adhere.serve.body import Body
from adhere.serve.form import Asker, Format, Own, StructuredOutputs, of_format, of_structured
from adhere.serve.order import AnyText, Obeying, Order, Refusal, Token, Turn, Wanted

MOST_ANSWERS = 8
Zero: TypeAlias = Annotated[float, Field(ge=0, le=0)] | None
"""Of what is not done here: only the value that changes nothing."""
Nothing: TypeAlias = Annotated[dict[str, object], Field(max_length=0)] | None
Metadata: TypeAlias = Annotated[dict[str, str], Field(max_length=16)] | None
"""Is not kept, and changes nothing."""
StopText: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]
LEAST_TEMPERATURE = 1e-5
"""Less is none: what divides by it leaves the numbers that a machine has. Source: vLLM has the same bound."""
LEAST_LOGPROB = -9999.0
"""Stands for a probability of 0, of which JSON has no logarithm. Source: OpenAI's API reference."""


class StreamOptions(Body):
    """What a stream has besides the answer."""

    include_usage: bool | None = None
    """End with an event that says how many tokens there were."""
    include_obfuscation: Literal[False] | None = None


class Sampled(Body):
    """How answers are drawn, and their form."""

    model: str
    n: int | None = Field(default=None, ge=1, le=MOST_ANSWERS)
    seed: int | None = Field(default=None, ge=-(2**63), le=2**63 - 1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: StopText | Annotated[list[StopText], Field(max_length=4)] | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: Format | None = None
    structured_outputs: StructuredOutputs | None = None
    adhere: Own | None = None
    user: str | None = None
    frequency_penalty: Zero = None
    presence_penalty: Zero = None
    logit_bias: Nothing = None

    @property
    def wants_usage(self) -> bool:
        """Whether the stream is to end with how many tokens there were."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


async def form(body: Sampled, asker: Asker) -> Wanted | None:
    """Return the form that a request asks for; `None` where it says nothing of it.

    Raises:
        Refusal: It asks for two, or for one that cannot be promised.
    """
    if body.structured_outputs is None:
        given = body.response_format
        return None if given is None else await of_format(given, body.adhere, asker)
    if body.response_format is not None:
        message = "structured_outputs: response_format names a form too. Give one of the two."
        raise Refusal(400, message, param="structured_outputs")
    return await of_structured(body.structured_outputs, body.adhere, asker)


def otherwise(wanted: Wanted | None, body: Sampled, asker: Asker) -> Wanted:
    """Return the form of an answer of which a request may have said nothing."""
    if wanted is not None:
        return wanted
    if asker.default is None:
        return AnyText()
    return Obeying(schema=asker.default, lenient=body.adhere is not None and body.adhere.lenient)


def order(
    body: Sampled,
    asker: Asker,
    service: Service,
    *,
    wanted: Wanted,
    asked: Sequence[Turn] | str,
    most: int | None,
    alternatives: int | None,
) -> Order:
    """Return what is asked of the backend.

    Args:
        body: The request.
        asker: Who asks.
        service: What is served.
        wanted: Form of the answer.
        asked: The conversation, or a text to continue.
        most: Most tokens of an answer.
        alternatives: How many likelier tokens are told beside each.

    Raises:
        Refusal: Two fields of the request do not go together.
    """
    if body.stream_options is not None and not body.stream:
        message = "stream_options: the reply is no stream. Give stream: true, or leave it out."
        raise Refusal(400, message, param="stream_options")
    heat = service.settings.temperature if body.temperature is None else body.temperature
    longest = service.settings.max_new_tokens
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    if stop and not isinstance(wanted, AnyText):
        why = "the form of the answer decides where it ends, and a text to stop at could cut it"
        raise Refusal(400, f"stop = {list(stop)!r}: {why}. Leave it out.", param="stop")
    return Order(
        id=asker.id,
        client=asker.client,
        turns=() if isinstance(asked, str) else tuple(asked),
        prompt=asked if isinstance(asked, str) else "",
        wanted=wanted,
        n=body.n or 1,
        temperature=0.0 if heat < LEAST_TEMPERATURE else heat,
        top_p=1.0 if body.top_p is None else body.top_p,
        max_tokens=min(most or longest, longest),
        stop=stop,
        seed=body.seed,
        alternatives=alternatives,
        deadline=time.monotonic() + service.settings.seconds,
        streamed=bool(body.stream),
    )


def refuse_unknown(model: str, service: Service) -> None:
    """Refuse a model that is not served."""
    if model != service.name:
        message = f"model = {model[:80]!r}: this server has no such model. Use {service.name!r}."
        raise Refusal(404, message, param="model", code="model_not_found")


def told(token: Token) -> dict[str, JSON]:
    """Return a token and its alternatives, as OpenAI writes them for conversations."""
    return {
        **_told(token.text, token.logprob, token.raw),
        "top_logprobs": [_told(text, logprob, b"") for text, logprob in token.alternatives],
    }


def _told(text: str, logprob: float, raw: bytes) -> dict[str, JSON]:
    whole = raw or (b"" if "\ufffd" in text else text.encode())
    return {
        "token": text,
        "logprob": max(logprob, LEAST_LOGPROB),
        # Nothing where the token is part of a character and nobody kept which.
        "bytes": [*whole] if whole else None,
    }
