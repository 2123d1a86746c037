"""Texts that are continued as they stand: /v1/completions."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Literal

from pydantic import Field

from adhere.records import JSON
from adhere.serve import sse
from adhere.serve.answers import Answer, Service, Usage, block
from adhere.serve.faults import error
from adhere.serve.form import Asker
from adhere.serve.order import Ended, Event, Order, Refusal, Token
from adhere.serve.sampled import LEAST_LOGPROB, Sampled, form, order, otherwise, refuse_unknown


class CompletionBody(Sampled):
    """A text that the model is to go on with."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    logprobs: int | None = Field(default=None, ge=0, le=5)
    best_of: int | None = Field(default=None, ge=1)
    echo: Literal[False] | None = None
    suffix: None = None


async def asked(body: CompletionBody, asker: Asker, service: Service) -> Order:
    """Return what a text asks of the backend.

    Raises:
        Refusal: It asks for what there is not, or for two things that do not go together.
    """
    refuse_unknown(body.model, service)
    if body.best_of not in (None, body.n or 1):
        message = f"best_of = {body.best_of}: every answer that is written is returned. Give n alone."
        raise Refusal(400, message, param="best_of")
    return order(
        body,
        asker,
        service,
        wanted=otherwise(await form(body, asker), body, asker),
        asked=body.prompt if isinstance(body.prompt, str) else body.prompt[0],
        most=body.max_tokens,
        alternatives=body.logprobs,
    )


async def reply(
    answers: list[Answer], order: Order, body: CompletionBody, service: Service
) -> dict[str, JSON]:
    """Return all answers as one reply."""
    choices: list[JSON] = []
    for answer in answers:
        ended = answer.ended
        choice: dict[str, JSON] = {
            "index": ended.index,
            "text": ended.text,
            "logprobs": _logprobs(answer.tokens, order, start=0),
            "finish_reason": ended.reason,
        }
        beside = await block(ended, order, body.adhere, service)
        choices.append(choice if beside is None else {**choice, "adhere": beside})
    usage = Usage.of((answer.ended for answer in answers), service).spelled
    return {**_shared(order, service), "choices": choices, "usage": usage}


def _shared(order: Order, service: Service) -> dict[str, JSON]:
    return {
        "id": f"cmpl-{order.id}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": service.name,
        "system_fingerprint": None,
    }


def _logprobs(tokens: Sequence[Token], order: Order, *, start: int) -> JSON:
    """Return tokens as the oldest of the APIs writes them.

    Args:
        tokens: Of a piece.
        order: Says whether they were asked for.
        start: Characters of the answer before them.
    """
    if order.alternatives is None:
        return None
    offsets: list[JSON] = []
    for token in tokens:
        offsets.append(start)
        start += len(token.text)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [max(token.logprob, LEAST_LOGPROB) for token in tokens],
        "top_logprobs": [
            {text: max(logprob, LEAST_LOGPROB) for text, logprob in token.alternatives} for token in tokens
        ],
        "text_offset": offsets,
    }


async def pieces(
    events: AsyncGenerator[Event], order: Order, body: CompletionBody, service: Service
) -> AsyncGenerator[bytes]:
    """Yield a reply piece by piece, as events; a refusal on the way is the last one."""
    shared = _shared(order, service)
    extra: dict[str, JSON] = {"usage": None} if body.wants_usage else {}
    ends: list[Ended] = []
    written: dict[int, int] = {}
    try:
        async with aclosing(events):
            async for event in events:
                choice: dict[str, JSON] = {"index": event.index, "text": "", "logprobs": None}
                if isinstance(event, Ended):
                    ends.append(event)
                    choice["finish_reason"] = event.reason
                    beside = await block(event, order, body.adhere, service)
                    if beside is not None:
                        choice["adhere"] = beside
                else:
                    start = written.get(event.index, 0)
                    written[event.index] = start + sum(len(token.text) for token in event.tokens)
                    choice["text"] = event.text
                    choice["logprobs"] = _logprobs(event.tokens, order, start=start)
                    choice["finish_reason"] = None
                yield sse.event({**shared, "choices": [choice], **extra})
    except Refusal as refusal:
        yield sse.event(error(refusal))
        return
    if body.wants_usage:
        yield sse.event({**shared, "choices": [], "usage": Usage.of(ends, service).spelled})
    yield sse.DONE
