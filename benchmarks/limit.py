"""The time that the arithmetic of a training step takes at the rate at which the machine multiplies matrices.

Each prompt is computed once, each token of an answer once, and only tokens that predict an answer's reach
the vocabulary. A backward pass is two forward ones. Norms, rotations, softmaxes and the optimiser are left
out: they are bound by memory, and a faster way to multiply would not shorten them.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from setting import Setting
from shape import Shape

from adhere import linear

SECONDS = 0.2
"""For which a product is repeated."""
AT_ONCE = 8
"""Products between two looks at the clock."""
TOKENS = {"cpu": 1024, "cuda": 8192}
"""That a product multiplies: as many as make it fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A prompt with its answers, in tokens."""

    prompt: int
    answers: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Floating-point operations of one forward pass; a multiplication and its addition count as two."""

    layers: float
    """Of the projections and the layers between attentions, for every token."""
    attention: float
    head: float
    """Of the vocabulary, for the tokens of answers."""

    @classmethod
    def of(cls, shape: Shape, groups: Sequence[Group]) -> Self:
        """Count the work of groups whose prompts are shared."""
        tokens = sum(group.prompt + sum(group.answers) for group in groups)
        answered = sum(sum(group.answers) for group in groups)
        # Every token of an answer sees the prompt and, on average, half of its answer.
        seen = sum(
            group.prompt**2 / 2 + sum(count * (group.prompt + count / 2) for count in group.answers)
            for group in groups
        )
        queries, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
        weights = shape.width * (2 * queries + 2 * keys + 3 * shape.intermediate)
        return cls(
            layers=2.0 * weights * shape.layers * tokens,
            attention=4.0 * queries * shape.layers * seen,  # scores, and the values that they weigh
            head=2.0 * shape.width * shape.vocabulary * answered,
        )

    @property
    def forward(self) -> float:
        """All of it."""
        return self.layers + self.attention + self.head

    @property
    def gradients(self) -> float:
        """Forward and backward."""
        return 3 * self.forward


@torch.inference_mode()
def rate(setting: Setting) -> float:
    """Return the most operations a second of a linear layer of the network's own, on all threads.

    On a CPU, torch's own product and oneDNN's are both tried.
    """
    shape = setting.shape
    sizes = [(shape.width, shape.intermediate), (shape.intermediate, shape.width)]
    most = 0.0
    for wide, high in [*sizes, (shape.width, shape.vocabulary)]:
        layer = torch.nn.Linear(wide, high, bias=False, device=setting.device, dtype=setting.dtype)
        read = torch.randn(TOKENS[setting.device], wide, device=setting.device, dtype=setting.dtype)
        operations = 2.0 * len(read) * wide * high
        for _ in range(2):
            most = max(most, operations / _seconds(layer, read, setting))
            linear.install(layer)
    return most


def _seconds(layer: torch.nn.Linear, read: torch.Tensor, setting: Setting) -> float:
    """Return the least that a product took."""
    least = math.inf
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        setting.synchronise()
        began = time.perf_counter()
        for _ in range(AT_ONCE):
            layer(read)
        setting.synchronise()
        least = min(least, (time.perf_counter() - began) / AT_ONCE)
    return least
