"""`adhere eval`: predictions and metrics of one model on one data set."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adhere import artifact
from adhere.config import EvalConfig, Form
from adhere.data import store
from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.measure import metrics
from adhere.model import Model, load
from adhere.predict import LIKELIEST, Prediction, predict
from adhere.progress import progress as bar
from adhere.records import JSON
from adhere.reward.verdict import Obeys, Violates

PREDICTIONS = "predictions.jsonl"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model achieved on a data set, and every answer that it rests on."""

    summary: dict[str, JSON]
    """The metrics, flat, with `seconds`, `constrained` and `model`."""
    predictions: tuple[Prediction, ...]
    """In the order of the data set."""


def evaluate(config: EvalConfig) -> dict[str, JSON]:
    """Measure a model and write `predictions.jsonl` and the summary; return the summary."""
    dataset = store.read(config.data)
    asked = Dataset(dataset.schemas, dataset.examples[: config.limit])
    with artifact.writing(config.out, config, inputs=_inputs(config)) as run:
        evaluation = evaluate_model(
            load(config.model),
            asked,
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
        write_predictions(run.path / PREDICTIONS, evaluation.predictions)
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
        progress: Title of a bar drawn on stderr; `None` draws none.

    Raises:
        EvaluationError: There are no examples.
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
    return Evaluation(counted.as_json() | made, predictions)


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write one JSON object a line for every answer."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(_line(each), ensure_ascii=False)}\n" for each in predictions)


def _line(prediction: Prediction) -> dict[str, JSON]:
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
