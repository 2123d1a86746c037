"""Answers to rows: `predict`, as `adhere eval` calls it, beside `generate` of transformers, in tokens/s.

Both answer the same rows with the same weights in float32, by the most probable tokens, until the same token
ends an answer or it has so many. `short` are rows of drawn schemas with prompts of at most 300 tokens, `long`
documents of bio-manufacturing with prompts of 400 to 640 and answers of about 280. Tokens are those of the
answers, their ends included. `same` is the share of rows whose answers both sides wrote alike to the last
token; 32 bits round otherwise where sums are made in another order, and a tie may fall the other way.

Ours counts all that `predict` does: prompts, judging the answers, and how sure the model was of each field.
The peer has its prompts as tensors already, in order of their length, which is best for it, and the size of
batch that was fastest on some of the rows. Runs of the two take turns, with a short one of each before them.
`constrained` is ours under the grammar of each row's schema, beside the same rows free, by tokens that stand
in the answers; the rows are those of `short` whose schemas a grammar can guarantee.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from adhere import model as models
from adhere.config import SynthConfig
from adhere.data import store
from adhere.data.build import synth
from adhere.data.store import Dataset
from adhere.decode.grammar import Grammar
from adhere.decode.sample import Sampling
from adhere.decode.vocabulary import Vocabulary
from adhere.decode.workers import workers
from adhere.errors import SchemaError
from adhere.measure.prediction import Prediction
from adhere.model import Model
from adhere.predict import predict
from adhere.prompt import prompt
from adhere.records import JSON

RUNS = 3
ROWS = 256
BATCHES = (8, 16, 32, 64, 128)
"""Sizes that the peer is tried with."""
TRIED = 128
"""Rows on which it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Which rows are answered."""

    made: SynthConfig
    longest: int
    """Prompt, in tokens; a row with a longer one is left out."""
    max_new_tokens: int


HERE = Path()
"""For a setting that each run puts something else in the place of."""
CASES = {
    "short": Case(made=SynthConfig(shapes=400, out=HERE), longest=300, max_new_tokens=256),
    "long": Case(
        made=SynthConfig(domain="biomanufacturing", short=True, out=HERE), longest=640, max_new_tokens=384
    ),
}
CONSTRAINED = "constrained"


def rows(case: Case, model: Model, count: int) -> Dataset:
    """Make rows, and keep so many whose prompts are short enough."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "rows"
        synth(replace(case.made, out=out, rows=2 * count))
        made = store.read(out)
    kept = (
        example
        for example in made.examples
        if len(prompt(example, made.schemas[example.schema], model.tokenizer)) <= case.longest
    )
    return Dataset(made.schemas, tuple(islice(kept, count)))


def guaranteed(dataset: Dataset, model: Model) -> Dataset:
    """Keep the rows whose schemas a grammar can guarantee."""
    vocabulary = Vocabulary(model)
    refused: set[str] = set()
    for name, schema in dataset.schemas.items():
        try:
            Grammar(schema, vocabulary)
        except SchemaError:
            refused.add(name)
    return Dataset(dataset.schemas, tuple(each for each in dataset.examples if each.schema not in refused))


class Ours:
    """`predict`, with the workers that `adhere eval` has."""

    def __init__(self, model: Model, case: Case, rows_each: int, *, constrain: bool = False) -> None:
        self._model, self._constrain = model, constrain
        self._sampling = Sampling(
            temperature=0.0,
            max_new_tokens=case.max_new_tokens,
            rows=rows_each,
            workers=workers(model.device),
        )

    def answer(self, dataset: Dataset) -> list[Prediction]:
        """Answer all rows."""
        return list(predict(self._model, dataset, constrain=self._constrain, sampling=self._sampling))


