"""Two examples with their answers, judged and measured as `predict` does it."""

from collections.abc import Callable, Sequence

import pytest

from adhere.evaluate.evaluation import Evaluation
from adhere.measure import metrics
from adhere.measure.prediction import judged
from adhere.records import Example
from adhere.schema import Schema

Evaluated = Callable[..., Evaluation]


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Two mugs and one pot."""
    return [
        Example(id="mugs", text="two mugs", schema="order", target={"item": "mug", "count": 2}),
        Example(id="pot", text="one pot", schema="order", target={"item": "pot", "count": 1}),
    ]


@pytest.fixture(scope="session")
def evaluated(order: Schema) -> Evaluated:
    """Judge and measure answers that were written elsewhere."""

    def of(
        examples: Sequence[Example],
        answers: Sequence[str],
        *,
        constrained: bool = False,
        finished: bool = True,
    ) -> Evaluation:
        predictions = tuple(
            judged(answer, example, order, tokens=2, finished=finished)
            for example, answer in zip(examples, answers, strict=True)
        )
        counted = metrics.summary([each.row for each in predictions]).as_json()
        return Evaluation(
            counted | {"seconds": 1.0, "constrained": constrained, "form": "plain", "model": "scripted"},
            predictions,
        )

    return of
