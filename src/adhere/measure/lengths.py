"""How many tokens examples take, prompt and answer together."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from adhere import prompt
from adhere.config import Form
from adhere.data.inspection.stating import is_prose
from adhere.prompt import Tokenizer
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.schema.canonical import spelled

_TAGS = 64
"""Bytes that the form `think` puts around reasoning and answer, with room to spare."""
_MOST_BINS = 16
_STEPS = (1, 2, 5)
"""A bin is so many times a power of ten wide."""


class Lengths:
    """Tokens of examples, as training and evaluation write them: of some, and of each that may be too long.

    Args:
        tokenizer: The model's own.
        context: Most tokens that the model takes.
        every: One example of so many is counted, whatever its length.
    """

    def __init__(self, tokenizer: Tokenizer, context: int, *, every: int = 1) -> None:
        self._tokenizer = tokenizer
        self._context = context
        self._every = every
        self._seen = 0
        self._without_text: dict[tuple[str, Form, str], int] = {}
        self.counted: list[int] = []
        """Tokens of one example in `every`."""

    def excess(self, example: Example, schema: Schema) -> int:
        """Return by how many tokens an example is longer than the context; 0 if it fits."""
        is_drawn = self._seen % self._every == 0
        self._seen += 1
        form: Form = "prose" if is_prose(example) else "plain" if example.reasoning is None else "think"
        if not is_drawn and self._most(example, schema, form) <= self._context:
            return 0
        tokens = self._tokens(example, schema, form)
        if is_drawn:
            self.counted.append(tokens)
        return max(0, tokens - self._context)

    def _most(self, example: Example, schema: Schema, form: Form) -> int:
        """Return as many tokens as an example can have: no text has more of them than bytes."""
        asked = str(example.meta[prompt.INSTRUCTION]) if form == "prose" else ""
        key = schema.hash, form, asked
        if key not in self._without_text:
            bare = replace(example, text="", target=None)
            self._without_text[key] = self._tokens(bare, schema, form)
        answer = "" if example.target is None else spelled(example.target)
        written = f"{example.text}{example.reasoning or ''}{answer}".encode(errors="replace")
        return self._without_text[key] + len(written) + _TAGS

    def _tokens(self, example: Example, schema: Schema, form: Form) -> int:
        if example.target is None:
            return len(prompt.prompt(example, schema, self._tokenizer, form=form))
        return len(prompt.render(example, schema, self._tokenizer, form=form).tokens)

    def as_json(self) -> dict[str, JSON]:
        """Return the mean, quantiles and a histogram; nulls where nothing was counted."""
        ranked = sorted(self.counted)
        quantiles: dict[str, JSON] = {
            f"p{share}": ranked[-(-len(ranked) * share // 100) - 1] if ranked else None
            for share in (5, 50, 95, 99)
        }
        bins: list[JSON] = [{"from": low, "below": high, "rows": rows} for low, high, rows in bins_of(ranked)]
        return {
            "context": self._context,
            "n": len(ranked),
            "mean": round(fmean(ranked), 1) if ranked else None,
            **quantiles,
            "max": ranked[-1] if ranked else None,
            "bins": bins,
        }


def bins_of(counts: Sequence[int]) -> list[tuple[int, int, int]]:
    """Part counts into bins of one round width, 16 at most, from the lowest to the highest.

    Returns:
        For each bin its least value, the next bin's, and how many counts lie in it.
    """
    if not counts:
        return []
    low, high = min(counts), max(counts)
    widths = (step * 10**power for power in range(20) for step in _STEPS)
    width = next(width for width in widths if high // width - low // width < _MOST_BINS)
    rows = [0] * (high // width - low // width + 1)
    for count in counts:
        rows[count // width - low // width] += 1
    start = low // width * width
    return [(start + place * width, start + (place + 1) * width, row) for place, row in enumerate(rows)]
