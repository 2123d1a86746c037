"""Whether values exchanged between rows of SNIPS make SFT better, at as many updates."""

from pathlib import Path

from swap import swapped

from adhere.data import store
from parts.answers import gained_exact, gained_f1
from parts.bench import Bench
from parts.labelled import SNIPS, Splits, epochs, sft
from parts.rows import write

PART = "swapped"
COPIES = 1
SEED = 1


def measure(bench: Bench) -> None:
    """Add the figures of SFT on rows and a copy of each, half as often, beside those of plain SFT."""
    rows = Splits.of(bench, SNIPS)
    copied = swapped(store.read(Path(rows.sft)), copies=COPIES, seed=SEED)
    more = str(write(copied, bench.out / PART / "rows"))
    passes = max(1, epochs(bench, SNIPS) // (1 + COPIES))
    plain = sft(bench, SNIPS, rows.sft, f"{SNIPS.name}/sft")
    other = sft(bench, SNIPS, more, f"{PART}/sft", "--epochs", str(passes))
    before = bench.measured(PART, "as they are", rows.test, model=plain.checkpoint)
    after = bench.measured(PART, "with a copy of each", rows.test, model=other.checkpoint)
    source = bench.source(PART, "with a copy of each", other)
    bench.add(
        source.number("seconds", other.seconds, "seconds"),
        source.gain("exact over plain", gained_exact(after, before)),
        source.gain("f1 over plain", gained_f1(after, before)),
    )
