"""The next tokens of many answers in a single row, each attending to its prompt and to its own answer.

An answer may bring one token or several. Scores against a prompt are computed for all tokens of its answers
at once, those against an answer's own tokens for each answer, and one softmax is taken over both.

Axis suffixes: T tokens of the row, N prompts, M tokens of a prompt's answers in the row, R answers, L tokens
of an answer in the row, P tokens of the longest prompt, C tokens of the longest answer so far, S both,
H query heads, K key heads, Q query heads of a key head (K * Q = H), D width of a head, A heads of all prompts
or answers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from adhere.attention import Manner
from adhere.decode.keys import Keys

_BLOCK = 16
"""Places that are computed together as if all kept as much. Answers that go on long then cost neighbours
alone; but each block costs a call."""
_STEP = 16
"""Tokens that such blocks differ by."""
_FEW = 2
"""Queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The next tokens of one answer."""

    tokens: Sequence[int]
    start: int
    """Tokens of the answer that were read before."""
    place: int
    """Where the answer is kept."""
    prompt: int
    """Where its prompt is kept."""
    prompt_tokens: int
    """How long that is."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring places, and how far what is kept in them is seen."""

    start: int
    stop: int
    """Exclusive."""
    tokens: int


class Writing:
    """The layout of such a row.

    Attributes:
        token_1T: What the network reads.
        position_1T: The place of each token in its own sequence, prompt and answer together.
    """

    def __init__(self, keys: Keys, pieces: Sequence[Piece], device: torch.device) -> None:
        """Lay pieces, none of them empty, one after the other."""
        self._keys = keys
        tokens = [token for piece in pieces for token in piece.tokens]
        among: Counter[int] = Counter()
        columns: list[tuple[int, ...]] = []
        for piece in pieces:
            for rank in range(len(piece.tokens)):
                columns.append(
                    (
                        piece.start + rank,
                        piece.prompt_tokens,
                        piece.place,
                        rank,
                        piece.prompt,
                        among[piece.prompt],
                    )
                )
                among[piece.prompt] += 1
        own_T, length_T, place_T, rank_T, prompt_T, among_T = torch.tensor(columns).t()
        self._prompts, self._among = max(among) + 1, max(among.values())
        self._answers, self._run = int(place_T.max()) + 1, int(rank_T.max()) + 1
        self._prompt_tokens, self._own_tokens = int(length_T.max()), int(own_T.max()) + 1
        self._prompt_blocks = _blocks({piece.prompt: piece.prompt_tokens for piece in pieces})
        self._own_blocks = _blocks({piece.place: piece.start + len(piece.tokens) for piece in pieces})
        # Whether each answer brings one token and each prompt as many as the others, all in order: views then
        # do for what is gathered otherwise.
        ordered_T = torch.arange(len(tokens))
        self._even = (
            len(tokens) == self._answers == self._prompts * self._among
            and torch.equal(place_T, ordered_T)
            and torch.equal(prompt_T, ordered_T // self._among)
        )
        self._alike = bool((length_T == self._prompt_tokens).all() and (own_T == self._own_tokens - 1).all())
        token_NM = torch.zeros(self._prompts, self._among, dtype=torch.long)
        token_NM[prompt_T, among_T] = ordered_T
        token_RL = torch.zeros(self._answers, self._run, dtype=torch.long)
        token_RL[place_T, rank_T] = ordered_T
        self.token_1T = torch.tensor([tokens], device=device)
        self.position_1T = (length_T + own_T)[None].to(device)
        self._own_T, self._length_T = own_T.to(device), length_T.to(device)
        self._place_T, self._rank_T = place_T.to(device), rank_T.to(device)
        self._prompt_T, self._among_T = prompt_T.to(device), among_T.to(device)
        self._token_NM, self._token_RL = token_NM.to(device), token_RL.to(device)
        self._unseen: dict[int | None, torch.Tensor | None] = {}

    def attend(
        self,
        layer: int,
        query_BHTD: torch.Tensor,
        key_BKTD: torch.Tensor,
        value_BKTD: torch.Tensor,
        manner: Manner,
    ) -> torch.Tensor:
        """Keep the tokens' keys and values; return what each takes from its prompt and its answer."""
        kept = self._keys.of(layer, key_BKTD, value_BKTD)
        kept.own_key_RKCD[self._place_T, :, self._own_T] = key_BKTD[0].transpose(0, 1)
        kept.own_value_RKCD[self._place_T, :, self._own_T] = value_BKTD[0].transpose(0, 1)
        prompt_key, prompt_value = (
            tensor[: self._prompts].flatten(0, 1)[:, : self._prompt_tokens]
            for tensor in (kept.prompt_key_NKPD, kept.prompt_value_NKPD)
        )
        own_key, own_value = (
            tensor[: self._answers].flatten(0, 1)[:, : self._own_tokens]
            for tensor in (kept.own_key_RKCD, kept.own_value_RKCD)
        )
        shared = query_BHTD.shape[1] // key_BKTD.shape[1]
        # Scaled here, where there is least to scale.
        query_TKQD = query_BHTD[0].transpose(0, 1).unflatten(1, (-1, shared)) * manner.scale
        to_prompt = _scores(self._by_prompt(query_TKQD), prompt_key, self._prompt_blocks)
        to_own = _scores(self._by_answer(query_TKQD), own_key, self._own_blocks)
        score_NKMQS = torch.cat(
            [
                to_prompt.view(self._prompts, -1, self._among, shared, self._prompt_tokens),
                self._own_by_prompt(to_own.view(self._answers, -1, self._run, shared, self._own_tokens)),
            ],
            -1,
        )
        weight_NKMQS = self._weights(score_NKMQS, manner)
        for_prompt, for_own = weight_NKMQS.split([self._prompt_tokens, self._own_tokens], -1)
        took = _taken(for_prompt.flatten(2, 3).flatten(0, 1), prompt_value, self._prompt_blocks)
        took_own = _taken(self._own_by_answer(for_own), own_value, self._own_blocks)
        width = value_BKTD.shape[-1]
        made_TKQD = self._from_prompts(took.view(self._prompts, -1, self._among, shared, width))
        made_TKQD = made_TKQD + self._from_answers(took_own.view(self._answers, -1, self._run, shared, width))
        return made_TKQD.flatten(1, 2).transpose(0, 1)[None]

    def _weights(self, score_NKMQS: torch.Tensor, manner: Manner) -> torch.Tensor:
        """Return what each token takes of each; the scores are overwritten."""
        if manner.softcap is not None:
            score_NKMQS = score_NKMQS.div_(manner.softcap).tanh_().mul_(manner.softcap)
        unseen = self._mask(manner.window)
        if unseen is not None:
            score_NKMQS.add_(unseen)
        return score_NKMQS.softmax(-1, dtype=torch.float32).to(score_NKMQS.dtype)

    def _mask(self, window: int | None) -> torch.Tensor | None:
        """Return minus infinity for what a token does not see, (N, 1, M, 1, S); `None` for nothing."""
        longest = self._prompt_tokens + self._own_tokens
        window = None if window is None or window >= longest else window
        if window not in self._unseen:
            self._unseen[window] = None if self._alike and window is None else self._masked(window or longest)
        return self._unseen[window]

    def _masked(self, window: int) -> torch.Tensor:
        device = self._own_T.device
        place_P = torch.arange(self._prompt_tokens, device=device)
        place_C = torch.arange(self._own_tokens, device=device)
        position_T1, length_T1, own_T1 = (
            tensor[:, None] for tensor in (self.position_1T[0], self._length_T, self._own_T)
        )
        sees_TP = (place_P < length_T1) & (position_T1 - place_P < window)
        sees_TC = (place_C <= own_T1) & (own_T1 - place_C < window)
        sees_TS = torch.cat([sees_TP, sees_TC], -1)
        unseen_TS = torch.zeros(sees_TS.shape, device=device).masked_fill_(~sees_TS, -torch.inf)
        return unseen_TS[self._token_NM][:, None, :, None]

    def _by_prompt(self, query_TKQD: torch.Tensor) -> torch.Tensor:
        """Return shape (N * K, M * Q, D)."""
        if self._even:
            query_NMKQD = query_TKQD.unflatten(0, (self._prompts, self._among))
        else:
            query_NMKQD = query_TKQD[self._token_NM]
        return query_NMKQD.transpose(1, 2).flatten(2, 3).flatten(0, 1)

    def _by_answer(self, query_TKQD: torch.Tensor) -> torch.Tensor:
        """Return shape (R * K, L * Q, D)."""
        if self._even:
            return query_TKQD.flatten(0, 1)
        return query_TKQD[self._token_RL].transpose(1, 2).flatten(2, 3).flatten(0, 1)

    def _own_by_prompt(self, score_RKLQC: torch.Tensor) -> torch.Tensor:
        """Return shape (N, K, M, Q, C)."""
        if self._even:
            score_NMKQC = score_RKLQC[:, :, 0].unflatten(0, (self._prompts, self._among))
        else:
            score_NMKQC = score_RKLQC[self._place_T[self._token_NM], :, self._rank_T[self._token_NM]]
        return score_NMKQC.transpose(1, 2)

    def _own_by_answer(self, weight_NKMQC: torch.Tensor) -> torch.Tensor:
        """Return shape (R * K, L * Q, C)."""
        if self._even:
            return weight_NKMQC.transpose(1, 2).flatten(0, 1).flatten(0, 1)
        weight_RLKQC = weight_NKMQC[self._prompt_T[self._token_RL], :, self._among_T[self._token_RL]]
        return weight_RLKQC.transpose(1, 2).flatten(2, 3).flatten(0, 1)

    def _from_prompts(self, took_NKMQD: torch.Tensor) -> torch.Tensor:
        """Return shape (T, K, Q, D)."""
        if self._even:
            return took_NKMQD.transpose(1, 2).flatten(0, 1)
        return took_NKMQD[self._prompt_T, :, self._among_T]

    def _from_answers(self, took_RKLQD: torch.Tensor) -> torch.Tensor:
        """Return shape (T, K, Q, D)."""
        return took_RKLQD[:, :, 0] if self._even else took_RKLQD[self._place_T, :, self._rank_T]


def _blocks(seen: Mapping[int, int]) -> list[_Block]:
    """Part all places into blocks, by how many tokens of each are seen; few where they differ little."""
    longest, end = max(seen.values()), max(seen) + 1
    blocks: list[_Block] = []
    for start in range(0, end, _BLOCK):
        stop = min(start + _BLOCK, end)
        tokens = max((seen.get(place, 0) for place in range(start, stop)), default=0)
        # In steps, so that neighbours agree.
        tokens = min(longest, -(-tokens // _STEP) * _STEP)
        if blocks and blocks[-1].tokens == tokens:
            blocks[-1] = _Block(blocks[-1].start, stop, tokens)
        else:
            blocks.append(_Block(start, stop, tokens))
    return blocks


def _scores(query_ALD: torch.Tensor, key_ASD: torch.Tensor, blocks: Sequence[_Block]) -> torch.Tensor:
    """Return shape (A, L, S); zero where nothing is seen."""
    if len(blocks) == 1:
        return _product(query_ALD, key_ASD)
    score_ALS = query_ALD.new_zeros(*query_ALD.shape[:2], key_ASD.shape[1])
    heads = len(query_ALD) // blocks[-1].stop
    for block in blocks:
        rows = slice(block.start * heads, block.stop * heads)
        score_ALS[rows, :, : block.tokens] = _product(query_ALD[rows], key_ASD[rows, : block.tokens])
    return score_ALS


def _product(query_ALD: torch.Tensor, key_ASD: torch.Tensor) -> torch.Tensor:
    # Of the two ways to say it, for few queries the one with the longer side as rows is half as fast again.
    if query_ALD.shape[1] <= _FEW:
        return torch.bmm(key_ASD, query_ALD.transpose(1, 2)).transpose(1, 2)
    return torch.bmm(query_ALD, key_ASD.transpose(1, 2))


def _taken(weight_ALS: torch.Tensor, value_ASD: torch.Tensor, blocks: Sequence[_Block]) -> torch.Tensor:
    """Return shape (A, L, D)."""
    if len(blocks) == 1:
        return torch.bmm(weight_ALS, value_ASD)
    heads = len(weight_ALS) // blocks[-1].stop
    made: list[torch.Tensor] = []
    for block in blocks:
        rows = slice(block.start * heads, block.stop * heads)
        made.append(torch.bmm(weight_ALS[rows, :, : block.tokens], value_ASD[rows, : block.tokens]))
    return torch.cat(made)
