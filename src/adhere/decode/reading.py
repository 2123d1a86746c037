"""Prompts one after the other in a single row, read into the keys that their answers will see.

What all of them begin with is read once: the stem. The same schema asked about many texts is most of it.

Axis suffixes: T tokens of the row or of a part of it, N prompts, S tokens of a prompt, H query heads,
K key heads, Q query heads of a key head (K * Q = H), D width of a head.
"""

from collections.abc import Sequence
from itertools import takewhile

import torch
from torch.nn import functional

from adhere.attention import Manner, masked
from adhere.decode.keys import Keys


class Reading:
    """The layout of such a row: the stem sees itself, and what follows it of each prompt sees both.

    Attributes:
        token_1T: What the network reads.
        position_1T: The place of each token in its own prompt, from 0.
        last_N: Where each prompt's last token stands in T.
    """

    def __init__(
        self, keys: Keys, prompts: Sequence[tuple[int, ...]], places: Sequence[int], device: torch.device
    ) -> None:
        """Lay prompts into a row.

        Args:
            keys: Have room for them.
            prompts: Their tokens.
            places: Where each is kept.
            device: Of the network.
        """
        self._keys, self._places = keys, places
        self._stem = _common(prompts) if len(prompts) > 1 else 0
        self._lengths = [len(prompt) - self._stem for prompt in prompts]
        parts = [prompts[0][: self._stem], *(prompt[self._stem :] for prompt in prompts)]
        starts = [0, *(self._stem for _ in prompts)]
        self.token_1T = torch.tensor([[token for part in parts for token in part]], device=device)
        positions = [
            place
            for start, part in zip(starts, parts, strict=True)
            for place in range(start, start + len(part))
        ]
        self.position_1T = torch.tensor([positions], device=device)
        self.last_N = torch.tensor(self._lengths, device=device).cumsum(0) + self._stem - 1

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
        split = [self._stem, *self._lengths]
        queries, keys, values = (tensor[0].split(split, 1) for tensor in (query_BHTD, key_BKTD, value_BKTD))
        made = [_causal(queries[0], keys[0], values[0], manner)] if self._stem else []
        rests = zip(queries[1:], keys[1:], values[1:], strict=True)
        for place, (query_HTD, key_KTD, value_KTD) in zip(self._places, rests, strict=True):
            length = self._stem + key_KTD.shape[1]
            key_KSD, value_KSD = (
                kept.prompt_key_NKPD[place, :, :length],
                kept.prompt_value_NKPD[place, :, :length],
            )
            for whole, first, rest in ((key_KSD, keys[0], key_KTD), (value_KSD, values[0], value_KTD)):
                whole[:, : self._stem], whole[:, self._stem :] = first, rest
            made.append(_causal(query_HTD, key_KSD, value_KSD, manner))
        return torch.cat(made, 1)[None]


def _common(prompts: Sequence[tuple[int, ...]]) -> int:
    """Return how many tokens all prompts begin with; less than any of them has, as each has its own end."""
    # In the order of tuples all others lie between the first and the last, and so begin as both do.
    same = (one == other for one, other in zip(min(prompts), max(prompts), strict=False))
    return min(sum(takewhile(bool, same)), min(map(len, prompts)) - 1)


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
