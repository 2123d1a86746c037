"""The rows of a report, side by side: which of them a page holds, and what its script is told of each."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adhere.config import Preset
from adhere.data.reasoning.origins import holders, origins
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.marked import marked
from adhere.measure.prediction import Prediction
from adhere.records import JSON, Example
from adhere.reward.match import Finding, field_of, findings
from adhere.reward.score import needs_target, score_verdict
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Violates
from adhere.schema import Schema, Violation
from adhere.schema.canonical import canonical
from adhere.schema.expected import has_unordered_lists
from adhere.schema.leaves import Path
from adhere.schema.places import pointer_of

MOST_ROWS = 500
"""Rows that a page holds: enough to see what goes wrong, few enough for one that opens at once."""
MOST_CHARACTERS = 8_000_000
"""Of all rows together, as the page spells them; documents of some pages each come to it first."""
INVENTED = "not in the right answer"
"""Stands for all fields that only answers have: a model can make up any number of them."""
_MOST_VIOLATIONS = 5
"""Listed of one answer; an answer of the wrong shape can have hundreds."""
_BADNESS = {"no_output": 0, "malformed": 1, "violates": 2, "obeys": 3}
_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
"""What would end a script, begin a comment in it, or cannot be written as UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Browsed:
    """The rows that a page holds."""

    script: str
    """JSON that may stand in a `script` element as it is."""
    rows: int
    total: int
    """Rows there are."""


def browsed(
    evaluations: Mapping[str, Evaluation],
    *,
    focus: str,
    preset: Preset,
    most_rows: int = MOST_ROWS,
    most_characters: int = MOST_CHARACTERS,
) -> Browsed:
    """Choose the rows that are shown, and spell them.

    All of them, or where there are more than a page holds, the worst of each evaluation in turn.

    Pure.

    Args:
        evaluations: By name, all on the same examples in the same order.
        focus: Whose worst answers come first.
        preset: Whose rewards are told, where a row can have one.
        most_rows: That are shown.
        most_characters: That they may take together; one row is shown whatever it takes.
    """
    rows = list(zip(*(evaluation.predictions for evaluation in evaluations.values()), strict=True))
    column = list(evaluations).index(focus)
    order = _worst_first(rows, column)
    fields: dict[str, int] = {}
    spelled: dict[int, str] = {}
    left = most_characters
    for at in _in_turn(rows, column):
        text = _spelled(_row(rows[at], preset, fields, number=at))
        left -= len(text)
        if spelled and (left < 0 or len(spelled) == most_rows):
            break
        spelled[at] = text
    shown = [at for at in order if at in spelled]
    head = _spelled({"names": list(evaluations), "focus": focus, "fields": list(fields)})
    return Browsed(
        script=f"[{head},[{','.join(spelled[at] for at in shown)}]]",
        rows=len(shown),
        total=len(rows),
    )


def worst(evaluations: Mapping[str, Evaluation], focus: str, most: int) -> list[tuple[Prediction, ...]]:
    """Return the rows that one evaluation did worst on, each with the answers of all."""
    rows = list(zip(*(evaluation.predictions for evaluation in evaluations.values()), strict=True))
    return [rows[at] for at in _worst_first(rows, list(evaluations).index(focus))[:most]]


def judgement(prediction: Prediction) -> str:
    """Name what became of an answer: its outcome, or `exact` where it equals the gold."""
    return "exact" if prediction.row.exact else prediction.row.outcome


def _goodness(prediction: Prediction) -> tuple[int, float]:
    """Rank an answer, the worst lowest; by what is measured already, as most answers are never shown."""
    row = prediction.row
    return _BADNESS[row.outcome], row.f1 or 0.0


def _worst_first(rows: Sequence[Sequence[Prediction]], column: int) -> list[int]:
    """Rank rows by the answer of one evaluation, and those that are alike in it by all answers."""

    def goodness(at: int) -> tuple[int, float, float]:
        every = [_goodness(each) for each in rows[at]]
        return *every[column], sum(rank + share for rank, share in every)

    return sorted(range(len(rows)), key=goodness)


def _in_turn(rows: Sequence[Sequence[Prediction]], focus: int) -> Iterator[int]:
    """Yield every row once: the worst of the focus, the worst of each other, the second worst, and so on."""
    columns = [focus, *(column for column in range(len(rows[0])) if column != focus)]
    ranked = [_worst_first(rows, column) for column in columns]
    yield from dict.fromkeys(at for together in zip(*ranked, strict=True) for at in together)


