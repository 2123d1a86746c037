"""An update of supervised fine-tuning: this engine's loop beside TRL's `SFTTrainer`.

Both train a model of the same shape on the same batches, whose rows are drawn by lot, the lengths log-normal.
Under `mixed` they have 60 to 600 tokens, the first 70 % of each its prompt, which carries no loss; under
`one_schema` 100 tokens with which all begin, as rows of one schema do, and 20 to 120 of their own, half of
them prompt. One update each warms up, and then one of ours follows every one of TRL's; that both have the
same loss is checked at each.

TRL has what was found to be fastest on a CPU: microbatches of few rows of like length, as its sampler by
length would find them, no gradient checkpointing, no logging, and `sdpa`. Packed or without padding it is
slower there, as each row then attends under a mask to all others. What rows share it computes for each.
"""

import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from limit import Group, Work, rate
from setting import Setting, arguments, of_trainer, setting, train_peer, write
from shape import ONE_WORD, network, tokenizer, words

from adhere.config import SftConfig
from adhere.model import Model
from adhere.prompt import Rendered, Tokenizer
from adhere.records import JSON, Example
from adhere.schema import Schema
from adhere.train import sft
from adhere.train.beginnings import of_rows
from adhere.train.order import shuffled

STEPS = 9
ROWS = 32
"""Of an update."""
SPREAD = 0.6
"""Standard deviation of the natural logarithm of a length."""
LR = 1e-4
LOWEST = 0.1
"""Share of the learning rate that is left at the end."""
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 1e-2}
"""Of a loss, relative."""
SCHEMAS = {"none": Schema.of({"type": "string"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Which rows are learned. Lengths are in tokens."""

    alike: int = 0
    """With which all rows begin, after the word that asks and before those of their own."""
    shortest: int
    median: int
    longest: int
    prompt: float
    """Share of a row's own that carries no loss."""
    microbatch: int
    """Rows of TRL's that share a forward pass on a CPU: the fastest of 2, 4 and 8."""


ON_GPU = 32
"""Rows of TRL's that share one on a GPU."""
CASES = {
    "mixed": Case(shortest=60, median=190, longest=600, prompt=0.7, microbatch=2),
    "one_schema": Case(alike=99, shortest=20, median=50, longest=120, prompt=0.5, microbatch=4),
}


def config() -> SftConfig:
    """Return the settings of ours."""
    nowhere = Path()  # a loop reads and writes nothing
    return SftConfig(data=nowhere, out=nowhere, form="prose", batch_size=ROWS, lr=LR, warmup=0.0)


def examples(setting: Setting, case: Case) -> list[Example]:
    """Make the rows, in the order in which both sides meet them."""
    chance = random.Random(0)
    alike = words(setting.shape, case.alike, random.Random(1))
    made: list[Example] = []
    for place in range(ROWS * (setting.steps + 1)):
        drawn = round(math.exp(chance.gauss(math.log(case.median), SPREAD)))
        length = min(max(drawn, case.shortest), case.longest)
        asked = round(length * case.prompt)
        own = words(setting.shape, asked - 1, chance)  # after the word that asks
        made.append(
            Example(
                id=f"row-{place}",
                text=f"{alike} {own}",
                schema="none",
                target=words(setting.shape, length - asked - 1, chance),  # before the end
                meta={"instruction": ONE_WORD},
            )
        )
    return shuffled(made, seed=config().seed, epoch=0)


@dataclass(frozen=True, slots=True)
class Update:
    """What an update took, in seconds, and its loss."""

    seconds: float
    loss: float


class Ours:
    """This engine's loop."""

    def __init__(self, setting: Setting, case: Case) -> None:
        self._setting = setting
        weights = network(setting.shape, setting.device)
        model = Model(
            "random", weights, cast("Tokenizer", tokenizer(setting.shape, ends=True)), mixed=setting.mixed
        )
        rows = examples(setting, case)
        longest = case.alike + case.longest
        rendered = sft.rendered(model, rows, SCHEMAS, form="prose", max_tokens=longest)
        self.rows = [rendered[row.id] for row in rows]
        """The tokens of all updates, for the peer."""
        self._steps = sft.train(model, rows, SCHEMAS, config())

    def update(self) -> Update:
        """Make one."""
        self._setting.synchronise()
        began = time.perf_counter()
        made = next(self._steps)
        self._setting.synchronise()
        return Update(time.perf_counter() - began, made.loss)


class Peer:
    """TRL's trainer."""

    def __init__(self, setting: Setting, case: Case, rows: Sequence[Rendered], out: str) -> None:
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import SFTConfig as TrlConfig
        from trl import SFTTrainer

        self._setting = setting
        self._losses: list[torch.Tensor] = []
        microbatch = case.microbatch if setting.device == "cpu" else ON_GPU
        # Within an update, rows of like length share a microbatch.
        updates = [sorted(rows[at : at + ROWS], key=_length) for at in range(0, len(rows), ROWS)]
        table = [
            {"input_ids": list(row.tokens), "labels": _labels(row)} for batch in updates for row in batch
        ]
        arguments = TrlConfig(
            output_dir=out,
            per_device_train_batch_size=microbatch,
            gradient_accumulation_steps=ROWS // microbatch,
            max_steps=setting.steps + 1,
            max_length=None,
            train_sampling_strategy="sequential",
            learning_rate=LR,
            lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr_rate": LOWEST},
            **of_trainer(setting),
        )
        self._trainer: Any = SFTTrainer(  # a call of it is listened to
            model=network(setting.shape, setting.device),
            args=arguments,
            train_dataset=Dataset.from_list(table),
            processing_class=tokenizer(setting.shape, ends=True),
        )
        self._trainer.remove_callback(PrinterCallback)  # it writes where the result goes
        step = self._trainer.training_step
        self._trainer.training_step = lambda *given: self._heard(step(*given))

    def train(self, after: Callable[[Update], None]) -> None:
        """Make all updates; call back after each."""
        train_peer(
            self._trainer,
            self._setting,
            before=self._losses.clear,
            after=lambda seconds: after(Update(seconds, float(torch.stack(self._losses).sum()))),
        )

    def _heard(self, loss: torch.Tensor) -> torch.Tensor:
        self._losses.append(loss)
        return loss


def _length(row: Rendered) -> int:
    return len(row.tokens)


def _labels(row: Rendered) -> list[int]:
    return [token if mine else -100 for token, mine in zip(row.tokens, row.is_answer, strict=True)]


def compared(setting: Setting, case: Case, *, limit: bool) -> dict[str, JSON]:
    """Make an update of ours after each of the peer's; return medians and their ratio."""
    ours = Ours(setting, case)
    pairs: list[tuple[Update, Update]] = []
    with tempfile.TemporaryDirectory() as out:
        Peer(setting, case, ours.rows, out).train(lambda peers: pairs.append((ours.update(), peers)))
    for own, peer in pairs:
        assert math.isclose(own.loss, peer.loss, rel_tol=TOLERANCE[setting.dtype]), (own.loss, peer.loss)
    tokens = [sum(map(_length, ours.rows[at : at + ROWS])) for at in range(0, len(ours.rows), ROWS)]
    rates = [
        (count / own.seconds, count / peer.seconds)
        for count, (own, peer) in zip(tokens[1:], pairs[1:], strict=True)
    ]
    found: dict[str, JSON] = {
        "ours": round(statistics.median(own for own, _ in rates)),
        "peer": round(statistics.median(peer for _, peer in rates)),
        "unit": "tokens/s",
        "ratio": round(statistics.median(own / peer for own, peer in rates), 2),
        "runs": setting.steps,
    }
    return {**found, "limit": distance(setting, ours.rows, [own for own, _ in pairs])} if limit else found


def distance(setting: Setting, rows: Sequence[Rendered], updates: Sequence[Update]) -> JSON:
    """Say how long the arithmetic of our updates takes at best, and which share of their time that is."""
    batches = [rows[at : at + ROWS] for at in range(ROWS, len(rows), ROWS)]
    shared = [
        Group(prompt=len(group.prompt), answers=[len(answer.tokens) for answer in group.answers])
        for batch in batches
        for group in of_rows(batch)
    ]
    learned = [Group(prompt=0, answers=[sum(row.is_answer)]) for row in rows[ROWS:]]
    # What follows a beginning is computed in any case; what of it is learned reaches the vocabulary.
    head = Work.of(setting.shape, learned).head
    work = replace(Work.of(setting.shape, shared), head=head).gradients / setting.steps
    most = rate(setting)
    spent = sum(update.seconds for update in updates[1:]) / setting.steps
    return {
        "gflop_per_s": round(most / 1e9, 1),
        "gflop": round(work / 1e9, 1),
        "seconds": round(work / most, 4),
        "reached": round(work / most / spent, 3),
    }


def main() -> None:
    """Print one JSON object."""
    parser = arguments(__doc__, steps=STEPS)
    parser.add_argument(
        "--case", nargs="+", choices=list(CASES), default=list(CASES), help="both, if not given"
    )
    given = parser.parse_args()
    asked = setting(given)
    write({name: compared(asked, CASES[name], limit=given.limit) for name in given.case}, given)


if __name__ == "__main__":
    main()
