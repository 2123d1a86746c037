"""Two examples with their answers, judged and measured as `predict` does it."""

from collections.abc import Callable, Sequence

import pytest

from adhere.evaluate.run import Evaluation
from adhere.measure import metrics
from adhere.predict import Prediction
from adhere.records import Completion, Example
from adhere.reward.verdict import judge
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
            _prediction(example, order, answer, finished=finished)
            for example, answer in zip(examples, answers, strict=True)
        )
        counted = metrics.summary([each.row for each in predictions]).as_json()
        return Evaluation(
            counted | {"seconds": 1.0, "constrained": constrained, "model": "scripted"}, predictions
        )

    return of


def _prediction(example: Example, schema: Schema, answer: str, *, finished: bool) -> Prediction:
    verdict = judge(answer, schema)
    return Prediction(
        example=example,
        schema=schema,
        completion=Completion(
            example_id=example.id,
            index=0,
            text=answer,
            tokens=(7, 2),
            logprobs=(-0.5, -0.1),
            finished=finished,
        ),
        answer=answer,
        form="plain",
        verdict=verdict,
        row=metrics.row(verdict, example, schema, tokens=2),
    )
