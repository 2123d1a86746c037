import math
from collections.abc import Sequence
from random import Random
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.config import GrpoSettings, Loss
from adhere.train.loss import Counts, PolicyLoss, Taken, policy_loss, token_weights

LOSSES: tuple[Loss, ...] = get_args(Loss)
CLIPPING: tuple[Loss, ...] = ("grpo", "dr_grpo", "dapo", "bnpo", "gspo")


def taken(
    logprobs: Sequence[float],
    *,
    old: Sequence[float] | None = None,
    sampled: Sequence[float] | None = None,
    reference: Sequence[float] | None = None,
    answer: Sequence[int] | None = None,
    advantage: Sequence[float] = (1.0,),
    weight: Sequence[float] | None = None,
) -> Taken:
    """Tokens of one completion, on-policy and each of weight 1 where nothing else is said."""
    logprob_N = torch.tensor(logprobs, requires_grad=True)
    old_N = logprob_N.detach().clone() if old is None else torch.tensor(old)
    return Taken(
        logprob_N=logprob_N,
        old_logprob_N=old_N,
        sampled_logprob_N=old_N if sampled is None else torch.tensor(sampled),
        reference_logprob_N=None if reference is None else torch.tensor(reference),
        answer_N=torch.tensor(answer or [0] * len(logprobs), dtype=torch.long),
        advantage_C=torch.tensor(advantage),
        weight_C=torch.tensor(weight or [1.0] * len(advantage)),
    )


def learnt(given: Taken, settings: GrpoSettings) -> tuple[float, list[float], Counts]:
    """Loss, gradient of each log-probability, and counts."""
    made = policy_loss(given, settings)
    made.loss.backward()
    assert given.logprob_N.grad is not None
    return float(made.loss.detach()), given.logprob_N.grad.tolist(), made.counts


@pytest.mark.parametrize("loss", CLIPPING)
@pytest.mark.parametrize(
    ("ratio", "advantage", "expected", "gradient", "clipped"),
    [
        pytest.param(1.0, 1.5, -1.5, -1.5, 0, id="on-policy: the plain policy gradient"),
        pytest.param(1.1, 1.0, -1.1, -1.1, 0, id="inside the clip"),
        pytest.param(1.25, 1.0, -1.25, -1.25, 0, id="upwards there is more room"),
        pytest.param(1.5, 1.0, -1.3, 0.0, 1, id="a good token past the clip earns no more"),
        pytest.param(0.5, 1.0, -0.5, -0.5, 0, id="a good token that lost probability gets it back"),
        pytest.param(0.5, -1.0, 0.8, 0.0, 1, id="a bad token past the clip is punished no more"),
        pytest.param(0.75, -1.0, 0.8, 0.0, 1, id="downwards there is less room"),
        pytest.param(1.5, -1.0, 1.5, 1.5, 0, id="a bad token that gained probability is pushed down"),
        pytest.param(1.5, 0.0, 0.0, 0.0, 0, id="without advantage there is nothing to hold"),
    ],
)
def test_clipping(
    loss: Loss, ratio: float, advantage: float, expected: float, gradient: float, clipped: int
) -> None:
    given = taken([math.log(ratio)], old=[0.0], advantage=[advantage])
    made = learnt(given, GrpoSettings(loss=loss, clip=0.2, clip_high=0.3))
    assert made[0] == pytest.approx(expected)
    assert made[1] == pytest.approx([gradient])
    assert made[2].clipped == clipped


def test_the_clip_upwards_is_that_downwards_unless_it_is_given() -> None:
    given = taken([math.log(1.25)], old=[0.0])
    assert policy_loss(given, GrpoSettings(clip=0.2)).counts.clipped == 1
    assert policy_loss(given, GrpoSettings(clip=0.2, clip_high=0.3)).counts.clipped == 0


