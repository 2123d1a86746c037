"""The draw of a token from what a network says of it.

Axis suffixes: B answers, V vocabulary, 1 a broadcast axis.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from adhere.decode.answer import Answer, Beside
from adhere.decode.constraint import Stuck
from adhere.decode.odds import nucleus


def draw(answers: Sequence[Answer], logit_BV: torch.Tensor) -> None:
    """Draw each answer's next token among those it allows, by its own odds, and write it down.

    What is drawn for an answer depends on no other.

    Args:
        answers: None of them over.
        logit_BV: What the network says of each token.
    """
    logit_BV = logit_BV.float()
    if any(answer.constraint is not None for answer in answers):
        refused_BV = torch.from_numpy(~_allowed(answers, logit_BV.shape[1])).to(logit_BV.device)
        logit_BV = logit_BV.masked_fill(refused_BV, -torch.inf)
    logprob_BV = _by_odds(answers, logit_BV)
    token_B = _drawn(answers, logprob_BV)
    logprobs = plain = _of(token_B, logprob_BV)
    if not all(answer.odds.is_plain for answer in answers):
        plain = _of(token_B, logit_BV.log_softmax(-1))
    told = _beside(answers, logprob_BV)
    for place, (answer, token) in enumerate(zip(answers, token_B.tolist(), strict=True)):
        if not answer.is_over:
            answer.take(token, logprobs[place], plain[place], told.get(place, ()))


def _by_odds(answers: Sequence[Answer], logit_BV: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities that tokens are drawn by, shape (B, V)."""
    temperatures = [answer.odds.temperature or 1.0 for answer in answers]
    if temperatures.count(temperatures[0]) < len(temperatures):
        logit_BV = logit_BV / torch.tensor(temperatures, device=logit_BV.device)[:, None]
    elif temperatures[0] != 1:
        logit_BV = logit_BV / temperatures[0]
    logprob_BV = logit_BV.log_softmax(-1)
    bounded = [place for place, answer in enumerate(answers) if answer.odds.is_bounded]
    if bounded:
        top_p_B = torch.tensor([answers[place].odds.top_p for place in bounded], device=logit_BV.device)
        logprob_BV[bounded] = nucleus(logprob_BV[bounded], top_p_B)
    return logprob_BV


def _drawn(answers: Sequence[Answer], logprob_BV: torch.Tensor) -> torch.Tensor:
    likeliest = [answer.odds.temperature == 0 for answer in answers]
    if all(likeliest):
        return logprob_BV.argmax(-1)
    if not any(likeliest):
        return _inverse(answers, logprob_BV)
    is_likeliest_B = torch.tensor(likeliest, device=logprob_BV.device)
    return torch.where(is_likeliest_B, logprob_BV.argmax(-1), _inverse(answers, logprob_BV))


def _of(token_B: torch.Tensor, logprob_BV: torch.Tensor) -> list[float]:
    return logprob_BV.gather(1, token_B[:, None])[:, 0].tolist()


def _beside(answers: Sequence[Answer], logprob_BV: torch.Tensor) -> dict[int, Beside]:
    """Return the likeliest tokens for those answers that tell them, the likeliest first."""
    asking = [place for place, answer in enumerate(answers) if answer.told]
    if not asking:
        return {}
    most = max(answers[place].told or 0 for place in asking)
    top = logprob_BV[asking].topk(min(most, logprob_BV.shape[1]), -1)
    rows = zip(asking, top.indices.tolist(), top.values.tolist(), strict=True)
    return {
        place: tuple(
            (token, logprob) for token, logprob in zip(tokens, logprobs, strict=True) if logprob > -math.inf
        )
        for place, tokens, logprobs in rows
    }


def _allowed(answers: Sequence[Answer], size: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return what each answer's constraint allows, all of it where there is none."""
    allowed_BV = np.ones((len(answers), size), dtype=np.bool_)
    for row_V, answer in zip(allowed_BV, answers, strict=True):
        if answer.constraint is not None:
            try:
                allowed_V = answer.constraint.allowed(answer.remaining)
            except Stuck as fault:
                answer.stop(fault)
                continue
            row_V[: len(allowed_V)] = allowed_V
            row_V[len(allowed_V) :] = False
    return allowed_BV


def _inverse(answers: Sequence[Answer], logprob_BV: torch.Tensor) -> torch.Tensor:
    """Draw by inverting the cumulative distribution at each answer's own uniform number."""
    cumulative_BV = logprob_BV.exp().cumsum(-1, dtype=torch.double)
    # One that takes the likeliest has no chance, and what is found for it here is not used.
    uniforms = [answer.chance[len(answer.tokens)] if answer.odds.temperature else 0.0 for answer in answers]
    uniform_B = torch.tensor(uniforms, dtype=torch.double)
    aim_B1 = uniform_B.to(logprob_BV.device)[:, None] * cumulative_BV[:, -1:]
    # The first token whose cumulative probability exceeds the aim; a token of probability 0 is never it.
    token_B1 = torch.searchsorted(cumulative_BV, aim_B1, right=True)
    return token_B1[:, 0].clamp(max=logprob_BV.shape[-1] - 1)
