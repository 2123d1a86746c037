"""Trains nano from nothing on made-up documents; run again, it goes on where its last checkpoint stands.

The long run, at a constant rate; then, from its checkpoint, nano-base and nano, which cool it down:

python recipes/nano/train.py --out runs/nano-long --tokens 300e6
python recipes/nano/train.py --out runs/nano-base --from runs/nano-long --cool 30e6 --mix base
python recipes/nano/train.py --out runs/nano --from runs/nano-long --cool 60e6 --mix strict

A run killed at any instant and started again ends in the same weights, on the same machine and with the same
number of threads.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import documents
import held_out
import initial
import tokenizer as tokenizers
import torch
from documents import Ahead, Batch, Pool
from layers import Layers
from recipe import Mix, Recipe, read
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, Qwen2ForCausalLM

from adhere import prompt
from adhere.model import Model, has_bfloat16
from adhere.train.checkpoint import newest_first, whole

HERE = Path(__file__).parent
_TOKENIZER_ROWS, _TOKENIZER_SEED, _WEIGHTS_SEED = 6_000, 3, 1
_MOMENTS, _POSITION = "moments.safetensors", "position.json"
_LOSS_EVERY = 10
"""Updates between two losses that the log's mean is taken of."""


@dataclass(slots=True)
class Position:
    """How far a run is."""

    pools: int = 0
    steps: int = 0
    """Of this run."""
    read: int = 0
    """Tokens, by this run."""
    before: int = 0
    """Tokens, by the run that it went on from."""

    @property
    def tokens(self) -> int:
        """All that the weights have read."""
        return self.before + self.read


@dataclass(frozen=True, slots=True)
class Trained:
    """A network that is being trained, and what trains it."""

    network: Qwen2ForCausalLM
    tokenizer: prompt.Tokenizer
    optimizers: tuple[torch.optim.Optimizer, ...]
    position: Position
    losses: list[float] = field(default_factory=list[float])


