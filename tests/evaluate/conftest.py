"""Two examples with their answers, judged and measured as `predict` does it."""

from collections.abc import Callable, Sequence

import pytest

from adhere.evaluate.predict import Prediction
from adhere.evaluate.run import Evaluation
from adhere.measure import metrics
from adhere.records import Completion, Example
from adhere.reward.verdict import judge
from adhere.schema import Schema

ORDER = Schema.of(
    {
        "title": "order",
        "type": "object",
        "properties": {
            "item": {"type": "string"},
            "count": {"type": "integer"},
            "sizes": {"type": "array", "items": {"type": "integer"}},
            "gifts": {
                "type": "array",
                "x-order": "free",
                "items": {
                    "type": "object",
                    "properties": {"to": {"type": "string"}, "count": {"type": "integer"}},
                },
            },
        },
        "required": ["item", "count"],
        "additionalProperties": False,
    }
)

Evaluated = Callable[..., Evaluation]


@pytest.fixture(scope="session")
def order() -> Schema:
    """An item, a count and, where given, sizes and gifts, the latter in any order."""
    return ORDER


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Two mugs and one pot."""
    return [
        Example(id="mugs", text="two mugs", schema="order", target={"item": "mug", "count": 2}),
        Example(id="pot", text="one pot", schema="order", target={"item": "pot", "count": 1}),
    ]


@pytest.fixture(scope="session")
def evaluated() -> Evaluated:
    """Judge and measure answers that were written elsewhere."""

    def of(
        examples: Sequence[Example],
        answers: Sequence[str],
        *,
        constrained: bool = False,
        finished: bool = True,
    ) -> Evaluation:
        predictions = tuple(
            _prediction(example, answer, finished=finished)
            for example, answer in zip(examples, answers, strict=True)
        )
        counted = metrics.summary([each.row for each in predictions]).as_json()
        return Evaluation(
            counted | {"seconds": 1.0, "constrained": constrained, "model": "scripted"}, predictions
        )

    return of


def _prediction(example: Example, answer: str, *, finished: bool) -> Prediction:
    verdict = judge(answer, ORDER)
    return Prediction(
        example=example,
        schema=ORDER,
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
        row=metrics.row(verdict, example, ORDER, tokens=2),
    )
