"""Made-up rows that share no template, schema or value with any that nano has read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path

import recipe
import rows
from recipe import Mix

from adhere.config import DOMAINS
from adhere.data import store
from adhere.data.store import Dataset
from parts.answers import gained_exact, gained_f1
from parts.bench import Bench
from parts.faults import faults, kinds
from parts.rows import Asked, asked, first, joined

PART = "held_out"
SEED = 5
APART = ("--hold-out", "template", "shape", "value")
"""As nano's own rows were held apart: the other side of the same split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of rows."""

    name: str
    words: tuple[str, ...]
    """For `adhere synth`."""
    room: int
    """Tokens of the longest answer."""
    aims: Mapping[str, float] = field(default_factory=dict[str, float])


SHAPES = 2400
"""A quarter of them is on the held-out side: a schema for each row."""
CASES = (
    Case(
        name="up to 8 leaves",
        words=(),
        room=320,
        aims={"exact": 0.60, "f1": 0.85, "valid": 0.95},
    ),
    Case(name="up to 4 leaves", words=("--most-leaves", "4"), room=320),
    Case(name="up to 8 leaves, clean texts", words=("--noise", "0"), room=320),
)
ROWS = 600
ROWS_OF_A_DOMAIN = 75
PAPERS = tuple(domain for domain in DOMAINS if domain != "hiring")
ROOM_FOR_PAPERS = 400
"""Tokens; half of the documents that leave so much room have longer answers than flat ones."""
_STRICT = recipe.read(Path(recipe.__file__).with_name("nano.toml")).strict
OF_THE_RECIPE = {
    "texts in four other languages": replace(_STRICT, tongues=1.0),
    "calls of tools": replace(_STRICT, tongues=0.0, calls=1.0, hierarchical=0.0),
}
"""Kinds of rows that `adhere synth` does not draw."""


def measure(bench: Bench) -> None:
    """Add the figures of drawn schemas, and of hierarchical documents as far as the context takes them."""
    for case in CASES:
        words = ("--shapes", str(bench.count(SHAPES, least=40)), *case.words)
        name = case.name.replace(" ", "_").replace(",", "")
        _told(bench, case, first(_made(bench, words, name), bench.count(ROWS)))
    papers = joined({domain: _made(bench, ("--domain", domain), domain) for domain in PAPERS})
    _told(bench, Case(name="hierarchical documents", words=(), room=ROOM_FOR_PAPERS), papers)
    for name, mix in OF_THE_RECIPE.items():
        _told(bench, Case(name=name, words=(), room=320), drawn(mix, bench.count(ROWS)))


def drawn(mix: Mix, wanted: int) -> Dataset:
    """Return rows of the recipe itself, on the side that nano never reads."""
    made = (rows.row(SEED, number, mix, rows.HELD_OUT) for number in count())
    kept = list(islice((row for row in made if row.form == "plain"), wanted))
    examples = (replace(row.example, id=f"{row.example.id}-{place}") for place, row in enumerate(kept))
    return Dataset({row.schema.name: row.schema for row in kept}, tuple(examples))


def _made(bench: Bench, words: tuple[str, ...], name: str) -> Dataset:
    full = ROWS_OF_A_DOMAIN if "--domain" in words else ROWS
    # The examples are on the side that nano has read, and are not used.
    counts = ("--rows", "1", "--held-out", str(bench.count(full)))
    done = bench.adhere("synth", *words, *APART, "--seed", str(SEED), *counts, out=f"{PART}/data/{name}")
    return store.read(done.out / store.HELD_OUT)


def _told(bench: Bench, case: Case, made: Dataset) -> None:
    free = bench.measured(PART, case.name, _asked(bench, case, made), model=bench.model, aims=case.aims)
    under = f"{case.name}, under the grammar"
    asked_bound = _asked(bench, case, made, constrain=True)
    bound = bench.measured(PART, under, asked_bound, model=bench.model, constrain=True)
    source = bench.source(PART, case.name)
    bench.add(*(source.share(f"leaves: {fault}", rate) for fault, rate in faults(free).items()))
    bench.add(*(source.share(f"right: {kind}", rate) for kind, rate in kinds(free).items()))
    ids = {example.id for example in asked_bound.taken.examples}
    both = [[answer for answer in side if answer.example.id in ids] for side in (bound, free)]
    source = bench.source(PART, under)
    bench.add(
        source.gain("exact over free", gained_exact(*both)),
        source.gain("f1 over free", gained_f1(*both)),
    )


def _asked(bench: Bench, case: Case, made: Dataset, *, constrain: bool = False) -> Asked:
    name = case.name.replace(" ", "_").replace(",", "") + ("_bound" if constrain else "")
    return asked(
        made,
        bench.out / PART / "asked" / name,
        bench.reader,
        room=bench.count(case.room, least=16),
        constrain=constrain,
    )
