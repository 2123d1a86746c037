"""Hundreds of schemas, thousands of answers, and not one that breaks its promise."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import cast

import pytest
from tests.conftest import tiny_model
from tests.data.filling.real_schemas import CALLS, REAL

from adhere.data.shapes import shape
from adhere.decode.sample import Question, Sampling, sample
from adhere.decode.vocabulary import Vocabulary
from adhere.model import Model, load
from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.dialect import unconstrainable
from adhere.serve.kept import breaches
from adhere.serve.order import Calling, Obeying, Tool, Wanted
from adhere.serve.promise import grammar_of


def drawn() -> Iterator[Wanted]:
    """Schemas that our own data is made of, ever new ones."""
    number = 0
    while True:
        source = shape(Random(number), least=1, most=9, nesting=0.5, width=0.8)
        yield Obeying(schema=Schema.of(source))
        number += 1


def real() -> list[Wanted]:
    """Schemas that people have, tools of several kinds among them; what no grammar guarantees, leniently."""
    schemas = {name: Schema.of(source) for name, source in REAL.items()}
    tools = [Tool(name=name, description="", parameters=schemas[name]) for name in CALLS]
    sound = [tool for tool in tools if not unconstrainable(tool.parameters)]
    return [
        *(
            Obeying(schema=schema, lenient=bool(unconstrainable(schema)))
            for schema in schemas.values()
        ),
        *(Calling(tools=tuple(sound[first : first + 3])) for first in range(0, len(sound), 3)),
    ]  # fmt: skip


def outcomes(model: Model, wanted: list[Wanted], *, samples: int, tokens: int) -> tuple[int, int]:
    """Count the answers that came to an end, and those that were cut; none may break what was wanted."""
    vocabulary = Vocabulary(model)
    questions = [
        Question(str(number), (40, 41, 42), grammar_of(one, vocabulary)) for number, one in enumerate(wanted)
    ]
    settings = Sampling(samples=samples, temperature=1.0, max_new_tokens=tokens, rows=32)
    ended = cut = 0
    for one, group in zip(wanted, sample(model, questions, settings), strict=True):
        for completion in group:
            broken = breaches(one, completion.text) if completion.finished else ()
            assert broken == () or cast("Obeying", one).lenient, (broken, completion.text)
            ended += completion.finished
            cut += not completion.finished
    return ended, cut


def test_a_babbling_model_keeps_to_schemas_drawn_at_random() -> None:
    ended, cut = outcomes(tiny_model(), list(islice(drawn(), 12)), samples=1, tokens=300)
    assert ended + cut == 12
    # Each byte is a token here; a schema of nine fields with long keys may need more of them.
    assert cut <= 3


@pytest.mark.slow
@pytest.mark.parametrize(("named", "samples", "tokens"), [("nano", 5, 256), ("bytes", 2, 450)])
def test_two_thousand_answers_under_three_hundred_schemas(named: str, samples: int, tokens: int) -> None:
    model = load("nano") if named == "nano" else tiny_model()
    wanted = [*islice(drawn(), 200), *real()]
    assert len(wanted) >= 300
    ended, cut = outcomes(model, wanted, samples=samples, tokens=tokens)
    assert ended + cut == samples * len(wanted)
    assert cut < 0.1 * (ended + cut) if named == "nano" else ended > cut


def test_most_real_schemas_are_guaranteed() -> None:
    guaranteed = sum(
        not unconstrainable(Schema.of(cast("dict[str, JSON]", source))) for source in REAL.values()
    )
    assert guaranteed >= 0.85 * len(REAL)
