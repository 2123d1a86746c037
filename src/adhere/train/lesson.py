"""What the completions of a step teach: the gradients of their loss, however often they are asked for.

Axis suffixes: N trained tokens of a pack, C completions of a pack.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from adhere.config import GrpoSettings
from adhere.decode.constraint import Constraint, Replayed, replay
from adhere.model import Model
from adhere.train import pack
from adhere.train.forward import answer_logprobs
from adhere.train.loss import Counts, Taken, policy_loss, token_weights
from adhere.train.pack import Answer, Pack, packs
from adhere.train.reference import Reference
from adhere.train.rollouts import Group, Rollout


@dataclass(frozen=True, slots=True)
class Taught:
    """What a pass over a step's completions came to; sums over trained tokens, the loss aside."""

    loss: float = 0.0
    """Of the step; where it is not finite there are no gradients to use."""
    counts: Counts = field(default_factory=Counts)
    entropy: float = 0.0
    """In nats."""
    apart: float = 0.0
    """Absolute differences between the log-probabilities of the trainer and of the sampler, in nats."""

    def __add__(self, other: "Taught") -> "Taught":
        return Taught(
            self.loss + other.loss,
            self.counts + other.counts,
            self.entropy + other.entropy,
            self.apart + other.apart,
        )


@dataclass(frozen=True, slots=True)
class _Completion:
    """A completion as it is trained on."""

    rollout: Rollout
    answer: Answer
    weight: float = 0.0
    """Of each of its tokens, in the step's loss."""

    @property
    def sampled(self) -> list[float]:
        """The sampler's log-probabilities of the tokens that are trained on."""
        return [self.rollout.completion.logprobs[place] for place in self.answer.places]


@dataclass(slots=True)
class _Part:
    """Completions that share a forward pass."""

    pack: Pack
    sampled_logprob_N: torch.Tensor
    advantage_C: torch.Tensor
    weight_C: torch.Tensor
    old_logprob_N: torch.Tensor | None = None
    """Of the first pass, for those after it."""
    reference_logprob_N: torch.Tensor | None = None
    """Likewise."""


class Lesson:
    """The completions of a step that are learned from, as packs.

    Those whose gradient is exactly 0 are left out before any forward pass: groups that were not accepted and,
    as long as no divergence is weighed in, completions of no advantage. All count in what the loss is divided
    by.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        config: GrpoSettings,
        constraints: Mapping[str, Constraint],
        device: torch.device,
        *,
        tokens: int = pack.TOKENS_AT_ONCE,
    ) -> None:
        """Lay the completions out.

        Args:
            groups: All that the step counts.
            config: Of the run.
            constraints: What the completions were sampled under, by the name of the schema, as before their
                first token; empty where they were free.
            device: Of the network.
            tokens: Most that share a forward pass.
        """
        self._config = config
        taught = [list(self._completions(group, constraints.get(group.example.schema))) for group in groups]
        weights = iter(
            token_weights(
                config.loss,
                [len(each.answer.places) for group in taught for each in group],
                trained=[self._teaches(each.rollout) for group in taught for each in group],
                limit=config.max_new_tokens,
            )
        )
        weighed = [[replace(each, weight=next(weights)) for each in group] for group in taught]
        kept = [[each for each in group if self._teaches(each.rollout)] for group in weighed]
        kept = [group for group in kept if group]
        laid_out = [
            pack.Group(group[0].rollout.prompt, tuple(each.answer for each in group)) for group in kept
        ]
        self._parts = [
            _part(made, [kept[group][answer] for group, answer in places], device)
            for places, made in packs(laid_out, device, tokens=tokens)
        ]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to learn from."""
        return not self._parts

    def gradients(self, model: Model, reference: Reference | None) -> Taught:
        """Add the gradients of the step's loss to the model's; return what it came to.

        The first pass decides from which log-probabilities later ones measure how far the policy has moved.
        """
        taught = Taught()
        for part in self._parts:
            taught += self._pass(part, model, reference)
            if not math.isfinite(taught.loss):
                break
        return taught

    def _pass(self, part: _Part, model: Model, reference: Reference | None) -> Taught:
        temperature = self._config.temperature
        if reference is not None and part.reference_logprob_N is None:
            part.reference_logprob_N = reference.logprobs(part.pack, temperature=temperature)
        answered = answer_logprobs(model, part.pack, temperature=temperature)
        if part.old_logprob_N is None:
            part.old_logprob_N = answered.logprob_N.detach()
        taken = Taken(
            logprob_N=answered.logprob_N,
            old_logprob_N=part.old_logprob_N,
            sampled_logprob_N=part.sampled_logprob_N,
            reference_logprob_N=part.reference_logprob_N,
            answer_N=part.pack.answer_N,
            advantage_C=part.advantage_C,
            weight_C=part.weight_C,
        )
        made = policy_loss(taken, self._config)
        loss = float(made.loss.detach())
        if math.isfinite(loss):
            made.loss.backward()
        apart = (part.old_logprob_N - part.sampled_logprob_N).abs().sum()
        return Taught(loss, made.counts, float(answered.entropy_N.sum()), float(apart))

    def _teaches(self, rollout: Rollout) -> bool:
        return rollout.accepted and (rollout.advantage != 0 or self._config.beta > 0)

    def _completions(self, group: Group, constraint: Constraint | None) -> Iterator[_Completion]:
        # Under a grammar several of a group are often the same.
        replayed: dict[tuple[int, ...], Replayed] = {}
        for rollout in group.rollouts:
            tokens = rollout.completion.tokens
            if constraint is None:
                yield _Completion(rollout, Answer(tokens))
                continue
            if tokens not in replayed:
                replayed[tokens] = replay(constraint, tokens, self._config.max_new_tokens)
            allowed = replayed[tokens].allowed if self._teaches(rollout) else None
            yield _Completion(rollout, Answer(tokens, replayed[tokens].wanted, allowed))


def _part(made: Pack, completions: Sequence[_Completion], device: torch.device) -> _Part:
    return _Part(
        made,
        torch.tensor([logprob for each in completions for logprob in each.sampled], device=device),
        torch.tensor([each.rollout.advantage for each in completions], device=device),
        torch.tensor([each.weight for each in completions], device=device),
    )
