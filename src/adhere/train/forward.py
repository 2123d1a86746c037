"""The log-probabilities that a model gives to answers, with gradients.

Axis suffixes: N tokens that are trained on, M those of a chunk, W width of the network, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from adhere.attention import hidden
from adhere.model import Model
from adhere.train.pack import Pack

LOGITS_AT_ONCE = 2**23
"""Most numbers of the logits held at once: 32 MiB as float32."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model says of the tokens of a pack that are trained on."""

    logprob_N: torch.Tensor
    """Natural log of each token's probability among the tokens allowed in its place, with gradients."""
    entropy_N: torch.Tensor
    """Of the distribution that each token was drawn from, in nats, without gradients."""


def answer_logprobs(
    model: Model, pack: Pack, *, temperature: float = 1.0, logits: int = LOGITS_AT_ONCE
) -> Answered:
    """Return what the model says of each token of the pack that is trained on, in the pack's order.

    Only places that predict such a token reach the vocabulary, in chunks that bound the memory for it: where
    there are several, each is computed again for its gradients.

    Args:
        model: Its gradients are recorded where they are enabled.
        pack: Prompts and answers.
        temperature: Divides the logits, as it did when the answers were sampled.
        logits: Most numbers of them held at once.

    Raises:
        ModelError: The network's sequences cannot share a prompt.
    """
    with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=model.mixed):
        return _answered(model, pack, temperature=temperature, logits=logits)


def _answered(model: Model, pack: Pack, *, temperature: float, logits: int) -> Answered:
    hidden_NW = hidden(model.network, pack.token_1T, pack.position_1T, pack)[0][pack.predicting_N]
    vocabulary = model.vocabulary_size
    chunk = max(1, logits // vocabulary)
    tokens = len(pack.target_N)

    def say(hidden_MW: torch.Tensor, start: int) -> tuple[torch.Tensor, torch.Tensor]:
        stop = start + len(hidden_MW)
        logit_MV = model.logits(hidden_MW).float()
        if temperature != 1.0:
            logit_MV = logit_MV / temperature
        if (allowed_MV := pack.allowed(start, stop, vocabulary)) is not None:
            refused_MV = allowed_MV.logical_not().to(logit_MV.device)
            logit_MV = logit_MV.masked_fill(refused_MV, torch.finfo(torch.float32).min)
        return _Said.apply(logit_MV, pack.target_N[start:stop])

    if tokens <= chunk:
        return Answered(*say(hidden_NW, 0))
    said = [
        checkpoint(say, hidden_MW, place * chunk, use_reentrant=False)
        for place, hidden_MW in enumerate(hidden_NW.split(chunk))
    ]
    logprobs, entropies = zip(*said, strict=True)
    return Answered(torch.cat(logprobs), torch.cat(entropies))


class _Said(torch.autograd.Function):
    """Log-probability of a token and entropy of its distribution, with one array of the vocabulary kept."""

    @staticmethod
    def forward(
        ctx: Any,  # torch leaves it open
        logit_MV: torch.Tensor,
        target_M: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logprob_MV = logit_MV.log_softmax(-1)
        logprob_M = logprob_MV.gather(-1, target_M[:, None])[:, 0]
        probability_MV = logprob_MV.exp()
        entropy_M = -torch.bmm(probability_MV[:, None], logprob_MV[:, :, None])[:, 0, 0]
        ctx.save_for_backward(probability_MV, target_M)
        ctx.mark_non_differentiable(entropy_M)
        return logprob_M, entropy_M

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        probability_MV, target_M = ctx.saved_tensors
        grad_M1 = grads[0][:, None]
        return (probability_MV * -grad_M1).scatter_add_(-1, target_M[:, None], grad_M1), None
