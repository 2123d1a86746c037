"""One HTML page that shows what was measured, with every number's evidence; it needs no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adhere.config import Preset
from adhere.evaluate.compare import Comparison
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.marked import Piece, marked
from adhere.figures import bars, reliability, training_curves
from adhere.measure.prediction import Prediction
from adhere.measure.reliability import Reliability
from adhere.page import WIDE, Figure, environment
from adhere.records import JSON
from adhere.reward.match import Finding, field_of, findings
from adhere.reward.score import needs_target, score_verdict
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Violates
from adhere.schema import Violation
from adhere.shown import LABELS, LESS_IS_BETTER, Shown, percent, points, probability, shown

WORST = 50
"""Rows to browse: enough to see what goes wrong, few enough for a page that opens at once."""
HEADLINES = ("exact", "schema_valid", "match_all")
"""Metrics of the first paragraph."""

_TRUST = {
    "ece": "Gap between confidence and share right",
    "auroc": "A right leaf has more than a wrong one",
}
"""Numbers of a `Reliability` that are shares."""
_MOST_VIOLATIONS = 5
"""Listed of one answer; an answer of the wrong shape can have hundreds."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A metric or a field over all evaluations."""

    label: str
    key: str
    numbers: tuple[Shown | None, ...]
    comparisons: tuple[Comparison | None, ...] = ()
    less_is_better: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one evaluation's model answered for a row."""

    name: str
    judgement: str
    reward: float | None
    match: float | None
    pieces: tuple[Piece, ...]
    broken: str
    """The rest of an answer from where it stops being JSON."""
    notes: tuple[str, ...]
    """Why it breaks its schema or is no JSON, and what it misses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Browsed:
    """A row with the answers of every evaluation."""

    id: str
    text: str
    gold: tuple[Piece, ...] | None
    answers: tuple[_Answer, ...]


def render(
    title: str,
    evaluations: Mapping[str, Evaluation],
    *,
    training: Mapping[str, Sequence[Mapping[str, JSON]]] | None = None,
    comparisons: Sequence[Comparison] = (),
    reward: Preset = "fields",
    meta: Mapping[str, str] | None = None,
) -> str:
    """Render the page as HTML that refers to nothing outside itself.

    Pure: the same arguments give the same text.

    Args:
        title: Of the page.
        evaluations: By name, the one that the others are held against first; all on the same examples in the
            same order. The page is about the last of them that answered without a grammar, or the last if all
            had one: a grammar makes every answer obey, whatever the model has learned.
        training: Steps as in a run's `metrics.jsonl`, by what was trained.
        comparisons: Paired differences from the first evaluation.
        reward: The preset whose rewards are shown beside answers, where a row can have one.
        meta: How the numbers were made: command, configuration, versions.
    """
    templates = environment("evaluate")
    templates.filters |= {"percent": percent, "points": points, "probability": probability}
    summaries = {name: evaluation.summary for name, evaluation in evaluations.items()}
    metrics = _metrics(summaries, comparisons)
    free = [name for name, summary in summaries.items() if not summary["constrained"]]
    focus = (free or list(summaries))[-1]
    return templates.get_template("report.html.jinja").render(
        title=title,
        names=list(summaries),
        rows=next(iter(summaries.values()))["rows"],
        metrics=metrics,
        headlines=[line for key in HEADLINES for line in metrics if line.key == key],
        compared=_compared(comparisons),
        comparisons=len(comparisons),
        bars=Figure.drawn("", lambda width: bars(summaries, width=width)),
        curves=[_curves(name, steps) for name, steps in (training or {}).items()],
        fields=_fields(summaries),
        trusted=_trusted(evaluations),
        curves_of_trust=_curves_of_trust(evaluations),
        focus=focus,
        worst=_worst(evaluations, focus, reward),
        reward=reward,
        meta=meta or {},
    )


def _metrics(summaries: Mapping[str, Mapping[str, JSON]], comparisons: Sequence[Comparison]) -> list[_Line]:
    made = {(each.metric, each.evaluation): each for each in comparisons}
    lines = [
        _Line(
            label,
            key,
            tuple(shown(summary.get(key)) for summary in summaries.values()),
            tuple(made.get((key, name)) for name in _compared(comparisons)),
            key in LESS_IS_BETTER,
        )
        for key, label in LABELS.items()
    ]
    return [line for line in lines if any(line.numbers)]


def _compared(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Evaluations that were compared, each with its baseline."""
    return {each.evaluation: each.baseline for each in comparisons}


def _fields(summaries: Mapping[str, Mapping[str, JSON]]) -> list[_Line]:
    tables = [summary.get("fields") for summary in summaries.values()]
    fields = [table if isinstance(table, dict) else {} for table in tables]
    names = dict.fromkeys(name for each in fields for name in each)
    return [_Line(name, name, tuple(shown(each.get(name)) for each in fields)) for name in names]


