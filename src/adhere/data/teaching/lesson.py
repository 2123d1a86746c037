"""Conversations with a teacher: of each comes a kind of document, or an example, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from adhere.data.teaching import words
from adhere.data.teaching.checks import (
    DocumentKind,
    Fault,
    Reason,
    Written,
    data_in,
    document_kind_in,
    example_in,
)
from adhere.endpoint import Conversation, Failed, Message, Reply, Request
from adhere.records import Example
from adhere.schema import Schema
from adhere.schema.canonical import spelled

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a conversation came to nothing."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What an example is to be."""

    id: str
    schema: Schema
    case: str
    """Whom and what it is about."""
    layout: str
    """What its text looks like."""
    data: Written | None
    """What it states, where that has been written already."""


def document_kind(domain: str, case: str) -> Conversation[DocumentKind | Rejected]:
    """Have a kind of document of a domain made up, with the data of one."""
    return _asked(words.KIND.format(domain=domain, case=case), document_kind_in)


def lesson(assignment: Assignment) -> Conversation[Example | Rejected]:
    """Have data written, unless they are, and then a text that states them."""
    schema, data = assignment.schema, assignment.data
    if data is None:
        prompt = words.OBJECT.format(case=assignment.case, schema=spelled(schema.source))
        said = yield from _asked(prompt, lambda reply: data_in(reply, schema))
        if isinstance(said, Rejected):
            return said
        data = said
    blank = Example(id=assignment.id, text="", schema=schema.name, target=data.value)
    prompt = words.TEXT.format(layout=assignment.layout, data=spelled(data.value))
    return (yield from _asked(prompt, lambda reply: example_in(reply, blank, schema)))


def _asked(prompt: str, read: Callable[[str], _Read | Fault]) -> Conversation[_Read | Rejected]:
    """Ask and, where the reply has a fault, once more, naming that."""
    asked = (Message("user", prompt),)
    said = yield Request(messages=asked)
    found = _read(said, read)
    if isinstance(said, Reply) and isinstance(found, Fault):
        correction = words.CORRECTION.format(fault=found.detail)
        again = (*asked, Message("assistant", said.text), Message("user", correction))
        found = _read((yield Request(messages=again)), read)
    return Rejected(found.reason, found.detail) if isinstance(found, Fault) else found


def _read(said: Reply | Failed, read: Callable[[str], _Read | Fault]) -> _Read | Fault:
    return Fault(said.cause, said.message) if isinstance(said, Failed) else read(said.text)
