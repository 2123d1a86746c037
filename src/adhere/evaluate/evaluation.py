"""What a model achieved on a data set: in memory, and as the files of a directory."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from adhere import artifact
from adhere.config import Form
from adhere.data import store
from adhere.data.store import Dataset, Row
from adhere.errors import DataError
from adhere.evaluate.trust import Calibrating, Trust, calibrated, told, trust
from adhere.figures import reliability
from adhere.measure import calibration, metrics
from adhere.measure.prediction import Prediction, judged
from adhere.measure.repeated import repeated
from adhere.measure.request import Request
from adhere.measure.statistics import Rate
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


def measured(raw: Sequence[Prediction], calibrating: Calibrating = None, *, seed: int = 0) -> Evaluation:
    """Measure answers; the summary has the numbers, and nothing of how they came about.

    Pure: the same answers and seed give the same numbers.

    Args:
        raw: In the order of the data set; of several answers to an example the first one counts, save for
            what is measured of all.
        calibrating: The calibration of the model's confidences; `fit` makes one of these answers.
        seed: Of the bootstrap.

    Raises:
        EvaluationError: There are none, or too few to fit a calibration.
    """
    predictions = calibrated(raw, calibrating, seed=seed)
    summary = metrics.summary([each.row for each in predictions], seed=seed).as_json()
    causes = [each.cause for prediction in predictions for each in prediction.samples]
    failed = Counter(cause for cause in causes if cause is not None)
    summary["failed"] = Rate(failed.total(), len(causes)).as_json()
    summary["causes"] = dict(sorted(failed.items()))
    several = repeated(predictions, seed=seed) if predictions[0].others else None
    if several is not None:
        summary |= several.as_json()
    trusted = trust(predictions, calibrating, seed=seed)
    if trusted is not None:
        summary["confidence"] = trusted.as_json()
    return Evaluation(summary, predictions, trusted)


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write one JSON object a line for every answer."""
    with path.open("w", encoding="utf-8") as file:
        for each in predictions:
            file.write(f"{json.dumps(line(each), ensure_ascii=False)}\n")


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
        predictions.append(prediction(answers[example.id], example, dataset.schemas[example.schema], form))
    return Evaluation(summary, tuple(predictions), trust(predictions))


def line(prediction: Prediction) -> dict[str, JSON]:
    """Spell an answer as a line of `predictions.jsonl`."""
    row, verdict = prediction.row, prediction.verdict
    spelled: dict[str, JSON] = {
        "id": prediction.example.id,
        **_answer(prediction),
        "outcome": row.outcome,
        "value": verdict.value if isinstance(verdict, Obeys | Violates) else None,
        "match": row.match_share,
        "exact": row.exact,
        "noise": row.noise,
        "confidence": told(prediction),
        "gold": prediction.example.target,
    }
    if prediction.others:
        spelled["samples"] = [
            {
                **_answer(each),
                "outcome": each.row.outcome,
                "match": each.row.match_share,
                "exact": each.row.exact,
            }
            for each in prediction.samples
        ]
    return spelled


def prediction(row: Row, example: Example, schema: Schema, form: Form) -> Prediction:
    """Read an answer as `line` spells it; it is judged and measured anew.

    Raises:
        DataError: It is damaged.
    """
    sure, samples = row.columns.get("confidence"), row.columns.get("samples", [])
    if not isinstance(sure, dict):
        raise row.fault("confidence", "it is not an object", fix="Evaluate again")
    if not isinstance(samples, list) or not all(isinstance(each, dict) for each in samples):
        raise row.fault("samples", "it is not a list of objects", fix="Evaluate again")
    several = [
        _read(Row(row.file, row.line, cast("dict[str, JSON]", each)), example, schema, form)
        for each in samples
    ]
    return replace(
        _read(row, example, schema, form),
        confidence=_numbers(sure, "raw"),
        calibrated=_numbers(sure, "calibrated"),
        others=tuple(several[1:]),
    )


def _answer(prediction: Prediction) -> dict[str, JSON]:
    """Spell what was written, and how it was asked for."""
    asked: dict[str, JSON] = {} if prediction.request is None else {"request": prediction.request.as_json()}
    return {
        "completion": prediction.answer,
        "tokens": prediction.row.tokens,
        "finished": prediction.finished,
        **asked,
    }


def _read(row: Row, example: Example, schema: Schema, form: Form) -> Prediction:
    answer, tokens = row.text("completion"), row.columns.get("tokens")
    finished, asked = row.columns.get("finished"), row.columns.get("request")
    if not isinstance(tokens, int) or not isinstance(finished, bool):
        why = "it is not a count, or finished is not true or false"
        raise row.fault("tokens", why, fix="Evaluate again")
    request = Request.of(asked) if isinstance(asked, dict) else None
    if request is None and asked is not None:
        raise row.fault("request", "it does not say how the answer was asked for", fix="Evaluate again")
    found = judged(answer, example, schema, form=form, tokens=tokens, finished=finished, thoughts=True)
    return replace(found, request=request)


def _numbers(sure: Mapping[str, JSON], name: str) -> dict[str, float]:
    """Return one of the numbers that are known of each leaf, where it is."""
    told = {pointer: each.get(name) for pointer, each in sure.items() if isinstance(each, dict)}
    return {pointer: float(number) for pointer, number in told.items() if isinstance(number, int | float)}
