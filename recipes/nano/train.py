"""Trains nano from nothing on made-up documents; run again, it goes on where its last checkpoint stands.

python recipes/nano/train.py --out runs/nano --tokens 20000000

Weights in a directory `nano` that have read so much are trained on, on documents of another seed:

python recipes/nano/train.py --out runs/nano --tokens 36000000 --seed 4 --read 11200000 --weights nano
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import initial
import rows
import tokenizer as tokenizers
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import AutoTokenizer, Qwen2ForCausalLM

from adhere import prompt
from adhere.decode.sample import Question, Sampling, sample
from adhere.model import Model
from adhere.schema.leaves import leaves

VOCABULARY = 2048
SEED = 1
HELD_OUT_SEED = 2
ROWS_PER_BATCH = 24
TOKENS_PER_BATCH = 6144
"""Padding counted; a batch of long rows has fewer of them."""
ROWS_PER_POOL = 240
"""So many rows are sorted by length before they are cut into batches, so that little of one is padding."""
LEARNING_RATE = 1.5e-3
WARMUP_STEPS = 100
DECAY_SHARE = 0.25
"""Share of all tokens at the end over which the learning rate falls linearly to a fiftieth."""
MOST_NEW = 200
"""Tokens of an answer when nano is measured."""
CHECKPOINT_SECONDS = 240
EVALUATE_SECONDS = 480


@dataclass(slots=True)
class Position:
    """How far the run is."""

    pools: int = 0
    steps: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded on the right; `answer_BT` marks the tokens that carry loss."""

    token_BT: torch.Tensor
    answer_BT: torch.Tensor


def pool(model: Model, position: Position, *, seed: int) -> Iterator[Batch]:
    """Yield the batches of one pool in an order that depends on its number alone."""
    first = position.pools * ROWS_PER_POOL
    most, flat = rows.most_leaves(position.tokens), position.tokens < rows.FLAT_UNTIL
    drawn = (rows.row(seed, number, most=most, flat=flat) for number in range(first, first + ROWS_PER_POOL))
    rendered = [prompt.render(row.example, row.schema, model.tokenizer, form=row.form) for row in drawn]
    batches = list(_cut(sorted((row for row in rendered if len(row.tokens) <= model.context), key=_length)))
    order = torch.randperm(len(batches), generator=torch.Generator().manual_seed(position.pools))
    for place in order.tolist():
        chosen = batches[place]
        token_BT = torch.zeros(len(chosen), _length(chosen[-1]), dtype=torch.long)
        answer_BT = torch.zeros_like(token_BT, dtype=torch.bool)
        for row, tokens in enumerate(chosen):
            token_BT[row, : len(tokens.tokens)] = torch.tensor(tokens.tokens)
            answer_BT[row, : len(tokens.tokens)] = torch.tensor(tokens.is_answer)
        yield Batch(token_BT, answer_BT)


def _length(row: prompt.Rendered) -> int:
    return len(row.tokens)


def _cut(ordered: Sequence[prompt.Rendered]) -> Iterator[list[prompt.Rendered]]:
    """Cut rows that come from short to long into batches."""
    batch: list[prompt.Rendered] = []
    for row in ordered:
        if len(batch) == ROWS_PER_BATCH or _length(row) * (len(batch) + 1) > TOKENS_PER_BATCH:
            yield batch
            batch = []
        batch.append(row)
    yield batch


def rate(position: Position, total: int) -> float:
    """Return the learning rate: warm-up, constant, linear decay at the end."""
    left = max(0.0, 1 - position.tokens / total)
    return (
        LEARNING_RATE
        * min(1.0, (position.steps + 1) / WARMUP_STEPS)
        * min(1.0, max(0.02, left / DECAY_SHARE))
    )


def learn(network: Qwen2ForCausalLM, optimizer: torch.optim.Optimizer, batch: Batch) -> float:
    """Take one step; return the mean loss in nats per answer token."""
    hidden_BTD = network.model(batch.token_BT).last_hidden_state[:, :-1]
    wanted_BT = batch.answer_BT[:, 1:]
    loss = functional.cross_entropy(network.lm_head(hidden_BTD[wanted_BT]), batch.token_BT[:, 1:][wanted_BT])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def held_out(model: Model, *, most: int, flat: bool, count: int = 120) -> dict[str, float]:
    """Return shares of valid, exact and per-leaf right answers on documents of another seed.

    They are decoded greedily. A hierarchical document, or one whose answer may be cut, is passed over.
    """
    drawn = (rows.row(HELD_OUT_SEED, number, most=most, flat=flat) for number in range(4 * count))
    kept = list(islice((row for row in drawn if _is_short(row, model)), count))
    questions = [
        Question(row.example.id, prompt.prompt(row.example, row.schema, model.tokenizer)) for row in kept
    ]
    completions = [
        group[0].text
        for group in sample(model, questions, Sampling(temperature=0.0, max_new_tokens=MOST_NEW))
    ]
    valid = exact = right = wanted = 0
    for row, text in zip(kept, completions, strict=True):
        gold = dict(leaves(row.example.target))
        wanted += len(gold)
        try:
            value = json.loads(text)
        except ValueError:
            continue
        valid += 1
        exact += value == row.example.target
        given = dict(leaves(value))
        right += sum(pointer in given and given[pointer] == leaf for pointer, leaf in gold.items())
    return {"valid": valid / count, "exact": exact / count, "leaf": right / wanted}


