"""The weights that completions are sampled with: the trainer's own, or a copy that lags behind them."""

import copy

import torch

from adhere.config import GrpoSettings
from adhere.model import Model


class Sampler:
    """A model that samples for a run.

    Under `sync_every` 1 it is the trainer's own model: nothing is copied, and what is sampled is on-policy.
    A trainer that multiplies in bfloat16 is copied into that even so, which is quicker to sample from, and
    the copy takes its weights over after every step. Otherwise it is a copy which does so every so many
    steps, or never. Weights that the run does not train, those under an adapter, are copied once.

    Attributes:
        model: The one that samples.
        weights: The trained weights that it lags behind with, by name, which a checkpoint must hold; `None`
            where it does not lag. They are those that sample, not a copy of them.
    """

    def __init__(
        self, model: Model, config: GrpoSettings, *, step: int, held: dict[str, torch.Tensor] | None
    ) -> None:
        """Copy the trainer's weights where they are to lag, or are sampled from in bfloat16.

        Args:
            model: The trainer's.
            config: Its `sync_every` and `updates_per_batch`.
            step: The one that comes next, counted from 0.
            held: `weights` of the run that is taken up.

        Raises:
            ValueError: A run is taken up whose sampler lagged, without its weights.
        """
        self._trained, self._every, self._updates = model, config.sync_every, config.updates_per_batch
        self.model = model
        self._copied: dict[str, torch.Tensor] = {}
        lags = self._every != 1
        if lags and step and held is None:
            raise ValueError("a run whose sampler lags behind cannot go on without the sampler's weights")
        if lags or model.mixed:
            self.model = _copy(model)
            names = [name for name, weight in model.network.named_parameters() if weight.requires_grad]
            own = dict(self.model.network.named_parameters())
            self._copied = {name: own[name].detach() for name in names}
        self.weights = self._copied if lags else None
        if held is not None:
            self._take_over(held)

    def lag(self, step: int) -> int:
        """Return by how many updates the weights are behind the trainer's, in a step counted from 0."""
        return self._updates * (step % self._every if self._every else step)

    def after(self, step: int) -> None:
        """Take the trained weights over, where it is time after a step, counted from 0."""
        if self._every and (step + 1) % self._every == 0:
            self._take_over(dict(self._trained.network.named_parameters()))

    @torch.no_grad()
    def _take_over(self, held: dict[str, torch.Tensor]) -> None:
        for name, weight in self._copied.items():
            weight.copy_(held[name])


def _copy(model: Model) -> Model:
    network = copy.deepcopy(model.network).requires_grad_(requires_grad=False).eval()
    if model.mixed:
        # The weights alone: a network's `to` would round the frequencies of its positions too.
        for weight in network.parameters():
            weight.data = weight.data.bfloat16()
    return Model(model.reference, network, model.tokenizer)
