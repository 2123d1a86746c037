"""Real rows with right answers: what SFT makes of nano, and what GRPO on other rows adds to that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from adhere.data import store
from parts.answers import Answer, gained_exact, gained_f1, gained_valid
from parts.bench import Bench, Done, setting
from parts.rows import Asked, asked, by_hash, cut, first, learnable, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A public data set with a split of its own."""

    name: str
    schemas: str
    """File in the data's directory."""
    train: str
    test: str
    recipe: str
    """File in `configs/` with the settings of SFT and of GRPO."""
    reserved: int
    """Rows of the train split that GRPO learns from, and SFT before it does not."""
    room: int
    """Tokens of the longest answer."""
    aims: Mapping[str, float]


SNIPS = Task(
    name="snips",
    schemas="schemas.json",
    train="train.jsonl",
    test="validate.jsonl",
    recipe="snips.toml",
    reserved=2700,
    room=128,
    aims={"exact": 0.80, "f1": 0.92},
)
E2E = Task(
    name="e2e",
    schemas="schema.json",
    train="dev.jsonl",
    test="test.jsonl",
    recipe="e2e.toml",
    reserved=900,
    room=128,
    aims={"f1": 0.90},
)
BEFORE, SFT, GRPO, CONTROL = "before", "sft", "sft, then grpo", "sft on the rows of both"


def measure(bench: Bench, task: Task) -> None:
    """Add the figures of nano as it is, after SFT, after GRPO on other rows, and after SFT on all rows."""
    rows = Splits.of(bench, task)
    trained = sft(bench, task, rows.sft, f"{task.name}/sft")
    both = sft(bench, task, rows.all, f"{task.name}/sft_all")
    words = [*bench.recipe(task.recipe, "grpo"), "--model", trained.checkpoint, "--data", str(rows.grpo)]
    reinforced = bench.adhere("grpo", *words, out=f"{task.name}/grpo")
    models = {
        BEFORE: bench.model,
        SFT: trained.checkpoint,
        GRPO: reinforced.checkpoint,
        CONTROL: both.checkpoint,
    }
    given = {
        case: bench.measured(
            task.name, case, rows.test, model=model, aims=task.aims if case == GRPO else None
        )
        for case, model in models.items()
    }
    bench.measured(
        task.name, f"{GRPO}, under the grammar", rows.test, model=reinforced.checkpoint, constrain=True
    )
    _gains(bench, task, given, {SFT: (trained,), GRPO: (trained, reinforced), CONTROL: (both,)})
    source = bench.source(task.name, GRPO)
    bench.add(
        source.number("rows of sft", rows.counts[0], "count"),
        source.number("rows of grpo", rows.counts[1], "count"),
        source.number("rows too long", rows.counts[2], "count"),
    )


def sft(bench: Bench, task: Task, rows: str, out: str, *words: str) -> Done:
    """Train on rows with the settings of the task's recipe, and other words that override them."""
    given = [*bench.recipe(task.recipe, "sft"), *words, "--model", bench.model, "--data", rows]
    return bench.adhere("sft", *given, out=out)


def epochs(bench: Bench, task: Task) -> int:
    """Return the passes that the task's recipe makes, at the bench's share."""
    return bench.count(setting(task.recipe, "sft", "epochs"), least=2)


def _gains(
    bench: Bench, task: Task, given: Mapping[str, tuple[Answer, ...]], done: Mapping[str, tuple[Done, ...]]
) -> None:
    for case, commands in done.items():
        source = bench.source(task.name, case, *commands)
        bench.add(source.number("seconds", source.seconds, "seconds"))
    source = bench.source(task.name, GRPO, *done[GRPO])
    for name, before in (("sft", given[SFT]), ("sft on the rows of both", given[CONTROL])):
        bench.add(
            source.gain(f"exact over {name}", gained_exact(given[GRPO], before)),
            source.gain(f"f1 over {name}", gained_f1(given[GRPO], before)),
            source.gain(f"valid over {name}", gained_valid(given[GRPO], before)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """What is learned from, and what is measured on; files that `--data` takes."""

    sft: str
    grpo: str
    all: str
    test: Asked
    counts: tuple[int, int, int]
    """Rows of SFT, of GRPO, and those of the train split that nano's context does not take."""

    @classmethod
    def of(cls, bench: Bench, task: Task) -> Self:
        """Bring the data in, and split it so that no target stands on two sides of the train split."""
        imported = {
            split: bench.adhere(
                "import",
                str(bench.data / task.name / file),
                "--schema",
                str(bench.data / task.name / task.schemas),
                out=f"{task.name}/data/{split}",
            )
            for split, file in (("train", task.train), ("test", task.test))
        }
        whole = by_hash(store.read(imported["train"].out))
        train = first(whole, bench.count(len(whole.examples), least=40))
        fitting = learnable(train, bench.reader)
        grpo, sft = cut(fitting, bench.count(task.reserved, least=8))
        test = store.read(imported["test"].out)
        place = bench.out / task.name
        return cls(
            sft=str(write(sft, place / "sft_rows")),
            grpo=str(write(grpo, place / "grpo_rows")),
            all=str(write(fitting, place / "all_rows")),
            test=asked(
                first(test, bench.count(len(test.examples))),
                place / "asked",
                bench.reader,
                room=bench.count(task.room, least=16),
            ),
            counts=(
                len(sft.examples),
                len(grpo.examples),
                len(train.examples) - len(fitting.examples),
            ),
        )
