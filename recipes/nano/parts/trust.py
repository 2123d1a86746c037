"""How far nano's confidence in a field can be trusted, as it comes and calibrated on other rows.

Answers stand under the grammar, as those of `adhere extract` do.
"""

import shutil

from adhere.data import store
from adhere.measure import calibration
from adhere.measure.statistics import Mean
from adhere.records import JSON
from parts.bench import Bench
from parts.figure import Source
from parts.held_out import APART, SHAPES
from parts.rows import Asked, asked

PART = "calibration"
FITTED, MEASURED = 1500, 1000
SEEDS = {"fit": 8, "measure": 9}
ROOM = 320
AIM = 0.05
CURVE = f"{PART}/measured/reliability.svg"
"""In the bench's directory."""


def measure(bench: Bench) -> None:
    """Fit a calibration on some held-out rows, and add what it is worth on others."""
    fitting, measuring = _rows(bench, "fit", FITTED), _rows(bench, "measure", MEASURED)
    fitted = bench.adhere("eval", *_words(bench.model, fitting), "--calibrate", out=f"{PART}/fitted")
    # What is known of confidences lies beside the weights.
    model = bench.out / PART / "model"
    shutil.copytree(bench.weights, model, dirs_exist_ok=True)
    shutil.copy(fitted.out / calibration.FILE, model)
    done = bench.adhere("eval", *_words(str(model), measuring), out=f"{PART}/measured")
    told = done.summary["confidence"]
    assert isinstance(told, dict)
    for case, aim in (("raw", None), ("calibrated", AIM)):
        _add(bench, bench.source(PART, case, fitted, done), told[case], aim)


def _words(model: str, rows: Asked) -> list[str]:
    return [
        *("--model", model, "--data", str(rows.file)),
        *("--max-new-tokens", str(rows.room), "--constrain"),
    ]


def _rows(bench: Bench, name: str, full: int) -> Asked:
    counts = ("--rows", "1", "--held-out", str(bench.count(full, least=80)))
    words = ["--shapes", str(bench.count(SHAPES, least=200)), *APART, "--seed", str(SEEDS[name]), *counts]
    made = store.read(bench.adhere("synth", *words, out=f"{PART}/data/{name}").out / store.HELD_OUT)
    return asked(
        made,
        bench.out / PART / "asked" / name,
        bench.reader,
        room=bench.count(ROOM, least=64),
        constrain=True,
    )


def _add(bench: Bench, source: Source, told: JSON, aim: float | None) -> None:
    assert isinstance(told, dict)
    bench.add(source.share("ece", _mean(told["ece"]), unit="error", aim=aim))
    bench.add(source.share("brier", _mean(told["brier"]), unit="error"))
    if isinstance(told["auroc"], dict) and told["auroc"]["n"]:
        bench.add(source.share("auroc", _mean(told["auroc"])))


def _mean(number: JSON) -> Mean:
    """Read a mean as a summary spells it."""
    match number:
        case {"mean": float(mean), "low": float(low), "high": float(high), "n": int(n)}:
            return Mean(mean=mean, low=low, high=high, n=n)
        case _:
            raise TypeError(f"{number!r} is no mean")
