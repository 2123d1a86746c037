"""How nano does, in training, on documents that share no template, shape or value with what it reads."""

from dataclasses import replace
from itertools import count, islice

import rows
import torch
from layers import Layers, blocks
from recipe import Mix, Recipe
from torch.nn import functional

from adhere import prompt
from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.model import Model
from adhere.predict import predict
from adhere.reward.match import total

SEED = 2
_MOST_NEW = 300
"""Tokens of an answer; rows that need more, or do not leave that room, are passed over."""
_LOSS_ROWS, _LOSS_FROM = 160, 1_000_000


def synth(recipe: Recipe, most: int) -> Mix:
    """Return the mix that `adhere synth --shapes` draws from."""
    drawn = replace(recipe.strict, most=most, wide=1.0, noise=0.15, nesting=0.3)
    return replace(drawn, hierarchical=0.0, thinking=0.0, tongues=0.0, calls=0.0)


def sets(recipe: Recipe) -> dict[str, Mix]:
    """Return what is measured, by its name in the log."""
    plain = replace(recipe.plain, most=4, noise=0.0)
    return {"narrow4": plain, "synth4": synth(recipe, 4), "synth8": synth(recipe, 8)}


def scores(model: Model, recipe: Recipe, *, rows_each: int) -> dict[str, dict[str, float]]:
    """Return shares of valid, obeying and exact greedy answers, and leaf F1, for each set."""
    return {name: _scored(model, mix, rows_each) for name, mix in sets(recipe).items()}


def _scored(model: Model, mix: Mix, wanted: int) -> dict[str, float]:
    drawn = (rows.row(SEED, number, mix, rows.HELD_OUT) for number in count())
    kept = list(islice((row for row in drawn if _has_room(row, model)), wanted))
    dataset = Dataset({row.schema.name: row.schema for row in kept}, tuple(row.example for row in kept))
    sampling = Sampling(temperature=0.0, max_new_tokens=_MOST_NEW)
    answered = [prediction.row for prediction in predict(model, dataset, sampling=sampling)]
    shares = {
        "valid": sum(row.parses for row in answered) / wanted,
        "obeys": sum(row.obeys for row in answered) / wanted,
        "exact": sum(row.exact is True for row in answered) / wanted,
        "f1": total(fates for row in answered for fates in row.leaves.values()).f1,
    }
    return {name: round(share, 3) for name, share in shares.items()}


def _has_room(row: rows.Row, model: Model) -> bool:
    answer = model.tokenizer.encode(prompt.answer(row.example, row.schema), add_special_tokens=False)
    asked = prompt.prompt(row.example, row.schema, model.tokenizer)
    return row.form == "plain" and len(answer) < _MOST_NEW and len(asked) + _MOST_NEW <= model.context


def loss(layers: Layers, recipe: Recipe, tokenizer: prompt.Tokenizer) -> dict[str, float]:
    """Return the mean loss of right answers, in nats, per row and per token.

    That per row can be compared between tokenizers.
    """
    mix = synth(recipe, recipe.strict.most)
    drawn = [rows.row(SEED, _LOSS_FROM + number, mix, rows.HELD_OUT) for number in range(_LOSS_ROWS)]
    rendered = [prompt.render(row.example, row.schema, tokenizer) for row in drawn]
    kept = [row for row in rendered if len(row.tokens) <= recipe.shape.context]
    nats = sum(_nats(layers, row) for row in kept)
    tokens = sum(sum(row.is_answer) for row in kept)
    return {"held_row": round(nats / len(kept), 3), "held_tok": round(nats / tokens, 4)}


@torch.no_grad()
def _nats(layers: Layers, row: prompt.Rendered) -> float:
    weight = layers.model.embed_tokens.weight
    token_1T = torch.tensor([row.tokens], device=weight.device)
    wanted_T = torch.tensor(row.is_answer[1:], device=weight.device)
    # Not compiled: single rows without gradients would be compiled once more.
    hidden_ND = layers.hidden(token_1T, blocks(len(row.tokens)))[0, :-1][wanted_T]
    logit_NV = functional.linear(hidden_ND, weight.to(hidden_ND.dtype)).float()
    return float(functional.cross_entropy(logit_NV, token_1T[0, 1:][wanted_T], reduction="sum"))
