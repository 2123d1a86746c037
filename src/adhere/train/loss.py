"""The policy-gradient losses.

Axis suffixes: N trained tokens, in any order but with all of a completion's in one call; C completions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from adhere.config import GrpoSettings, Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The tokens that completions are made of, and what they earned; forced tokens are not among them.

    Log-probabilities are natural logs under the policy as it sampled: at its temperature, and under the
    grammar where there was one.
    """

    logprob_N: torch.Tensor
    """Under the weights being trained; carries the gradient."""
    old_logprob_N: torch.Tensor
    """Under the weights before the first update on these completions; `logprob_N.detach()` at that update."""
    sampled_logprob_N: torch.Tensor
    """Under the sampler's weights, which may be older still, as the sampler computed it."""
    reference_logprob_N: torch.Tensor | None = None
    """Under the weights that the run began with; needed where `beta` is above 0."""
    answer_N: torch.Tensor
    """Which completion the token belongs to: a place in the two that follow."""
    advantage_C: torch.Tensor
    """What the completion earned above its group."""
    weight_C: torch.Tensor
    """What each of the completion's tokens weighs in the step's loss, as `token_weights` has it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened to tokens; sums, so that parts of a step add up to the step however it was cut."""

    tokens: int = 0
    clipped: int = 0
    """Tokens whose ratio the clip held."""
    truncated: int = 0
    """Tokens whose correction for the sampler's lag met its bound."""
    kl: float = 0.0
    """Sum of the divergence from the reference, times the ratio, in nats; 0 without one."""
    drift: float = 0.0
    """Sum of the differences between the trainer's log-probabilities, before the first update, and the
    sampler's, in nats."""
    largest_drift: float = 0.0
    """Largest absolute value of such a difference."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.tokens + other.tokens,
            self.clipped + other.clipped,
            self.truncated + other.truncated,
            self.kl + other.kl,
            self.drift + other.drift,
            max(self.largest_drift, other.largest_drift),
        )


@dataclass(frozen=True, slots=True)
class PolicyLoss:
    """What some of a step's completions contribute."""

    loss: torch.Tensor
    """Carries the gradient; not finite where a number was too large, and then its gradients are of no use."""
    counts: Counts


def policy_loss(taken: Taken, settings: GrpoSettings) -> PolicyLoss:
    """Return the loss of some of a step's completions and what happened to their tokens.

    Both add up to those of the whole step, however its completions are divided among calls, as long as each
    lies whole in one call.

    A token gains its completion's advantage times the ratio of its probability to that before the first
    update. `grpo`, `dr_grpo`, `dapo` and `bnpo` hold the gain where the ratio has left the range from
    1 - clip to 1 + clip_high in the advantage's direction. `gspo` does so with one ratio for the whole
    completion, the geometric mean of its tokens'. Under `cispo` the ratio, at most 1 + clip_high, only weighs
    the gradient of the log-probability. The gain counts min(old / sampled, truncate) times, a factor without
    gradient. The divergence, weighed by `beta`, counts ratio times, so that its gradient is that of the
    divergence of the weights being trained, whichever weights took the tokens.

    All is computed in 32 bits. A held gain has gradient 0 however far its ratio is beyond all numbers. A loss
    that is not held has no bound, nor has a divergence: one too large for a number makes the sum not finite,
    so that a look at the sum tells, before any gradient is taken.

    Args:
        taken: The tokens.
        settings: Its `loss`, `clip`, `clip_high`, `beta` and `truncate`.

    Raises:
        ValueError: There is a `beta` and no reference.

    Source: the clip, PPO, arXiv:1707.06347 equation 7; its use per token, and the divergence, which is
    Schulman's k3, arXiv:2402.03300 equations 3 and 4; its ratio, DeepSeek-V3.2, arXiv:2512.02556; two bounds,
    arXiv:2503.14476 section 3.1; gspo, arXiv:2507.18071 section 4; cispo, arXiv:2506.13585 section 3.1; the
    truncated correction, openreview.net/forum?id=xsonlP8DRV.
    """
    logprob_N, old_N = taken.logprob_N.float(), taken.old_logprob_N.detach().float()
    advantage_N = taken.advantage_C[taken.answer_N].float()
    high = settings.clip if settings.clip_high is None else settings.clip_high
    log_ratio_N = logprob_N - old_N
    if settings.loss == "gspo":
        log_ratio_N = _whole(log_ratio_N, taken.answer_N, completions=len(taken.advantage_C))
    if settings.loss == "cispo":
        gain_N, held_N = _bounded(logprob_N, log_ratio_N, advantage_N, high=high)
    else:
        gain_N, held_N = _clipped(log_ratio_N, advantage_N, low=settings.clip, high=high)
    drift_N = old_N - taken.sampled_logprob_N.float()
    correction_N = drift_N.exp()
    loss_N = -gain_N * correction_N.clamp(max=settings.truncate)
    kl_N = torch.zeros_like(old_N)
    if settings.beta:
        kl_N = log_ratio_N.exp() * _divergence(logprob_N, taken.reference_logprob_N)
        loss_N = loss_N + settings.beta * kl_N
    sums = torch.stack(
        [
            held_N.sum(),
            (correction_N > settings.truncate).sum(),
            kl_N.detach().sum(),
            drift_N.sum(),
            drift_N.abs().max() if len(drift_N) else drift_N.sum(),
        ]
    )
    clipped, truncated, kl, drift, largest = sums.tolist()
    counts = Counts(len(drift_N), int(clipped), int(truncated), kl, drift, largest)
    return PolicyLoss((taken.weight_C[taken.answer_N] * loss_N).sum(), counts)


