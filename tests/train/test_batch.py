import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adhere.model import Model
from adhere.prompt import Rendered
from adhere.train.batch import by_length, side_by_side
from adhere.train.forward import answer_logprobs


def row(prompt: list[int], answer: list[int]) -> Rendered:
    return Rendered((*prompt, *answer), (False,) * len(prompt) + (True,) * len(answer))


ROWS = [row([11, 12, 13, 14], [21]), row([15], [22, 23, 24]), row([16, 17], [25, 26])]


def test_answers_begin_at_the_same_column() -> None:
    batch = side_by_side(ROWS, torch.device("cpu"))
    assert batch.token_BT.tolist() == [
        [11, 12, 13, 14, 21, 0, 0],
        [0, 0, 0, 15, 22, 23, 24],
        [0, 0, 16, 17, 25, 26, 0],
    ]
    assert batch.is_answer_BA.tolist() == [[True, False, False], [True, True, True], [True, True, False]]
    assert batch.position_BT[1].tolist() == [0, 0, 0, 0, 1, 2, 3]


def test_a_row_without_a_prompt_is_an_error() -> None:
    with pytest.raises(ValueError, match="prompt"):
        side_by_side([row([], [1])], torch.device("cpu"))


def test_padding_changes_no_log_probability(any_model: Model) -> None:
    batch = side_by_side(ROWS, torch.device("cpu"))
    with torch.no_grad():
        together = answer_logprobs(any_model, batch)
        for place, alone in enumerate(ROWS):
            single = answer_logprobs(any_model, side_by_side([alone], torch.device("cpu")))[0]
            assert together[place, : len(single)].tolist() == pytest.approx(single.tolist(), abs=1e-5)


@given(st.lists(st.integers(2, 90), min_size=1, max_size=40))
def test_every_row_is_in_one_batch_and_no_batch_is_too_large(lengths: list[int]) -> None:
    rows = [row([1] * (length - 1), [2]) for length in lengths]
    batches = list(by_length(rows, tokens=100))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[place] for place in batch) * len(batch) <= 100
