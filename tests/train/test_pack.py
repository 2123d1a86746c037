import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adhere.train.pack import Answer, Group, Pack, packs

CPU = torch.device("cpu")


def test_a_prompt_stands_once_and_the_places_of_each_answer_go_on_from_it() -> None:
    groups = [Group((11, 12), (Answer((1, 2, 3)), Answer((4, 5)))), Group((13,), (Answer((6,)),))]
    pack = Pack(groups, CPU)
    # The last token of an answer predicts nothing, so nobody reads it.
    assert pack.token_1T.tolist() == [[11, 12, 1, 2, 4, 13]]
    assert pack.position_1T.tolist() == [[0, 1, 2, 3, 2, 0]]
    assert pack.target_N.tolist() == [1, 2, 3, 4, 5, 6]
    assert pack.predicting_N.tolist() == [1, 2, 3, 1, 4, 5]
    assert pack.answer_N.tolist() == [0, 0, 0, 1, 1, 2]


def test_only_wanted_tokens_are_predicted_and_what_follows_them_is_not_read() -> None:
    answers = (Answer((1, 2, 3, 4), (False, True, False, False)), Answer((5, 6), (False, False)), Answer(()))
    pack = Pack([Group((11, 12), answers)], CPU)
    assert pack.token_1T.tolist() == [[11, 12, 1]]
    assert (pack.target_N.tolist(), pack.predicting_N.tolist(), pack.answer_N.tolist()) == ([2], [2], [0])


def test_a_prompt_is_needed() -> None:
    with pytest.raises(ValueError, match="prompt"):
        Group((), (Answer((1,)),))


def test_what_was_allowed_is_told_for_any_stretch_of_tokens() -> None:
    first, second = np.eye(3, dtype=bool), np.zeros((1, 3), dtype=bool)
    answers = (Answer((0, 1, 2), allowed=first), Answer((1, 2)), Answer((0, 1), (True, False), second))
    pack = Pack([Group((1,), answers)], CPU)
    everything = [True, True, True]
    allowed = pack.allowed(1, 6, 3)
    assert allowed is not None
    assert allowed.tolist() == [
        [False, True, False],
        [False, False, True],
        everything,
        everything,
        [False, False, False],
    ]
    assert pack.allowed(3, 5, 3) is None


def test_a_group_too_long_is_split_by_answers_and_repeats_its_prompt() -> None:
    group = Group((1, 2), tuple(Answer((9,) * 5) for _ in range(5)))
    # A prompt of 2 and answers of which 4 tokens are read: 2 + 2 * 4 = 10.
    made = list(packs([group], CPU, tokens=10))
    assert [places for places, _ in made] == [[(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4)]]
    assert [pack.token_1T.shape[1] for _, pack in made] == [10, 10, 6]


def test_a_long_prompt_takes_answers_of_its_own_length_along() -> None:
    group = Group((1,) * 12, tuple(Answer((9,) * 5) for _ in range(4)))
    # Packs of 10 would hold one answer each; twice the prompt, 24, holds 12 + 3 * 4.
    assert [places for places, _ in packs([group], CPU, tokens=10)] == [[(0, 0), (0, 1), (0, 2)], [(0, 3)]]


def test_no_groups_make_no_packs() -> None:
    assert list(packs([], CPU)) == []


lengths = st.lists(st.tuples(st.integers(1, 30), st.lists(st.integers(0, 20), max_size=5)), max_size=8)


@given(lengths)
def test_every_answer_is_in_one_pack_in_order_and_no_pack_is_too_long(
    lengths: list[tuple[int, list[int]]],
) -> None:
    groups = [Group((1,) * prompt, tuple(Answer((2,) * n) for n in answers)) for prompt, answers in lengths]
    made = list(packs(groups, CPU, tokens=60))
    every = [(index, place) for index, group in enumerate(groups) for place in range(len(group.answers))]
    assert [place for places, _ in made for place in places] == every
    for places, pack in made:
        # Twice a prompt of 30 is no more than 60.
        assert pack.token_1T.shape[1] <= 60
        targets = sum(len(groups[index].answers[place].tokens) for index, place in places)
        assert len(pack.target_N) == targets