def _curves(name: str, steps: Sequence[Mapping[str, JSON]]) -> Figure:
    return Figure.drawn(name, lambda width: training_curves(steps, columns=3 if width == WIDE else 1))


def _trusted(evaluations: Mapping[str, Evaluation]) -> list[_Line]:
    """Return what the confidences of each evaluation were worth, calibrated where they are."""
    spelled = [_best_known(each) for each in evaluations.values()]
    return [
        _Line(label, key, tuple(shown(getattr(each, key).as_json()) if each else None for each in spelled))
        for key, label in _TRUST.items()
    ]


def _curves_of_trust(evaluations: Mapping[str, Evaluation]) -> Figure | None:
    spelled = {name: _best_known(each) for name, each in evaluations.items()}
    if not any(spelled.values()):
        return None
    curves = {name: each.curve if each else () for name, each in spelled.items()}
    return Figure.drawn("", lambda width: reliability(curves, width=width))


def _best_known(evaluation: Evaluation) -> Reliability | None:
    trusted = evaluation.trust
    return trusted and (trusted.calibrated or trusted.raw)


def _worst(evaluations: Mapping[str, Evaluation], focus: str, preset: Preset) -> list[_Browsed]:
    names = list(evaluations)
    rows = list(zip(*(evaluation.predictions for evaluation in evaluations.values()), strict=True))
    rows.sort(key=lambda predictions: _goodness(predictions[names.index(focus)], preset))
    return [_browsed(names, predictions, preset) for predictions in rows[:WORST]]


def _goodness(prediction: Prediction, preset: Preset) -> float:
    reward = _reward(prediction, preset)
    return float(prediction.row.obeys) if reward is None else reward


def _reward(prediction: Prediction, preset: Preset) -> float | None:
    if needs_target(preset) and prediction.example.target is None:
        return None
    return score_verdict(
        prediction.verdict,
        prediction.example,
        prediction.schema,
        completion=prediction.answer,
        preset=preset,
        form=prediction.form,
    ).total


def _browsed(names: Sequence[str], predictions: Sequence[Prediction], preset: Preset) -> _Browsed:
    example = predictions[0].example
    return _Browsed(
        id=example.id,
        text=example.text,
        gold=None if example.target is None else tuple(marked(example.target, {})),
        answers=tuple(_answer(name, each, preset) for name, each in zip(names, predictions, strict=True)),
    )


def _answer(name: str, prediction: Prediction, preset: Preset) -> _Answer:
    pieces, broken, notes = _shown_answer(prediction)
    return _Answer(
        name=name,
        judgement=_judgement(prediction),
        reward=_reward(prediction, preset),
        match=prediction.row.match_share,
        pieces=pieces,
        broken=broken,
        notes=(*notes, *(() if prediction.finished else ("cut off by the token limit",))),
    )


def _judgement(prediction: Prediction) -> str:
    match prediction.verdict:
        case NoOutput():
            return "no JSON"
        case Malformed():
            return "broken JSON"
        case Violates():
            return "breaks the schema"
        case Obeys():
            return "exactly right" if prediction.row.exact else "obeys the schema"


def _shown_answer(prediction: Prediction) -> tuple[tuple[Piece, ...], str, tuple[str, ...]]:
    """Return an answer as marked pieces, its broken rest, and what is to be said of it."""
    match prediction.verdict:
        case NoOutput():
            return (), prediction.answer, ()
        case Malformed(answer=answer, position=position, reason=reason):
            return (Piece(answer[:position]),), answer[position:], (reason,)
        case Violates(value=value, violations=violations):
            found = _findings(prediction, value)
            return _with_fates(value, found), "", (*_broken(violations), *_missing(found))
        case Obeys(value=value):
            found = _findings(prediction, value)
            return _with_fates(value, found), "", _missing(found)


def _findings(prediction: Prediction, value: JSON) -> tuple[Finding, ...]:
    target = prediction.example.target
    return () if target is None else findings(value, target, schema=prediction.schema)


def _with_fates(value: JSON, found: Sequence[Finding]) -> tuple[Piece, ...]:
    return tuple(marked(value, {each.path: each.fate for each in found if each.fate != "missing"}))


def _broken(violations: Sequence[Violation]) -> tuple[str, ...]:
    shown = [f"{each.pointer or 'the answer'}: {each.message}" for each in violations[:_MOST_VIOLATIONS]]
    rest = len(violations) - len(shown)
    return (*shown, f"and {rest} more") if rest else tuple(shown)


def _missing(found: Sequence[Finding]) -> tuple[str, ...]:
    fields = dict.fromkeys(field_of(each.path) for each in found if each.fate == "missing")
    return (f"misses {', '.join(fields)}",) if fields else ()
