"""Prompts one after the other in a single row, read into the keys that their answers will see.

Where a prompt begins as one that was read, the keys of that are taken over and only the rest is read: the
form of a schema that is asked about many texts.

Axis suffixes: T tokens of the row or of a part of it, N prompts, S tokens of a prompt, H query heads,
K key heads, Q query heads of a key head (K * Q = H), D width of a head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from adhere.attention import Manner, masked
from adhere.decode.keys import Keys

LEAST = 1 / 4
"""Share of a prompt that is taken over. Reading less of it again is as quick on a CPU: torch's attention goes
by a mask wherever queries are fewer than keys, and skips nothing under one."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A prompt, and how much of it was read before."""

    tokens: tuple[int, ...]
    place: int
    """Where it is kept."""
    source: int
    """Where one is kept that begins alike."""
    known: int
    """With how many tokens; less than it has."""


@dataclass(slots=True)
class Shelf:
    """Which prompt's keys each place holds, those of an answer that is over too, until another takes it."""

    _prompts: dict[int, tuple[int, ...]] = field(default_factory=dict[int, tuple[int, ...]])

    def put(self, prompt: tuple[int, ...], place: int) -> Begun:
        """Put a prompt into a place; return it with the longest beginning that is there already."""
        found = [(_alike(prompt, other), source) for source, other in self._prompts.items()]
        known, source = max(found, key=lambda each: each[0], default=(0, place))
        known = min(known, len(prompt) - 1)
        self._prompts[place] = prompt
        return Begun(prompt, place, source, known if known >= LEAST * len(prompt) else 0)

    def lay(self, prompt: tuple[int, ...], place: int) -> None:
        """Say what a place holds."""
        self._prompts[place] = prompt

    def move(self, moves: Mapping[int, int]) -> None:
        """Follow prompts to other places."""
        self._prompts |= {
            after: self._prompts[before] for before, after in moves.items() if before in self._prompts
        }


class Reading:
    """The layout of such a row: what is new of each prompt sees all of it.

    Attributes:
        token_1T: What the network reads.
        position_1T: The place of each token in its own prompt, from 0.
        last_N: Where each prompt's last token stands in T.
    """

    def __init__(self, keys: Keys, prompts: Sequence[Begun], device: torch.device) -> None:
        """Lay prompts into a row.

        Args:
            keys: Have room for them.
            prompts: In the order in which they were put on the shelf: a later one may go on from an earlier.
            device: Of the network.
        """
        self._keys, self._prompts = keys, prompts
        self._lengths = [len(prompt.tokens) - prompt.known for prompt in prompts]
        tokens = [token for prompt in prompts for token in prompt.tokens[prompt.known :]]
        positions = [place for prompt in prompts for place in range(prompt.known, len(prompt.tokens))]
        self.token_1T = torch.tensor([tokens], device=device)
        self.position_1T = torch.tensor([positions], device=device)
        self.last_N = torch.tensor(self._lengths, device=device).cumsum(0) - 1

    def attend(
        self,
        layer: int,
        query_BHTD: torch.Tensor,
        key_BKTD: torch.Tensor,
        value_BKTD: torch.Tensor,
        manner: Manner,
    ) -> torch.Tensor:
        """Keep each prompt's keys and values; return what each token takes from those before it."""
        kept = self._keys.of(layer, key_BKTD, value_BKTD)
        made: list[torch.Tensor] = []
        rests = (tensor[0].split(self._lengths, 1) for tensor in (query_BHTD, key_BKTD, value_BKTD))
        for prompt, query_HTD, key_KTD, value_KTD in zip(self._prompts, *rests, strict=True):
            key_KSD = _whole(kept.prompt_key_NKPD, prompt, key_KTD)
            value_KSD = _whole(kept.prompt_value_NKPD, prompt, value_KTD)
            made.append(_causal(query_HTD, key_KSD, value_KSD, manner))
        return torch.cat(made, 1)[None]


def _whole(all_NKPD: torch.Tensor, prompt: Begun, new_KTD: torch.Tensor) -> torch.Tensor:
    """Write what is new of a prompt into its place, after what is known of it; return all of it."""
    whole_KSD = all_NKPD[prompt.place, :, : len(prompt.tokens)]
    if prompt.source != prompt.place:
        whole_KSD[:, : prompt.known] = all_NKPD[prompt.source, :, : prompt.known]
    whole_KSD[:, prompt.known :] = new_KTD
    return whole_KSD


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Return with how many tokens both begin."""
    # They begin alike with `alike` tokens, and not with `past`.
    alike, past = 0, min(len(one), len(other)) + 1
    while past - alike > 1:
        middle = (alike + past) // 2
        if one[alike:middle] == other[alike:middle]:
            alike = middle
        else:
            past = middle
    return alike


def _causal(
    query_HTD: torch.Tensor, key_KSD: torch.Tensor, value_KSD: torch.Tensor, manner: Manner
) -> torch.Tensor:
    """Return what the last T of S tokens take from themselves and those before them, within the window."""
    tokens, length, heads = query_HTD.shape[1], key_KSD.shape[1], len(key_KSD)
    window = None if manner.window is None or manner.window >= length else manner.window
    is_whole = tokens == length and window is None
    sees_TS = None if is_whole and manner.softcap is None else _seen(tokens, length, window, query_HTD.device)
    if manner.softcap is not None and sees_TS is not None:
        return masked(query_HTD[None], key_KSD[None], value_KSD[None], sees_TS, manner)[0]
    # Views in which the query heads of a key head are an axis: nothing is repeated.
    query_KQTD = query_HTD.unflatten(0, (heads, -1))
    key_KQSD, value_KQSD = (
        tensor[:, None].expand(-1, query_KQTD.shape[1], -1, -1) for tensor in (key_KSD, value_KSD)
    )
    made_KQTD = functional.scaled_dot_product_attention(
        query_KQTD, key_KQSD, value_KQSD, attn_mask=sees_TS, is_causal=sees_TS is None, scale=manner.scale
    )
    return made_KQTD.flatten(0, 1)


def _seen(tokens: int, length: int, window: int | None, device: torch.device) -> torch.Tensor:
    place_S = torch.arange(length, device=device)
    behind_TS = place_S[length - tokens :, None] - place_S
    return (behind_TS >= 0) & (behind_TS < (window or length))
