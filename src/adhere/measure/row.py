"""What one answer achieved, measured against its example."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from adhere.measure.band import bands
from adhere.measure.leaf_type import leaf_type
from adhere.measure.noise import noise
from adhere.records import Example
from adhere.reward.match import Fate, Finding, Match, all_missing, by, findings, total
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Outcome, Verdict, Violates, outcome
from adhere.schema import Schema, Violation
from adhere.schema.leaves import Path, field_of
from adhere.schema.places import pointer_of

DEEPEST = 4
"""Leaves as deep as this or deeper are counted together."""


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
    types: Mapping[str, Match] = field(default_factory=dict[str, Match])
    """The same per type: of the gold's leaf, or of the answer's where it is invented."""
    depths: Mapping[str, Match] = field(default_factory=dict[str, Match])
    """The same by how many keys lead to the leaf; `4+` of `DEEPEST` and more."""
    right: Mapping[str, bool] = field(default_factory=dict[str, bool])
    """Of each leaf of the answer, by JSON pointer, whether it is right; of none without a target."""
    violations: tuple[Violation, ...] = ()
    """How the answer breaks its schema."""
    difficulty: Mapping[str, str] = field(default_factory=dict[str, str])
    """The band in which its example is, for each measure; none where the example has no target."""

    @property
    def parses(self) -> bool:
        """Whether the answer is JSON."""
        return self.outcome in {"violates", "obeys"}

    @property
    def obeys(self) -> bool:
        """Whether the answer obeys its schema."""
        return self.outcome == "obeys"


def row(verdict: Verdict, example: Example, schema: Schema, *, tokens: int) -> Row:
    """Measure one judged answer against its example.

    Args:
        verdict: What became of the answer.
        example: Whose answer it is.
        schema: The schema that the example names.
        tokens: That the model wrote, thinking included.
    """
    violations = verdict.violations if isinstance(verdict, Violates) else ()
    found = _fates(verdict, example, schema)
    if found is None:
        return Row(
            example_id=example.id,
            outcome=outcome(verdict),
            tokens=tokens,
            exact=None,
            match_share=None,
            f1=None,
            noise=None,
            leaves={},
            violations=violations,
        )
    named = {leaf.pointer: leaf for leaf in schema.leaves}
    became: list[Fate] = [each.fate for each in found]
    fields, depths = zip(*(_place(each.path) for each in found), strict=True)
    types = [leaf_type(each.leaf, named.get(name)) for each, name in zip(found, fields, strict=True)]
    leaves = by(zip(fields, became, strict=True))
    counts = total(leaves.values())
    return Row(
        example_id=example.id,
        outcome=outcome(verdict),
        tokens=tokens,
        exact=counts.exact,
        match_share=counts.recall,
        f1=counts.f1,
        noise=noise(verdict, example.target, schema, found),
        leaves=leaves,
        types=by(zip(types, became, strict=True)),
        depths=by(zip(depths, became, strict=True)),
        right={_pointer(each.path): each.fate == "right" for each in found if each.fate != "missing"},
        violations=violations,
        difficulty=bands(example),
    )


def _fates(verdict: Verdict, example: Example, schema: Schema) -> tuple[Finding, ...] | None:
    """Say what became of every leaf of an answer and of its example's target; `None` without a target.

    Where nothing parsed, all of the target's are missing.
    """
    if example.target is None:
        return None
    match verdict:
        case NoOutput() | Malformed():
            return all_missing(example.target)
        case Violates(value=value) | Obeys(value=value):
            return findings(value, example.target, schema=schema)


@lru_cache(maxsize=2**14)
def _pointer(path: Path) -> str:
    return pointer_of(path)


@lru_cache(maxsize=2**14)
def _place(path: Path) -> tuple[str, str]:
    """Return the field of a leaf and its depth. Paths are few, and met in row after row."""
    depth = sum(isinstance(step, str) for step in path)
    return field_of(path), f"{DEEPEST}+" if depth >= DEEPEST else str(depth)
