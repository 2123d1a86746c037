"""A process that calls a user's reward and nothing else, so that it can be ended."""

import json
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from adhere.errors import AdhereError
from adhere.records import JSON
from adhere.reward.function import Function
from adhere.reward.own import Own, Written

PROGRAM = "from adhere.reward.worker import main; main()"


def main(words: Sequence[str] | None = None) -> None:
    """Serve on a socket until the other end is closed.

    Args:
        words: The number of an open socket, and the reference of a function; by default the process's own.
    """
    descriptor, reference = sys.argv[1:] if words is None else words
    with (
        socket.socket(fileno=int(descriptor)) as channel,
        channel.makefile("r", encoding="utf-8") as questions,
        channel.makefile("w", encoding="utf-8") as answers,
    ):
        serve(reference, questions, answers)


def serve(reference: str, questions: Iterable[str], answers: TextIO) -> None:
    """Load a function, say so, and answer every question; each is a line of JSON.

    A question is a list of `[completion, row]`. An answer is `{"rewards": [...]}`, or the text and the notes
    of an error as `{"error": ..., "trace": ...}`.
    """
    try:
        own = Own(Function.load(reference))
    except AdhereError as error:
        _write(answers, _told(error))
        return
    _write(answers, {"rewards": []})
    for question in questions:
        written = [Written(completion, row) for completion, row in json.loads(question)]
        try:
            answer: Mapping[str, JSON] = {"rewards": [*own.rewards(written)]}
        except AdhereError as error:
            answer = _told(error)
        _write(answers, answer)


def _told(error: AdhereError) -> Mapping[str, JSON]:
    return {"error": str(error), "trace": "".join(getattr(error, "__notes__", ()))}


def _write(answers: TextIO, answer: Mapping[str, JSON]) -> None:
    answers.write(f"{json.dumps(answer)}\n")
    answers.flush()
