"""`adhere eval`: predictions and metrics of one model on one data set."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adhere import artifact
from adhere.config import EvalConfig, Form
from adhere.data import store
from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.evaluate.trust import Calibrating, Trust, calibrations, told, trust
from adhere.figures import reliability
from adhere.measure import calibration, metrics
from adhere.measure.calibration import Calibration
from adhere.model import Model, load, load_calibration
from adhere.predict import LIKELIEST, Prediction, predict
from adhere.progress import progress as bar
from adhere.records import JSON
from adhere.reward.verdict import Obeys, Violates

PREDICTIONS = "predictions.jsonl"
RELIABILITY = "reliability.svg"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model achieved on a data set, and every answer that it rests on."""

    summary: dict[str, JSON]
    """The metrics, flat, with `seconds`, `constrained` and `model`."""
    predictions: tuple[Prediction, ...]
    """In the order of the data set."""
    calibrated_by: tuple[Calibration | None, ...] = ()
    """Of each prediction what its confidences are calibrated by."""
    trust: Trust | None = None
    """`None` where no answer has a leaf and a target."""


def evaluate(config: EvalConfig) -> dict[str, JSON]:
    """Measure a model and write `predictions.jsonl` and the summary; return the summary."""
    dataset = store.read(config.data)
    asked = Dataset(dataset.schemas, dataset.examples[: config.limit])
    with artifact.writing(config.out, config, inputs=_inputs(config)) as run:
        evaluation = evaluate_model(
            load(config.model),
            asked,
            calibrating="fit" if config.calibrate else load_calibration(config.model),
            constrain=config.constrain,
            sampling=Sampling(
                temperature=config.temperature,
                max_new_tokens=config.max_new_tokens,
                seed=config.seed,
                rows=config.batch_size,
            ),
            form=config.form,
            prefill=config.prefill,
            progress="eval",
        )
        write_predictions(run.path / PREDICTIONS, evaluation.predictions, evaluation.calibrated_by)
        if evaluation.trust is not None:
            _write_trust(run.path, evaluation.trust)
        run.summary = evaluation.summary | {"data": str(config.data)}
    return dict(run.summary)


def evaluate_model(
    model: Model,
    dataset: Dataset,
    *,
    constrain: bool = False,
    sampling: Sampling = LIKELIEST,
    form: Form = "plain",
    prefill: str | None = None,
    calibrating: Calibrating = None,
    progress: str | None = None,
) -> Evaluation:
    """Answer every example and measure the answers; see `predict`.

    The summary's `seconds` are those of answering and judging.

    Args:
        model: What is measured.
        dataset: Its examples are asked about.
        constrain: Answer under each schema's grammar.
        sampling: How answers are drawn; its seed is the bootstrap's too.
        form: Shape of the answer.
        prefill: Start of every answer; `None` for the form's own.
        calibrating: The calibration of the model's confidences; `fit` makes one of these answers.
        progress: Title of a bar drawn on stderr; `None` draws none.

    Raises:
        EvaluationError: There are no examples, or too few to fit a calibration.
    """
    began = time.monotonic()
    coming = predict(model, dataset, constrain=constrain, sampling=sampling, form=form, prefill=prefill)
    if progress is not None:
        coming = _with_bar(coming, progress, len(dataset.examples))
    answered = {prediction.example.id: prediction for prediction in coming}
    seconds = time.monotonic() - began
    predictions = tuple(answered[example.id] for example in dataset.examples)
    counted = metrics.summary([prediction.row for prediction in predictions], seed=sampling.seed)
    made: dict[str, JSON] = {
        "seconds": round(seconds, 2),
        "constrained": constrain,
        "model": model.reference,
    }
    by = tuple(calibrations(predictions, calibrating, seed=sampling.seed))
    trusted = trust(predictions, calibrating, by, seed=sampling.seed)
    if trusted is not None:
        made = {"confidence": trusted.as_json(), **made}
    return Evaluation(counted.as_json() | made, predictions, by, trusted)


def write_predictions(
    path: Path, predictions: Sequence[Prediction], calibrated_by: Sequence[Calibration | None] = ()
) -> None:
    """Write one JSON object a line for every answer.

    Args:
        path: The file.
        predictions: The answers.
        calibrated_by: What the confidences of each are calibrated by; none where it is empty.
    """
    by = calibrated_by or [None] * len(predictions)
    with path.open("w", encoding="utf-8") as file:
        for each, its in zip(predictions, by, strict=True):
            file.write(f"{json.dumps(_line(each, its), ensure_ascii=False)}\n")


def _write_trust(directory: Path, trusted: Trust) -> None:
    """Draw how far confidences can be trusted, and write the calibration that was fitted."""
    curves = {name: each.curve for name, each in trusted.curves.items()}
    (directory / RELIABILITY).write_text(reliability(curves), encoding="utf-8")
    if trusted.is_fitted and trusted.calibration is not None:
        artifact.write_json(directory / calibration.FILE, trusted.calibration.as_json())


def _line(prediction: Prediction, calibrated_by: Calibration | None) -> dict[str, JSON]:
    row, verdict = prediction.row, prediction.verdict
    return {
        "id": prediction.example.id,
        "completion": prediction.answer,
        "tokens": row.tokens,
        "finished": prediction.completion.finished,
        "outcome": row.outcome,
        "value": verdict.value if isinstance(verdict, Obeys | Violates) else None,
        "match": row.match_share,
        "exact": row.exact,
        "noise": row.noise,
        "confidence": told(prediction, calibrated_by),
        "gold": prediction.example.target,
    }


def _inputs(config: EvalConfig) -> list[Path]:
    """The data and, where it lies on this machine, the model."""
    model = Path(config.model)
    return [config.data, model] if model.is_dir() else [config.data]


def _with_bar(coming: Iterable[Prediction], title: str, total: int) -> Iterator[Prediction]:
    with bar(title, total) as advance:
        for prediction in coming:
            yield prediction
            advance("")
