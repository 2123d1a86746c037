"""Has a teacher, who is shown the answer, write down how it is read from the text.

Source: the reverse-engineered reasoning of arXiv:2502.14905; the words of the prompt are ours.
"""

from adhere.data.reasoning.outcome import Outcome, Rejected, kept, unlabelled
from adhere.data.reasoning.trace import fault
from adhere.endpoint import Conversation, Failed, Message, Request
from adhere.records import Example
from adhere.schema import Schema
from adhere.schema.canonical import in_schema_order, spelled

INSTRUCTION = """\
You are given a text, a blank form, and the form as it was rightly filled in from the text. Write down the
reasoning of a careful reader who has the text and the blank form, and has yet to fill it in.

- Go through the fields in their order. For each value, quote between double quotes, letter for letter, the
  words of the text that it comes from, and say which value follows. Where the two are spelled differently,
  say how the one becomes the other.
- Give every value, also one that the form leaves no choice about.
- Where other words of the text could be taken for a value, say why they are not.
- Where a field is null or left out, say that the text gives nothing for it.
- Write plain sentences, as short as they can be, and at most {longest} characters in all.
- Write no JSON, no braces and no tags, and do not sum the form up.
- Do not speak of the filled form: the reader has not seen it.

Reply with the reasoning and nothing else."""
CASE = """\
Text:
{text}

Blank form:
{blank}

Filled form:
{filled}"""
CORRECTION = """\
This cannot be used: {fault}. Write the whole reasoning again without that fault, by the same rules. Reply
with the reasoning and nothing else."""


def hindsight(example: Example, schema: Schema, *, longest: int) -> Conversation[Outcome]:
    """Ask for a trace and, where it has a fault, once more, naming that.

    Args:
        example: The row; where it has no target, nothing is asked.
        schema: The one that the target obeys.
        longest: Most characters of a trace.
    """
    if example.target is None:
        return unlabelled(example)
    filled = spelled(in_schema_order(example.target, schema.source))
    asked = (
        Message("system", INSTRUCTION.format(longest=longest)),
        Message("user", CASE.format(text=example.text, blank=schema.blank, filled=filled)),
    )
    said = yield Request(messages=asked)
    if isinstance(said, Failed):
        return _failed(example, said)
    found = fault(trace_in(said.text), example, schema, longest=longest)
    if found is not None:
        mended = Message("assistant", said.text), Message("user", CORRECTION.format(fault=found.detail))
        said = yield Request(messages=(*asked, *mended))
        if isinstance(said, Failed):
            return _failed(example, said)
        found = fault(trace_in(said.text), example, schema, longest=longest)
    trace = trace_in(said.text)
    return kept(example, trace) if found is None else Rejected(example.id, found.cause, found.detail)


def trace_in(reply: str) -> str:
    """Return what a model replied, without what it thought to itself before."""
    return reply.rpartition("</think>")[2].strip()


def _failed(example: Example, failed: Failed) -> Rejected:
    if failed.cause == "budget":
        return Rejected(example.id, "budget", failed.message)
    return Rejected(example.id, "failed", f"{failed.cause}: {failed.message}")
