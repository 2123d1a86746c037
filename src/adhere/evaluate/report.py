"""One HTML page that shows what was measured, with every number's evidence; it needs no network."""

import base64
import hashlib
from collections.abc import Mapping, Sequence

from adhere.config import Preset
from adhere.evaluate import tables
from adhere.evaluate.browse import browsed
from adhere.evaluate.compare import Comparison
from adhere.evaluate.evaluation import Evaluation
from adhere.figures import bars, reliability, training_curves
from adhere.page import WIDE, Figure, environment
from adhere.records import JSON
from adhere.shown import points, probability


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

    Its one script, which lets rows be browsed, is the only one that a browser will run there.

    Pure: the same arguments give the same text.

    Args:
        title: Of the page.
        evaluations: By name, the one that the others are held against first; all on the same examples in the
            same order. The page is about the one that `focus_of` names.
        training: Steps as in a run's `metrics.jsonl`, by what was trained.
        comparisons: Paired differences between evaluations.
        reward: The preset whose rewards are shown beside answers, where a row can have one.
        meta: How the numbers were made: command, configuration, versions.
    """
    templates = environment("evaluate")
    templates.filters |= {"points": points, "probability": probability, "rows_needed": tables.rows_needed}
    templates.tests["significant"] = tables.is_significant
    summaries = {name: evaluation.summary for name, evaluation in evaluations.items()}
    focus, metrics = tables.focus_of(summaries), tables.metrics(summaries)
    script = templates.get_template("browse.js").render()
    page = templates.get_template("report.html.jinja").render(
        title=title,
        names=list(summaries),
        rows=summaries[focus]["rows"],
        headline=tables.headline(summaries, comparisons, focus),
        headlines=[line for key in tables.HEADLINES for line in metrics if line.key == key],
        metrics=metrics,
        pairs=tables.pairs(comparisons),
        comparisons=len(comparisons),
        bars=Figure.drawn("", lambda width: bars(summaries, width=width)),
        curves=[_curves(name, steps) for name, steps in (training or {}).items()],
        fields=tables.fields(summaries),
        breakdowns=tables.breakdowns(summaries),
        trusted=tables.trusted(evaluations),
        curves_of_trust=_curves_of_trust(evaluations),
        focus=focus,
        browsed=browsed(evaluations, focus=focus, preset=reward),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        reward=reward,
        meta=meta or {},
    )
    # A half of a surrogate pair, which a model can write and UTF-8 cannot, becomes a question mark.
    return page.encode(errors="replace").decode()


def _curves(name: str, steps: Sequence[Mapping[str, JSON]]) -> Figure:
    return Figure.drawn(name, lambda width: training_curves(steps, columns=3 if width == WIDE else 1))


def _curves_of_trust(evaluations: Mapping[str, Evaluation]) -> Figure | None:
    spelled = {name: tables.best_known(each) for name, each in evaluations.items()}
    if not any(spelled.values()):
        return None
    curves = {name: each.curve if each else () for name, each in spelled.items()}
    return Figure.drawn("", lambda width: reliability(curves, width=width))
