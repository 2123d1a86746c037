"""Batches of documents for training: pools of rows, each a function of its number, sorted into batches."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import base
import rows
import torch
from recipe import Mix, Recipe
from transformers import AutoTokenizer

from adhere import prompt

_ROWS = 480
"""Of a pool: so many are sorted by length before they are cut into batches, so that little is padding."""
_STEP = 16
"""Batches are padded to a multiple of so many tokens."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded on the right."""

    token_BT: torch.Tensor
    weight_BT: torch.Tensor
    """Of each token in the loss."""
    answer_BT: torch.Tensor
    """Whether a token is the model's to write."""
    tokens: int
    """Without padding."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What a process needs to know to make pools."""

    recipe: Recipe
    mix: Mix
    """Of a run that has left its first stages behind."""
    tokenizer: Path
    seed: int

    def mix_at(self, tokens: int) -> Mix:
        """Return of what documents are drawn once so many tokens were read."""
        recipe, million = self.recipe, tokens / 1e6
        most = next((most for until, most in recipe.stages if million < until), self.mix.most)
        mix = replace(recipe.plain if million < recipe.plain_until else self.mix, most=most)
        return mix if million >= recipe.strange_from else replace(mix, strange=0.0)

    def rendered(self, number: int, tokens: int) -> list[prompt.Rendered]:
        """Return the rows of a pool that fit nano's context."""
        tokenizer, mix = _tokenizer(self.tokenizer), self.mix_at(tokens)
        made: list[prompt.Rendered] = []
        for place in range(number * _ROWS, (number + 1) * _ROWS):
            random = rows.chance(self.seed + 1, place)  # another one than that which drew the document
            row = rows.row(self.seed, place, mix)
            rendered = base.rendered(random, row, tokenizer, strict=mix.strict, house=mix.house)
            if len(rendered.tokens) <= self.recipe.shape.context:
                made.append(rendered)
        return made


def texts(recipe: Recipe, *, seed: int, count: int) -> Iterator[str]:
    """Yield what a tokenizer is made from: documents, strict answers, and other requests and answers."""
    for number in range(count):
        row = rows.row(seed, number, recipe.strict)
        yield f"{row.schema.blank} {row.example.text} {prompt.answer(row.example, row.schema, form=row.form)}"
        if number % 4 == 0:
            yield " ".join(base.words(rows.chance(seed + 1, number), row, recipe.base))


@cache
def _tokenizer(directory: Path) -> prompt.Tokenizer:
    return cast("prompt.Tokenizer", AutoTokenizer.from_pretrained(directory))


def batches(rendered: Sequence[prompt.Rendered], recipe: Recipe, *, number: int) -> Iterator[Batch]:
    """Yield a pool's batches in an order that depends on its number alone."""
    cut = list(_cut(sorted(rendered, key=_length), recipe.learning.batch_tokens))
    order = torch.randperm(len(cut), generator=torch.Generator().manual_seed(number))
    for place in order.tolist():
        yield _padded(cut[place], recipe.learning.asked_weight)


def _cut(ordered: Sequence[prompt.Rendered], most: int) -> Iterator[list[prompt.Rendered]]:
    """Cut rows that come from short to long into batches."""
    batch: list[prompt.Rendered] = []
    for row in ordered:
        if batch and _length(row) * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(row)
    yield batch


def _padded(chosen: Sequence[prompt.Rendered], asked_weight: float) -> Batch:
    token_BT = torch.zeros(len(chosen), _length(chosen[-1]), dtype=torch.long)
    answer_BT = torch.zeros_like(token_BT, dtype=torch.bool)
    weight_BT = torch.zeros(token_BT.shape)
    for place, row in enumerate(chosen):
        length = len(row.tokens)
        token_BT[place, :length] = torch.tensor(row.tokens)
        answer_BT[place, :length] = torch.tensor(row.is_answer)
        weight_BT[place, :length] = answer_BT[place, :length] * (1 - asked_weight) + asked_weight
    return Batch(token_BT, weight_BT, answer_BT, sum(len(row.tokens) for row in chosen))


def _length(row: prompt.Rendered) -> int:
    return math.ceil(len(row.tokens) / _STEP) * _STEP


class Ahead:
    """Pools made by processes beside the training, some ahead of it; what comes is the same without them."""

    def __init__(self, pool: Pool, *, workers: int) -> None:
        """Begin with no pool asked for.

        Args:
            pool: Makes them.
            workers: Processes; with 0 the caller's own makes each pool when it is taken.
        """
        self._pool, self._workers = pool, workers
        self._processes = ProcessPoolExecutor(workers, get_context("spawn")) if workers else None
        self._coming: dict[tuple[int, int], Future[list[prompt.Rendered]]] = {}

    def take(self, number: int, tokens: int) -> list[prompt.Rendered]:
        """Return the rows of a pool; have the next ones made meanwhile.

        A pool is asked for before it is known how many tokens were read until then, so only its stage counts:
        those that were made for an earlier one are made again.
        """
        if self._processes is None:
            return self._pool.rendered(number, tokens)
        stage = self._stage(tokens)
        for ahead in range(number, number + 2 * self._workers + 1):
            if (ahead, stage) not in self._coming:
                self._coming[ahead, stage] = self._processes.submit(self._pool.rendered, ahead, tokens)
        taken = self._coming[number, stage].result()
        self._coming = {
            key: made for key, made in self._coming.items() if key[0] > number and key[1] == stage
        }
        return taken

    def _stage(self, tokens: int) -> int:
        recipe, million = self._pool.recipe, tokens / 1e6
        ends = sorted({*(until for until, _ in recipe.stages), recipe.plain_until, recipe.strange_from})
        return sum(million >= until for until in ends)

    def close(self) -> None:
        """Let the processes go."""
        if self._processes is not None:
            self._processes.shutdown(cancel_futures=True)
