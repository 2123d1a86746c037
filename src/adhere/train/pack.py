"""Packs: prompts and answers one after the other in a single row, each prompt once and nothing padded.

A token of an answer sees its group's prompt and its own answer. All of a network but its attention works
position by position, so a pack is also the layout that its attention goes by.

Axis suffixes: T tokens of the pack, N tokens of it that are trained on, H query heads, K key heads, D width
of a head, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray

from adhere.attention import Manner, masked
from adhere.train.attend import Span, attend

TOKENS_AT_ONCE = 2048
"""Most tokens of one forward pass; the gradients of several add up to the update's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What follows a prompt, and what of it is trained on."""

    tokens: tuple[int, ...]
    wanted: tuple[bool, ...] | None = None
    """For each token, whether it is trained on; `None` for all."""
    allowed: NDArray[np.bool_] | None = None
    """For each token trained on, which tokens could have stood there, shape (tokens, V); `None` for all."""

    @property
    def places(self) -> list[int]:
        """Where its tokens that are trained on stand."""
        wanted = self.wanted or (True,) * len(self.tokens)
        return [place for place, is_wanted in enumerate(wanted) if is_wanted]

    @property
    def read(self) -> int:
        """Tokens that a network has to read: those before the last that is trained on."""
        return max(self.places, default=0)


@dataclass(frozen=True, slots=True)
class Group:
    """A prompt and answers to it."""

    prompt: tuple[int, ...]
    answers: tuple[Answer, ...]

    def __post_init__(self) -> None:
        if not self.prompt:
            raise ValueError("an answer without a prompt has nothing to condition on")


class Pack:
    """Groups in one row, and who sees whom in it.

    Attributes:
        token_1T: What the network reads.
        position_1T: The place of each token in its own sequence, from 0.
        predicting_N: Where each token that is trained on is predicted: the place in T before it.
        target_N: The token itself.
        answer_N: The answer it belongs to, counted over all answers of the pack.
    """

    def __init__(self, groups: Sequence[Group], device: torch.device) -> None:
        tokens: list[int] = []
        positions: list[int] = []
        predicting: list[int] = []
        spans: list[Span] = []
        self._answers = [answer for group in groups for answer in group.answers]
        for group in groups:
            start, prompt = len(tokens), len(group.prompt)
            spans.append(Span(start, prompt, tuple(answer.read for answer in group.answers)))
            tokens += group.prompt
            positions += range(prompt)
            for answer in group.answers:
                before = len(tokens) - 1
                predicting += [before + place if place else start + prompt - 1 for place in answer.places]
                tokens += answer.tokens[: answer.read]
                positions += range(prompt, prompt + answer.read)
        counts = [len(answer.places) for answer in self._answers]
        targets = [answer.tokens[place] for answer in self._answers for place in answer.places]
        owners = [index for index, count in enumerate(counts) for _ in range(count)]
        self._ends = list(accumulate(counts))
        self._spans = tuple(spans)
        self._sees: dict[int | None, list[torch.Tensor | None]] = {}
        self.token_1T = torch.tensor([tokens], device=device)
        self.position_1T = torch.tensor([positions], device=device)
        self.predicting_N = torch.tensor(predicting, dtype=torch.long, device=device)
        self.target_N = torch.tensor(targets, dtype=torch.long, device=device)
        self.answer_N = torch.tensor(owners, dtype=torch.long, device=device)

    def allowed(self, start: int, stop: int, vocabulary: int) -> torch.Tensor | None:
        """Return which tokens could have stood at the places from `start` to `stop` of N.

        Shape (stop - start, V), on the CPU; `None` where every token could.
        """
        rows: list[NDArray[np.bool_]] = []
        begin, bounded = 0, False
        for answer, end in zip(self._answers, self._ends, strict=True):
            here = slice(max(start, begin) - begin, min(stop, end) - begin)
            if here.start < here.stop:
                bounded |= answer.allowed is not None
                everything = np.broadcast_to(np.True_, (end - begin, vocabulary))
                rows.append((everything if answer.allowed is None else answer.allowed)[here])
            begin = end
        return torch.from_numpy(np.concatenate(rows)) if bounded else None

    def attend(
        self,
        layer: int,  # noqa: ARG002 - all layers see the same
        query_BHTD: torch.Tensor,
        key_BKTD: torch.Tensor,
        value_BKTD: torch.Tensor,
        manner: Manner,
    ) -> torch.Tensor:
        """Return what each token takes from those it sees, shape (1, H, T, D)."""
        window = manner.window if manner.window and manner.window < self._longest else None
        whole = window is None and manner.softcap is None
        if whole and query_BHTD.device.type == "cpu" and query_BHTD.shape[-1] == value_BKTD.shape[-1]:
            return attend(query_BHTD, key_BKTD, value_BKTD, self._spans, manner.scale)
        lengths = [span.tokens for span in self._spans]
        queries, keys, values = (part.split(lengths, 2) for part in (query_BHTD, key_BKTD, value_BKTD))
        by_group = zip(queries, keys, values, self._seen(window), strict=True)
        return torch.cat([masked(query, key, value, sees, manner) for query, key, value, sees in by_group], 2)

    @property
    def _longest(self) -> int:
        return max(span.longest for span in self._spans)

    def _seen(self, window: int | None) -> list[torch.Tensor | None]:
        """Return for each group which of its tokens (rows) sees which (columns); `None` for all before it."""
        if window not in self._sees:
            positions = self.position_1T[0].split([span.tokens for span in self._spans])
            self._sees[window] = [
                _sees(span, position_T, window)
                for span, position_T in zip(self._spans, positions, strict=True)
            ]
        return self._sees[window]


