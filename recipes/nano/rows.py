"""The made-up documents that nano learns from: any number of them, each a function of its number."""

import hashlib
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from random import Random

import calls
import tongues
from recipe import Mix

from adhere.config import DOMAINS, Form, HoldOut
from adhere.data.papers.hierarchy import Hierarchy
from adhere.data.reasoning.reasoning import reasoning
from adhere.data.shapes import shape
from adhere.data.side import Side
from adhere.data.source import SchemaSource, Source, shape_of
from adhere.records import Example
from adhere.schema import Schema

APART: frozenset[HoldOut] = frozenset({"template", "shape", "value"})
TRAIN, HELD_OUT = Side("train", APART), Side("held_out", APART)
"""What nano reads, and what it never reads: `adhere synth --hold-out template shape value` draws the same
line."""
_ROWS_OF_A_SCHEMA = 2
"""One after the other: checking a schema takes longer than filling it."""
_FEW = 4
"""Most parameters of a tool that is not called: nano reads 1,024 tokens in all."""
_PAPERS = tuple(domain for domain in DOMAINS if domain != "hiring")


@dataclass(frozen=True, slots=True)
class Row:
    """A document, the schema of its answer, and the form of that."""

    example: Example
    schema: Schema
    form: Form = "plain"


def chance(seed: int, number: int) -> Random:
    """Return the source of chance of a document."""
    return Random(int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:8], "big"))


def row(seed: int, number: int, mix: Mix, side: Side = TRAIN) -> Row:
    """Return the document of this number.

    Args:
        seed: Another one gives other documents.
        number: From 0.
        mix: What it may be.
        side: The split it belongs to.
    """
    random = Random(f"{seed}:{number}:kind")
    kind = random.random()
    if kind < mix.tongues:
        return Row(*tongues.told(random, number, mix.most, side))
    source = _source(seed, number // _ROWS_OF_A_SCHEMA, mix, side)
    example = source.example(number, side)
    schema = source.schemas[example.schema]
    if kind < mix.tongues + mix.calls and not isinstance(source, Hierarchy):
        return Row(*calls.call(random, example, schema, lambda chance: _parameters(chance, mix, side)))
    thinks = chance(seed, number).random() < mix.thinking
    told = reasoning(example, schema) if thinks else None
    if not isinstance(told, str):
        return Row(example, schema)
    return Row(replace(example, reasoning=told), schema, "think")


@lru_cache(maxsize=4)
def _source(seed: int, number: int, mix: Mix, side: Side) -> Source:
    """Return where the rows of a schema come from."""
    random = chance(seed, -1 - number)
    draw = random.random()
    if draw < mix.hierarchical:
        return _papers(random.choice(_PAPERS), seed, mix.noise)
    wide = draw < mix.hierarchical + mix.wide
    schema = _schema(random, mix, side, wide=wide, name=f"shape-{number}")
    strange = mix.strange if side == TRAIN else 0.0
    return SchemaSource([schema], seed=seed, noise=mix.noise, strange=strange)


def _parameters(random: Random, mix: Mix, side: Side) -> Schema:
    """Draw the parameters of a tool that is not called."""
    few = replace(mix, most=min(mix.most, _FEW))
    return _schema(random, few, side, wide=random.random() < mix.wide, name="parameters")


def _schema(random: Random, mix: Mix, side: Side, *, wide: bool, name: str) -> Schema:
    """Draw schemas until one belongs to the side."""
    while True:
        drawn = shape(random, least=1, most=mix.most, nesting=mix.nesting, width=float(wide))
        schema = Schema.of(drawn, name=name)
        if side.admits("shape", shape_of(schema)):
            return schema


@cache
def _papers(domain: str, seed: int, noise: float) -> Hierarchy:
    return Hierarchy.of(domain, seed=seed, noise=noise)
