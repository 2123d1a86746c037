"""`adhere eval`: predictions and metrics of one model on one data set."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from adhere.config import EvalConfig, Form
from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.decode.workers import workers
from adhere.evaluate.evaluation import Evaluation, measured
from adhere.evaluate.trust import Calibrating
from adhere.evaluate.underway import underway
from adhere.measure.prediction import Prediction
from adhere.model import Model, load, load_calibration
from adhere.predict import LIKELIEST, predict
from adhere.progress import progress as bar
from adhere.records import JSON


def evaluate(config: EvalConfig) -> dict[str, JSON]:
    """Measure a model on this machine and write what was asked and answered, and the summary; return that.

    Every answer is on disk as soon as it has come, and an evaluation that was killed is gone on with: what
    was answered is not answered again. One of a model on a server is `served.evaluate`.
    """
    with underway(config) as work:
        if work.run.summary:  # all was done, and the kill came before it stood in its place
            return dict(work.run.summary)
        model = load(config.model)
        calibrating = "fit" if config.calibrate else load_calibration(config.model)
        coming = predict(
            model,
            work.rest,
            constrain=config.constrain,
            sampling=Sampling(
                samples=config.samples,
                temperature=config.temperature,
                max_new_tokens=config.max_new_tokens,
                seed=config.seed,
                rows=config.batch_size,
                workers=config.workers or workers(model.device),
            ),
            form=config.form,
            prefill=config.prefill,
            thoughts=True,
        )
        return work.finish(measured(work.gather(coming), calibrating, seed=config.seed), {})


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
    coming = predict(
        model, dataset, constrain=constrain, sampling=sampling, form=form, prefill=prefill, thoughts=True
    )
    if progress is not None:
        coming = _with_bar(coming, progress, len(dataset.examples))
    answered = {prediction.example.id: prediction for prediction in coming}
    facts: dict[str, JSON] = {
        "seconds": round(time.monotonic() - began, 2),
        "constrained": constrain,
        "form": form,
        "model": model.reference,
    }
    raw = [answered[example.id] for example in dataset.examples]
    evaluation = measured(raw, calibrating, seed=sampling.seed)
    return replace(evaluation, summary=evaluation.summary | facts)


def _with_bar(coming: Iterable[Prediction], title: str, total: int) -> Iterator[Prediction]:
    with bar(title, total) as advance:
        for prediction in coming:
            yield prediction
            advance("")
