"""Keys and values of what was read: each prompt's once for all of its answers, and each answer's own.

Axis suffixes: N prompts, R answers, K key heads, P tokens of a prompt, C tokens of an answer, T tokens of a
forward pass, D width of a head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeAlias

import torch

_GROWTH = 1.5
"""Room that grows becomes at least so many times what it was: all is copied then."""
_UNTIDY = 0.25
"""Share of places that may lie idle: what is kept is computed with all of them, but moving costs too."""


Run: TypeAlias = Mapping[int, tuple[torch.Tensor, torch.Tensor]]
"""Keys and values, (K, tokens, D), of some tokens of a prompt, by layer."""


@dataclass(slots=True)
class Kept:
    """Keys and values of one layer, each in a place of its own; what was never written is zero."""

    prompt_key_NKPD: torch.Tensor
    prompt_value_NKPD: torch.Tensor
    own_key_RKCD: torch.Tensor
    own_value_RKCD: torch.Tensor


@dataclass(slots=True)
class Keys:
    """Keys and values of all layers, with room for as many prompts and answers as were asked for."""

    _layers: dict[int, Kept]
    _prompts: tuple[int, int] = (0, 0)
    """Places, and tokens of each."""
    _answers: tuple[int, int] = (0, 0)

    @classmethod
    def none(cls) -> "Keys":
        """Return keys of nothing yet."""
        return cls({})

    def make_room_for_prompts(self, places: int, tokens: int) -> None:
        """Make room for so many prompts of so many tokens."""
        self._prompts = _at_least(self._prompts, (places, tokens))

    def make_room_for_answers(self, places: int, tokens: int) -> None:
        """Make room for so many answers of so many tokens."""
        self._answers = _at_least(self._answers, (places, tokens))

    def tokens(self, prompts: tuple[int, int], answers: tuple[int, int]) -> int:
        """Return how many tokens there would be room for, were places and tokens of each to be asked for."""
        kinds = _at_least(self._prompts, prompts), _at_least(self._answers, answers)
        return sum(places * tokens for places, tokens in kinds)

    def of(self, layer: int, key_1KTD: torch.Tensor, value_1KTD: torch.Tensor) -> Kept:
        """Return a layer's keys and values, with all the room that was asked for.

        Args:
            layer: Its number.
            key_1KTD: A key of it, for its heads, width, type and device.
            value_1KTD: A value of it, likewise.
        """
        kept = self._layers.get(layer)
        if kept is None:
            none = [
                tensor.new_zeros(0, tensor.shape[1], 0, tensor.shape[3]) for tensor in (key_1KTD, value_1KTD)
            ]
            kept = self._layers[layer] = Kept(*none, *none)
        kept.prompt_key_NKPD = _grown(kept.prompt_key_NKPD, self._prompts)
        kept.prompt_value_NKPD = _grown(kept.prompt_value_NKPD, self._prompts)
        kept.own_key_RKCD = _grown(kept.own_key_RKCD, self._answers)
        kept.own_value_RKCD = _grown(kept.own_value_RKCD, self._answers)
        return kept

    def copy(self, place: int, start: int, stop: int) -> Run:
        """Return a copy of the keys and values of a prompt's tokens from `start` to `stop`."""
        return {
            layer: (
                kept.prompt_key_NKPD[place, :, start:stop].clone(),
                kept.prompt_value_NKPD[place, :, start:stop].clone(),
            )
            for layer, kept in self._layers.items()
        }

    def lay(self, place: int, runs: Sequence[Run]) -> None:
        """Lay copies down one after the other as the beginning of a prompt; there has to be room for it."""
        for layer in runs[0]:
            key_KPD, value_KPD = (torch.cat([run[layer][side] for run in runs], 1) for side in (0, 1))
            kept = self.of(layer, key_KPD[None], value_KPD[None])
            kept.prompt_key_NKPD[place, :, : key_KPD.shape[1]] = key_KPD
            kept.prompt_value_NKPD[place, :, : value_KPD.shape[1]] = value_KPD

    def move_prompts(self, moves: Mapping[int, int]) -> None:
        """Move prompts to other places."""
        for kept in self._layers.values():
            _move((kept.prompt_key_NKPD, kept.prompt_value_NKPD), moves)

    def move_answers(self, moves: Mapping[int, int]) -> None:
        """Move answers to other places."""
        for kept in self._layers.values():
            _move((kept.own_key_RKCD, kept.own_value_RKCD), moves)


@dataclass(slots=True)
class Places:
    """Which places are taken; the lowest is given away first."""

    _end: int = 0
    _free: list[int] = field(default_factory=list[int])
    """A heap."""

    @property
    def count(self) -> int:
        """How many are taken."""
        return self._end - len(self._free)

    def take(self) -> int:
        """Return a place that was free."""
        if self._free:
            return heappop(self._free)
        self._end += 1
        return self._end - 1

    def leave(self, place: int) -> None:
        """Free a place."""
        heappush(self._free, place)

    def tidy(self) -> dict[int, int]:
        """Return where to move what, so that no places lie idle; nothing while few do."""
        if len(self._free) <= _UNTIDY * self._end:
            return {}
        end = self._end - len(self._free)
        taken = sorted(set(range(end, self._end)).difference(self._free))
        moves = dict(zip(taken, sorted(place for place in self._free if place < end), strict=True))
        self._end, self._free = end, []
        return moves


def _at_least(room: tuple[int, int], needed: tuple[int, int]) -> tuple[int, int]:
    places, tokens = (
        have if have >= need else max(need, int(have * _GROWTH))
        for have, need in zip(room, needed, strict=True)
    )
    return places, tokens


def _grown(tensor: torch.Tensor, room: tuple[int, int]) -> torch.Tensor:
    """Return a tensor that begins with the given one and has at least so many places and tokens of each."""
    places, heads, tokens, width = tensor.shape
    if (places, tokens) == room:
        return tensor
    larger = tensor.new_zeros(room[0], heads, room[1], width)
    larger[:places, :, :tokens] = tensor
    return larger


def _move(tensors: Sequence[torch.Tensor], moves: Mapping[int, int]) -> None:
    for tensor in tensors:
        # Past its end nothing was written yet.
        written = {before: after for before, after in moves.items() if before < len(tensor)}
        tensor[list(written.values())] = tensor[list(written)]
