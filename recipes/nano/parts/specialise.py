"""A schema of six fields that nano has not seen: fifty labelled rows, two hundred texts without labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from swap import swapped

from adhere.data import store
from adhere.data.store import Dataset
from adhere.records import JSON
from adhere.schema import Schema
from parts.answers import Answer, beyond_twice, gained_exact, gained_f1
from parts.bench import Bench, Done, setting
from parts.rows import (
    Asked,
    asked,
    by_hash,
    cut,
    first,
    first_of_each_target,
    narrowed,
    unlabelled,
    write,
)

PART = "specialise"
RECIPE = "specialise.toml"
LABELLED, UNLABELLED, TESTED = 50, 200, 500
COPIES = 9
"""Of each labelled row, with values of the others."""
AS_THEY_ARE = "sft, rows as they are"
ROOM = 128
SECONDS = 600.0
"""Aim of all training together, on two cores."""
SHIPMENT = Path(__file__).parent / "shipment.json"
"""A schema as somebody might write it: options, a pattern, a date, a number and a truth value of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Three sets of rows, no two of which share a target."""

    labelled: str
    exchanged: str
    """The labelled rows, and copies of them with one another's values."""
    unlabelled: str
    test: Asked


def measure(bench: Bench) -> None:
    """Add, for each schema, the figures of SFT, of GRPO without labels, and of both in either order."""
    for name, drawn in SCHEMAS.items():
        rows = _split(bench, name, drawn(bench))
        _specialised(bench, name, rows)


def restaurants(bench: Bench) -> Dataset:
    """Return E2E's descriptions of restaurants with six of their eight fields."""
    keys = ("name", "eatType", "food", "priceRange", "area", "familyFriendly")
    return _narrowed(bench, "e2e", "test.jsonl", "schema.json", keys, "restaurants", "Restaurant")


def books(bench: Bench) -> Dataset:
    """Return SNIPS' ratings of books; the seventh field, that of a series, is left out with its rows."""
    keys = ("object_select", "object_type", "object_name", "rating_value", "best_rating", "rating_unit")
    return _narrowed(bench, "snips", "train.jsonl", "schemas.json", keys, "books", "RateBook")


def shipments(bench: Bench) -> Dataset:
    """Return made-up texts for a schema that somebody wrote."""
    wanted = str(bench.count(LABELLED + UNLABELLED + TESTED, least=40))
    words = ["--schema", str(SHIPMENT), "--seed", "6", "--rows", wanted]
    return store.read(bench.adhere("synth", *words, out=f"{PART}/data/shipments").out)


SCHEMAS: Mapping[str, Callable[[Bench], Dataset]] = {
    "restaurants": restaurants,
    "books": books,
    "shipments": shipments,
}


def _narrowed(
    bench: Bench, folder: str, file: str, schemas: str, keys: tuple[str, ...], name: str, schema: str
) -> Dataset:
    """Import a data set, and keep the rows of one schema that have no other keys than these or lose them.

    A row of E2E keeps its text, which then says more than is asked for; one of SNIPS that has another key
    is left out.
    """
    place = bench.data / folder
    words = [str(place / file), "--schema", str(place / schemas)]
    whole = store.read(bench.adhere("import", *words, out=f"{PART}/data/{name}").out)
    source = whole.schemas[schema].source
    properties = source["properties"]
    assert isinstance(properties, dict)
    chosen: dict[str, JSON] = {key: properties[key] for key in keys}
    smaller = Schema.of({**source, "properties": chosen}, name=name)
    examples = [
        example
        for example in whole.examples
        if example.schema == schema
        and isinstance(example.target, dict)
        and (folder == "e2e" or example.target.keys() <= set(keys))
    ]
    return narrowed(Dataset(whole.schemas, tuple(examples)), smaller, keys)


def _split(bench: Bench, name: str, drawn: Dataset) -> Rows:
    rows = first_of_each_target(by_hash(drawn))
    sizes = [bench.count(size, least=8) for size in (LABELLED, UNLABELLED, TESTED)]
    labelled, without, test, _ = cut(rows, *sizes)
    place = bench.out / PART / name
    return Rows(
        labelled=str(write(labelled, place / "labelled")),
        exchanged=str(write(swapped(labelled, copies=COPIES, seed=0), place / "exchanged")),
        unlabelled=str(write(unlabelled(without), place / "unlabelled")),
        test=asked(first(test, sizes[2]), place / "asked", bench.reader, room=bench.count(ROOM, least=16)),
    )


def _specialised(bench: Bench, name: str, rows: Rows) -> None:
    def sft(model: str, out: str, file: str, *words: str) -> Done:
        given = [*bench.recipe(RECIPE, "sft"), *words, "--model", model, "--data", file]
        return bench.adhere("sft", *given, out=f"{PART}/{name}/{out}")

    def exchanged(model: str, out: str) -> Done:
        # As many updates as the rows alone get.
        passes = max(1, setting(RECIPE, "sft", "epochs") // (1 + COPIES))
        return sft(model, out, rows.exchanged, "--epochs", str(passes))

    def grpo(model: str, out: str) -> Done:
        words = [*bench.recipe(RECIPE, "grpo"), "--model", model, "--data", rows.unlabelled]
        return bench.adhere("grpo", *words, out=f"{PART}/{name}/{out}")

    before = bench.measured(PART, f"{name}: before", rows.test, model=bench.model)
    warm, alone = exchanged(bench.model, "sft"), grpo(bench.model, "grpo")
    orders = {
        "sft": (warm,),
        AS_THEY_ARE: (sft(bench.model, "sft_as_they_are", rows.labelled),),
        "grpo": (alone,),
        "sft, then grpo": (warm, grpo(warm.checkpoint, "sft_grpo")),
        "grpo, then sft": (alone, exchanged(alone.checkpoint, "grpo_sft")),
    }
    after = {
        order: bench.measured(PART, f"{name}: {order}", rows.test, model=done[-1].checkpoint)
        for order, done in orders.items()
    }
    for order, done in orders.items():
        _gains(bench, f"{name}: {order}", done, after[order], before)
    for order in (AS_THEY_ARE, "sft, then grpo", "grpo, then sft"):
        source = bench.source(PART, f"{name}: {order}", *orders[order])
        bench.add(
            source.gain("exact over sft", gained_exact(after[order], after["sft"])),
            source.gain("f1 over sft", gained_f1(after[order], after["sft"])),
        )


def _gains(
    bench: Bench, case: str, done: tuple[Done, ...], after: tuple[Answer, ...], before: tuple[Answer, ...]
) -> None:
    source, has_both = bench.source(PART, case, *done), len(done) > 1
    bench.add(
        source.number("seconds", source.seconds, "seconds", aim=SECONDS if has_both else None),
        source.gain("exact over before", gained_exact(after, before)),
        source.gain("exact over twice before", beyond_twice(after, before), aim=0.0 if has_both else None),
    )
