"""The draw of a token from what a network says of it.

Axis suffixes: B answers, V vocabulary, 1 a broadcast axis.
"""

from collections.abc import Sequence

import numpy as np
import torch

from adhere.decode.answer import Answer


def draw(answers: Sequence[Answer], logit_BV: torch.Tensor, *, temperature: float) -> None:
    """Draw each answer's next token among those it allows, and write it down.

    Args:
        answers: None of them over.
        logit_BV: What the network says of each token.
        temperature: Divides the logits; 0 takes the likeliest token.
    """
    logit_BV = logit_BV.float()
    if temperature not in (0, 1):
        logit_BV = logit_BV / temperature
    if any(answer.constraint is not None for answer in answers):
        refused_BV = torch.from_numpy(~_allowed(answers, logit_BV.shape[1])).to(logit_BV.device)
        logit_BV = logit_BV.masked_fill(refused_BV, -torch.inf)
    logprob_BV = logit_BV.log_softmax(-1)
    token_B = logprob_BV.argmax(-1) if temperature == 0 else _inverse(answers, logprob_BV)
    logprob_B = logprob_BV.gather(1, token_B[:, None])[:, 0]
    for answer, token, logprob in zip(answers, token_B.tolist(), logprob_B.tolist(), strict=True):
        answer.take(token, logprob)


def _allowed(answers: Sequence[Answer], size: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return what each answer's constraint allows, all of it where there is none."""
    allowed_BV = np.ones((len(answers), size), dtype=np.bool_)
    for row_V, answer in zip(allowed_BV, answers, strict=True):
        if answer.constraint is not None:
            allowed_V = answer.constraint.allowed(answer.remaining)
            row_V[: len(allowed_V)] = allowed_V
            row_V[len(allowed_V) :] = False
    return allowed_BV


def _inverse(answers: Sequence[Answer], logprob_BV: torch.Tensor) -> torch.Tensor:
    """Draw by inverting the cumulative distribution at each answer's own uniform number."""
    cumulative_BV = logprob_BV.exp().cumsum(-1, dtype=torch.double)
    uniform_B = torch.tensor([answer.chance[len(answer.tokens)] for answer in answers], dtype=torch.double)
    aim_B1 = uniform_B.to(logprob_BV.device)[:, None] * cumulative_BV[:, -1:]
    # The first token whose cumulative probability exceeds the aim; a token of probability 0 is never it.
    token_B1 = torch.searchsorted(cumulative_BV, aim_B1, right=True)
    return token_B1[:, 0].clamp(max=logprob_BV.shape[-1] - 1)