def optimizers(network: Qwen2ForCausalLM, recipe: Recipe) -> tuple[torch.optim.Optimizer, ...]:
    """Return Muon over the layers' matrices, and AdamW over embeddings, norms and biases."""
    learning, named = recipe.learning, list(network.named_parameters())
    embedding = network.model.embed_tokens.weight
    matrices = [weight for _, weight in named if weight.dim() > 1 and weight is not embedding]
    vectors = [weight for _, weight in named if weight.dim() < 2]
    decay = learning.weight_decay
    muon = torch.optim.Muon(
        matrices, lr=learning.rate, momentum=0.95, weight_decay=decay, adjust_lr_fn="match_rms_adamw"
    )
    groups = [{"params": [embedding], "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    return muon, torch.optim.AdamW(groups, lr=learning.rate, betas=(0.9, 0.98), fused=True)


def rate(position: Position, recipe: Recipe, cool: int) -> float:
    """Return the learning rate: warm-up and constant, or falling to 0 over `cool` tokens."""
    learning = recipe.learning
    if cool:
        return learning.rate * max(0.0, 1 - position.read / cool)
    return learning.rate * min(1.0, (position.steps + 1) / learning.warmup_steps)


def learn(trained: Trained, layers: Layers, batch: Batch, lr: float) -> None:
    """Take one step."""
    embedding = trained.network.model.embed_tokens.weight
    device = embedding.device
    token_BT, weight_BT = batch.token_BT.to(device), batch.weight_BT[:, 1:].to(device)
    answer_BT = batch.answer_BT[:, 1:].to(device)
    wanted_BT = weight_BT > 0
    hidden_ND = layers(token_BT)[:, :-1][wanted_BT]
    logit_NV = functional.linear(hidden_ND, embedding.to(hidden_ND.dtype)).float()
    nats_N = functional.cross_entropy(logit_NV, token_BT[:, 1:][wanted_BT], reduction="none")
    ((nats_N * weight_BT[wanted_BT]).sum() / answer_BT.sum()).backward()
    torch.nn.utils.clip_grad_norm_(trained.network.parameters(), 1.0)
    for optimizer in trained.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
        optimizer.zero_grad()
    if trained.position.steps % _LOSS_EVERY == 0:
        trained.losses.append(float(nats_N.detach()[answer_BT[wanted_BT]].mean()))


def _moments(trained: Trained) -> dict[str, Tensor]:
    return {
        f"{which}.{place}.{name}": value.contiguous()
        for which, optimizer in enumerate(trained.optimizers)
        for place, entry in optimizer.state_dict()["state"].items()
        for name, value in entry.items()
    }


def save(trained: Trained, place: Path) -> None:
    """Write weights, tokenizer, moments and position, whole or not at all."""
    with whole(place) as aside:
        trained.network.save_pretrained(aside)
        trained.tokenizer.save_pretrained(aside)
        save_file(_moments(trained), aside / _MOMENTS)
        (aside / _POSITION).write_text(json.dumps(asdict(trained.position)))


def load(place: Path, recipe: Recipe, device: str) -> Trained:
    """Return what `save` wrote."""
    network = cast("Qwen2ForCausalLM", Qwen2ForCausalLM.from_pretrained(place, dtype=torch.float32))
    cast("torch.nn.Module", network).to(device)
    tokenizer = cast("prompt.Tokenizer", AutoTokenizer.from_pretrained(place))
    trained = Trained(
        network,
        tokenizer,
        optimizers(network, recipe),
        Position(**json.loads((place / _POSITION).read_text())),
    )
    kept: tuple[dict[int, dict[str, Tensor]], ...] = tuple({} for _ in trained.optimizers)
    for name, value in load_file(place / _MOMENTS).items():
        which, at, moment = name.split(".")
        kept[int(which)].setdefault(int(at), {})[moment] = value
    for optimizer, state in zip(trained.optimizers, kept, strict=True):
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return trained


def first(recipe: Recipe, device: str) -> Trained:
    """Make a tokenizer and first weights."""
    texts = (*documents.texts(recipe, seed=_TOKENIZER_SEED, count=_TOKENIZER_ROWS), *prompt.SYSTEM.values())
    tokenizer = tokenizers.build(texts, vocabulary=recipe.shape.vocabulary, context=recipe.shape.context)
    torch.manual_seed(_WEIGHTS_SEED)
    network = Qwen2ForCausalLM(initial.config(recipe.shape))
    initial.induce(network)
    cast("torch.nn.Module", network).to(device)
    return Trained(network, cast("prompt.Tokenizer", tokenizer), optimizers(network, recipe), Position())


def begun(given: argparse.Namespace, recipe: Recipe) -> Trained:
    """Return the run's last checkpoint, else that of the run it goes on from, else first weights."""
    for place in newest_first(given.out):
        return load(place, recipe, given.device)
    if given.from_ is None:
        return first(recipe, given.device)
    trained = load(newest_first(given.from_)[0], recipe, given.device)
    trained.position.before, trained.position.read = trained.position.tokens, 0
    trained.position.pools = trained.position.steps = 0
    return trained


def brief(device: str) -> torch.dtype:
    """Return the shortest type whose products the device computes fast."""
    return torch.bfloat16 if device != "cpu" or has_bfloat16() else torch.float32


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=HERE / "nano.toml")
    parser.add_argument("--tokens", type=float, default=0.0, help="tokens to read at a constant rate")
    parser.add_argument("--from", dest="from_", type=Path, help="run to go on from")
    parser.add_argument("--cool", type=float, default=0.0, help="tokens over which the rate falls to 0")
    parser.add_argument("--mix", choices=("long", "base", "strict"), default="long")
    parser.add_argument("--seed", type=int, default=11, help="which documents are drawn")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--workers", type=int, default=0, help="processes that make documents beside")
    parser.add_argument("--no-compile", action="store_true", help="where there is no C++ compiler")
    parser.add_argument("--save-seconds", type=float, default=300)
    parser.add_argument("--look-tokens", type=float, default=5e6, help="between two measurements")
    parser.add_argument("--look-rows", type=int, default=120, help="of each held-out set")
    given = parser.parse_args()
    if not given.tokens and not given.cool:
        parser.error("give --tokens, or --from and --cool")
    return given


def main() -> None:
    """Train until all tokens have been read."""
    given = parsed()
    torch.set_num_threads(given.threads)
    given.out.mkdir(parents=True, exist_ok=True)
    recipe = read(given.recipe)
    trained = begun(given, recipe)
    position, total = trained.position, int(given.cool or given.tokens)
    if not newest_first(given.out):
        save(trained, given.out / "step-0")
    dtype = brief(given.device)
    layers = Layers(trained.network, dtype, compiled=not given.no_compile).to(given.device)
    mix: Mix = getattr(recipe, given.mix)
    # A run that goes on from another reads other documents than that.
    seed = given.seed + 1000 * bool(position.before)
    ahead = Ahead(Pool(recipe, mix, newest_first(given.out)[-1], seed), workers=given.workers)
    saved, began, read_before = time.monotonic(), time.monotonic(), position.read
    look = (position.read // given.look_tokens + 1) * given.look_tokens
    while position.read < total:
        for batch in documents.batches(
            ahead.take(position.pools, position.tokens), recipe, number=position.pools
        ):
            learn(trained, layers, batch, rate(position, recipe, int(given.cool)))
            position.steps += 1
            position.read += batch.tokens
        position.pools += 1
        done = position.read >= total
        if done or time.monotonic() - saved > given.save_seconds:
            _keep(trained, given.out)
            saved = time.monotonic()
        if done or position.read >= look:
            seconds = time.monotonic() - began
            speed = {"seconds": round(seconds), "tps": round((position.read - read_before) / seconds)}
            _look(trained, layers, recipe, given, speed)
            look += given.look_tokens
    ahead.close()


def _keep(trained: Trained, out: Path) -> None:
    """Write a checkpoint; drop all but the first, which has the tokenizer's place, and the one before."""
    older = newest_first(out)
    save(trained, out / f"step-{trained.position.steps}")
    for place in older[1:-1]:
        shutil.rmtree(place)


def _look(
    trained: Trained, layers: Layers, recipe: Recipe, given: argparse.Namespace, speed: Mapping[str, Any]
) -> None:
    """Measure on held-out rows, and log it."""
    position, losses = trained.position, trained.losses
    model = Model("nano-in-training", trained.network, trained.tokenizer)
    trained.network.eval()
    line = {
        "tokens": position.tokens, "steps": position.steps,
        "loss": round(sum(losses) / max(1, len(losses)), 4),
        **held_out.loss(layers, recipe, trained.tokenizer),
        **held_out.scores(model, recipe, rows_each=given.look_rows),
        **speed,
    }  # fmt: skip
    trained.network.train()
    losses.clear()
    with (given.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    sys.stderr.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
