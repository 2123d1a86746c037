"""Messages of a request as turns of a conversation."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from adhere.serve.body import Body
from adhere.serve.order import Call, Refusal, Turn


class TextPart(Body):
    """A part of a message; images, sounds and files are not read."""

    type: Literal["text"]
    text: str


Content: TypeAlias = str | Annotated[list[TextPart], Field(min_length=1)]


class CalledFunction(Body):
    """The function of a call, with its arguments in JSON."""

    name: str
    arguments: str


class EarlierCall(Body):
    """A call that the model made."""

    id: str = Field(min_length=1)
    type: Literal["function"] = "function"
    function: CalledFunction


class SystemMessage(Body):
    """What the model is told to do."""

    role: Literal["system", "developer"]
    content: Content
    name: None = None


class UserMessage(Body):
    """What a user says."""

    role: Literal["user"]
    content: Content
    name: None = None


class AssistantMessage(Body):
    """What the model said before; the fields that replies have may be sent back as they came."""

    role: Literal["assistant"]
    content: Content | None = None
    tool_calls: list[EarlierCall] | None = None
    refusal: None = None
    name: None = None
    audio: None = None
    function_call: None = None
    annotations: Annotated[list[object], Field(max_length=0)] | None = None
    adhere: dict[str, object] | None = None


class ToolMessage(Body):
    """What a call gave; its name says nothing that the call's id does not."""

    role: Literal["tool"]
    content: Content
    tool_call_id: str
    name: str | None = None


Message: TypeAlias = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


def turns(messages: Sequence[Message]) -> tuple[Turn, ...]:
    """Return one turn for each message.

    Raises:
        Refusal: A tool answers a call that nobody made, or an assistant said nothing.
    """
    made: set[str] = set()
    read: list[Turn] = []
    for place, message in enumerate(messages):
        at = f"messages[{place}]"
        match message:
            case AssistantMessage():
                if message.content is None and not message.tool_calls:
                    why = "the assistant neither said nor called anything. Give content or tool_calls."
                    raise Refusal(400, f"{at}.content: {why}", param=f"{at}.content")
                made.update(call.id for call in message.tool_calls or ())
                read.append(_said(message))
            case ToolMessage() if message.tool_call_id not in made:
                where = f"{at}.tool_call_id"
                why = "no message before it made that call. Send the message with tool_calls too."
                raise Refusal(400, f"{where} = {message.tool_call_id!r}: {why}", param=where)
            case ToolMessage():
                read.append(Turn(role="tool", content=text(message.content), answers=message.tool_call_id))
            case SystemMessage():
                read.append(Turn(role="system", content=text(message.content)))
            case UserMessage():
                read.append(Turn(role="user", content=text(message.content)))
    return tuple(read)


def _said(message: AssistantMessage) -> Turn:
    calls = tuple(
        Call(id=call.id, name=call.function.name, arguments=call.function.arguments)
        for call in message.tool_calls or ()
    )
    return Turn(role="assistant", content=text(message.content or ""), calls=calls)


def text(content: Content) -> str:
    """Return the text of a message, its parts joined."""
    return content if isinstance(content, str) else "".join(part.text for part in content)