def _spelled(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _row(
    predictions: Sequence[Prediction], preset: Preset, fields: dict[str, int], *, number: int
) -> dict[str, JSON]:
    """Say what a row asks and what each evaluation answered; fields are numbered as they are met."""
    example, schema = predictions[0].example, predictions[0].schema
    values = {_compared(each) for each in predictions}
    answers: list[JSON] = [_answer(each, preset, fields) for each in predictions]
    said: dict[str, JSON] = {"id": example.id, "at": number, "text": example.text, "answers": answers}
    if example.target is not None:
        said["gold"] = _pieces(example.target, example, schema)
    return said if len(values) == 1 else said | {"differ": True}


def _compared(prediction: Prediction) -> str:
    """Spell what an answer says, so that two that say the same are equal."""
    match prediction.verdict:
        case Obeys(value=value) | Violates(value=value):
            return canonical(value)
        case NoOutput() | Malformed():
            return f"not JSON: {prediction.verdict.answer}"


def _answer(prediction: Prediction, preset: Preset, fields: dict[str, int]) -> dict[str, JSON]:
    """Say what an answer is worth, and spell it with the fate of each leaf; what is empty is left out."""
    row, verdict = prediction.row, prediction.verdict
    wrong = dict.fromkeys(
        field if its.right + its.wrong + its.missing else INVENTED
        for field, its in row.leaves.items()
        if its.wrong or its.missing or its.invented
    )
    pieces: list[JSON] = []
    broken, notes = "", list[str]()
    match verdict:
        case NoOutput():
            broken = prediction.answer
        case Malformed(answer=answer, position=position, reason=reason):
            pieces, broken, notes = list[JSON]([answer[:position]]), answer[position:], [reason]
        case Violates(value=value) | Obeys(value=value):
            found = _findings(prediction, value)
            pieces = _pieces(value, prediction.example, prediction.schema, prediction, found)
            broken_rules = verdict.violations if isinstance(verdict, Violates) else ()
            notes = [*_broken(broken_rules), *_missing(found)]
    notes += _unfinished(prediction)
    is_whole = isinstance(verdict, NoOutput) or prediction.answer.strip() == verdict.answer
    said: dict[str, JSON] = {
        "broken": broken,
        "notes": list[JSON](notes),
        "wrong": [fields.setdefault(field, len(fields)) for field in wrong],
        "raw": "" if is_whole else prediction.answer,
        "others": [[judgement(each), each.answer] for each in prediction.others],
        **_worth(prediction, preset),
    }
    kept = {name: each for name, each in said.items() if each not in ("", [], None)}
    return {"outcome": judgement(prediction), "pieces": pieces, "tokens": row.tokens, **kept}


def _unfinished(prediction: Prediction) -> list[str]:
    """Say why an answer is not whole."""
    if prediction.cause == "cut":
        return ["cut off by the token limit"]
    if prediction.cause is None or prediction.request is None:
        return []
    return [f"request failed ({prediction.cause}): {prediction.request.message}"]


def _worth(prediction: Prediction, preset: Preset) -> dict[str, JSON]:
    """Return the leaves that are right, of all, and the reward with its parts, where there are any."""
    its = prediction.row.leaves.values()
    right, gold = sum(each.right for each in its), sum(each.right + each.wrong + each.missing for each in its)
    leaves: dict[str, JSON] = {"right": right, "leaves": gold} if gold else {}
    if needs_target(preset) and prediction.example.target is None:
        return leaves
    scored = score_verdict(
        prediction.verdict,
        prediction.example,
        prediction.schema,
        completion=prediction.answer,
        preset=preset,
        form=prediction.form,
    )
    parts: dict[str, JSON] = {name: round(part, 4) for name, part in scored.parts.items()}
    return {**leaves, "reward": round(scored.total, 4), "parts": parts}


def _findings(prediction: Prediction, value: JSON) -> tuple[Finding, ...]:
    target = prediction.example.target
    return () if target is None else findings(value, target, schema=prediction.schema)


def _pieces(
    value: JSON,
    example: Example,
    schema: Schema,
    prediction: Prediction | None = None,
    found: Sequence[Finding] = (),
) -> list[JSON]:
    """Spell a value: text between leaves as it is, and of each leaf what is known of it.

    A leaf is an object with its text, its pointer, where the row's text states it, and of an answer its fate,
    how sure the model was, and the gold's leaf where it is another.
    """
    stated = origins(example, tuple(holders(value, schema)))
    fates = {each.path: each.fate for each in found if each.fate != "missing"}
    sure = {} if prediction is None else prediction.calibrated or prediction.confidence
    in_order = not has_unordered_lists(schema)
    pieces: list[JSON] = []
    for piece in marked(value):
        if piece.path is None:
            pieces.append(piece.text)
            continue
        pointer, fate = pointer_of(piece.path), fates.get(piece.path)
        leaf: dict[str, JSON] = {"t": piece.text, "p": pointer}
        if pointer in stated:
            leaf["s"] = list[JSON](stated[pointer].span)
        if fate is not None:
            leaf["f"] = fate
        if fate == "wrong" and (in_order or all(isinstance(step, str) for step in piece.path)):
            leaf["g"] = json.dumps(_at(example.target, piece.path), ensure_ascii=False)
        if pointer in sure:
            leaf["c"] = round(sure[pointer], 4)
        pieces.append(leaf)
    return pieces


def _at(value: JSON, path: Path) -> JSON:
    """Return what stands at a path; lists must have its indexes, and objects its keys."""
    for step in path:
        match value, step:
            case (dict(), str()):
                value = value[step]
            case (list(), int()):
                value = value[step]
            case _:
                raise TypeError(f"{step!r} leads nowhere in {value!r}")
    return value


def _broken(violations: Sequence[Violation]) -> list[str]:
    shown = [f"{each.pointer or 'the answer'}: {each.message}" for each in violations[:_MOST_VIOLATIONS]]
    rest = len(violations) - len(shown)
    return [*shown, f"and {rest} more"] if rest else shown


def _missing(found: Sequence[Finding]) -> list[str]:
    fields = dict.fromkeys(field_of(each.path) for each in found if each.fate == "missing")
    return [f"misses {', '.join(fields)}"] if fields else []
