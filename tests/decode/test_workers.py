from collections.abc import Iterator
from itertools import repeat
from threading import Barrier, active_count, current_thread

import pytest
import torch

from adhere.decode.workers import side_by_side, workers

PATIENCE = 20
"""Seconds."""


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_all_that_is_made_comes_in_the_order_of_each() -> None:
    come = list(side_by_side([iter([1, 2, 3]), iter([10, 20]), iter(())]))
    assert [made for made in come if made < 10] == [1, 2, 3]
    assert [made for made in come if made >= 10] == [10, 20]


def test_they_run_at_the_same_time_and_each_on_one_core() -> None:
    meeting = Barrier(2)

    def part() -> Iterator[tuple[str, int]]:
        meeting.wait(PATIENCE)  # one alone would wait for ever
        yield current_thread().name, torch.get_num_threads()

    (one, cores), (other, cores_too) = side_by_side([part(), part()])
    assert len({one, other, current_thread().name}) == 3
    assert (cores, cores_too) == (1, 1)
    assert torch.get_num_threads() == 2


def test_what_one_raises_is_raised_here_and_ends_the_others() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("of its own")

    with pytest.raises(ZeroDivisionError, match="of its own"):
        list(side_by_side([repeat(0), broken()]))
    assert torch.get_num_threads() == 2


def test_they_end_when_nothing_more_is_asked_for() -> None:
    before = active_count()
    coming = side_by_side([repeat(0), repeat(1)])
    next(coming)
    assert active_count() == before + 2
    coming.close()  # type: ignore[attr-defined]  # it is a generator
    assert active_count() == before
    assert torch.get_num_threads() == 2


def test_on_a_cpu_there_is_one_for_each_core_that_torch_uses() -> None:
    assert workers(torch.device("cpu")) == 2
    assert workers(torch.device("cuda")) == 1
