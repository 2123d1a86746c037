"""Verdicts counted: what a set of answers achieved."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adhere.measure.noise import noise
from adhere.measure.statistics import Mean, Rate, Undefined, mean_of
from adhere.records import JSON, Example
from adhere.reward.match import Finding, Match, all_missing, by_leaf, findings, tally, total
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Outcome, Verdict, Violates, outcome
from adhere.schema import Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one answer achieved; what needs a target is `None` where the example has none."""

    example_id: str
    outcome: Outcome
    tokens: int
    """That the model wrote for it."""
    exact: bool | None
    """Whether the answer equals the gold."""
    match_share: float | None
    """Share of the gold's leaves that are right, in [0, 1]; 0 where nothing parsed."""
    f1: float | None
    """Of the leaves, in [0, 1]; 0 where nothing parsed."""
    noise: float | None
    """Share of the answer's characters, in [0, 1]; `None` for an empty answer too."""
    leaves: Mapping[str, Match]
    """Fates of the leaves per field; all of the gold's are missing where nothing parsed."""

    @property
    def parses(self) -> bool:
        """Whether the answer is JSON."""
        return self.outcome in {"violates", "obeys"}

    @property
    def obeys(self) -> bool:
        """Whether the answer obeys its schema."""
        return self.outcome == "obeys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a set of answers achieved; what needs a target is `None` where no row has one."""

    rows: int
    no_output: Rate
    valid_json: Rate
    schema_valid: Rate
    exact: Rate | None
    match_all: Mean | None
    """Rows whose answer does not parse count 0."""
    match_parsed: Mean | Undefined | None
    """Rows whose answer does not parse are left out."""
    noise: Mean | Undefined | None
    """Rows whose answer is empty are left out."""
    fields: Mapping[str, Rate]
    """Per field of the gold: its leaves that are right, of all of them."""
    leaves: Match | None
    """Over all rows and fields."""
    tokens: Mean

    def as_json(self) -> dict[str, JSON]:
        """Spell the metrics flat; those that need a target are absent where no row has one."""
        numbers = {
            "no_output": self.no_output,
            "valid_json": self.valid_json,
            "schema_valid": self.schema_valid,
            "exact": self.exact,
            "match_all": self.match_all,
            "match_parsed": self.match_parsed,
            "noise": self.noise,
            "tokens": self.tokens,
        }
        spelled: dict[str, JSON] = {
            name: number.as_json() for name, number in numbers.items() if number is not None
        }
        if self.leaves is not None:
            spelled["fields"] = {field: rate.as_json() for field, rate in self.fields.items()}
            spelled["leaves"] = _leaves_as_json(self.leaves)
        return {"rows": self.rows} | spelled


def row(verdict: Verdict, example: Example, schema: Schema, *, tokens: int) -> Row:
    """Measure one judged answer against its example.

    Args:
        verdict: What became of the answer.
        example: Whose answer it is.
        schema: The schema that the example names.
        tokens: That the model wrote, thinking included.
    """
    found = None if example.target is None else _found(verdict, example.target, schema)
    fates = None if found is None else tally(found)
    return Row(
        example_id=example.id,
        outcome=outcome(verdict),
        tokens=tokens,
        exact=fates and fates.exact,
        match_share=fates and fates.recall,
        f1=fates and fates.f1,
        noise=None if example.target is None else noise(verdict, example.target, schema),
        leaves=by_leaf(found or ()),
    )


def summary(rows: Sequence[Row], *, seed: int = 0) -> Metrics:
    """Count rows into rates and means; `docs/metrics.md` defines each.

    Args:
        rows: One per example, failed ones too.
        seed: Of the bootstrap.

    Raises:
        EvaluationError: There are no rows.
    """
    shares = [(each.match_share, each.parses) for each in rows if each.match_share is not None]
    parsed = [share for share, parses in shares if parses]
    noises = [each.noise for each in rows if each.noise is not None]
    fields = _by_field(rows)
    return Metrics(
        rows=len(rows),
        no_output=Rate(sum(each.outcome == "no_output" for each in rows), len(rows)),
        valid_json=Rate(sum(each.parses for each in rows), len(rows)),
        schema_valid=Rate(sum(each.obeys for each in rows), len(rows)),
        exact=Rate(sum(each.exact is True for each in rows), len(shares)) if shares else None,
        match_all=Mean.of([share for share, _ in shares], seed=seed) if shares else None,
        match_parsed=mean_of(parsed, seed=seed) if shares else None,
        noise=mean_of(noises, seed=seed) if shares else None,
        fields=_rates(fields),
        leaves=total(fields.values()) if shares else None,
        tokens=Mean.of([each.tokens for each in rows], seed=seed),
    )


def _found(verdict: Verdict, gold: JSON, schema: Schema) -> tuple[Finding, ...]:
    match verdict:
        case NoOutput() | Malformed():
            return all_missing(gold)
        case Violates(value=value) | Obeys(value=value):
            return findings(value, gold, schema=schema)


def _by_field(rows: Sequence[Row]) -> dict[str, Match]:
    listed: dict[str, list[Match]] = defaultdict(list)
    for each in rows:
        for field, fates in each.leaves.items():
            listed[field].append(fates)
    return {field: total(listed[field]) for field in sorted(listed)}


def _rates(fields: Mapping[str, Match]) -> dict[str, Rate]:
    """Rate of right leaves per field that the gold has; one that was only invented has no gold leaf."""
    golds = {field: fates.right + fates.wrong + fates.missing for field, fates in fields.items()}
    return {field: Rate(fates.right, golds[field]) for field, fates in fields.items() if golds[field]}


def _leaves_as_json(leaves: Match) -> dict[str, JSON]:
    answered = leaves.right + leaves.wrong + leaves.invented > 0
    return {
        "right": leaves.right,
        "wrong": leaves.wrong,
        "missing": leaves.missing,
        "invented": leaves.invented,
        "precision": leaves.precision if answered else None,
        "recall": leaves.recall,
        "f1": leaves.f1,
    }