def token_weights(loss: Loss, lengths: Sequence[int], *, trained: Sequence[bool], limit: int) -> list[float]:
    """Return what each token of a completion weighs in the step's loss, one number for each completion.

    Groups without signal add to what the loss is divided by (not under `bnpo`), so that leaving them out of
    the computation changes nothing as long as `beta` is 0. Tokens that a grammar forced count nowhere.

    Args:
        loss: `grpo` and `gspo`: completions weigh alike, and within one its tokens. `dapo` and `cispo`: all
            tokens of the step weigh alike. `dr_grpo`: each weighs what it would if all completions had
            `limit` tokens. `bnpo`: all tokens that are trained on weigh alike.
        lengths: Tokens that the model chose, of every completion of the step.
        trained: Which of them are in the loss; only `bnpo` asks.
        limit: Most tokens that a completion may have, 1 or more; only `dr_grpo` asks.

    Source: grpo, arXiv:2402.03300 equation 3; dr_grpo, arXiv:2503.20783 section 3.2; dapo, arXiv:2503.14476
    section 3.3; gspo, arXiv:2507.18071 section 4; cispo, arXiv:2506.13585 section 3.1; bnpo, the average over
    a batch's tokens that TRL calls so.
    """
    match loss:
        case "grpo" | "gspo":
            return [1 / (len(lengths) * max(1, length)) for length in lengths]
        case "dr_grpo":
            return [1 / (len(lengths) * limit)] * len(lengths)
        case "dapo" | "cispo":
            counted = sum(lengths)
        case "bnpo":
            counted = sum(length for length, is_in in zip(lengths, trained, strict=True) if is_in)
    return [1 / max(1, counted)] * len(lengths)


def _clipped(
    log_ratio_N: torch.Tensor, advantage_N: torch.Tensor, *, low: float, high: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gains min(ratio · advantage, clipped ratio · advantage), and which of them are held.

    Held ones, and those of no advantage, never enter the exponential: its gradient there, 0 times infinity,
    would be NaN.
    """
    ratio_N = log_ratio_N.detach().exp()
    held_N = ((ratio_N > 1 + high) & (advantage_N > 0)) | ((ratio_N < 1 - low) & (advantage_N < 0))
    free_N = log_ratio_N.masked_fill(held_N | (advantage_N == 0), 0.0).exp()
    return torch.where(held_N, ratio_N.clamp(1 - low, 1 + high), free_N) * advantage_N, held_N


def _bounded(
    logprob_N: torch.Tensor, log_ratio_N: torch.Tensor, advantage_N: torch.Tensor, *, high: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probabilities weighed by advantage and bounded ratio, and which ratios met the bound."""
    ratio_N = log_ratio_N.detach().exp()
    return ratio_N.clamp(max=1 + high) * advantage_N * logprob_N, ratio_N > 1 + high


def _whole(log_ratio_N: torch.Tensor, answer_N: torch.Tensor, *, completions: int) -> torch.Tensor:
    """Give each token the mean of its completion's log-ratios."""
    sum_C = log_ratio_N.new_zeros(completions).index_add(0, answer_N, log_ratio_N)
    return (sum_C / answer_N.bincount(minlength=completions).clamp(min=1))[answer_N]


def _divergence(logprob_N: torch.Tensor, reference_logprob_N: torch.Tensor | None) -> torch.Tensor:
    """Return the k3 estimate of the divergence from the reference, in nats; 0 or more for every token."""
    if reference_logprob_N is None:
        raise ValueError("a divergence needs the reference's log-probabilities")
    lead_N = reference_logprob_N.detach().float() - logprob_N
    return lead_N.expm1() - lead_N
