from itertools import islice

from adhere.records import Example
from adhere.train.order import forever, shuffled

EXAMPLES = [Example(id=str(number), text="", schema="s") for number in range(20)]


def ids(examples: list[Example]) -> list[str]:
    return [example.id for example in examples]


def test_an_epoch_meets_every_example_once() -> None:
    assert sorted(ids(shuffled(EXAMPLES, seed=0, epoch=0))) == sorted(ids(EXAMPLES))


def test_seed_and_epoch_decide_the_order() -> None:
    orders = {tuple(ids(shuffled(EXAMPLES, seed=seed, epoch=epoch))) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4
    assert shuffled(EXAMPLES, seed=3, epoch=1) == shuffled(list(reversed(EXAMPLES)), seed=3, epoch=1)


def test_the_stream_is_one_epoch_after_another() -> None:
    stream = list(islice(forever(EXAMPLES, seed=4), 40))
    assert stream == shuffled(EXAMPLES, seed=4, epoch=0) + shuffled(EXAMPLES, seed=4, epoch=1)
