"""What a model is asked: an order as a conversation, and as the tokens that a model continues."""

from collections.abc import Sequence

from adhere.config.serving import Manner
from adhere.prompt import SYSTEM, Tokenizer
from adhere.records import JSON
from adhere.schema import Parsed, parse_json
from adhere.schema.blank import form
from adhere.schema.canonical import spelled
from adhere.schema.reference import References
from adhere.serve.kept import text_of_call
from adhere.serve.order import Calling, Obeying, Order, Tool, Turn, Wanted
from adhere.serve.reader import Message, read_by
from adhere.serve.retold import explained


def conversation(order: Order, *, manner: Manner) -> list[Message]:
    """Return the messages of a conversation, as OpenAI's API spells them.

    In the manner `trained`, where JSON of a schema or a call is wanted, the last that a user or a tool said
    is the text, and is asked about as in training: what to do, then the blank form above the text. All else
    that the caller sent stays where it is, a system message too: nothing is dropped.

    Pure.
    """
    shown = _form(order.wanted)
    if manner == "chat" or shown is None or not order.turns:
        return [_as_sent(turn) for turn in order.turns]
    said = [_as_text(turn) for turn in order.turns]
    at = _asking(order.turns)
    line: Message = {"role": "system", "content": SYSTEM["plain"]}
    text: Message = {"role": "user", "content": f"{shown}\n\n{order.turns[at].content}"}
    return [*said[:at], line, text, *said[at + 1 :]]


def asked(order: Order, *, tokenizer: Tokenizer, context: int, manner: Manner) -> tuple[int, ...]:
    """Return the tokens that a model continues.

    A plain prompt stands as it is, tokens that control the model included. In messages, and in the tools and
    schemas that come with them, the names of such tokens are text like any other.

    May be called in any thread, and lets others run: 4 MiB of text that fit the context take some seconds.

    Args:
        order: What is asked for.
        tokenizer: The model's own, with a `tokenizer.json`.
        context: Most tokens, prompt and answer together, that the model takes.
        manner: How messages are asked; see `conversation`.

    Raises:
        Refusal: The prompt leaves no room for an answer, or the model's chat template takes no such
            conversation.
    """
    reader = read_by(tokenizer)
    if not order.turns:
        return reader.continued(order.prompt, context)
    if manner == "trained" and _form(order.wanted) is not None:
        return reader.opened(conversation(order, manner=manner), None, context)
    tools = _tools(order.wanted)
    if reader.knows_tools and (tools or _has_calls(order.turns)):
        sent = conversation(order, manner="chat")
        return reader.opened([_for_template(message) for message in sent], tools, context)
    plain = [_as_text(turn) for turn in order.turns]
    return reader.opened(explained(plain, order.wanted) if tools else plain, None, context)


def _form(wanted: Wanted) -> str | None:
    """Return the blank form of what is wanted; `None` for what has none."""
    match wanted:
        case Obeying(schema=schema):
            return schema.blank
        case Calling(tools=tools):
            forms = [_form_of_call(tool) for tool in tools]
            return spelled(forms[0] if len(forms) == 1 else {"anyOf": forms})
        case _:
            return None


def _form_of_call(tool: Tool) -> JSON:
    words = " ".join(tool.description.split())
    name = f"{tool.name}: {words}" if words else tool.name
    return {"name": name, "arguments": form(References(tool.parameters.source))}


def _asking(turns: Sequence[Turn]) -> int:
    """Return which turn is the text: the last of a user or a tool, or else the last."""
    said = [at for at, turn in enumerate(turns) if turn.role in ("user", "tool")]
    return said[-1] if said else len(turns) - 1


def _as_text(turn: Turn) -> Message:
    """Tell a turn to who knows no tools: calls as it would write them, and what they gave as a user's."""
    calls = [text_of_call(call.name, call.arguments) for call in turn.calls]
    said = [turn.content] if turn.content or not calls else []
    return {"role": "user" if turn.role == "tool" else turn.role, "content": "\n".join([*said, *calls])}


def _as_sent(turn: Turn) -> Message:
    message: Message = {"role": turn.role, "content": turn.content}
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in turn.calls
        ]
    if turn.answers:
        message["tool_call_id"] = turn.answers
    return message


def _for_template(message: Message) -> Message:
    """Spell calls as chat templates read them: with arguments as an object, where they are one."""
    calls = message.get("tool_calls")
    return {**message, "tool_calls": [_read(call) for call in calls]} if isinstance(calls, list) else message


def _read(call: JSON) -> JSON:
    match call:
        case {"function": {"name": name, "arguments": str(arguments)}, **others} if isinstance(
            read := parse_json(arguments), Parsed
        ) and isinstance(read.value, dict):
            return {**others, "function": {"name": name, "arguments": read.value}}
        case _:
            return call


def _tools(wanted: Wanted) -> JSON:
    if not isinstance(wanted, Calling):
        return None
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters.source,
            },
        }
        for tool in wanted.tools
    ]


def _has_calls(turns: Sequence[Turn]) -> bool:
    return any(turn.calls or turn.role == "tool" for turn in turns)
