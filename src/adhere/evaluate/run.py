"""`adhere eval`: predictions and metrics of one model on one data set."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from adhere import artifact
from adhere.config import EvalConfig, Form
from adhere.data import store
from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.trust import Calibrating, calibrated, trust
from adhere.measure import metrics
from adhere.measure.prediction import Prediction
from adhere.model import Model, load, load_calibration
from adhere.predict import LIKELIEST, predict
from adhere.progress import progress as bar
from adhere.records import JSON


def evaluate(config: EvalConfig) -> dict[str, JSON]:
    """Measure a model and write what was asked and answered, and the summary; return the summary."""
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
        evaluation.write(run.path)
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
    raw = [answered[example.id] for example in dataset.examples]
    predictions = calibrated(raw, calibrating, seed=sampling.seed)
    summary = metrics.summary([each.row for each in predictions], seed=sampling.seed).as_json()
    trusted = trust(predictions, calibrating, seed=sampling.seed)
    if trusted is not None:
        summary["confidence"] = trusted.as_json()
    summary |= {
        "seconds": round(seconds, 2),
        "constrained": constrain,
        "form": form,
        "model": model.reference,
    }
    return Evaluation(summary, predictions, trusted)


def _inputs(config: EvalConfig) -> list[Path]:
    """The data and, where it lies on this machine, the model."""
    model = Path(config.model)
    return [config.data, model] if model.is_dir() else [config.data]


def _with_bar(coming: Iterable[Prediction], title: str, total: int) -> Iterator[Prediction]:
    with bar(title, total) as advance:
        for prediction in coming:
            yield prediction
            advance("")
