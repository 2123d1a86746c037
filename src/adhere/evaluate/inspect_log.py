"""An evaluation as a log of inspect_ai, which `inspect view` shows.

Source: version 2 of inspect_ai's log format; the names of fields and what they hold are its own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from adhere import prompt
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.trust import told
from adhere.measure import per_row
from adhere.measure.prediction import Prediction
from adhere.measure.row import Row
from adhere.records import JSON
from adhere.reward.verdict import Malformed, Obeys, Verdict, Violates
from adhere.schema.check import summed_up

_ID_LENGTH = 22
"""Characters of an id there."""
_STOPS: Mapping[str | None, str] = {None: "stop", "cut": "max_tokens", "filtered": "content_filter"}
"""By the cause for which an answer is not whole, what ended it; any other is not known there."""
_GENERATION = {"max_tokens": "max_new_tokens", "temperature": "temperature", "seed": "seed"}


def filename(log: Mapping[str, JSON]) -> str:
    """Return the name by which inspect_ai tells a log from other files: when, what, and its id."""
    spec = cast("Mapping[str, str]", log["eval"])
    second, _, zone = spec["created"].partition("+")
    created = f"{second.partition('.')[0]}+{zone or '00:00'}".replace(":", "-")
    return f"{created}_{spec['task'].replace('_', '-')}_{spec['task_id']}.json"


def log(
    evaluation: Evaluation, manifest: Mapping[str, JSON], seal: str, *, task: str, file: Path
) -> dict[str, JSON]:
    """Return the log of an evaluation; the same evaluation gives the same log.

    Its results are the evaluation's own numbers, which count the first answer to each row. Further answers
    are further epochs. A model is called by its reference behind `adhere/`, where inspect_ai has the name of
    what asks it.

    Args:
        evaluation: What `evaluation.read` returned.
        manifest: Of its directory.
        seal: SHA-256 of that manifest, in hexadecimal. The ids of the log are parts of it.
        task: Name of the task that asks about the same rows.
        file: Where that stands; its scorers can score the log anew.
    """
    settings = cast("Mapping[str, JSON]", manifest["config"])
    generation = {theirs: settings[ours] for theirs, ours in _GENERATION.items() if ours in settings}
    model = f"adhere/{evaluation.summary['model']}"
    answers = [each for prediction in evaluation.predictions for each in prediction.samples]
    epochs = max(len(each.samples) for each in evaluation.predictions)
    # The order of these keys is part of the format: what reads the head alone stops before the samples.
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": seal[:_ID_LENGTH],
            "run_id": seal[_ID_LENGTH : 2 * _ID_LENGTH],
            "created": manifest["started"],
            "task": task,
            "task_id": seal[-_ID_LENGTH:],
            "task_file": str(file),
            "task_args": dict(settings),
            "dataset": _dataset(evaluation),
            "model": model,
            "model_generate_config": generation,
            "config": {"limit": settings.get("limit"), "epochs": epochs, "log_samples": True},
            "packages": _packages(manifest),
            "metadata": _metadata(evaluation, manifest, seal),
            "scorers": _scorers(evaluation),
        },
        "plan": {"name": "plan", "steps": [{"solver": "generate", "params": {}}], "config": generation},
        "results": _results(evaluation),
        "stats": {
            "started_at": manifest["started"],
            "completed_at": manifest["ended"],
            "model_usage": {model: _usage(answers)},
        },
        "samples": [
            _sample(each, model, epoch)
            for prediction in evaluation.predictions
            for epoch, each in enumerate(prediction.samples, 1)
        ],
    }


def _dataset(evaluation: Evaluation) -> dict[str, JSON]:
    data = evaluation.summary.get("data")
    return {
        "name": data,
        "location": data,
        "samples": len(evaluation.predictions),
        "sample_ids": [each.example.id for each in evaluation.predictions],
        "shuffled": False,
    }


def _packages(manifest: Mapping[str, JSON]) -> dict[str, JSON]:
    code = cast("Mapping[str, JSON]", manifest["code"])
    return {"adhere": code["version"], **cast("Mapping[str, JSON]", manifest["packages"])}


def _metadata(evaluation: Evaluation, manifest: Mapping[str, JSON], seal: str) -> dict[str, JSON]:
    """Return what the log rests on: the manifest with its hashes, and the schemas that samples name."""
    schemas: dict[str, JSON] = {each.example.schema: each.schema.source for each in evaluation.predictions}
    return {"manifest_sha256": seal, "manifest": dict(manifest), "schemas": schemas}


def _scorers(evaluation: Evaluation) -> list[JSON]:
    measured = {name for each in evaluation.predictions for name in per_row.values(each.row)}
    metrics: list[JSON] = [{"name": f"inspect_ai/{metric}", "options": {}} for metric in ("mean", "stderr")]
    return [{"name": name, "options": {}, "metrics": metrics} for name in per_row.VALUES if name in measured]


def _results(evaluation: Evaluation) -> dict[str, JSON]:
    """Return the metrics that rows have values in, with their intervals; and the summary as it is."""
    measured = ((name, evaluation.summary.get(name)) for name in per_row.VALUES)
    rows = len(evaluation.predictions)
    return {
        "total_samples": rows,
        "completed_samples": sum(_error(each) is None for each in evaluation.predictions),
        "scores": [_score(name, number, rows) for name, number in measured if isinstance(number, dict)],
        "metadata": evaluation.summary,
    }


def _score(name: str, number: Mapping[str, JSON], rows: int) -> dict[str, JSON]:
    """Return a rate or mean with its interval; nothing but the counts where it is over no rows."""
    is_rate = "rate" in number
    counted = cast("int", number["tries" if is_rate else "n"])
    interval: JSON = {"level": 0.95}
    metrics: dict[str, JSON] = {
        "mean": {"name": "mean", "value": number["rate" if is_rate else "mean"]},
        "ci_lower": {"name": "lower", "group": "ci", "value": number["low"], "params": interval},
        "ci_upper": {"name": "upper", "group": "ci", "value": number["high"], "params": interval},
    }
    return {
        "name": name,
        "scorer": name,
        "scored_samples": counted,
        "unscored_samples": rows - counted,
        "metrics": metrics if counted else {},
    }


def _sample(prediction: Prediction, model: str, epoch: int) -> dict[str, JSON]:
    example, schema, request = prediction.example, prediction.schema, prediction.request
    asked: list[JSON] = [
        {**message, "source": "input"} for message in prompt.messages(example, schema, form=prediction.form)
    ]
    answered: JSON = {
        "role": "assistant",
        "content": prediction.answer,
        "source": "generate",
        "model": model,
    }
    usage = _usage([prediction])
    return {
        "id": example.id,
        "epoch": epoch,
        "input": asked,
        "target": "" if example.target is None else prompt.answer(example, schema),
        "messages": [*asked, answered],
        "output": {
            "model": model if request is None else request.model or model,
            "choices": [{"message": answered, "stop_reason": _STOPS.get(prediction.cause, "unknown")}],
            "completion": prediction.answer,
            "usage": usage,
            "time": None if request is None else request.seconds,
        },
        "scores": _scores(prediction),
        "metadata": {
            "schema": example.schema,
            "outcome": prediction.row.outcome,
            "leaves": told(prediction) or dict(prediction.row.right),
            "request": None if request is None else request.as_json(),
            "meta": dict(example.meta),
        },
        "model_usage": {model: usage},
        "error": _error(prediction),
    }


def _scores(prediction: Prediction) -> dict[str, JSON]:
    """Return the row's value in each metric that it counts for, with what the answer lost it by."""
    why = {"schema_valid": _fault(prediction.verdict), "exact": _differences(prediction.row)}
    return {
        name: {"value": value, "answer": prediction.verdict.answer, "explanation": why.get(name)}
        for name, value in per_row.values(prediction.row).items()
    }


