"""Attention over sequences that share prompts, on a CPU: in memory that grows with the tokens alone.

A token of an answer sees its group's prompt and, in its own answer, what stands before it. Both parts are
attended on their own by the kernel of torch and joined by the logarithms of their sums. The kernel's backward
pass takes the joined result in the place of its own, which makes each part's gradients exact: a weight is
exp(score - logarithm of the sum), whichever keys the sum was made of.

Axis suffixes: T tokens of a pack, H query heads, K key heads, R query heads of a key head (K * R = H),
D width of a head.

Source: two parts joined by their sums, arXiv:2205.14135 section 3.1; prompts attended once for a group,
arXiv:2403.08845.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch

_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default


@dataclass(frozen=True, slots=True)
class Span:
    """Where a group lies in a pack: its prompt from `start`, its answers after it."""

    start: int
    prompt: int
    """Tokens."""
    answers: tuple[int, ...]
    """Tokens of each."""

    @property
    def tokens(self) -> int:
        """Of prompt and answers."""
        return self.prompt + sum(self.answers)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence, prompt and answer together."""
        return self.prompt + max(self.answers, default=0)


def attend(
    query_1HTD: torch.Tensor,
    key_1KTD: torch.Tensor,
    value_1KTD: torch.Tensor,
    spans: tuple[Span, ...],
    scale: float,
) -> torch.Tensor:
    """Return what each token takes from those it sees, shape (1, H, T, D), with gradients.

    Args:
        query_1HTD: Of a pack; on a CPU, as all three.
        key_1KTD: As wide as the query.
        value_1KTD: As wide as the query.
        spans: The pack's groups, one after the other, without gaps.
        scale: What scores are multiplied by.
    """
    parts = [query_1HTD, key_1KTD, value_1KTD]
    if torch.is_autocast_enabled("cpu"):
        # The kernel takes no mixture, and its backward pass is four times as slow in bfloat16.
        parts = [part.float() for part in parts]
    return cast("torch.Tensor", _Attended.apply(*parts, spans, scale))


class _Attended(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # torch leaves it open
        query_1HTD: torch.Tensor,
        key_1KTD: torch.Tensor,
        value_1KTD: torch.Tensor,
        spans: tuple[Span, ...],
        scale: float,
    ) -> torch.Tensor:
        _, heads, tokens, width = query_1HTD.shape
        made_THD = query_1HTD.new_empty(tokens, heads, width)
        made_1HTD = made_THD.transpose(0, 1)[None]
        query, key, value, made = _by_key_head(query_1HTD, key_1KTD, value_1KTD, made_1HTD)
        logsum = torch.empty(made.shape[:-1], dtype=torch.float32)
        for part in _parts(spans):
            asks, seen = part.asks, part.seen
            took, sums = _forward(
                query[:, :, asks], key[:, :, seen], value[:, :, seen], 0.0, part.causal, scale=scale
            )
            if part.joins:
                before = logsum[:, :, asks]
                made[:, :, asks].lerp_(took, (sums - before).sigmoid()[..., None].to(took.dtype))
                torch.logaddexp(before, sums, out=before)
            else:
                made[:, :, asks] = took
                logsum[:, :, asks] = sums
        ctx.save_for_backward(query_1HTD, key_1KTD, value_1KTD, made_1HTD, logsum)
        ctx.spans, ctx.scale = spans, scale
        return made_1HTD

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query_1HTD, key_1KTD, value_1KTD, made_1HTD, logsum = ctx.saved_tensors
        query, key, value, made, grad = _by_key_head(query_1HTD, key_1KTD, value_1KTD, made_1HTD, grads[0])
        tensors = (query_1HTD, key_1KTD, value_1KTD)
        to_query_1HTD, to_key_1KTD, to_value_1KTD = (torch.empty_like(tensor) for tensor in tensors)
        to_query = to_query_1HTD[0].unflatten(0, query.shape[:2])
        for part in _parts(ctx.spans):
            asks, seen = part.asks, part.seen
            for_query, for_key, for_value = _backward(
                grad[:, :, asks],
                query[:, :, asks],
                key[:, :, seen],
                value[:, :, seen],
                made[:, :, asks],
                logsum[:, :, asks],
                0.0,
                part.causal,
                scale=ctx.scale,
            )
            _put(for_query, to_query[:, :, asks], adds=part.joins)
            # Each token is seen first in a causal part: its own sequence's, or its prompt's.
            _put(for_key.sum(1), to_key_1KTD[0, :, seen], adds=not part.causal)
            _put(for_value.sum(1), to_value_1KTD[0, :, seen], adds=not part.causal)
        return to_query_1HTD, to_key_1KTD, to_value_1KTD, None, None


def _put(made: torch.Tensor, into: torch.Tensor, *, adds: bool) -> None:
    if adds:
        into += made
    else:
        into.copy_(made)


@dataclass(frozen=True, slots=True)
class _Part:
    """Tokens that ask and tokens that they see."""

    asks: slice
    seen: slice
    causal: bool
    """Whether each sees none after its own place; else all."""
    joins: bool
    """Whether the same tokens have asked others before."""


def _parts(spans: tuple[Span, ...]) -> Iterator[_Part]:
    for span in spans:
        start, end = span.start, span.start + span.tokens
        lengths = [length for length in span.answers if length]
        if len(lengths) < 2:
            # One answer goes on where its prompt ends: together they are a plain sequence.
            yield _Part(slice(start, end), slice(start, end), causal=True, joins=False)
            continue
        answered = start + span.prompt
        prompt = slice(start, answered)
        yield _Part(prompt, prompt, causal=True, joins=False)
        yield _Part(slice(answered, end), prompt, causal=False, joins=False)
        for length in lengths:
            own = slice(answered, answered + length)
            yield _Part(own, own, causal=True, joins=True)
            answered += length


def _by_key_head(
    query_1HTD: torch.Tensor, key_1KTD: torch.Tensor, value_1KTD: torch.Tensor, *like_query: torch.Tensor
) -> list[torch.Tensor]:
    """View all as (K, R, T, D): the kernel knows no key heads of several query heads, but strides of 0."""
    shape = (key_1KTD.shape[1], query_1HTD.shape[1] // key_1KTD.shape[1])
    key, value = (tensor[0][:, None].expand(-1, shape[1], -1, -1) for tensor in (key_1KTD, value_1KTD))
    query, *others = (tensor[0].unflatten(0, shape) for tensor in (query_1HTD, *like_query))
    return [query, key, value, *others]
