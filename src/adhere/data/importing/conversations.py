"""Rows that are conversations: who asked what, and what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from adhere.data.store import Row
from adhere.records import JSON

_MEND = "Mend the row, or leave it out"
_INSTRUCTS = frozenset({"system", "developer"})

_Turn: TypeAlias = dict[str, JSON]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a row says, whichever its form."""

    text: str
    answer: JSON = None
    """`None` where nobody answered."""
    around: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """What else was said, for the example's `meta`."""
    columns: tuple[str, ...]
    """Those that all this stands in; the answer in the last."""
    called: str | None = None
    """The function that the answer is a call of."""


def said(row: Row, text_column: str) -> Said:
    """Read a row as a text, or as a conversation in one of the forms of `docs/data.md`.

    The text is what the user said last, and the answer what the assistant said or called after it; answers of
    weight 0 are none, so that an earlier question counts. Of a preference the chosen answer is taken.

    Raises:
        DataError: The row is in none of these forms.
    """
    columns = row.columns
    if text_column in columns:
        return Said(text=row.text(text_column), columns=(text_column,))
    if "messages" in columns:
        return _conversation(row, _turns(row, "messages", role="user"), ("messages",))
    if isinstance(columns.get("input"), dict) and "preferred_output" in columns:
        turns = [*_turns(row, "input", role="user"), *_turns(row, "preferred_output", role="assistant")]
        return _conversation(row, turns, ("input", "preferred_output"))
    if "prompt" in columns:
        answer = "chosen" if "chosen" in columns and "completion" not in columns else "completion"
        turns = [*_turns(row, "prompt", role="user"), *_turns(row, answer, role="assistant")]
        return _conversation(row, turns, ("prompt", answer))
    if isinstance(columns.get("chosen"), list):
        return _conversation(row, _turns(row, "chosen", role="user"), ("chosen",))
    why = f"the row has no such column, and neither `messages` nor `prompt`: it has {', '.join(columns)}"
    raise row.fault(text_column, why, fix="Name the column of the text with --text-column")


def _turns(row: Row, column: str, *, role: str) -> list[_Turn]:
    """Return a column as messages; what is not a list of them is one, said by `role`."""
    given = row.columns.get(column)
    if isinstance(given, dict) and "messages" in given:
        given = given["messages"]
    if given is None:
        return []
    if not isinstance(given, list):
        return [{"role": role, "content": given}]
    if all(isinstance(turn, dict) and isinstance(turn.get("role"), str) for turn in given):
        return cast("list[_Turn]", given)
    raise row.fault(column, "it is not a list of messages, each with a role and a content", fix=_MEND)


def _conversation(row: Row, turns: Sequence[_Turn], columns: tuple[str, ...]) -> Said:
    asked, answered = _exchange(turns)
    text = None if asked is None else _content(turns[asked])
    if not isinstance(text, str):
        raise row.fault(columns[0], "no user says anything in it that is text", fix=_MEND)
    system = next((place for place, turn in enumerate(turns) if turn["role"] in _INSTRUCTS), None)
    others = [turn for place, turn in enumerate(turns) if place not in (asked, system, answered)]
    around: dict[str, JSON] = {} if system is None else {"system": _content(turns[system])}
    around |= {"turns": cast("JSON", others)} if others else {}
    answer, called = (None, None) if answered is None else _answer(row, turns[answered], columns[-1])
    return Said(text=text, answer=answer, around=around, columns=columns, called=called)


def _exchange(turns: Sequence[_Turn]) -> tuple[int | None, int | None]:
    """Return the places of the last question and of its answer; one that is only context is passed over."""
    asked = [place for place, turn in enumerate(turns) if turn["role"] == "user"]
    for question in reversed(asked):
        after = range(question + 1, len(turns))
        answer = next((place for place in after if turns[place]["role"] == "assistant"), None)
        if answer is None or turns[answer].get("weight") != 0:
            return question, answer
    return (asked[-1] if asked else None), None


def _answer(row: Row, turn: _Turn, column: str) -> tuple[JSON, str | None]:
    """Return what the assistant said, or the arguments and the name of the function that it called."""
    listed = turn.get("tool_calls")
    calls = listed if isinstance(listed, list) else []
    functions = [call.get("function") for call in calls if isinstance(call, dict)]
    functions = functions or [each for each in (turn.get("function_call"),) if each is not None]
    if not functions:
        return _content(turn), None
    if len(functions) > 1:
        why = f"the answer calls {len(functions)} functions, and a target is one value"
        raise row.fault(column, why, fix="Make it a row for each call, or leave it out")
    match functions[0]:
        case {"name": str() as name, "arguments": arguments}:
            return arguments, name
        case _:
            raise row.fault(column, "the answer calls a function without name or arguments", fix=_MEND)


def _content(turn: _Turn) -> JSON:
    """Return what was said; text in parts, as OpenAI's API allows it, is joined."""
    content = turn.get("content")
    if not isinstance(content, list):
        return content
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))
