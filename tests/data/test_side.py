from string import ascii_lowercase

import pytest

from adhere.data.side import EITHER, Side

TRAIN = Side("train", frozenset({"template"}))
HELD_OUT = Side("held_out", frozenset({"template"}))


@pytest.mark.parametrize("mark", list(ascii_lowercase))
def test_what_is_held_apart_belongs_to_one_side(mark: str) -> None:
    assert TRAIN.admits("template", mark) != HELD_OUT.admits("template", mark)


@pytest.mark.parametrize("side", [TRAIN, HELD_OUT, EITHER])
def test_everything_else_belongs_to_both(side: Side) -> None:
    assert all(side.admits("value", mark) for mark in ascii_lowercase)


def test_a_quarter_is_held_out() -> None:
    held_out = sum(HELD_OUT.admits("template", f"template {number}") for number in range(1000))
    assert 200 <= held_out <= 300


def test_a_mark_stays_on_its_side_for_good() -> None:
    # The CRC-32 of "c" begins with 06 and that of "g" with 01, less than a quarter of ff; those of the others
    # with e8, 71, 98, ef, 76 and 91.
    assert [mark for mark in "abcdefgh" if HELD_OUT.admits("template", mark)] == ["c", "g"]