def test_gspo_clips_whole_completions_by_the_geometric_mean_of_their_ratios() -> None:
    # Completion 0: ratios 2 and 1/2, whose geometric mean is 1. Completion 1: 2 and 1, that is 1.414.
    logprobs = [math.log(each) for each in (2.0, 0.5, 2.0, 1.0)]
    given = taken(logprobs, old=[0.0] * 4, answer=[0, 0, 1, 1], advantage=[1.0, 1.0])
    loss, gradient, counts = learnt(given, GrpoSettings(loss="gspo", clip=0.2))
    assert loss == pytest.approx(-(1.0 + 1.0) - (1.2 + 1.2))
    # Each of the two tokens has half the mean's gradient, and the mean stands in two gains.
    assert gradient == pytest.approx([-1.0, -1.0, 0.0, 0.0])
    assert counts.clipped == 2


def test_cispo_bounds_the_weight_of_a_token_and_still_learns_from_it() -> None:
    # Ratios 1.1, 2 and 0.1: weights 1.1, 1.2 (the bound) and 0.1; there is none below.
    logprobs = [-1.0, -2.0, -3.0]
    old = [logprob - math.log(ratio) for logprob, ratio in zip(logprobs, (1.1, 2.0, 0.1), strict=True)]
    given = taken(logprobs, old=old, advantage=[2.0])
    loss, gradient, counts = learnt(given, GrpoSettings(loss="cispo", clip=0.2))
    assert gradient == pytest.approx([-2.2, -2.4, -0.2])
    assert loss == pytest.approx(2.2 * 1 + 2.4 * 2 + 0.2 * 3)
    assert counts.clipped == 1


@pytest.mark.parametrize("loss", LOSSES)
def test_on_policy_all_losses_have_the_gradient_of_the_plain_policy_gradient(loss: Loss) -> None:
    given = taken([-0.5, -2.0, -1.0], answer=[0, 0, 1], advantage=[1.5, -0.5], weight=[0.25, 0.5])
    gradient = learnt(given, GrpoSettings(loss=loss))[1]
    assert gradient == pytest.approx([-1.5 * 0.25, -1.5 * 0.25, 0.5 * 0.5])


def test_a_token_likelier_now_than_when_it_was_sampled_counts_more_up_to_a_bound() -> None:
    # 0.8 / 0.4 = 2 is the bound itself; 0.9 / 0.1 = 9 is beyond it; 0.1 / 0.2 = 0.5.
    old = [math.log(each) for each in (0.8, 0.9, 0.1)]
    sampled = [math.log(each) for each in (0.4001, 0.1, 0.2)]
    given = taken(old, sampled=sampled)
    loss, gradient, counts = learnt(given, GrpoSettings(truncate=2.0))
    assert gradient == pytest.approx([-2.0, -2.0, -0.5], abs=1e-3)
    assert loss == pytest.approx(-4.5, abs=1e-3)
    assert counts.truncated == 1


def test_the_divergence_pulls_back_to_the_reference_and_is_not_corrected_for_lag() -> None:
    # The reference finds the token twice as likely: k3 = 2 - log 2 - 1 = 0.307. Its gradient alone is 1 - 2,
    # and that of the ratio before it 1 · 0.307: together -log 2, what log p - log reference is.
    logprob, reference = math.log(0.2), math.log(0.4)
    given = taken([logprob], sampled=[logprob - 9.0], reference=[reference], advantage=[0.0])
    loss, gradient, counts = learnt(given, GrpoSettings(beta=0.5))
    assert counts.kl == pytest.approx(2 - math.log(2) - 1)
    assert loss == pytest.approx(0.5 * counts.kl)
    assert gradient == pytest.approx([-0.5 * math.log(2)])


def test_the_divergence_counts_a_token_by_its_ratio() -> None:
    # 0.3 now and 0.2 before: 1.5 · (0.4 / 0.3 - log(0.4 / 0.3) - 1); gradient 1.5 · log(0.3 / 0.4).
    logprob, old, reference = (math.log(each) for each in (0.3, 0.2, 0.4))
    made = learnt(taken([logprob], old=[old], reference=[reference], advantage=[0.0]), GrpoSettings(beta=1.0))
    assert made[0] == pytest.approx(1.5 * (4 / 3 - math.log(4 / 3) - 1))
    assert made[1] == pytest.approx([1.5 * math.log(3 / 4)])


