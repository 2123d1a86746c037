"""The source of examples that the settings of `adhere synth` ask for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from adhere.config import SynthConfig
from adhere.data.hiring.source import Hiring
from adhere.data.papers.hierarchy import SHAPES, Hierarchy
from adhere.data.reasoning.reasoning import Unexplained, reasoning
from adhere.data.shapes import shape
from adhere.data.side import Side
from adhere.data.source import SchemaSource, Source, shape_of
from adhere.data.writing import Reversed
from adhere.errors import DataError
from adhere.records import Example
from adhere.schema import Schema

_NESTED_SHARE = 0.3
"""Of the drawn schemas of three leaves and more."""


def source_of(config: SynthConfig) -> Source:
    """Return the source that settings without a teacher ask for.

    Raises:
        SchemaError: The schema is not one, or every value that obeys it has no end.
    """
    source = _source(config)
    if config.reasoning:
        source = Reasoned(source)
    return Reversed(source) if config.task == "write" else source


class Reasoned:
    """The examples of another source, each with how its target is read from its text."""

    def __init__(self, source: Source) -> None:
        """Say whose; every text states every leaf of its target."""
        self._source = source
        self.schemas = source.schemas

    def example(self, number: int, side: Side) -> Example:
        """Make the example of a number.

        Raises:
            DataError: How a leaf is read cannot be told.
        """
        example = self._source.example(number, side)
        told = reasoning(example, self.schemas[example.schema])
        if isinstance(told, Unexplained):
            raise DataError.at(
                f"{example.id} target",
                told.pointers,
                "how these are read from its text cannot be told",
                fix="Leave out --reasoning, or use another seed",
            )
        return replace(example, reasoning=told)


def _source(config: SynthConfig) -> Source:
    # A text that is to be learned is a clean one.
    noise = config.noise if config.task == "extract" else 0.0
    match config:
        case SynthConfig(schema=Path() as schema):
            return SchemaSource([Schema.load(str(schema))], seed=config.seed, noise=noise)
        case SynthConfig(domain="hiring"):
            return Hiring(config.seed)
        case SynthConfig(domain=str() as domain):
            return Hierarchy.of(
                domain,
                seed=config.seed,
                shapes=config.shapes or SHAPES,
                noise=noise,
                short=config.short,
            )
        case _:
            return SchemaSource(_drawn(config), seed=config.seed, noise=noise)


def sides_of(config: SynthConfig) -> tuple[Side, Side]:
    """Return the side of the examples, and that of the held-out ones."""
    apart = frozenset(config.hold_out)
    return Side("train", apart), Side("held_out", apart)


def _drawn(config: SynthConfig) -> Sequence[Schema]:
    """Draw schemas of different shapes; where shapes are held apart, at least one for each side."""
    random = Random(f"shapes:{config.seed}")
    sides = sides_of(config) if config.held_out else sides_of(config)[:1]
    lacking = list(sides)
    drawn: dict[str, Schema] = {}
    while len(drawn) < config.shapes:
        source = shape(random, least=1, most=config.most_leaves, nesting=_NESTED_SHARE, width=1.0)
        schema = Schema.of(source, name=f"shape-{len(drawn) + 1}")
        mark = shape_of(schema)
        served = [side for side in sides if side.admits("shape", mark)]
        still = [side for side in lacking if side not in served]
        if mark not in drawn and served and len(still) < config.shapes - len(drawn):
            lacking = still
            drawn[mark] = schema
    return list(drawn.values())