def _is_short(row: rows.Row, model: Model) -> bool:
    answer = model.tokenizer.encode(prompt.answer(row.example, row.schema), add_special_tokens=False)
    asked = prompt.prompt(row.example, row.schema, model.tokenizer)
    return row.form == "plain" and len(answer) < MOST_NEW and len(asked) + MOST_NEW <= model.context


def save(out: Path, model: Model, optimizer: torch.optim.Optimizer, position: Position) -> None:
    """Write a checkpoint aside and put it in place of the last one."""
    aside = out / "checkpoint.new"
    shutil.rmtree(aside, ignore_errors=True)
    model.network.save_pretrained(aside)
    model.tokenizer.save_pretrained(aside)
    state = optimizer.state_dict()["state"]
    moments = {
        f"{place}.{name}": value.contiguous()
        for place, entry in state.items()
        for name, value in entry.items()
    }
    save_file(moments, aside / "optimizer.safetensors")
    (aside / "position.json").write_text(json.dumps(asdict(position)))
    old = out / "checkpoint.old"
    shutil.rmtree(old, ignore_errors=True)
    if (out / "checkpoint").exists():
        (out / "checkpoint").rename(old)
    aside.rename(out / "checkpoint")
    shutil.rmtree(old, ignore_errors=True)


def begin(out: Path, *, weights: Path | None, read: int) -> tuple[Model, Position]:
    """Load the last checkpoint, else `weights` that have read so many tokens, else make first weights."""
    last = out / "checkpoint"
    if last.exists():
        network = Qwen2ForCausalLM.from_pretrained(last, dtype=torch.float32)
        position = Position(**json.loads((last / "position.json").read_text()))
        return Model(
            str(last), network, cast("prompt.Tokenizer", AutoTokenizer.from_pretrained(last))
        ), position
    if weights is not None:
        network = Qwen2ForCausalLM.from_pretrained(weights, dtype=torch.float32)
        tokenizer = cast("prompt.Tokenizer", AutoTokenizer.from_pretrained(weights))
        return Model(str(weights), network, tokenizer), Position(tokens=read)
    drawn = (rows.row(HELD_OUT_SEED + 1, number, most=5) for number in range(20_000))
    texts = (
        f"{row.schema.blank} {row.example.text} {prompt.answer(row.example, row.schema, form=row.form)}"
        for row in drawn
    )
    tokenizer = tokenizers.build((*texts, *prompt.SYSTEM.values()), vocabulary=VOCABULARY)
    torch.manual_seed(SEED)
    network = Qwen2ForCausalLM(initial.config(VOCABULARY))
    initial.induce(network)
    return Model("nano-in-training", network, cast("prompt.Tokenizer", tokenizer)), Position()


def optimizer_of(network: Qwen2ForCausalLM, last: Path) -> torch.optim.Optimizer:
    """Return AdamW with decay on matrices only, in the state in which a checkpoint left it."""
    matrices = [weight for weight in network.parameters() if weight.dim() > 1]
    vectors = [weight for weight in network.parameters() if weight.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98), fused=True)
    if last.exists():
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in load_file(last / "optimizer.safetensors").items():
            place, entry = name.split(".")
            state.setdefault(int(place), {})[entry] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return optimizer


def main() -> None:
    """Train until the given number of tokens has been read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--tokens", type=int, required=True, help="tokens to read in all, earlier runs counted in"
    )
    parser.add_argument("--weights", type=Path, help="a model's directory to start from")
    parser.add_argument("--read", type=int, default=0, help="tokens that --weights have read")
    parser.add_argument("--seed", type=int, default=SEED, help="which documents are drawn")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    model, position = begin(given.out, weights=given.weights, read=given.read)
    network = model.network
    assert isinstance(network, Qwen2ForCausalLM)
    optimizer = optimizer_of(network, given.out / "checkpoint")
    log = (given.out / "log.jsonl").open("a", buffering=1)
    saved = evaluated = began = time.monotonic()
    read_before, losses = position.tokens, []
    while position.tokens < given.tokens:
        for batch in pool(model, position, seed=given.seed):
            for group in optimizer.param_groups:
                group["lr"] = rate(position, given.tokens)
            losses.append(learn(network, optimizer, batch))
            position.steps += 1
            position.tokens += int((batch.token_BT != 0).sum())
        position.pools += 1
        now = time.monotonic()
        if now - saved > CHECKPOINT_SECONDS or position.tokens >= given.tokens:
            save(given.out, model, optimizer, position)
            saved = now
        if now - evaluated > EVALUATE_SECONDS or position.tokens >= given.tokens:
            network.eval()
            most, flat = rows.most_leaves(position.tokens), position.tokens < rows.FLAT_UNTIL
            scores = held_out(model, most=most, flat=flat)
            network.train()
            line = {
                "tokens": position.tokens, "steps": position.steps,
                "most_leaves": most,
                "loss": sum(losses) / len(losses), **scores, "seconds": round(now - began),
                "tokens_per_second": round((position.tokens - read_before) / (now - began)),
            }  # fmt: skip
            log.write(json.dumps(line) + "\n")
            sys.stderr.write(json.dumps(line) + "\n")
            evaluated, losses = time.monotonic(), []


if __name__ == "__main__":
    main()
