"""The process in which a stranger's schema is tried first: `python -m adhere.serve.trial`.

It reads a line of JSON for each thing to try and answers with one, so that whatever hangs, or takes all
memory, does so here. Needs no torch.
"""

import json
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from adhere.decode.constraint import Stuck
from adhere.decode.grammar import Grammar
from adhere.decode.vocabulary import BYTES, Spelling, Vocabulary
from adhere.errors import SchemaError
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.canonical import spelled
from adhere.schema.dialect import refusals, unconstrainable
from adhere.schema.parse import Malformed, parse_json
from adhere.serve.order import Calling, Matching, Obeying, OneOf, Spelled, Tool, Wanted
from adhere.serve.promise import grammar_of

MEMORY = 512 * 2**20
"""Bytes that this process may grow by."""
SECONDS = 1.2
"""CPU seconds that one thing may take; then the system ends the process."""
_READING = 0.4
"""CPU seconds that a schema may take to be accepted: the server spends them once more."""
_STEP = 0.03
"""CPU seconds that a token may take; all answers wait for it."""
_BEYOND = 0.25
"""CPU seconds beyond that which all tokens together may take: the first is written once the way to the end is
measured, and any may be slow by chance."""
_STEPS = 200
_WALKS = 2
_WALKING = 0.6
"""CPU seconds that are spent on tokens at most."""
_TOKENS = 4096
_NUMBERED = re.compile(r"<\[[^\]]*\]>")
_TOO_COMPLEX = "schema_too_complex"


def main() -> None:
    """Try what comes in by standard input until there is no more."""
    spelling: dict[str, Any] | None = json.loads(sys.stdin.readline())
    vocabulary = (
        None if spelling is None else Vocabulary(Spelling(**{**spelling, "ends": tuple(spelling["ends"])}))
    )
    in_bytes = Vocabulary(BYTES)
    _limit_memory()
    print("{}", flush=True)  # noqa: T201 - the answer
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        answer = _tried(json.loads(line), vocabulary, in_bytes)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer


def _limit_memory() -> None:
    """Let the process grow by so much and no more, where the system can see to it."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        most = int(pages.read_text().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _tried(asked: dict[str, Any], vocabulary: Vocabulary | None, in_bytes: Vocabulary) -> dict[str, JSON]:
    if "schema" in asked:
        return _schema(asked["schema"], vocabulary, is_lenient=asked["lenient"])
    wanted = wanted_of(asked)
    if isinstance(wanted, Spelled) and _NUMBERED.search(wanted.grammar):
        reason = "names tokens by number, which no reply can be checked for"
        return {"code": "invalid_grammar", "reason": reason, "fix": "Spell them as text"}
    # Every reply is read byte by byte again, so what cannot be read so cannot be promised.
    return _written(wanted, in_bytes) or ({} if vocabulary is None else _written(wanted, vocabulary)) or {}


def _schema(text: str, vocabulary: Vocabulary | None, *, is_lenient: bool) -> dict[str, JSON]:
    outcome = parse_json(text)
    if isinstance(outcome, Malformed) or not isinstance(outcome.value, dict):
        reason = outcome.reason if isinstance(outcome, Malformed) else "it is not an object"
        return {"code": "invalid_schema", "reason": f"is not a schema ({reason})", "fix": "Correct it"}
    for found in refusals(outcome.value):
        return {
            "code": "invalid_schema",
            "keyword": found.keyword,
            "pointer": found.pointer,
            "reason": found.reason,
            "fix": found.fix,
        }
    began = time.process_time()
    schema = Schema.of(text)
    if time.process_time() - began > _READING:
        return {"code": _TOO_COMPLEX, "reason": "takes too long to read", "fix": "Split it into smaller ones"}
    if vocabulary is None:
        return {}
    gaps = unconstrainable(schema)
    if gaps and not is_lenient:
        return {
            "code": "schema_not_supported",
            "keyword": gaps[0].keyword,
            "pointer": gaps[0].pointer,
            "reason": gaps[0].reason,
            "fix": "Simplify it, or ask for `lenient`, which answers without that guarantee and says so",
        }
    told: list[JSON] = [{"keyword": gap.keyword, "pointer": gap.pointer} for gap in gaps]
    return _written(Obeying(schema=schema, lenient=is_lenient), vocabulary) or {"gaps": told}


def _written(wanted: Wanted, vocabulary: Vocabulary) -> dict[str, JSON] | None:
    """Compile a grammar and write under it; return what is wrong, if anything is."""
    try:
        grammar = grammar_of(wanted, vocabulary)
    except SchemaError as fault:
        return {"code": "invalid_grammar", "reason": f"does not compile ({fault})", "fix": "Correct it"}
    why = next(_trouble(grammar, vocabulary), None)
    return None if why is None else {"code": _TOO_COMPLEX, "reason": why, "fix": "Simplify it"}


def _trouble(grammar: Grammar, vocabulary: Vocabulary) -> Iterator[str]:
    """Write some answers at random; yield what goes wrong."""
    spent = beyond = 0.0
    for number in range(_WALKS):
        at, draw = grammar.copy(), Random(number)
        for step in range(_STEPS):
            began = time.process_time()
            try:
                tokens = _next(at, draw, _TOKENS - step, vocabulary)
            except Stuck as fault:
                yield f"leads to where no answer goes on ({fault})"
                return
            took = time.process_time() - began
            spent, beyond = spent + took, beyond + max(0, took - _STEP)
            if beyond > _BEYOND:
                yield "takes too long to write under"
            if not tokens or spent > _WALKING:
                break


def _next(at: Grammar, draw: Random, left: int, vocabulary: Vocabulary) -> list[int]:
    """Write the next tokens; none at the end."""
    tokens = list(at.forced(left)) or [draw.choice(np.flatnonzero(at.allowed(left)).tolist())]
    for token in tokens:
        if vocabulary.end_V[token]:
            return []
        at.accept(token)
    return tokens


def asked_of(wanted: Wanted) -> dict[str, JSON] | None:
    """Spell what is wanted for the line to this process; `None` where there is nothing to try."""
    match wanted:
        case Matching(pattern):
            return {"pattern": pattern}
        case OneOf(texts):
            return {"texts": list(texts)}
        case Spelled(grammar):
            return {"grammar": grammar}
        case Calling():
            tools: list[JSON] = [
                {"name": tool.name, "parameters": spelled(tool.parameters.source)} for tool in wanted.tools
            ]
            return {"tools": tools, "must": wanted.must}
        case _:
            return None


def wanted_of(asked: dict[str, Any]) -> Wanted:
    """Read what `asked_of` spelled."""
    match asked:
        case {"pattern": str(pattern)}:
            return Matching(pattern)
        case {"texts": list(texts)}:
            return OneOf(tuple(texts))
        case {"grammar": str(grammar)}:
            return Spelled(grammar)
        case _:
            tools = [
                Tool(name=tool["name"], description="", parameters=Schema.of(tool["parameters"]))
                for tool in asked["tools"]
            ]
            return Calling(tools=tuple(tools), must=asked["must"])


if __name__ == "__main__":
    main()
