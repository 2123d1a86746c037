"""A step of reinforcement learning: this engine's loop beside TRL's `GRPOTrainer`, in seconds.

Both train a model of the same shape on the same prompts, tokens drawn by lot, with groups of 8 answers of
full length; one step each warms up, and then a step of ours follows every one of TRL's. `half_signal` pays
the answers of every other prompt alike. `memory` runs each side in a process of its own: the most that it
held in its steps less what it held before the first, with model and trainer made; resident memory, or a GPU's
allocated. `constrained` is ours alone: completions of the embedded model under the grammar of a schema beside
free ones, in tokens of their text a second, as its tokenizer spells it.

TRL has what was found to be fastest on a CPU: a microbatch of 8 rows, no gradient checkpointing, no logging,
its key-value cache, and `sdpa`. Weights are float32 on both sides; under bfloat16 both multiply in that.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import torch
from grpo_sides import GROUP, PROMPTS, Case, Ours, Peer, Took
from limit import Group, Work, rate
from setting import Setting, arguments, setting, write

from adhere import model as models
from adhere.data import invoices
from adhere.decode.grammar import Grammar
from adhere.decode.sample import Question, Sampling, sample
from adhere.decode.vocabulary import Vocabulary
from adhere.model import Model
from adhere.prompt import prompt
from adhere.records import JSON
from adhere.schema import Schema

STEPS = 5
MAX_NEW_TOKENS = 128
"""Of `constrained`; an invoice takes 40 to 70."""
CASES = {
    "p400_c96": Case(prompt=400, answer=96),
    "p900_c128": Case(prompt=900, answer=128),
    "p900_c128_half_signal": Case(prompt=900, answer=128, half_signal=True),
}
MEMORY, CONSTRAINED = "memory_p900", "constrained"


def compared(setting: Setting, case: Case, *, limit: bool) -> dict[str, JSON]:
    """Make a step of ours after each of the peer's; return medians, their ratio and where the time goes."""
    ours = Ours(setting, case)
    pairs: list[tuple[Took, Took]] = []
    with tempfile.TemporaryDirectory() as out:
        Peer(setting, case, out).train(lambda peers: pairs.append((ours.step(), peers)))
    mine, peers = zip(*pairs[1:], strict=True)
    split = medians([each.parts for each in mine])
    found: dict[str, JSON] = {
        "ours": round(statistics.median(each.seconds for each in mine), 3),
        "peer": round(statistics.median(each.seconds for each in peers), 3),
        "unit": "s/step",
        "ratio": round(statistics.median(peer.seconds / own.seconds for own, peer in pairs[1:]), 2),
        "runs": setting.steps,
        "ours_split": {**split},
        "peer_split": {**medians([each.parts for each in peers])},
    }
    return {**found, "limit": distance(setting, case, split)} if limit else found


def medians(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median seconds of each part."""
    return {name: round(statistics.median(each[name] for each in parts), 4) for name in parts[0]}


def distance(setting: Setting, case: Case, split: Mapping[str, float]) -> JSON:
    """Say how long the arithmetic of our step takes at best, and which share of its time that is."""
    group = Group(prompt=case.prompt, answers=[case.answer] * GROUP)
    sampled = Work.of(setting.shape, [group] * PROMPTS)
    learned = Work.of(setting.shape, [group] * (PROMPTS // 2 if case.half_signal else PROMPTS))
    most = rate(setting)
    phases: dict[str, JSON] = {
        name: {
            "gflop": round(work / 1e9, 1),
            "seconds": round(work / most, 4),
            "reached": round(work / most / split[name], 3),
        }
        for name, work in (("rollout", sampled.forward), ("gradients", learned.gradients))
    }
    return {"gflop_per_s": round(most / 1e9, 1), **phases}


def memory(given: argparse.Namespace) -> dict[str, JSON]:
    """Measure each side in a process of its own."""
    told = [f"--{name}={getattr(given, name)}" for name in ("steps", "device", "dtype", "shape", "threads")]
    found: dict[str, float] = {}
    for side in ("ours", "peer"):
        command = [sys.executable, __file__, f"--side={side}", *told]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603, our own
        found[side] = float(done.stdout)
    return {
        **{side: round(held, 1) for side, held in found.items()},
        "unit": "MiB",
        "ratio": round(found["peer"] / found["ours"], 2),
        "runs": 1,
    }


def peak(setting: Setting, case: Case, side: str) -> float:
    """Make all steps of one side; return how many MiB it held at most beyond those before the first."""
    with tempfile.TemporaryDirectory() as out:
        made = Ours(setting, case) if side == "ours" else Peer(setting, case, out)
        before = _most_held(setting.device, afresh=True)
        if isinstance(made, Ours):
            for _ in range(setting.steps + 1):
                made.step()
        else:
            made.train(lambda _: None)
        return (_most_held(setting.device, afresh=False) - before) / 2**20


def _most_held(device: str, *, afresh: bool) -> int:
    """Return the most bytes held since they were last counted afresh; then it is what is held now."""
    if device == "cuda":
        if afresh:
            torch.cuda.reset_peak_memory_stats()
        return torch.cuda.max_memory_allocated()
    if afresh:
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): sets the peak to what is resident
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def constrained(*, runs: int) -> dict[str, JSON]:
    """Sample groups for invoices under their schema and without it, in turn; a pair of runs warms up."""
    model, schema = models.load(models.NANO), Schema.of(invoices.SCHEMA)
    free = [
        Question(example.id, prompt(example, schema, model.tokenizer))
        for example in islice(invoices.invoices(0, "train"), PROMPTS)
    ]
    grammar = Grammar(schema, Vocabulary(model))
    bound = [Question(question.example_id, question.tokens, grammar) for question in free]
    pairs = [
        (text_rate(model, bound, step=step), text_rate(model, free, step=step)) for step in range(runs + 1)
    ][1:]
    ours, peer = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    return {
        "ours": round(ours, 1),
        "peer": round(peer, 1),
        "unit": "tokens/s",
        "ratio": round(statistics.median(mine / theirs for mine, theirs in pairs), 2),
        "runs": runs,
    }


def text_rate(model: Model, questions: Sequence[Question], *, step: int) -> float:
    """Return how many tokens of text a second groups of completions come at."""
    settings = Sampling(samples=GROUP, max_new_tokens=MAX_NEW_TOKENS, step=step)
    began = time.perf_counter()
    texts = [completion.text for group in sample(model, questions, settings) for completion in group]
    seconds = time.perf_counter() - began
    return sum(len(model.tokenizer.encode(text, add_special_tokens=False)) for text in texts) / seconds


def cases(given: argparse.Namespace, setting: Setting) -> Iterator[tuple[str, dict[str, JSON]]]:
    """Yield each asked case's name and figures."""
    for name in given.case:
        if name == MEMORY:
            yield name, memory(given)
        elif name == CONSTRAINED:
            yield name, constrained(runs=setting.steps)
        else:
            yield name, compared(setting, CASES[name], limit=given.limit)


def main() -> None:
    """Print one JSON object."""
    every = [*CASES, MEMORY, CONSTRAINED]
    parser = arguments(__doc__, steps=STEPS)
    parser.add_argument("--case", nargs="+", choices=every, default=every, help="all of them, if not given")
    parser.add_argument("--side", choices=["ours", "peer"], help="print the peak memory of one side alone")
    given = parser.parse_args()
    asked = setting(given)
    if given.side:
        sys.stdout.write(f"{peak(asked, CASES['p900_c128'], given.side)}\n")
    else:
        write(dict(cases(given, asked)), given)


if __name__ == "__main__":
    main()
