"""A reward as a function of the form that TRL's trainers call; neither TRL nor torch is needed here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean
from typing import TypeAlias, cast

from adhere.config import Form, OwnCalls, Scoring
from adhere.errors import DataError
from adhere.records import JSON, Example
from adhere.reward.loading import IN_PROCESS, Attempt, load
from adhere.reward.score import DEFAULT_SCORING, by_part, needs_target
from adhere.schema import Schema
from adhere.schema.parse import Malformed, parse_json

RewardFunction: TypeAlias = Callable[..., list[float]]
"""`f(prompts, completions, **columns)`: one reward for each completion, in order."""

_ADDED = frozenset({"completion_ids", "environments"})
"""Lists that TRL gives beside the columns of the data set."""


def reward(
    name: str = "fields",
    *,
    schema: Schema | Mapping[str, JSON] | str | None = None,
    schema_column: str = "schema",
    target_column: str = "target",
    text_column: str = "text",
    form: Form = "plain",
    scoring: Scoring = DEFAULT_SCORING,
    own: OwnCalls = IN_PROCESS,
) -> RewardFunction:
    """Return a reward as a function for `GRPOTrainer(reward_funcs=[...])`; it gives what `score` gives.

    It takes completions as texts or as conversations, of which the last message counts. It logs the mean of
    each part and the outcome of each completion, where TRL hands it the means to. A column that is missing or
    does not hold what it should is a `DataError`.

    Args:
        name: A preset, or a function of the user's as `path/to/file.py:function`.
        schema: Of all rows; `None` where each row has its own.
        schema_column: Column with each row's schema, as an object or as JSON text.
        target_column: Column with the right answers; one that is a text is read as JSON.
        text_column: Column with the texts that `grounded` looks at.
        form: Where in a completion the answer stands.
        scoring: What a preset pays for.
        own: How a user's function is called.

    Raises:
        ConfigError: There is no such preset, file or function.
        SchemaError: The schema is not one.
    """
    scores = load(name, form=form, scoring=scoring, own=own)
    rows = _Rows(
        reward=name,
        schema=schema if schema is None or isinstance(schema, Schema) else Schema.of(schema),
        schema_column=schema_column,
        target_column=target_column,
        text_column=text_column,
    )
    called = f"adhere_{name.rpartition(':')[2]}"

    def rewards(
        prompts: Sequence[object],
        completions: Sequence[object],
        *,
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[str]], None] | None = None,
        **columns: object,
    ) -> list[float]:
        rows.refuse_missing(columns)
        attempts = [
            rows.attempt(_text(completion), place, columns)
            for place, (_, completion) in enumerate(zip(prompts, completions, strict=True))
        ]
        scored = scores(attempts)
        if log_metric is not None:
            for part, values in by_part(scored).items():
                log_metric(f"{called}/{part}", fmean(values))
        if log_extra is not None:
            log_extra(f"{called}/outcome", [each.outcome for each in scored])
        return [each.total for each in scored]

    rewards.__name__ = called
    return rewards


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Where in the columns of a data set an example stands."""

    reward: str
    schema: Schema | None
    schema_column: str
    target_column: str
    text_column: str

    def refuse_missing(self, columns: Mapping[str, object]) -> None:
        needed = {
            "schema_column": (self.schema_column, self.schema is None),
            "target_column": (self.target_column, needs_target(self.reward)),
            "text_column": (self.text_column, self.reward == "grounded"),
        }
        for setting, (column, is_needed) in needed.items():
            if is_needed and column not in columns:
                raise DataError.at(
                    f"column {column}",
                    sorted(columns),
                    f"the reward {self.reward} needs it, and the data set has these",
                    fix=f"Add it, or name the one that holds this with {setting}=",
                )

    def attempt(self, completion: str, place: int, columns: Mapping[str, object]) -> Attempt:
        row = {
            # A cast: a data set holds what JSON has.
            name: cast("JSON", values[place])
            for name, values in columns.items()
            if isinstance(values, list) and name not in _ADDED
        }
        given = row.pop(self.schema_column, None)
        schema = self.schema or _schema(given, f"{self.schema_column} of row {place}")
        text, reasoning = row.pop(self.text_column, ""), row.pop("reasoning", None)
        if not isinstance(text, str):
            raise DataError.at(f"{self.text_column} of row {place}", text, "it is not a text", fix="Mend it")
        example = Example(
            id=str(row.pop("id", place)),
            text=text,
            schema=schema.name,
            target=_target(row.pop(self.target_column, None), schema, f"{self.target_column} of row {place}"),
            reasoning=reasoning if isinstance(reasoning, str) else None,
            meta=row,
        )
        return Attempt(completion, example, schema)


def _text(completion: object) -> str:
    """Return what counts of a completion; a message that only calls tools says nothing."""
    if isinstance(completion, str):
        return completion
    # A cast: what is no list matches neither.
    match cast("list[object]", completion):
        case [*_, {"content": str() as text}]:
            return text
        case [*_, {"content": None}]:
            return ""
        case _:
            raise DataError.at(
                "completion",
                completion,
                "it is neither a text nor messages of which the last has one",
                fix="Give completions as TRL does",
            )


def _schema(given: JSON, where: str) -> Schema:
    if not isinstance(given, str | dict):
        raise DataError.at(where, given, "it is neither an object nor JSON text", fix="Give the schema")
    return _schema_of(given if isinstance(given, str) else json.dumps(given))


@lru_cache(maxsize=1024)
def _schema_of(text: str) -> Schema:
    """Read a schema once, however many rows have it."""
    return Schema.of(text)


def _target(given: JSON, schema: Schema, where: str) -> JSON:
    target = given
    if isinstance(given, str):
        read = parse_json(given)
        if isinstance(read, Malformed):
            raise DataError.at(where, given, f"it is not JSON: {read.reason}", fix="Write it as JSON text")
        target = read.value
    violations = [] if target is None else schema.violations(target)
    if violations:
        why = f"{violations[0].keyword} at {violations[0].pointer or 'the root'}: {violations[0].message}"
        raise DataError.at(
            where, target, why, fix="Mend it; an object with keys left out is given as JSON text"
        )
    return target
