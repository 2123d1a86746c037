"""Applications with a judgement in prose, by their number."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from adhere.data.hiring import papers
from adhere.data.hiring.drawing import draw
from adhere.data.hiring.review import EVALUATION, INSTRUCTIONS, RULES, evaluation, facts, review, rubric
from adhere.data.side import Side
from adhere.data.writing import PROSE
from adhere.records import Example
from adhere.schema import Schema


class Hiring:
    """Job descriptions with CVs, and what is to be said of them.

    The target is a judgement in prose. `meta` has the checks that it passes (`rubric`), the JSON that it says
    (`evaluation`, which obeys the schema of that name), and what else is true (`facts`).
    """

    def __init__(self, seed: int) -> None:
        """Say which seed; another one gives other examples."""
        self._seed = seed
        self.schemas: Mapping[str, Schema] = {PROSE.name: PROSE, EVALUATION.name: EVALUATION}

    def example(self, number: int, side: Side) -> Example:
        """Make the example of a number."""
        mark = f"hiring:{self._seed}:{side.split}:{number}".encode()
        random = Random(int.from_bytes(hashlib.sha256(mark).digest()[:8], "big"))
        drawn, worded = draw(random, side), papers.style(random, side)
        told = replace(drawn, criteria=tuple(papers.in_order(drawn.criteria, worded)))
        said = review(told, worded)
        return Example(
            id=f"hiring-{side.split}-{self._seed}-{number}",
            text=papers.application(told, worded),
            schema=PROSE.name,
            target=said,
            meta={
                "instruction": f"{random.choice(INSTRUCTIONS)} {RULES}",
                "rubric": list(rubric(told, words=len(said.split()))),
                "evaluation": evaluation(told),
                "facts": facts(told),
                "spans": {},
                "template": worded.template,
                "distractors": told.distractors,
            },
        )
