"""Verdicts counted: what a set of answers achieved."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adhere.measure.band import BANDS, GIVEN, Band
from adhere.measure.broken import Broken, broken
from adhere.measure.per_row import VALUES
from adhere.measure.row import Row
from adhere.measure.statistics import Mean, Rate, Undefined, means
from adhere.measure.tally import Tally
from adhere.records import JSON
from adhere.reward.match import Match, total

MOST_INVENTED_FIELDS = 20
"""Listed; a model can make up as many as it writes."""
_AVERAGED: Mapping[str, Callable[[Row], float | None]] = {
    **{name: VALUES[name] for name in ("match_all", "match_parsed", "f1", "noise")},
    "tokens": lambda row: row.tokens,
}
"""What each mean is the mean of; rows without are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a set of answers achieved; what needs a target is `None` or empty where no row has one."""

    rows: int
    no_output: Rate
    valid_json: Rate
    schema_valid: Rate
    exact: Rate | None
    match_all: Mean | Undefined | None
    """Rows whose answer does not parse count 0."""
    match_parsed: Mean | Undefined | None
    """Rows whose answer does not parse are left out."""
    f1: Mean | Undefined | None
    """Of the leaves of each row; rows whose answer does not parse count 0."""
    noise: Mean | Undefined | None
    """Rows whose answer is empty are left out."""
    tokens: Mean | Undefined
    leaves: Tally | None
    """Over all rows and fields."""
    fields: Mapping[str, Tally]
    """Per field of the gold."""
    invented_fields: Mapping[str, int]
    """Leaves of answers in fields that no gold has, of the fields that have most."""
    types: Mapping[str, Tally]
    depths: Mapping[str, Tally]
    """By how many keys lead to the leaf."""
    difficulties: Mapping[str, Mapping[str, Band]]
    """Per measure of difficulty the bands that have rows, from easy to hard."""
    violations: Mapping[str, Broken]
    """Per keyword that an answer breaks."""

    def as_json(self) -> dict[str, JSON]:
        """Spell the metrics flat; those that need a target are absent where no row has one."""
        leaves = self.leaves
        numbers = {
            "no_output": self.no_output,
            "valid_json": self.valid_json,
            "schema_valid": self.schema_valid,
            "exact": self.exact,
            "match_all": self.match_all,
            "match_parsed": self.match_parsed,
            "f1": self.f1,
            "noise": self.noise,
            "precision": leaves and leaves.precision,
            "recall": leaves and leaves.recall,
            "leaf_f1": leaves and leaves.f1,
            "wrong": leaves and leaves.wrong,
            "missing": leaves and leaves.missing,
            "invented": leaves and leaves.invented,
            "tokens": self.tokens,
        }
        spelled: dict[str, JSON] = {
            name: number.as_json() for name, number in numbers.items() if number is not None
        }
        spelled["violations"] = {keyword: each.as_json() for keyword, each in self.violations.items()}
        return {"rows": self.rows, **spelled} | ({} if leaves is None else self._broken_down())

    def _broken_down(self) -> dict[str, JSON]:
        return {
            "types": {name: each.as_json() for name, each in self.types.items()},
            "depths": {name: each.as_json() for name, each in self.depths.items()},
            "difficulties": {
                measure: {name: each.as_json() for name, each in found.items()}
                for measure, found in self.difficulties.items()
            },
            "fields": {name: each.as_json() for name, each in self.fields.items()},
            "invented_fields": dict(self.invented_fields),
        }


def summary(rows: Sequence[Row], *, seed: int = 0) -> Metrics:
    """Count rows into rates and means; `docs/metrics.md` defines each.

    Args:
        rows: One per example, failed ones too.
        seed: Of the bootstrap.

    Raises:
        EvaluationError: There are no rows.
    """
    valid_json = Rate(sum(each.parses for each in rows), len(rows))
    labelled = [each for each in rows if each.match_share is not None]
    totals = [total(each.leaves.values()) for each in labelled]
    averages = _averages(rows, seed=seed)
    fields = _by_kind(each.leaves for each in labelled)
    asked = {name: found for name, found in fields.items() if any(map(_has_gold, found))}
    broken_by = ((each.example_id, each.violations) for each in rows if each.violations)
    return Metrics(
        rows=len(rows),
        no_output=Rate(sum(each.outcome == "no_output" for each in rows), len(rows)),
        valid_json=valid_json,
        schema_valid=Rate(sum(each.obeys for each in rows), len(rows)),
        exact=Rate(sum(each.exact is True for each in labelled), len(labelled)) if labelled else None,
        match_all=averages["match_all"] if labelled else None,
        match_parsed=averages["match_parsed"] if labelled else None,
        f1=averages["f1"] if labelled else None,
        noise=averages["noise"] if labelled else None,
        tokens=averages["tokens"],
        leaves=Tally.of(totals) if labelled else None,
        fields=_tallies(asked),
        invented_fields=_most_invented({name: fields[name] for name in fields.keys() - asked.keys()}),
        types=_tallies(_by_kind(each.types for each in labelled)),
        depths=_tallies(_by_kind(each.depths for each in labelled)),
        difficulties=_difficulties(labelled, totals),
        violations=broken(broken_by, valid_json.hits),
    )


def _averages(rows: Sequence[Row], *, seed: int) -> dict[str, Mean | Undefined]:
    """Average all that is averaged over the same resamples of rows."""
    columns = {name: [value(each) for each in rows] for name, value in _AVERAGED.items()}
    defined = [name for name, values in columns.items() if any(value is not None for value in values)]
    # NaN stands for no value.
    value_NK = np.array([columns[name] for name in defined], dtype=np.float64).T
    return dict.fromkeys(_AVERAGED, Undefined()) | dict(zip(defined, means(value_NK, seed=seed), strict=True))


def _by_kind(rows: Iterable[Mapping[str, Match]]) -> dict[str, list[Match]]:
    """List for each kind of leaf what the rows have of it."""
    listed: dict[str, list[Match]] = defaultdict(list)
    for each in rows:
        for kind, match in each.items():
            listed[kind].append(match)
    return listed


def _has_gold(match: Match) -> bool:
    return match.right + match.wrong + match.missing > 0


def _tallies(kinds: Mapping[str, Sequence[Match]]) -> dict[str, Tally]:
    return {kind: Tally.of(kinds[kind]) for kind in sorted(kinds)}


def _most_invented(fields: Mapping[str, Sequence[Match]]) -> dict[str, int]:
    """Count the leaves of fields that no gold has, of those that have most."""
    leaves = {name: sum(each.invented for each in found) for name, found in fields.items()}
    most = sorted(leaves, key=lambda name: (-leaves[name], name))[:MOST_INVENTED_FIELDS]
    return {name: leaves[name] for name in most}


def _difficulties(rows: Sequence[Row], totals: Sequence[Match]) -> dict[str, dict[str, Band]]:
    met: dict[str, dict[str, list[tuple[Row, Match]]]] = defaultdict(lambda: defaultdict(list))
    for each, counts in zip(rows, totals, strict=True):
        for measure, name in each.difficulty.items():
            met[measure][name].append((each, counts))
    orders = {
        measure: BANDS.get(measure, sorted(met[measure])) for measure in (*BANDS, GIVEN) if measure in met
    }
    return {
        measure: {name: _band(met[measure][name]) for name in order if name in met[measure]}
        for measure, order in orders.items()
    }


def _band(rows: Sequence[tuple[Row, Match]]) -> Band:
    return Band(
        schema_valid=Rate(sum(each.obeys for each, _ in rows), len(rows)),
        exact=Rate(sum(each.exact is True for each, _ in rows), len(rows)),
        leaf_f1=Tally.of([counts for _, counts in rows]).f1,
    )
