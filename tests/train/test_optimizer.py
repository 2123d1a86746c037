import pytest
import torch

from adhere.model import Model
from adhere.train.optimizer import adamw, decayed, update, warmed_up


def test_warm_up_rises_to_the_rate_and_stays() -> None:
    assert [warmed_up(1.0, step, 3) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_without_warm_up_the_rate_is_there_at_once() -> None:
    assert warmed_up(0.5, 0, 0) == 0.5


def test_decay_ends_near_a_tenth() -> None:
    rates = [decayed(1.0, step, steps=100, warmup_steps=10) for step in range(100)]
    assert rates[:2] == [1 / 11, 2 / 11]
    assert max(rates) == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.001)


def test_vectors_do_not_decay(model: Model) -> None:
    optimizer = adamw(model, lr=1e-3, weight_decay=0.1)
    decays = {
        weight.dim() > 1: group["weight_decay"]
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    assert decays == {True: 0.1, False: 0.0}


def test_a_large_gradient_is_scaled_down_and_its_own_norm_returned(model: Model) -> None:
    optimizer = torch.optim.SGD(model.network.parameters(), lr=1.0)
    before = {name: weight.detach().clone() for name, weight in model.network.named_parameters()}
    for weight in model.network.parameters():
        weight.grad = torch.ones_like(weight)
    count = sum(weight.numel() for weight in model.network.parameters())
    updated = update(model, optimizer, loss=1.0, lr=1.0, grad_clip=2.0)
    moved = sum(
        float((weight.detach() - before[name]).pow(2).sum())
        for name, weight in model.network.named_parameters()
    )
    assert not updated.skipped
    assert updated.norm == pytest.approx(count**0.5, rel=1e-4)
    assert moved**0.5 == pytest.approx(2.0, rel=1e-3)
    assert all(weight.grad is None for weight in model.network.parameters())


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        pytest.param(1.0, torch.nan, id="a gradient that is not a number"),
        pytest.param(1.0, torch.inf, id="an endless gradient"),
        pytest.param(float("nan"), 1.0, id="a loss that is not a number"),
    ],
)
def test_what_is_not_finite_leaves_weights_and_optimizer_alone(
    model: Model, loss: float, gradient: float
) -> None:
    optimizer = adamw(model, lr=1e-3, weight_decay=0.0)
    _give_gradients(model, 1.0)
    update(model, optimizer, loss=1.0, lr=1e-3, grad_clip=1.0)
    before = {name: weight.clone() for name, weight in model.network.state_dict().items()}
    moments = [each["exp_avg"].clone() for each in optimizer.state.values()]
    counts = [each["step"].clone() for each in optimizer.state.values()]
    _give_gradients(model, gradient)
    assert update(model, optimizer, loss=loss, lr=1e-3, grad_clip=1.0).skipped
    assert all(torch.equal(before[name], weight) for name, weight in model.network.state_dict().items())
    assert all(map(torch.equal, moments, [each["exp_avg"] for each in optimizer.state.values()]))
    assert counts == [each["step"] for each in optimizer.state.values()]
    assert all(weight.grad is None for weight in model.network.parameters())


def _give_gradients(model: Model, value: float) -> None:
    for weight in model.network.parameters():
        weight.grad = torch.full_like(weight, value)
