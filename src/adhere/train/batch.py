"""Token sequences side by side in tensors, with what each position is for.

Axis suffixes: B rows, P prompt positions, A answer positions, T both together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from adhere.prompt import Rendered

TOKENS_AT_ONCE = 8192
"""Most tokens of one forward pass; the gradients of several add up to the update's."""


@dataclass(frozen=True, slots=True)
class Sequences:
    """Rows whose answers all begin at the same position.

    Prompts are padded on the left, answers on the right.
    """

    token_BT: torch.Tensor
    attended_BT: torch.Tensor
    """1 for a token, 0 for padding."""
    answer_BA: torch.Tensor
    """The last A columns of `token_BT`."""
    is_answer_BA: torch.Tensor
    """False for padding."""

    @property
    def position_BT(self) -> torch.Tensor:
        """Each token's place in its own row, from 0."""
        return (self.attended_BT.cumsum(-1) - 1).clamp(min=0)


def side_by_side(rows: Sequence[Rendered], device: torch.device) -> Sequences:
    """Lay rows side by side.

    Raises:
        ValueError: A row has no prompt or no answer.
    """
    asked = [row.is_answer.index(True) for row in rows]
    if min(asked) == 0:
        raise ValueError("a row without a prompt has nothing to condition on")
    prompt_width = max(asked)
    answer_width = max(len(row.tokens) - start for row, start in zip(rows, asked, strict=True))
    token_BT = torch.zeros(len(rows), prompt_width + answer_width, dtype=torch.long)
    attended_BT = torch.zeros_like(token_BT)
    for place, (row, start) in enumerate(zip(rows, asked, strict=True)):
        span = slice(prompt_width - start, prompt_width - start + len(row.tokens))
        token_BT[place, span] = torch.tensor(row.tokens)
        attended_BT[place, span] = 1
    token_BT, attended_BT = token_BT.to(device), attended_BT.to(device)
    return Sequences(token_BT, attended_BT, token_BT[:, prompt_width:], attended_BT[:, prompt_width:].bool())


def by_length(rows: Iterable[Rendered], *, tokens: int = TOKENS_AT_ONCE) -> Iterator[list[int]]:
    """Split rows into batches of like length; yield the places of each batch's rows.

    Args:
        rows: In any order.
        tokens: Most tokens of a batch, padding counted; a single longer row is a batch of its own.
    """
    lengths = [len(row.tokens) for row in rows]
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        if batch and lengths[place] * (len(batch) + 1) > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
