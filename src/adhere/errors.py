"""Every error that adhere raises on purpose.

AdhereError
├── ConfigError       a setting is wrong; the user can fix it
├── SchemaError       a schema is not one, or uses what adhere does not support
├── DataError         a file on disk is not what it should be
├── ModelError        a model cannot be loaded, or cannot do what is asked of it
├── EvaluationError   a number was asked of too little evidence
├── RewardError       a reward of the user's own raised, or returned no usable number
└── TrainingError     a run cannot go on
    └── TrainingStopped   it would not have learned; what it had is kept

Anything else that escapes is a bug. What a *model* writes is never an error: it is data.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from reprlib import repr as shortened
from typing import Self


class AdhereError(Exception):
    """An error that the user can fix; its text is one line."""

    @classmethod
    def at(cls, where: str, given: object, why: str, *, fix: str) -> Self:
        """Say where, what was given, why it cannot work, and what to do.

        Args:
            where: A setting (`grpo.group_size`), a file, or a file and line (`rows.jsonl:3`).
            given: The offending value; shown with `repr`, cut to 80 characters. Where it is nested too deeply
                for that, its inner parts are left out.
            why: A clause without a full stop.
            fix: An imperative clause without a full stop.
        """
        try:
            shown = repr(given)
        except RecursionError:
            shown = shortened(given)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        return cls(f"{where} = {shown}: {why}. {fix}.")


class ConfigError(AdhereError):
    """A setting is wrong."""


class SchemaError(AdhereError):
    """A schema is not one, or uses what adhere does not support."""


class DataError(AdhereError):
    """A file on disk is not what it should be."""


class ModelError(AdhereError):
    """A model cannot be loaded, or cannot do what is asked of it."""


class EvaluationError(AdhereError):
    """A number was asked of too little evidence."""


class RewardError(AdhereError):
    """A reward of the user's own raised, or returned no usable number.

    Where it raised, a note on the error holds the traceback of the user's code.
    """


class TrainingError(AdhereError):
    """A training run cannot go on."""


class TrainingStopped(TrainingError):
    """A training run was ended because it taught nothing; its directory holds what it had."""

    def __init__(self, line: str, summary: Mapping[str, object]) -> None:
        super().__init__(line)
        self.summary = summary
        """What the run prints: JSON."""


def perhaps(given: str, known: Iterable[str]) -> str:
    """Return the known spelling closest to what was given as a clause, or nothing where none is close."""
    close = get_close_matches(given, list(known), n=1)
    return f"; perhaps you meant {close[0]}" if close else ""