def test_without_a_weight_the_reference_is_not_looked_at() -> None:
    given = taken([-1.0], reference=[math.nan])
    assert policy_loss(given, GrpoSettings(beta=0.0)).counts.kl == 0.0


def test_a_divergence_without_a_reference_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="reference"):
        policy_loss(taken([-1.0]), GrpoSettings(beta=0.1))


def test_drift_is_between_the_trainer_before_its_updates_and_the_sampler() -> None:
    counts = policy_loss(taken([-9.0, -9.0], old=[-1.0, -2.0], sampled=[-1.5, -1.9]), GrpoSettings()).counts
    assert counts.drift == pytest.approx(0.5 - 0.1)
    assert counts.largest_drift == pytest.approx(0.5)
    assert counts.tokens == 2


def test_counts_add_up() -> None:
    one, other = Counts(3, 1, 0, 0.5, -1.0, 0.75), Counts(2, 1, 1, 0.25, 0.5, 0.25)
    assert one + other == Counts(5, 2, 1, 0.75, -0.5, 0.75)


def test_no_tokens_cost_nothing() -> None:
    assert learnt(taken([]), GrpoSettings())[::2] == (0.0, Counts())


BEYOND = 1000.0
"""Its exponential is larger than any number of 32 bits, and that of its negative is 0."""


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("log_ratio", "advantage"),
    [(BEYOND, 1.0), (-BEYOND, -1.0), (-BEYOND, 1.0), (BEYOND, 0.0), (-BEYOND, 0.0)],
)
def test_a_ratio_beyond_all_numbers_leaves_gradients_that_are_numbers(
    loss: Loss, log_ratio: float, advantage: float
) -> None:
    made, gradient, _ = learnt(
        taken([-1.0], old=[-1.0 - log_ratio], sampled=[-1.0 - log_ratio], advantage=[advantage]),
        GrpoSettings(loss=loss),
    )
    assert math.isfinite(made)
    assert math.isfinite(gradient[0])


@pytest.mark.parametrize("loss", CLIPPING)
def test_a_loss_that_is_too_large_for_a_number_is_seen_before_its_gradient(loss: Loss) -> None:
    made = policy_loss(taken([-1.0], old=[-1.0 - BEYOND], advantage=[-1.0]), GrpoSettings(loss=loss))
    assert made.loss == math.inf


def test_a_divergence_that_is_too_large_for_a_number_is_seen_before_its_gradient() -> None:
    made = policy_loss(taken([-BEYOND], reference=[-1.0]), GrpoSettings(beta=0.01))
    assert made.loss == math.inf


