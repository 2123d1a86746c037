"""Answers in the newer of OpenAI's two APIs: /v1/responses."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from adhere.records import JSON
from adhere.serve import sse
from adhere.serve.answers import Answer, Service, Usage, block
from adhere.serve.body import Body
from adhere.serve.form import NAME, Asker, Object, ObjectFormat, Own, TextFormat, of_schema
from adhere.serve.order import AnyObject, AnyText, Ended, Event, Order, Refusal, Token, Turn, Wanted
from adhere.serve.sampled import Metadata, Sampled, StreamOptions, order, otherwise, refuse_unknown, told


class InputPart(Body):
    """A text of a message; images, sounds and files are not read."""

    type: Literal["input_text", "output_text"]
    text: str
    annotations: Annotated[list[object], Field(max_length=0)] | None = None
    logprobs: list[object] | None = None


class InputMessage(Body):
    """One message of the conversation; what a reply had may be sent back as it came."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[InputPart], Field(min_length=1)]
    type: Literal["message"] = "message"
    id: str | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None
    phase: None = None


class FlatSchemaFormat(Body):
    """JSON that obeys a schema."""

    type: Literal["json_schema"]
    name: str = Field(pattern=NAME)
    schema_: Object = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None
    """Either way the answer obeys."""


FlatFormat: TypeAlias = Annotated[TextFormat | ObjectFormat | FlatSchemaFormat, Field(discriminator="type")]


class TextSettings(Body):
    """The form of the answer."""

    format: FlatFormat | None = None
    verbosity: Literal["medium"] | None = None


class Reasoning(Body):
    """There is none."""

    effort: Literal["none"] | None = None
    summary: None = None


class ResponseBody(Body):
    """A conversation, or one text, that is to be answered."""

    model: str
    input: str | Annotated[list[InputMessage], Field(min_length=1)]
    instructions: str | None = None
    text: TextSettings | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    include: list[Literal["message.output_text.logprobs"]] | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    adhere: Own | None = None
    metadata: Metadata = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory"] | None = None
    store: Literal[False] | None = None
    background: Literal[False] | None = None
    truncation: Literal["disabled"] | None = None
    reasoning: Reasoning | None = None
    service_tier: Literal["auto", "default"] | None = None
    parallel_tool_calls: bool | None = None
    tools: Annotated[list[object], Field(max_length=0)] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    max_tool_calls: int | None = None
    previous_response_id: None = None
    conversation: None = None
    prompt: None = None


async def asked(body: ResponseBody, asker: Asker, service: Service) -> Order:
    """Return what a request asks of the backend.

    Raises:
        Refusal: It asks for what there is not, or for two things that do not go together.
    """
    refuse_unknown(body.model, service)
    if body.top_logprobs and not body.include:
        message = (
            f"top_logprobs = {body.top_logprobs}: no token is told. Include message.output_text.logprobs."
        )
        raise Refusal(400, message, param="top_logprobs")
    drawn = Sampled(
        model=body.model,
        temperature=body.temperature,
        top_p=body.top_p,
        stream=body.stream,
        stream_options=body.stream_options,
        adhere=body.adhere,
    )
    return order(
        drawn,
        asker,
        service,
        wanted=otherwise(await _form(body, asker), drawn, asker),
        asked=_turns(body),
        most=body.max_output_tokens,
        alternatives=(body.top_logprobs or 0) if body.include else None,
    )


async def _form(body: ResponseBody, asker: Asker) -> Wanted | None:
    match None if body.text is None else body.text.format:
        case None:
            return None
        case TextFormat():
            return AnyText()
        case ObjectFormat():
            return AnyObject()
        case FlatSchemaFormat() as named:
            return await of_schema(
                named.schema_, body.adhere, asker, name=named.name, at="text.format.schema"
            )


def _turns(body: ResponseBody) -> list[Turn]:
    told = [] if body.instructions is None else [Turn(role="system", content=body.instructions)]
    if isinstance(body.input, str):
        return [*told, Turn(role="user", content=body.input)]
    return [
        *told,
        *(
            Turn(
                role="system" if message.role == "developer" else message.role,
                content=message.content
                if isinstance(message.content, str)
                else "".join(part.text for part in message.content),
            )
            for message in body.input
        ),
    ]