def _sees(span: Span, position_T: torch.Tensor, window: int | None) -> torch.Tensor | None:
    if window is None and len(span.answers) < 2:
        return None
    lengths = torch.tensor([span.prompt, *span.answers], device=position_T.device)
    owner_T = torch.arange(len(lengths), device=position_T.device).repeat_interleave(lengths)
    behind_TT = position_T[:, None] - position_T
    own_TT = (owner_T[:, None] == owner_T) | (owner_T == 0)
    return own_TT & (behind_TT >= 0) & (behind_TT < (window or span.longest))


def packs(
    groups: Sequence[Group], device: torch.device, *, tokens: int = TOKENS_AT_ONCE
) -> Iterator[tuple[list[tuple[int, int]], Pack]]:
    """Split groups into packs, in their order.

    A group too long for one pack is split by its answers, and its prompt computed more than once.

    Args:
        groups: Prompts and answers.
        device: Of the network.
        tokens: Most tokens of a pack. A part of a group may take twice its prompt, so that prompts computed
            again are never most of the work; and a single answer, with its prompt, what it needs.

    Yields:
        For each answer of the pack the index of its group and its own index in that, and the pack.
    """
    places: list[tuple[int, int]] = []
    pack: list[Group] = []
    held = 0
    for index, group in enumerate(groups):
        for first, part in _split(group, tokens):
            length = len(part.prompt) + sum(answer.read for answer in part.answers)
            if pack and held + length > tokens:
                yield places, Pack(pack, device)
                places, pack, held = [], [], 0
            places += [(index, first + place) for place in range(len(part.answers))]
            pack.append(part)
            held += length
    if pack:
        yield places, Pack(pack, device)


def _split(group: Group, tokens: int) -> Iterator[tuple[int, Group]]:
    """Yield the parts of a group, each with the index of its first answer."""
    tokens = max(tokens, 2 * len(group.prompt))
    first, held = 0, len(group.prompt)
    for index, answer in enumerate(group.answers):
        if index > first and held + answer.read > tokens:
            yield first, Group(group.prompt, group.answers[first:index])
            first, held = index, len(group.prompt)
        held += answer.read
    if group.answers:
        yield first, Group(group.prompt, group.answers[first:])