def test_a_correction_beyond_all_numbers_is_truncated_like_any_other() -> None:
    gradient = learnt(taken([-1.0], sampled=[-BEYOND]), GrpoSettings(truncate=2.0))[1]
    assert gradient == [-2.0]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        # Completions of 4, 1, 5 and 0 tokens, of which the third and fourth carry no signal.
        pytest.param("grpo", [1 / 16, 1 / 4, 1 / 20, 1 / 4], id="grpo: 1 / (4 completions · own length)"),
        pytest.param("gspo", [1 / 16, 1 / 4, 1 / 20, 1 / 4], id="gspo: the same"),
        pytest.param("dr_grpo", [1 / 32] * 4, id="dr_grpo: 1 / (4 completions · limit of 8)"),
        pytest.param("dapo", [1 / 10] * 4, id="dapo: 1 / all tokens"),
        pytest.param("cispo", [1 / 10] * 4, id="cispo: the same"),
        pytest.param("bnpo", [1 / 5] * 4, id="bnpo: 1 / tokens that are trained on"),
    ],
)
def test_what_a_token_weighs(loss: Loss, expected: list[float]) -> None:
    made = token_weights(loss, [4, 1, 5, 0], trained=[True, True, False, False], limit=8)
    assert made == pytest.approx(expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_of_no_tokens_is_divided_by_none(loss: Loss) -> None:
    assert all(map(math.isfinite, token_weights(loss, [0, 0], trained=[False, False], limit=8)))


def drawn(random: Random, lengths: Sequence[int], weights: Sequence[float]) -> Taken:
    """Completions with ratios on both sides of every bound."""

    def some() -> list[float]:
        return [-random.random() - 0.1 for _ in range(sum(lengths))]

    return taken(
        some(),
        old=some(),
        sampled=some(),
        reference=some(),
        answer=[index for index, length in enumerate(lengths) for _ in range(length)],
        advantage=[random.choice([-1.0, -0.25, 0.5, 1.5]) for _ in lengths],
        weight=weights,
    )


def part(whole: Taken, kept: Sequence[int]) -> Taken:
    """Some of the completions, numbered anew, with the whole's log-probabilities as leaves."""
    is_kept = torch.isin(whole.answer_N, torch.tensor(kept, dtype=torch.long))
    renumbered = torch.zeros(len(whole.advantage_C), dtype=torch.long)
    renumbered[list(kept)] = torch.arange(len(kept))
    assert whole.reference_logprob_N is not None
    return Taken(
        logprob_N=whole.logprob_N[is_kept],
        old_logprob_N=whole.old_logprob_N[is_kept],
        sampled_logprob_N=whole.sampled_logprob_N[is_kept],
        reference_logprob_N=whole.reference_logprob_N[is_kept],
        answer_N=renumbered[whole.answer_N[is_kept]],
        advantage_C=whole.advantage_C[list(kept)],
        weight_C=whole.weight_C[list(kept)],
    )


@settings(max_examples=40)
@given(
    st.sampled_from(LOSSES),
    st.lists(st.integers(0, 5), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.3]),
    st.randoms(use_true_random=False),
)
def test_a_step_is_the_same_however_its_completions_are_divided(
    loss: Loss, lengths: list[int], beta: float, random: Random
) -> None:
    how = GrpoSettings(loss=loss, beta=beta, clip=0.1, clip_high=0.3, truncate=1.2)
    weights = token_weights(loss, lengths, trained=[True] * len(lengths), limit=8)
    whole = drawn(random, lengths, weights)
    undivided = policy_loss(whole, how)
    (expected,) = torch.autograd.grad(undivided.loss, whole.logprob_N)
    places = list(range(len(lengths)))
    random.shuffle(places)
    cut = random.randrange(len(places) + 1)
    parts = [policy_loss(part(whole, sorted(kept)), how) for kept in (places[:cut], places[cut:])]
    summed = torch.stack([each.loss for each in parts]).sum()
    (gradient,) = torch.autograd.grad(summed, whole.logprob_N)
    torch.testing.assert_close(summed, undivided.loss)
    torch.testing.assert_close(gradient, expected)
    assert_same(parts, undivided)


def assert_same(parts: Sequence[PolicyLoss], whole: PolicyLoss) -> None:
    total = sum((each.counts for each in parts), Counts())
    assert (total.tokens, total.clipped, total.truncated) == (
        whole.counts.tokens,
        whole.counts.clipped,
        whole.counts.truncated,
    )
    assert total.kl == pytest.approx(whole.counts.kl, abs=1e-5)
    assert total.drift == pytest.approx(whole.counts.drift, abs=1e-5)
    assert total.largest_drift == whole.counts.largest_drift


@pytest.mark.parametrize("loss", LOSSES)
def test_without_a_divergence_groups_of_no_advantage_can_be_left_out(loss: Loss) -> None:
    lengths, random = [3, 2, 4, 1], Random(7)
    weights = token_weights(loss, lengths, trained=[True, True, False, False], limit=8)
    whole = drawn(random, lengths, weights)
    whole.advantage_C[2:] = 0.0
    how = GrpoSettings(loss=loss, clip=0.1)
    (expected,) = torch.autograd.grad(policy_loss(whole, how).loss, whole.logprob_N)
    (gradient,) = torch.autograd.grad(policy_loss(part(whole, [0, 1]), how).loss, whole.logprob_N)
    assert gradient.tolist() == expected.tolist()
