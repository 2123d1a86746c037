"""Brings rows in from elsewhere: plain examples, chat messages, or prompt and completion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from adhere import artifact
from adhere.config import ImportConfig
from adhere.data import store
from adhere.data.store import Row
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.parse import Malformed, parse_json

_MEND = "Mend the row, or leave it out"


def import_rows(config: ImportConfig) -> dict[str, JSON]:
    """Write a data directory from a JSONL file; return the summary.

    A row's text is its `text_column` or else what the user said last, in `messages` or `prompt`. Its target
    is its `target_column` or else what the assistant answered to that, there or in `completion`, read as
    JSON. Everything else goes into `meta`: other columns by name, and of a conversation the `system` message,
    the other `turns`, and the `answer` where a target column made it superfluous.

    Raises:
        ConfigError: `out` stands already.
        DataError: A row, told by file and line, is in none of these forms, or its target breaks its schema.
        SchemaError: A schema is not one.
    """
    with artifact.writing(config.out, config, inputs=[config.file, config.schema]) as run:
        schemas = store.read_schemas(config.schema)
        rows = (_in_our_columns(row, schemas, config) for row in store.rows(config.file))
        dataset = store.dataset(rows, schemas)
        store.write(dataset, run.path)
        run.summary = {"rows": len(dataset.examples), "problems": _problems(dataset.examples)}
    return dict(run.summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a row says, whichever its form."""

    text: str
    answer: JSON = None
    """`None` where nobody answered."""
    around: Mapping[str, JSON]
    """What else was said, for the example's `meta`."""
    columns: tuple[str, ...]
    """Those that all this stands in; the answer in the last."""


def _problems(examples: Sequence[Example]) -> dict[str, JSON]:
    """Count what is no error and may be a mistake."""
    unlabelled = sum(example.target is None for example in examples)
    repeated = len(examples) - len({(example.schema, example.text) for example in examples})
    return {"unlabelled": unlabelled, "repeated_texts": repeated}


def _in_our_columns(row: Row, schemas: Mapping[str, Schema], config: ImportConfig) -> Row:
    """Spell a row of any form as `store.example` reads it."""
    said = _said(row, config.text_column)
    around = dict(said.around)
    if row.columns.get(config.target_column) is None:
        target = _read_as_json(row, said.columns[-1], said.answer)
    else:
        target = _target(row, config.target_column, schemas[store.schema_name(row, schemas)])
        around |= {} if said.answer is None else {"answer": said.answer}
    ours = {name: row.columns[name] for name in ("id", "schema", "reasoning") if name in row.columns}
    taken = {*ours, *said.columns, config.target_column, "meta"}
    others = {name: value for name, value in row.columns.items() if name not in taken}
    meta = row.columns.get("meta", {})
    meta = {**meta, **others, **around} if isinstance(meta, dict) else meta
    return replace(row, columns={**ours, "text": said.text, "target": target, "meta": meta})


def _target(row: Row, column: str, schema: Schema) -> JSON:
    """Return the value of a target column; a text is JSON, unless the schema asks for that very text."""
    given = row.columns[column]
    return given if schema.obeys(given) else _read_as_json(row, column, given)


def _read_as_json(row: Row, column: str, given: JSON) -> JSON:
    if not isinstance(given, str):
        return given
    parsed = parse_json(given)
    if isinstance(parsed, Malformed):
        raise row.fault(
            column, f"the answer is not JSON: {parsed.reason}", fix="Let it be JSON and nothing else"
        )
    return parsed.value


def _said(row: Row, text_column: str) -> _Said:
    if text_column in row.columns:
        return _Said(text=row.text(text_column), around={}, columns=(text_column,))
    if "messages" in row.columns:
        return _conversation(row, _turns(row, "messages", role="user"), ("messages",))
    if "prompt" in row.columns:
        turns = [*_turns(row, "prompt", role="user"), *_turns(row, "completion", role="assistant")]
        return _conversation(row, turns, ("prompt", "completion"))
    why = f"the row has no such column, and neither `messages` nor `prompt`: it has {', '.join(row.columns)}"
    raise row.fault(text_column, why, fix="Name the column of the text with --text-column")


def _turns(row: Row, column: str, *, role: str) -> list[dict[str, JSON]]:
    """Return a column as messages; what is not a list of them is one, said by `role`."""
    given = row.columns.get(column)
    if given is None:
        return []
    if not isinstance(given, list):
        return [{"role": role, "content": given}]
    if all(isinstance(turn, dict) and isinstance(turn.get("role"), str) for turn in given):
        return cast("list[dict[str, JSON]]", given)
    raise row.fault(column, "it is not a list of messages, each with a role and a content", fix=_MEND)


def _conversation(row: Row, turns: Sequence[dict[str, JSON]], columns: tuple[str, ...]) -> _Said:
    """Find the last thing that the user said, and the first answer to it."""
    asked = max((place for place, turn in enumerate(turns) if turn["role"] == "user"), default=None)
    text = None if asked is None else _content(turns[asked])
    if asked is None or not isinstance(text, str):
        raise row.fault(columns[0], "no user says anything in it that is text", fix=_MEND)
    system = _first(turns, "system", start=0)
    answer = _first(turns, "assistant", start=asked + 1)
    others = [turn for place, turn in enumerate(turns) if place not in (asked, system, answer)]
    around: dict[str, JSON] = {} if system is None else {"system": _content(turns[system])}
    around |= {"turns": cast("JSON", others)} if others else {}
    answered = None if answer is None else _content(turns[answer])
    return _Said(text=text, answer=answered, around=around, columns=columns)


def _first(turns: Sequence[Mapping[str, JSON]], role: str, *, start: int) -> int | None:
    return next((place for place in range(start, len(turns)) if turns[place]["role"] == role), None)


def _content(turn: Mapping[str, JSON]) -> JSON:
    """Return what was said; text in parts, as OpenAI's API allows it, is joined."""
    content = turn.get("content")
    if not isinstance(content, list):
        return content
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))
