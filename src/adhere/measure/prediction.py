"""What a model answered to an example, judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adhere.config import Form
from adhere.measure.calibration import Claim
from adhere.measure.request import Request
from adhere.measure.row import Row, row
from adhere.records import Example
from adhere.reward.verdict import Malformed, NoOutput, Verdict, judge
from adhere.reward.wrapping import BLANKS, after_thought
from adhere.schema import Schema


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
    """False when the token limit cut it off, or there is none."""
    verdict: Verdict
    row: Row
    confidence: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of each leaf, by JSON pointer, in [0, 1], as its tokens have it; see `confidences`."""
    calibrated: Mapping[str, float] = field(default_factory=dict[str, float])
    """The same, calibrated; empty where no calibration is known."""
    request: Request | None = None
    """How a server was asked for it; `None` where none was."""
    others: tuple["Prediction", ...] = ()
    """Further answers to the same example; this one is the first."""

    @property
    def cause(self) -> str | None:
        """Why there is no answer, or none that is whole, by name; `None` where there is one."""
        if self.request is not None:
            return self.request.cause
        return None if self.finished else "cut"

    @property
    def samples(self) -> tuple["Prediction", ...]:
        """All answers to the example, in the order drawn."""
        return (self, *self.others)

    def claims(self) -> list[Claim]:
        """Return the leaves with their confidences, where it is known whether they are right."""
        return self._claims(self.confidence)

    def calibrated_claims(self) -> list[Claim]:
        """Return the leaves with their calibrated confidences, where it is known whether they are right."""
        return self._claims(self.calibrated)

    def _claims(self, sure: Mapping[str, float]) -> list[Claim]:
        known = self.row.right
        return [Claim(confidence, known[pointer]) for pointer, confidence in sure.items() if pointer in known]


def judged(
    answer: str,
    example: Example,
    schema: Schema,
    *,
    form: Form = "plain",
    tokens: int,
    finished: bool = True,
    thoughts: bool = False,
) -> Prediction:
    """Judge and measure an answer, wherever it comes from.

    Args:
        answer: All of it, its prefill too.
        example: What was asked about.
        schema: The one that the example names.
        form: Where in the answer the JSON stands.
        tokens: That the model wrote.
        finished: False when the token limit cut it off.
        thoughts: Whether an answer of the form `plain` may begin with a thought that ends in `</think>`;
            what stands after it is then judged. Rewards never allow it.
    """
    verdict = judge(answer, schema, form=form)
    if thoughts and form == "plain" and isinstance(verdict, Malformed | NoOutput):
        verdict = judge(after_thought(answer.strip(BLANKS)), schema)
    return Prediction(
        example=example,
        schema=schema,
        answer=answer,
        form=form,
        finished=finished,
        verdict=verdict,
        row=row(verdict, example, schema, tokens=tokens),
    )
