"""Conversations: /v1/chat/completions."""

import hashlib
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Literal

from pydantic import Field

from adhere.records import JSON
from adhere.serve import sse
from adhere.serve.answers import Answer, Service, Usage, block
from adhere.serve.calls import Argued, CallReader, Named, Part, Said
from adhere.serve.faults import error
from adhere.serve.form import Asker
from adhere.serve.kept import call_of
from adhere.serve.order import AnyText, Calling, Ended, Event, Order, Refusal, Token, Wanted
from adhere.serve.sampled import Metadata, Sampled, form, order, otherwise, refuse_unknown, told
from adhere.serve.tools import Choice, Tools, calling
from adhere.serve.turns import Message, turns


class ChatBody(Sampled):
    """A conversation that the model is to go on with."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    tools: Tools | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    """Either way an answer has one call at most."""
    metadata: Metadata = None
    store: Literal[False] | None = None
    modalities: list[Literal["text"]] | None = None
    reasoning_effort: Literal["none"] | None = None
    verbosity: Literal["medium"] | None = None
    service_tier: Literal["auto", "default"] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory"] | None = None
    prompt_cache_options: None = None
    audio: None = None
    prediction: None = None
    web_search_options: None = None
    moderation: None = None
    functions: None = None
    function_call: None = None


async def asked(body: ChatBody, asker: Asker, service: Service) -> Order:
    """Return what a conversation asks of the backend.

    Raises:
        Refusal: It asks for what there is not, or for two things that do not go together.
    """
    refuse_unknown(body.model, service)
    if body.top_logprobs is not None and not body.logprobs:
        message = f"top_logprobs = {body.top_logprobs}: logprobs is off. Give logprobs: true too."
        raise Refusal(400, message, param="top_logprobs")
    most = (body.max_tokens, body.max_completion_tokens)
    if None not in most and most[0] != most[1]:
        message = f"max_tokens = {most[0]}: max_completion_tokens says {most[1]}. Give one of the two."
        raise Refusal(400, message, param="max_tokens")
    return order(
        body,
        asker,
        service,
        wanted=await _wanted(body, asker),
        asked=turns(body.messages),
        most=most[0] or most[1],
        alternatives=(body.top_logprobs or 0) if body.logprobs else None,
    )


async def _wanted(body: ChatBody, asker: Asker) -> Wanted:
    given = await form(body, asker)
    calls = await calling(body.tools or (), body.tool_choice, asker)
    if calls is None:
        return otherwise(given, body, asker)
    if not calls.must and not isinstance(given, AnyText | None):
        at = "response_format" if body.structured_outputs is None else "structured_outputs"
        why = "the answer may be a call of a tool instead, and only one of the two can be promised"
        raise Refusal(400, f"{at}: {why}. Give tool_choice: required or none.", param=at)
    return calls


def completion_id(order: Order) -> str:
    """Return the id of a reply."""
    return f"chatcmpl-{order.id}"


async def reply(answers: list[Answer], order: Order, body: ChatBody, service: Service) -> dict[str, JSON]:
    """Return all answers as one reply."""
    return {
        "id": completion_id(order),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": service.name,
        "choices": [await _choice(answer, order, body, service) for answer in answers],
        "usage": Usage.of((answer.ended for answer in answers), service).spelled,
        "system_fingerprint": None,
    }


async def _choice(answer: Answer, order: Order, body: ChatBody, service: Service) -> JSON:
    ended = answer.ended
    message: dict[str, JSON] = {"role": "assistant", "content": ended.text, "refusal": None}
    reader = CallReader() if isinstance(order.wanted, Calling) else None
    if reader is not None:
        parts = [*reader.read(ended.text), *reader.rest()]
        _refuse_misread(reader, ended, order)
        if reader.name is not None:
            arguments = "".join(part.text for part in parts if isinstance(part, Argued))
            function: JSON = {"name": reader.name, "arguments": arguments}
            call: JSON = {"id": _call_id(order, ended.index), "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    choice: dict[str, JSON] = {
        "index": ended.index,
        "message": message,
        "logprobs": _logprobs(answer.tokens, order),
        "finish_reason": _finish(ended, reader),
    }
    beside = await block(ended, order, body.adhere, service)
    return choice if beside is None else {**choice, "adhere": beside}


def _refuse_misread(reader: CallReader | None, ended: Ended, order: Order) -> None:
    """Refuse to tell as a call what is none, or the other way round."""
    if reader is None or ended.reason == "length":
        return
    must = isinstance(order.wanted, Calling) and order.wanted.must
    if (reader.name is None) if must else (reader.name is not None and call_of(ended.text) is None):
        message = "The answer is no call that can be told as one, and was withheld. Ask again."
        raise Refusal(500, message, code="promise_broken")


def _finish(ended: Ended, reader: CallReader | None) -> str:
    called = reader is not None and reader.name is not None
    return "tool_calls" if called and ended.reason == "stop" else ended.reason


def _call_id(order: Order, index: int) -> str:
    return f"call_{hashlib.sha256(f'{order.id}/{index}'.encode()).hexdigest()[:24]}"


def _logprobs(tokens: tuple[Token, ...], order: Order) -> JSON:
    if order.alternatives is None:
        return None
    return {"content": [told(token) for token in tokens], "refusal": None}


async def pieces(
    events: AsyncGenerator[Event], order: Order, body: ChatBody, service: Service
) -> AsyncGenerator[bytes]:
    """Yield a reply piece by piece, as events; a refusal on the way is the last one."""
    shared: dict[str, JSON] = {
        "id": completion_id(order),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": service.name,
        "system_fingerprint": None,
    }
    extra: dict[str, JSON] = {"usage": None} if body.wants_usage else {}
    ends: list[Ended] = []
    readers: dict[int, CallReader | None] = {}
    try:
        async with aclosing(events):
            async for event in events:
                choices: list[JSON] = []
                if event.index not in readers:
                    readers[event.index] = CallReader() if isinstance(order.wanted, Calling) else None
                    opening: JSON = {"role": "assistant", "content": "", "refusal": None}
                    choices.append(_change(event.index, opening))
                choices += _changes(event, order, readers[event.index])
                if isinstance(event, Ended):
                    _refuse_misread(readers[event.index], event, order)
                    ends.append(event)
                    last = _change(event.index, {}, finish=_finish(event, readers[event.index]))
                    beside = await block(event, order, body.adhere, service)
                    choices.append(last if beside is None else {**last, "adhere": beside})
                for choice in choices:
                    yield sse.event({**shared, "choices": [choice], **extra})
    except Refusal as refusal:
        yield sse.event(error(refusal))
        return
    if body.wants_usage:
        yield sse.event({**shared, "choices": [], "usage": Usage.of(ends, service).spelled})
    yield sse.DONE


def _changes(event: Event, order: Order, reader: CallReader | None) -> list[JSON]:
    """Return what an event adds to its answer."""
    if isinstance(event, Ended):
        parts: Iterator[Part] = reader.rest() if reader is not None else iter(())
        return [_change(event.index, _delta(part, order, event.index)) for part in parts]
    read = reader.read(event.text) if reader is not None else iter((Said(event.text),))
    deltas = [_delta(part, order, event.index) for part in read if part != Said("")]
    if order.alternatives is None or not event.tokens:
        return [_change(event.index, delta) for delta in deltas]
    # Its tokens go with the first of them; or alone, where all was held back.
    first, *others = deltas or [{}]
    logprobs = _logprobs(event.tokens, order)
    return [_change(event.index, first, logprobs=logprobs), *(_change(event.index, each) for each in others)]


def _delta(part: Part, order: Order, index: int) -> JSON:
    match part:
        case Said(text):
            return {"content": text}
        case Named(name):
            function: JSON = {"name": name, "arguments": ""}
            named: JSON = {"index": 0, "id": _call_id(order, index), "type": "function", "function": function}
            return {"tool_calls": [named]}
        case Argued(text):
            return {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}


def _change(index: int, delta: JSON, *, finish: str | None = None, logprobs: JSON = None) -> dict[str, JSON]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
