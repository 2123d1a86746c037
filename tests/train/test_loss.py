import pytest
import torch

from adhere.train.loss import clipped_gain

YES = torch.ones(1, 1, dtype=torch.bool)


def gain(new: float, old: float, advantage: float) -> tuple[float, float, int]:
    """Loss, gradient of the new log-probability, tokens clipped."""
    logprob = torch.tensor([[new]], requires_grad=True)
    result = clipped_gain(logprob, torch.tensor([[old]]), torch.tensor([advantage]), YES, clip=0.2)
    result.loss_sum.backward()
    assert logprob.grad is not None
    return float(result.loss_sum.detach()), float(logprob.grad), result.clipped_tokens


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "gradient", "clipped"),
    [
        pytest.param(1.0, 1.5, -1.5, -1.5, 0, id="on-policy: the plain policy gradient"),
        pytest.param(1.1, 1.0, -1.1, -1.1, 0, id="inside the clip"),
        pytest.param(1.5, 1.0, -1.2, 0.0, 1, id="a good token past the clip earns no more"),
        pytest.param(0.5, 1.0, -0.5, -0.5, 0, id="a good token that lost probability gets it back"),
        pytest.param(0.5, -1.0, 0.8, 0.0, 1, id="a bad token past the clip is punished no more"),
        pytest.param(1.5, -1.0, 1.5, 1.5, 0, id="a bad token that gained probability is pushed down"),
    ],
)
def test_clipping(ratio: float, advantage: float, loss: float, gradient: float, clipped: int) -> None:
    new = float(torch.tensor(ratio).log())
    assert gain(new, 0.0, advantage) == (pytest.approx(loss), pytest.approx(gradient), clipped)


def test_padding_has_no_part() -> None:
    logprob = torch.tensor([[-1.0, -50.0]], requires_grad=True)
    mask = torch.tensor([[True, False]])
    result = clipped_gain(logprob, torch.tensor([[-1.0, 0.0]]), torch.tensor([2.0]), mask, clip=0.2)
    result.loss_sum.backward()
    assert logprob.grad is not None
    assert logprob.grad.tolist() == [[-2.0, 0.0]]
    assert (result.tokens, result.ratio_log_sum) == (1, 0.0)


def test_drift_is_the_sum_of_log_ratios() -> None:
    result = clipped_gain(torch.tensor([[-1.0, -2.0]]), torch.tensor([[-1.5, -1.9]]), torch.tensor([1.0]),
                          torch.ones(1, 2, dtype=torch.bool), clip=0.2)  # fmt: skip
    assert result.ratio_log_sum == pytest.approx(0.5 - 0.1)
