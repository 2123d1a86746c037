"""What several answers to one example are worth together: pass@k, and the answer that they agree on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from adhere.errors import EvaluationError
from adhere.measure.prediction import Prediction
from adhere.measure.statistics import Mean, Rate
from adhere.records import JSON
from adhere.reward.verdict import Obeys
from adhere.schema.canonical import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """What as many answers to every example achieved."""

    samples: int
    """Answers per example."""
    pass_at: dict[int, Mean]
    """By k: the chance that of k answers one is exact."""
    exact: Rate
    """Of the answers that most agree on."""
    match_all: Mean
    """Of the same; 0 where no answer obeys."""

    def as_json(self) -> dict[str, JSON]:
        """Spell the numbers as a summary has them."""
        return {
            "pass_at": {str(k): mean.as_json() for k, mean in self.pass_at.items()},
            "consistent": {"exact": self.exact.as_json(), "match_all": self.match_all.as_json()},
        }


def repeated(predictions: Sequence[Prediction], *, seed: int = 0) -> Repeated | None:
    """Measure several answers to each example; `None` where no example has a target.

    Pure: the same answers and seed give the same numbers.

    Args:
        predictions: Each with as many samples; those without a target are left out.
        seed: Of the bootstrap over rows.

    Raises:
        EvaluationError: They have not the same number of samples.
    """
    rows = [each.samples for each in predictions if each.example.target is not None]
    if not rows:
        return None
    count = len(rows[0])
    if any(len(row) != count for row in rows):
        raise EvaluationError.at(
            "samples",
            sorted({len(row) for row in rows}),
            "pass@k is measured on as many answers to every example",
            fix="Evaluate again",
        )
    exact = [sum(each.row.exact is True for each in row) for row in rows]
    agreed = [consistent(row) for row in rows]
    return Repeated(
        samples=count,
        pass_at={
            k: Mean.of([pass_at(k, exact=hits, samples=count) for hits in exact], seed=seed)
            for k in _powers(count)
        },
        exact=Rate(sum(each is not None and each.row.exact is True for each in agreed), len(rows)),
        match_all=Mean.of(
            [0.0 if each is None else each.row.match_share or 0.0 for each in agreed], seed=seed
        ),
    )


def pass_at(k: int, *, exact: int, samples: int) -> float:
    """Return the chance, in [0, 1], that one of k answers is exact, where `exact` of `samples` are.

    It is that of a draw of k of the samples without putting back, which does not depend on their order, and
    is right on average: 1 - (samples - exact over k) / (samples over k).

    Source: Chen et al. 2021, arXiv:2107.03374, equation 1.
    """
    return 1 - comb(samples - exact, k) / comb(samples, k)


def consistent(samples: Sequence[Prediction]) -> Prediction | None:
    """Return the first answer with the value that most of those have that obey; `None` where none obeys.

    Values are compared in their canonical spelling; of two that are as frequent, the one that came first is
    taken.

    Source: self-consistency, Wang et al. 2022, arXiv:2203.11171, section 2.
    """
    first: dict[str, Prediction] = {}
    votes = Counter[str]()
    for each in samples:
        if isinstance(each.verdict, Obeys):
            spelled = canonical(each.verdict.value)
            first.setdefault(spelled, each)
            votes[spelled] += 1
    # `max` keeps to the first of several, and a dict to the order in which they came.
    return first[max(votes, key=votes.__getitem__)] if votes else None


def _powers(count: int) -> list[int]:
    """Return 1, 2, 4 and so on, up to a number."""
    return [1 << place for place in range(count.bit_length())]
