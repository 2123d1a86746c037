from typing import cast

import pytest
import torch
from torch import nn
from transformers import PreTrainedModel

from adhere import linear
from adhere.linear import Linear
from adhere.model import Model

ROWS = [
    pytest.param((5, 12), id="rows"),
    pytest.param((2, 3, 12), id="rows of rows"),
    pytest.param((12,), id="one"),
]


def layers(*, bias: bool) -> tuple[nn.Linear, nn.Linear]:
    """A layer of torch's, and the same with ours in its place."""
    plain, ours = nn.Linear(12, 7, bias=bias), nn.Linear(12, 7, bias=bias)
    ours.load_state_dict(plain.state_dict())
    linear.install(ours)
    return plain, ours


@pytest.mark.parametrize("shape", ROWS)
@pytest.mark.parametrize("bias", [True, False])
def test_products_and_gradients_are_torch_s(shape: tuple[int, ...], *, bias: bool) -> None:
    plain, ours = layers(bias=bias)
    assert isinstance(ours, Linear)
    given = torch.randn(shape)
    made = []
    for layer in (plain, ours):
        read = given.clone().requires_grad_()
        product = layer(read)
        (product * torch.arange(7)).sum().backward()
        made.append(
            [product.detach(), cast("torch.Tensor", read.grad), *(p.grad for p in layer.parameters())]
        )
    for first, second in zip(*made, strict=True):
        assert first.shape == second.shape
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-5)


def test_without_gradients_nothing_is_kept_for_them() -> None:
    plain, ours = layers(bias=True)
    given = torch.randn(3, 12)
    with torch.inference_mode():
        torch.testing.assert_close(plain(given), ours(given), rtol=1e-5, atol=1e-5)
        assert ours(given).grad_fn is None


def test_a_frozen_layer_passes_gradients_on_and_gets_none() -> None:
    _, ours = layers(bias=False)
    ours.requires_grad_(requires_grad=False)
    read = torch.randn(3, 12, requires_grad=True)
    ours(read).sum().backward()
    assert ours.weight.grad is None
    torch.testing.assert_close(read.grad, ours.weight.sum(0).expand(3, 12))


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        pytest.param(torch.randn(3, 12, dtype=torch.float64), torch.float64, id="64 bits"),
        pytest.param(torch.randn(3, 12, dtype=torch.bfloat16), torch.bfloat16, id="bfloat16"),
        pytest.param(torch.randn(0, 12), torch.float32, id="no rows"),
    ],
)
def test_what_is_not_for_onednn_is_torch_s_own(given: torch.Tensor, dtype: torch.dtype) -> None:
    plain, ours = (layer.to(dtype) for layer in layers(bias=True))
    assert torch.equal(plain(given), ours(given))


def test_under_autocast_a_product_is_as_torch_casts_it() -> None:
    plain, ours = layers(bias=True)
    given = torch.randn(3, 12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(given).dtype == torch.bfloat16
        assert torch.equal(plain(given), ours(given))


def test_a_model_s_layers_are_exchanged_and_its_weights_keep_their_names(model: Model) -> None:
    network: PreTrainedModel = model.network
    assert all(type(module) is not nn.Linear for module in network.modules())
    assert "model.layers.0.mlp.up_proj.weight" in network.state_dict()