def _fault(verdict: Verdict) -> str | None:
    """Say why an answer does not obey."""
    match verdict:
        case Obeys():
            return None
        case Violates(violations=violations):
            return summed_up(violations)
        case Malformed(reason=reason, position=position):
            return f"not JSON at character {position + 1}: {reason}"
        case _:
            return "no JSON was written"


def _differences(row: Row) -> str | None:
    """Name the fields of an answer that are not as in the target."""
    fates = ("wrong", "missing", "invented")
    named = [f"{fate}: {field}" for field, of in row.leaves.items() for fate in fates if getattr(of, fate)]
    return "; ".join(named) or None


def _error(prediction: Prediction) -> JSON:
    """Say how a request failed that brought no answer."""
    request = prediction.request
    if request is None or request.is_answered:
        return None
    return {"message": f"{request.cause}: {request.message}", "traceback": "", "traceback_ansi": ""}


def _usage(answers: Sequence[Prediction]) -> dict[str, JSON]:
    """Add up tokens and cost; the tokens that a local model reads are not counted."""
    requests = [each.request for each in answers if each.request is not None]
    read = sum(each.prompt_tokens for each in requests)
    wrote = sum(each.row.tokens for each in answers)
    cost: dict[str, JSON] = {"total_cost": sum(each.cost for each in requests)} if requests else {}
    return {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote, **cost}
