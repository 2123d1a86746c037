"""A completion as the doctor sees it: what it is, what it earned, and what is wrong with its form."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from adhere.config import Form
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Verdict, Violates

Fault: TypeAlias = Literal[
    "thinking truncated",
    "thinking left on",
    "answer truncated",
    "runs on",
    "code fence",
    "answer tags",
    "prose around",
    "no JSON",
    "broken JSON",
    "breaks the schema",
]
"""What is wrong with the form of a completion; the root of it, where one thing leads to another."""

OPENED, CLOSED = "<think>", "</think>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A completion, judged and rewarded."""

    text: str
    """The whole completion, what the prompt had already written of it included."""
    verdict: Verdict
    reward: float
    finished: bool
    """False when the token limit cut it off."""
    tokens: int | None
    """How many it took; `None` where nobody wrote that down."""


Group: TypeAlias = tuple[Trial, ...]
"""The completions of one prompt, which are compared with one another."""


def fault(trial: Trial, form: Form) -> Fault | None:
    """Name what is wrong with the form of a completion; `None` where it obeys its schema.

    A completion that was cut off has that fault before all others, as long as no answer is whole in it. Free
    text has no other.
    """
    if form == "prose":
        return None if trial.finished else "answer truncated"
    verdict = trial.verdict
    thinks = OPENED in trial.text or CLOSED in trial.text
    if isinstance(verdict, Obeys):
        return None
    if not trial.finished and is_thinking(trial.text):
        return "thinking truncated"
    if form == "plain" and thinks:
        return "thinking left on"
    if isinstance(verdict, Malformed) and verdict.embedded.parsed is not None:
        return _around(verdict, form, finished=trial.finished)
    if not trial.finished:
        return "answer truncated"
    return _of_the_answer(verdict, form)


def is_thinking(text: str) -> bool:
    """Say whether a text ends within a block of thinking."""
    return text.rfind(OPENED) > text.rfind(CLOSED)


def _around(verdict: Malformed, form: Form, *, finished: bool) -> Fault:
    """Name what stands around an answer that is whole in itself."""
    if verdict.wrapping == "fence":
        return "code fence"
    if form == "plain" and verdict.wrapping == "answer":
        return "answer tags"
    return "prose around" if finished else "runs on"


def _of_the_answer(verdict: Verdict, form: Form) -> Fault:
    """Name what is wrong with an answer that was brought to its end."""
    match verdict:
        case Violates():
            return "breaks the schema"
        case Malformed(wrapping="fence"):
            return "code fence"
        case NoOutput(wrapping="answer") | Malformed(wrapping="answer") if form == "plain":
            return "answer tags"
        case NoOutput():
            return "no JSON"
        case _:
            return "broken JSON"
