import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adhere.decode.chance import uniforms


def draw(seed: int = 0, step: int = 0, example_id: str = "a", index: int = 0, count: int = 5) -> list[float]:
    return list(uniforms(seed=seed, step=step, example_id=example_id, index=index, count=count))


def test_the_same_sample_meets_the_same_chance() -> None:
    assert draw() == draw()


def test_a_longer_draw_begins_with_the_shorter_one() -> None:
    assert draw(count=9)[:5] == draw(count=5)


def test_every_part_of_a_samples_name_changes_its_chance() -> None:
    others = [draw(seed=1), draw(step=1), draw(example_id="b"), draw(index=1)]
    assert all(other != draw() for other in others)


def test_neighbouring_names_do_not_run_together() -> None:
    assert draw(step=1, example_id="1") != draw(step=11, example_id="")


@given(st.integers(0, 2**31), st.text(max_size=20))
def test_numbers_lie_in_the_unit_interval(seed: int, example_id: str) -> None:
    drawn = uniforms(seed=seed, step=3, example_id=example_id, index=7, count=64)
    assert ((drawn >= 0) & (drawn < 1)).all()


def test_numbers_are_spread_evenly() -> None:
    drawn = np.concatenate(
        [uniforms(seed=0, step=0, example_id=str(i), index=0, count=100) for i in range(200)]
    )
    # 20,000 draws: the mean's standard deviation is 0.289 / sqrt(20000) = 0.002.
    assert abs(drawn.mean() - 0.5) < 0.01
