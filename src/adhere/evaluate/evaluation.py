"""What a model achieved on a data set: in memory, and as the files of a directory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from adhere import artifact
from adhere.config import Form
from adhere.data import store
from adhere.data.store import Dataset, Row
from adhere.errors import DataError
from adhere.evaluate.trust import Trust, told, trust
from adhere.figures import reliability
from adhere.measure import calibration
from adhere.measure.prediction import Prediction, judged
from adhere.records import JSON, Example
from adhere.reward.verdict import Obeys, Violates
from adhere.schema import Schema

PREDICTIONS = "predictions.jsonl"
RELIABILITY = "reliability.svg"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model achieved on a data set, and every answer that it rests on."""

    summary: dict[str, JSON]
    """The metrics, flat, with `seconds`, `constrained`, `form` and `model`."""
    predictions: tuple[Prediction, ...]
    """In the order of the data set."""
    trust: Trust | None = None
    """`None` where no answer has a leaf and a target."""

    def write(self, directory: Path) -> None:
        """Write the examples, the answers, and how far confidences can be trusted; not the summary.

        What is written is a data directory too, so it can be asked about again.
        """
        schemas = {each.example.schema: each.schema for each in self.predictions}
        store.write(Dataset(schemas, tuple(each.example for each in self.predictions)), directory)
        write_predictions(directory / PREDICTIONS, self.predictions)
        if self.trust is None:
            return
        curves = {name: each.curve for name, each in self.trust.curves.items()}
        (directory / RELIABILITY).write_text(reliability(curves), encoding="utf-8")
        if self.trust.is_fitted and self.trust.calibration is not None:
            artifact.write_json(directory / calibration.FILE, self.trust.calibration.as_json())


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write one JSON object a line for every answer."""
    with path.open("w", encoding="utf-8") as file:
        for each in predictions:
            file.write(f"{json.dumps(_line(each), ensure_ascii=False)}\n")


def read(directory: Path) -> Evaluation:
    """Read what `adhere eval` left in a directory; every answer is judged and measured anew.

    Raises:
        DataError: It is no such directory, or an answer is missing or damaged.
    """
    summary = store.read_object(directory / artifact.SUMMARY)
    dataset = store.read(directory)
    answers = {row.id: row for row in store.rows(directory / PREDICTIONS)}
    form = cast("Form", summary.get("form", "plain"))
    predictions: list[Prediction] = []
    for example in dataset.examples:
        if example.id not in answers:
            raise DataError.at(
                str(directory / PREDICTIONS), example.id, "no answer has this id", fix="Evaluate again"
            )
        predictions.append(_read(answers[example.id], example, dataset.schemas[example.schema], form))
    return Evaluation(summary, tuple(predictions), trust(predictions))


def _line(prediction: Prediction) -> dict[str, JSON]:
    row, verdict = prediction.row, prediction.verdict
    return {
        "id": prediction.example.id,
        "completion": prediction.answer,
        "tokens": row.tokens,
        "finished": prediction.finished,
        "outcome": row.outcome,
        "value": verdict.value if isinstance(verdict, Obeys | Violates) else None,
        "match": row.match_share,
        "exact": row.exact,
        "noise": row.noise,
        "confidence": told(prediction),
        "gold": prediction.example.target,
    }


def _read(row: Row, example: Example, schema: Schema, form: Form) -> Prediction:
    answer, tokens = row.text("completion"), row.columns.get("tokens")
    finished, sure = row.columns.get("finished"), row.columns.get("confidence")
    if not isinstance(tokens, int) or not isinstance(finished, bool) or not isinstance(sure, dict):
        why = "tokens is not a count, finished not true or false, or confidence not an object"
        raise row.fault("tokens", why, fix="Evaluate again")
    prediction = judged(answer, example, schema, form=form, tokens=tokens, finished=finished)
    return replace(prediction, confidence=_numbers(sure, "raw"), calibrated=_numbers(sure, "calibrated"))


def _numbers(sure: Mapping[str, JSON], name: str) -> dict[str, float]:
    """Return one of the numbers that are known of each leaf, where it is."""
    told = {pointer: each.get(name) for pointer, each in sure.items() if isinstance(each, dict)}
    return {pointer: float(number) for pointer, number in told.items() if isinstance(number, int | float)}
