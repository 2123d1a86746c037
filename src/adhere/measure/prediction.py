"""What a model answered to an example, judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adhere.config import Form
from adhere.measure import metrics
from adhere.measure.calibration import Claim
from adhere.measure.metrics import Row
from adhere.records import Example
from adhere.reward.match import findings
from adhere.reward.verdict import Obeys, Verdict, Violates, judge
from adhere.schema import Schema
from adhere.schema.places import pointer_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """An answer, and what became of it."""

    example: Example
    schema: Schema
    answer: str
    """All that was judged: the prefill, then what the model wrote."""
    form: Form
    """Where in it the answer proper stands."""
    finished: bool
    """False when the token limit cut it off."""
    verdict: Verdict
    row: Row
    confidence: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of each leaf, by JSON pointer, in [0, 1], as its tokens have it; see `confidences`."""
    calibrated: Mapping[str, float] = field(default_factory=dict[str, float])
    """The same, calibrated; empty where no calibration is known."""

    def claims(self) -> list[Claim]:
        """Return the leaves with their confidences, where it is known whether they are right."""
        return self._claims(self.confidence)

    def calibrated_claims(self) -> list[Claim]:
        """Return the leaves with their calibrated confidences, where it is known whether they are right."""
        return self._claims(self.calibrated)

    def right_leaves(self) -> Mapping[str, bool]:
        """Say of each leaf, by JSON pointer, whether it is right; of none without a target."""
        target = self.example.target
        if target is None or not isinstance(self.verdict, Obeys | Violates):
            return {}
        found = findings(self.verdict.value, target, schema=self.schema)
        return {pointer_of(each.path): each.fate == "right" for each in found if each.fate != "missing"}

    def _claims(self, sure: Mapping[str, float]) -> list[Claim]:
        if not sure:
            return []
        right = self.right_leaves()
        return [Claim(confidence, right[pointer]) for pointer, confidence in sure.items() if pointer in right]


def judged(
    answer: str, example: Example, schema: Schema, *, form: Form = "plain", tokens: int, finished: bool = True
) -> Prediction:
    """Judge and measure an answer, wherever it comes from.

    Args:
        answer: All of it, its prefill too.
        example: What was asked about.
        schema: The one that the example names.
        form: Where in the answer the JSON stands.
        tokens: That the model wrote.
        finished: False when the token limit cut it off.
    """
    verdict = judge(answer, schema, form=form)
    return Prediction(
        example=example,
        schema=schema,
        answer=answer,
        form=form,
        finished=finished,
        verdict=verdict,
        row=metrics.row(verdict, example, schema, tokens=tokens),
    )
