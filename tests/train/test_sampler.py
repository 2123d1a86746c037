"""The weights that sample, and those that a run is held to."""

import copy
from pathlib import Path

import pytest
import torch

from adhere.config import GrpoConfig, Lora
from adhere.model import Model, add_lora
from adhere.train.pack import Answer, Group, Pack
from adhere.train.reference import Reference
from adhere.train.sampler import Sampler


def config(sync_every: int, **changes: object) -> GrpoConfig:
    return GrpoConfig(data=Path("d"), out=Path("o"), sync_every=sync_every, **changes)  # type: ignore[arg-type]


def move(model: Model) -> None:
    """Change every weight that is trained."""
    with torch.no_grad():
        for weight in model.network.parameters():
            if weight.requires_grad:
                weight.add_(1.0)


def first(model: Model) -> float:
    """A number that says how often a model was moved since it had 0 there."""
    return float(
        next(weight for weight in model.network.parameters() if weight.requires_grad).flatten()[0].detach()
    )


def test_a_sampler_that_does_not_lag_is_the_trainers_own_model(model: Model) -> None:
    sampler = Sampler(model, config(1), step=7, held=None)
    sampler.after(7)
    assert sampler.model is model
    assert sampler.weights is None
    assert [sampler.lag(step) for step in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("every", "lags"),
    [pytest.param(3, [0, 1, 2, 0, 1, 2, 0], id="every third step"), pytest.param(0, [*range(7)], id="never")],
)
@pytest.mark.parametrize("lora", [Lora(), Lora(rank=2)], ids=["all weights", "adapters"])
def test_a_sampler_takes_the_weights_over_every_so_many_steps(
    model: Model, lora: Lora, every: int, lags: list[int]
) -> None:
    add_lora(model, lora, seed=0)
    sampler = Sampler(model, config(every), step=0, held=None)
    held = next(iter((sampler.weights or {}).values()))
    began = first(model)
    behind: list[int] = []
    for step, lag in enumerate(lags):
        behind.append(round(first(model) - float(held.flatten()[0])))
        assert sampler.lag(step) == lag
        move(model)
        sampler.after(step)
    assert behind == lags
    assert first(model) == pytest.approx(began + len(lags))


def test_several_updates_a_step_are_so_many_of_lag(model: Model) -> None:
    assert Sampler(model, config(4, updates_per_batch=3), step=0, held=None).lag(2) == 6


def test_only_trained_weights_are_held_for_a_checkpoint(model: Model) -> None:
    names = {name for name, _ in model.network.named_parameters()}
    assert (Sampler(model, config(0), step=0, held=None).weights or {}).keys() == names
    add_lora(model, Lora(rank=2), seed=0)
    held = Sampler(model, config(0), step=0, held=None).weights or {}
    assert all("lora" in name for name in held)
    assert held


def test_a_sampler_that_is_taken_up_has_the_weights_that_it_had(model: Model) -> None:
    kept = {name: torch.full_like(weight, 0.25) for name, weight in model.network.named_parameters()}
    sampler = Sampler(model, config(4), step=5, held=kept)
    assert all((weight == 0.25).all() for weight in sampler.model.network.parameters())
    assert not any((weight == 0.25).all() for weight in model.network.parameters())
    with pytest.raises(ValueError, match="without the sampler's weights"):
        Sampler(model, config(4), step=5, held=None)


def mixed(model: Model) -> Model:
    """Multiply in bfloat16 over weights in float32."""
    return Model(model.reference, model.network, model.tokenizer, mixed=True)


def test_a_copy_in_fewer_bits_keeps_the_frequencies_of_positions(model: Model) -> None:
    sampler = Sampler(mixed(model), config(2), step=0, held=None)
    assert {weight.dtype for weight in sampler.model.network.parameters()} == {torch.bfloat16}
    assert {buffer.dtype for buffer in sampler.model.network.buffers()} == {torch.float32}
    move(model)
    sampler.after(1)
    weight = next(model.network.parameters())
    assert torch.equal(next(sampler.model.network.parameters()), weight.to(torch.bfloat16))


def test_a_trainer_in_fewer_bits_is_sampled_from_a_copy_that_follows_every_step(model: Model) -> None:
    sampler = Sampler(mixed(model), config(1), step=3, held=None)
    assert sampler.model.network is not model.network
    assert sampler.weights is None
    move(model)
    sampler.after(3)
    assert torch.equal(
        next(sampler.model.network.parameters()), next(model.network.parameters()).to(torch.bfloat16)
    )
    assert sampler.lag(4) == 0


PACK = Pack([Group((5, 6, 7), (Answer((8, 9)), Answer((3,))))], torch.device("cpu"))


def test_a_reference_stays_where_the_run_began(model: Model) -> None:
    reference = Reference(model, None, step=0)
    before = reference.logprobs(PACK, temperature=0.5)
    assert not before.requires_grad
    move(model)
    assert torch.equal(reference.logprobs(PACK, temperature=0.5), before)


def test_a_reference_multiplies_as_its_model_does(model: Model) -> None:
    # A run that goes on loads it as it loads its model, and must find the same numbers.
    copied = Reference(mixed(model), None, step=0).logprobs(PACK, temperature=1.0)
    given = Reference(mixed(model), mixed(model), step=1).logprobs(PACK, temperature=1.0)
    assert torch.equal(copied, given)
    assert not torch.equal(copied, Reference(model, None, step=0).logprobs(PACK, temperature=1.0))


def test_adapters_switched_off_are_the_reference(model: Model) -> None:
    before = Reference(model, None, step=0).logprobs(PACK, temperature=1.0)
    add_lora(model, Lora(rank=2), seed=0)
    move(model)
    after = Reference(model, None, step=9)
    assert torch.allclose(after.logprobs(PACK, temperature=1.0), before, atol=1e-6)
    # They are on again, and still trained.
    assert any(weight.requires_grad for weight in model.network.parameters())


def test_a_run_that_goes_on_must_be_given_its_reference(model: Model) -> None:
    began = Model(model.reference, copy.deepcopy(model.network), model.tokenizer)
    before = Reference(model, None, step=0).logprobs(PACK, temperature=1.0)
    move(model)
    assert torch.equal(Reference(model, began, step=9).logprobs(PACK, temperature=1.0), before)
    with pytest.raises(ValueError, match="the weights that it began with"):
        Reference(model, None, step=9)
