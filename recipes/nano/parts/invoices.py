"""The fifty invoices of a published tutorial: nano as it is, and after GRPO on their unlabelled texts."""

from adhere.data import store
from adhere.data.store import Dataset
from parts.answers import gained_exact, gained_f1
from parts.bench import Bench
from parts.rows import asked, first

PART = "invoices"
RECIPE = "specialise.toml"
ROOM = 96


def measure(bench: Bench) -> None:
    """Add the figures of both, with and without the grammar."""
    test = _imported(bench, "eval.jsonl", "--target-column", "ground_truth")
    _imported(bench, "train.jsonl")
    rows = asked(
        first(test, bench.count(len(test.examples))),
        bench.out / PART / "asked",
        bench.reader,
        room=bench.count(ROOM, least=16),
    )
    before = bench.measured(PART, "before", rows, model=bench.model)
    bench.measured(PART, "before, under the grammar", rows, model=bench.model, constrain=True)
    words = [
        *bench.recipe(RECIPE, "grpo"),
        "--model",
        bench.model,
        "--data",
        str(bench.out / PART / "data" / "train"),
    ]
    done = bench.adhere("grpo", *words, out=f"{PART}/grpo")
    after = bench.measured(PART, "grpo without labels", rows, model=done.checkpoint)
    source = bench.source(PART, "grpo without labels", done)
    bench.add(
        source.number("seconds", done.seconds, "seconds"),
        source.gain("exact over before", gained_exact(after, before)),
        source.gain("f1 over before", gained_f1(after, before)),
    )


def _imported(bench: Bench, file: str, *words: str) -> Dataset:
    place = bench.data / PART
    given = [str(place / file), "--schema", str(place / "schema.json"), *words]
    return store.read(bench.adhere("import", *given, out=f"{PART}/data/{file.split('.')[0]}").out)