class _Reply:
    """One reply, in the states that it goes through."""

    def __init__(self, order: Order, body: ResponseBody, service: Service) -> None:
        self._order = order
        self._body = body
        self._service = service
        self._created = int(time.time())
        self.item = f"msg_{order.id}"

    def shown(self, status: str, **changed: JSON) -> dict[str, JSON]:
        """Return the reply as it is now."""
        body, order = self._body, self._order
        return {
            "id": f"resp_{order.id}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": dict[str, JSON](body.metadata or {}),
            "model": self._service.name,
            "output": [],
            "parallel_tool_calls": body.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "store": False,
            "temperature": order.temperature,
            "text": {"format": _spelled(body)},
            "tool_choice": body.tool_choice or "auto",
            "tools": [],
            "top_p": order.top_p,
            "truncation": "disabled",
            "usage": None,
            "user": body.user,
            **changed,
        }

    def message(self, status: str, content: list[JSON]) -> dict[str, JSON]:
        """Return its only item."""
        return {
            "id": self.item,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def part(self, text: str, tokens: tuple[Token, ...]) -> dict[str, JSON]:
        """Return the item's only part."""
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs(tokens)}

    async def over(self, answer: Answer) -> tuple[str, dict[str, JSON]]:
        """Return how it ended, and all of it."""
        ended = answer.ended
        status = "completed" if ended.reason == "stop" else "incomplete"
        used = Usage.of([ended], self._service)
        shown = self.shown(
            status,
            incomplete_details=None if ended.reason == "stop" else {"reason": "max_output_tokens"},
            output=[self.message(status, [self.part(ended.text, answer.tokens)])],
            usage={
                "input_tokens": used.prompt,
                "input_tokens_details": {"cached_tokens": used.cached},
                "output_tokens": used.written,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": used.prompt + used.written,
            },
        )
        beside = await block(ended, self._order, self._body.adhere, self._service)
        return status, shown if beside is None else {**shown, "adhere": beside}


def _spelled(body: ResponseBody) -> JSON:
    """Return the form as it was asked for."""
    if body.text is None or body.text.format is None:
        return {"type": "text"}
    return body.text.format.model_dump(by_alias=True)


def logprobs(tokens: tuple[Token, ...]) -> list[JSON]:
    """Return tokens with how probable they were."""
    return [told(token) for token in tokens]


async def reply(answer: Answer, order: Order, body: ResponseBody, service: Service) -> dict[str, JSON]:
    """Return an answer as a reply."""
    _, shown = await _Reply(order, body, service).over(answer)
    return shown


async def pieces(
    events: AsyncGenerator[Event], order: Order, body: ResponseBody, service: Service
) -> AsyncGenerator[bytes]:
    """Yield a reply piece by piece, as events; where it fails on the way, the last ones say so."""
    reply = _Reply(order, body, service)
    tokens: list[Token] = []
    sent = 0

    def event(kind: str, **members: JSON) -> bytes:
        nonlocal sent
        sent += 1
        return sse.event({"type": kind, "sequence_number": sent - 1, **members}, name=kind)

    place: dict[str, JSON] = {"item_id": reply.item, "output_index": 0, "content_index": 0}
    yield event("response.created", response=reply.shown("in_progress"))
    yield event("response.in_progress", response=reply.shown("in_progress"))
    yield event("response.output_item.added", output_index=0, item=reply.message("in_progress", []))
    yield event("response.content_part.added", **place, part=reply.part("", ()))
    try:
        async with aclosing(events):
            async for each in events:
                if isinstance(each, Ended):
                    answer = Answer(ended=each, tokens=tuple(tokens))
                    part = reply.part(each.text, answer.tokens)
                    status, shown = await reply.over(answer)
                    yield event(
                        "response.output_text.done", **place, text=each.text, logprobs=part["logprobs"]
                    )
                    yield event("response.content_part.done", **place, part=part)
                    item = reply.message(status, [part])
                    yield event("response.output_item.done", output_index=0, item=item)
                    yield event(f"response.{status}", response=shown)
                else:
                    tokens += each.tokens
                    told_of = logprobs(each.tokens)
                    yield event("response.output_text.delta", **place, delta=each.text, logprobs=told_of)
    except Refusal as refusal:
        told_why: dict[str, JSON] = {
            "code": refusal.code,
            "message": refusal.message,
        }
        yield event("error", **told_why, param=refusal.param)
        yield event("response.failed", response=reply.shown("failed", error=told_why))
