"""The log-probabilities that a model gives to answers, with gradients.

Axis suffixes: B rows, A answer positions, V vocabulary.
"""

import torch

from adhere.model import Model
from adhere.train.batch import Sequences


def answer_logprobs(model: Model, rows: Sequences, *, temperature: float = 1.0) -> torch.Tensor:
    """Return the natural log of each answer token's probability, shape (B, A).

    Only positions that predict an answer token reach the vocabulary. Padding gets a number too; mask it.

    Args:
        model: Its gradients are recorded where they are enabled.
        rows: Prompts and answers.
        temperature: Divides the logits, as it did when the answers were sampled.
    """
    width = rows.answer_BA.shape[1]
    logits_BAV = model.network(
        input_ids=rows.token_BT,
        attention_mask=rows.attended_BT,
        position_ids=rows.position_BT,
        use_cache=False,
        logits_to_keep=width + 1,
    ).logits[:, :-1]
    logprob_BAV = (logits_BAV.float() / temperature).log_softmax(-1)
    return logprob_BAV.gather(-1, rows.answer_BA[..., None])[..., 0]
