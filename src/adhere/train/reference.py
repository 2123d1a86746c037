"""The policy that a run is held to: the model that it began with."""

import copy
from dataclasses import replace

import torch

from adhere.model import Model, adapters_off
from adhere.train.forward import answer_logprobs
from adhere.train.pack import Pack


class Reference:
    """The model of the beginning.

    With adapters it is the model without them, which costs no memory; else a copy that is never trained.
    """

    def __init__(self, model: Model, given: Model | None, *, step: int) -> None:
        """Find it.

        Args:
            model: The one that is trained.
            given: The model of the beginning, where the caller has it; it is left as it is.
            step: The one that comes next, counted from 0.

        Raises:
            ValueError: The run is one that goes on, its weights have moved, and nobody gave those of its
                beginning.
        """
        self._model = model
        if model.has_adapter:
            self._began = None
            return
        if step and given is None:
            raise ValueError("a run that goes on cannot know the weights that it began with")
        self._began = given or replace(model, network=copy.deepcopy(model.network))
        self._began.network.eval()

    @torch.no_grad()
    def logprobs(self, pack: Pack, *, temperature: float) -> torch.Tensor:
        """Return the natural log of the probability of each trained token of a pack, N numbers."""
        if self._began is not None:
            return answer_logprobs(self._began, pack, temperature=temperature).logprob_N
        with adapters_off(self._model):
            return answer_logprobs(self._model, pack, temperature=temperature).logprob_N
