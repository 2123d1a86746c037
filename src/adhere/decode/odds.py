"""What a network's logits are made into before a token is drawn."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How tokens are drawn, after a constraint has left some of them."""

    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest token."""
    top_p: float = 1.0
    """In [0, 1]. Of the tokens by their probability at that temperature the likeliest are left, as few as
    have so much of it together; at least one."""

    @property
    def is_bounded(self) -> bool:
        """Whether top-p leaves something out of what is drawn from."""
        return self.temperature > 0 and self.top_p < 1

    @property
    def is_plain(self) -> bool:
        """Whether probabilities stay as the network gives them."""
        return self.temperature in (0, 1) and not self.is_bounded


PLAIN = Odds()


def nucleus(logprob_BV: torch.Tensor, top_p_B: torch.Tensor) -> torch.Tensor:
    """Return the log-probabilities of what top-p leaves, shape (B, V); together they are 1 again.

    Args:
        logprob_BV: Of all tokens; B answers, V the vocabulary.
        top_p_B: Of each answer.

    Source: arXiv:1904.09751 section 3.1.
    """
    sorted_BV, token_BV = logprob_BV.sort(stable=True, dim=-1, descending=True)
    share_BV = sorted_BV.exp().double()
    # What comes before a token has top-p already: never so of the first.
    is_left_BV = share_BV.cumsum(-1) - share_BV < top_p_B.double()[:, None]
    is_left_BV[:, 0] = True
    is_left_BV = torch.zeros_like(is_left_BV).scatter(-1, token_BV, is_left_BV)
    return logprob_BV.masked_fill(~is_left_BV, -torch.inf).log_softmax(-1)