class Peer:
    """`generate` of transformers, on padded batches of prompts of like length."""

    def __init__(self, reference: str, model: Model, dataset: Dataset, case: Case) -> None:
        # Another network: ours has an attention and linear layers of ours in it.
        self._network: Any = AutoModelForCausalLM.from_pretrained(
            str(files("adhere") / reference) if reference == models.NANO else reference,
            dtype=torch.float32,
            use_safetensors=True,
        ).eval()
        self._stops, self._limit = sorted(model.stop_tokens), case.max_new_tokens
        asked = [
            (example.id, prompt(example, dataset.schemas[example.schema], model.tokenizer))
            for example in dataset.examples
        ]
        self._asked = sorted(asked, key=lambda pair: len(pair[1]))
        self.batch = 0
        """Rows that are answered at once."""

    @torch.inference_mode()
    def answer(self, count: int | None = None) -> dict[str, list[int]]:
        """Answer all rows, or so many of them spread over all lengths; return each one's tokens."""
        asked = self._asked[:: max(1, len(self._asked) // count)][:count] if count else self._asked
        answers: dict[str, list[int]] = {}
        for start in range(0, len(asked), self.batch):
            group = asked[start : start + self.batch]
            longest = max(len(tokens) for _, tokens in group)
            padding = [longest - len(tokens) for _, tokens in group]
            given = [
                [self._stops[0]] * left + list(tokens)
                for left, (_, tokens) in zip(padding, group, strict=True)
            ]
            seen = [[0] * left + [1] * (longest - left) for left in padding]
            made = self._network.generate(
                input_ids=torch.tensor(given),
                attention_mask=torch.tensor(seen),
                do_sample=False,
                max_new_tokens=self._limit,
                eos_token_id=self._stops,
                pad_token_id=self._stops[0],
            )[:, longest:]
            answers |= {name: self._cut(row) for (name, _), row in zip(group, made.tolist(), strict=True)}
        return answers

    def _cut(self, tokens: list[int]) -> list[int]:
        """Return an answer without what pads it."""
        ends = [place for place, token in enumerate(tokens) if token in self._stops]
        return tokens[: ends[0] + 1] if ends else tokens

    def settle(self, sizes: Sequence[int], count: int) -> None:
        """Take the size of batch that is fastest on some rows."""
        seconds: dict[int, float] = {}
        for self.batch in sizes:
            began = time.perf_counter()
            self.answer(count)
            seconds[self.batch] = time.perf_counter() - began
        self.batch = min(seconds, key=lambda size: seconds[size])


def compared(given: argparse.Namespace, model: Model, case: Case) -> dict[str, JSON]:
    """Answer by both sides in turn; return medians and their ratio."""
    dataset = rows(case, model, given.rows)
    ours, peer = Ours(model, case, given.batch_size), Peer(given.model, model, dataset, case)
    peer.settle(given.batches, given.tried)
    ours.answer(Dataset(dataset.schemas, dataset.examples[: given.tried]))
    rates: list[tuple[float, float]] = []
    alike = 0
    for _ in range(given.runs):
        began = time.perf_counter()
        mine = ours.answer(dataset)
        between = time.perf_counter()
        theirs = peer.answer()
        ended = time.perf_counter()
        rates.append(
            (
                sum(each.row.tokens for each in mine) / (between - began),
                sum(map(len, theirs.values())) / (ended - between),
            )
        )
        alike = sum(_text(model, theirs[each.example.id]) == each.answer for each in mine)
    return {
        **_medians(rates),
        "rows": len(dataset.examples),
        "peer_batch": peer.batch,
        "same": round(alike / len(dataset.examples), 4),
    }


def _text(model: Model, tokens: Sequence[int]) -> str:
    ended = tokens[-1] in model.stop_tokens
    return model.tokenizer.decode(tokens[:-1] if ended else tokens, skip_special_tokens=False)


def constrained(given: argparse.Namespace, model: Model) -> dict[str, JSON]:
    """Answer under grammars and without them, in turn."""
    case = CASES["short"]
    dataset = guaranteed(rows(case, model, given.rows), model)
    bound = Ours(model, case, given.batch_size, constrain=True)
    free = Ours(model, case, given.batch_size)
    rates: list[tuple[float, float]] = []
    for way in (bound, free):
        way.answer(Dataset(dataset.schemas, dataset.examples[: given.tried]))
    for _ in range(given.runs):
        rate: list[float] = []
        for way in (bound, free):
            began = time.perf_counter()
            answers = way.answer(dataset)
            rate.append(sum(each.row.tokens for each in answers) / (time.perf_counter() - began))
        rates.append((rate[0], rate[1]))
    return {**_medians(rates), "rows": len(dataset.examples)}


def _medians(rates: Sequence[tuple[float, float]]) -> dict[str, JSON]:
    ours, peer = (statistics.median(each) for each in zip(*rates, strict=True))
    return {
        "ours": round(ours, 1),
        "peer": round(peer, 1),
        "unit": "tokens/s",
        "ratio": round(statistics.median(mine / theirs for mine, theirs in rates), 2),
        "runs": len(rates),
    }


def cases(given: argparse.Namespace) -> Iterator[tuple[str, JSON]]:
    """Yield each asked case's name and figures."""
    model = models.load(given.model, precision="float32")
    for name in given.case:
        yield (
            name,
            constrained(given, model) if name == CONSTRAINED else compared(given, model, CASES[name]),
        )


def main() -> None:
    """Print one JSON object."""
    every = [*CASES, CONSTRAINED]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--model", default=models.NANO, help="nano or a directory")
    parser.add_argument("--case", nargs="+", choices=every, default=every, help="all of them, if not given")
    parser.add_argument("--rows", type=int, default=ROWS, help="that are answered in a run")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each side, in turn")
    parser.add_argument("--batch-size", type=int, default=64, help="rows that each worker of ours answers")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, help="tried for the peer")
    parser.add_argument("--tried", type=int, default=TRIED, help="rows that they are tried on")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="all cores")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    machine = (platform.machine(), f"{given.threads} threads", f"Python {platform.python_version()}")
    result = {
        "cases": dict(cases(given)),
        "machine": ", ".join(machine),
        "versions": {name: version(name) for name in ("adhere", "torch", "transformers")},
    }
    sys.stdout.write(f"{json.dumps(result, indent=None if given.json else 2)}\n")


if __name__ == "__main__":
    main()
