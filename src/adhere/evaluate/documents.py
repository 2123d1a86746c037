"""The rows of a data set as other tools ask about them, and what an answer to one is worth.

A task for another tool is a directory with `documents.jsonl`, a row a line, `schemas.json`, and `task.py`,
whose functions call `documents` and `measured`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from adhere import prompt
from adhere.config import Form
from adhere.data import store
from adhere.data.store import Dataset
from adhere.measure import per_row
from adhere.measure.prediction import judged
from adhere.records import JSON, Example
from adhere.schema import Schema

DOCUMENTS = "documents.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the rows of a data set are asked about."""

    form: Form
    """Shape of the answer."""
    prefill: str
    """Start of every answer, given to the model."""
    max_new_tokens: int


def write(dataset: Dataset, directory: Path, asking: Asking) -> None:
    """Write the documents of a data set, with the schemas that they name."""
    store.write_schemas(dataset.schemas, directory)
    with (directory / DOCUMENTS).open("w", encoding="utf-8") as file:
        for example in dataset.examples:
            document = _document(example, dataset.schemas[example.schema], asking)
            file.write(f"{json.dumps(document, ensure_ascii=False)}\n")


def metrics(dataset: Dataset) -> tuple[str, ...]:
    """Return the metrics that its rows count for: without a target, those that need none."""
    is_labelled = any(example.target is not None for example in dataset.examples)
    return tuple(name for name in per_row.VALUES if is_labelled or name in per_row.WITHOUT_TARGET)


def documents(directory: Path) -> list[dict[str, JSON]]:
    """Read what `write` wrote."""
    return [dict(row.columns) for row in store.rows(directory / DOCUMENTS)]


def measured(document: Mapping[str, object], answer: str, directory: Path) -> dict[str, float]:
    """Return the value of an answer in each metric that its document counts for, as `adhere eval` has it.

    Args:
        document: One of `documents`.
        answer: All of it, its prefill too.
        directory: Of the task; its schemas are read once.
    """
    target = cast("str | None", document["target"])
    example = Example(
        id=str(document["id"]),
        text="",
        schema=str(document["schema"]),
        target=None if target is None else json.loads(target),
    )
    form = cast("Form", document["form"])
    schema = _schemas(directory)[example.schema]
    return per_row.values(judged(answer, example, schema, form=form, tokens=0, thoughts=True).row)


def _document(example: Example, schema: Schema, asking: Asking) -> dict[str, JSON]:
    system, asked = prompt.messages(example, schema, form=asking.form)
    return {
        "id": example.id,
        "system": system["content"],
        "prompt": asked["content"],
        "prefill": asking.prefill,
        "form": asking.form,
        "schema": example.schema,
        "target": None if example.target is None else prompt.answer(example, schema),
    }


@lru_cache(maxsize=8)
def _schemas(directory: Path) -> Mapping[str, Schema]:
    return store.read_schemas(directory / store.SCHEMAS)
