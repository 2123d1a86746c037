"""The policy-gradient loss.

Axis suffixes: B completions, A answer tokens, 1 a broadcast axis.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Gain:
    """What a batch gains; sums, so that batches add up to the same numbers however they are cut."""

    loss_sum: torch.Tensor
    """Sum of the clipped objective over answer tokens, negated; carries the gradient."""
    clipped_tokens: int
    """Tokens whose ratio the clip kept from earning gradient."""
    tokens: int
    ratio_log_sum: float
    """Sum of log-probability differences between trainer and sampler: 0 but for rounding when on-policy."""


def clipped_gain(
    logprob_BA: torch.Tensor,
    sampled_logprob_BA: torch.Tensor,
    advantage_B: torch.Tensor,
    is_answer_BA: torch.Tensor,
    *,
    clip: float,
) -> Gain:
    """Return the clipped objective of a batch, summed over tokens.

    Args:
        logprob_BA: Under the policy being trained.
        sampled_logprob_BA: Under the policy that sampled; no gradient.
        advantage_B: One per completion, shared by its tokens.
        is_answer_BA: Which tokens count.
        clip: Largest change of a token's probability ratio that still earns gradient.

    Source: PPO's objective, arXiv:1707.06347 equation 7, per token as in GRPO, arXiv:2402.03300 equation 3.
    """
    log_ratio_BA = (logprob_BA - sampled_logprob_BA).masked_fill(~is_answer_BA, 0.0)
    ratio_BA = log_ratio_BA.exp()
    advantage_B1 = advantage_B[:, None]
    plain_BA = ratio_BA * advantage_B1
    clipped_BA = ratio_BA.clamp(1 - clip, 1 + clip) * advantage_B1
    gain_BA = plain_BA.minimum(clipped_BA) * is_answer_BA
    return Gain(
        -gain_BA.sum(),
        int(((clipped_BA < plain_BA) & is_answer_BA).sum()),
        int(is_answer_BA.sum()),
        float(log_ratio_BA.detach().sum()),
    )
