"""Measures nano for its model card: every figure by commands that anyone can run, which are printed.

python recipes/nano/measure.py --out runs/card
python recipes/nano/measure.py --out runs/card --only snips e2e
python recipes/nano/measure.py --out runs/look --share 0.01

Run again, it goes on where it stood: a command that was finished is not run again. `figures.json` in the
directory has every number with its interval, its n, its command and the seconds that this took. `card.py`
makes the model card of it.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from parts import grid, held_out, invoices, labelled, specialise, swapping, trust
from parts.bench import FIGURES, Bench
from parts.labelled import E2E, SNIPS

from adhere.errors import AdhereError

PARTS: Mapping[str, Callable[[Bench], None]] = {
    held_out.PART: held_out.measure,
    invoices.PART: invoices.measure,
    SNIPS.name: lambda bench: labelled.measure(bench, SNIPS),
    E2E.name: lambda bench: labelled.measure(bench, E2E),
    specialise.PART: specialise.measure,
    grid.PART: grid.measure,
    swapping.PART: swapping.measure,
    trust.PART: trust.measure,
}
NEEDS_DATA = frozenset({invoices.PART, SNIPS.name, E2E.name, specialise.PART, swapping.PART})
DATA = Path("../shared/data")


def measure(bench: Bench, parts: list[str]) -> None:
    """Measure parts one after the other, and write what is known after each."""
    for place, part in enumerate(parts, 1):
        if part in NEEDS_DATA and not bench.data.is_dir():
            bench.skipped[part] = f"there is no {bench.data}"
        else:
            PARTS[part](bench)
        bench.write(parts[:place])


def main() -> None:
    """Read the command line, and measure what it asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="nano", help="nano, or a directory")
    parser.add_argument("--base", help="the model before strict SFT, for GRPO from it")
    parser.add_argument("--out", type=Path, required=True, help="where all runs and the figures go")
    parser.add_argument(
        "--data", type=Path, default=DATA, help="the public data sets; docs/nano.md says which"
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="parts to measure"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="of all rows and steps; below 1 only to see that it runs"
    )
    given = parser.parse_args()
    try:
        bench = Bench(given.out, model=given.model, base=given.base, data=given.data, share=given.share)
        measure(bench, given.only)
    except AdhereError as error:
        sys.exit(f"measure.py: {error}")
    except KeyboardInterrupt:
        sys.exit("measure.py: interrupted. Run the same command again, and it goes on.")
    sys.stderr.write(f"{given.out / FIGURES}\n")


if __name__ == "__main__":
    main()
