from random import Random

from adhere.data.teaching import scenario


def test_the_same_state_gives_the_same_words_and_others_give_others() -> None:
    for draw in (scenario.case, scenario.structure):
        assert draw(Random("a")) == draw(Random("a"))
        assert len({draw(Random(seed)) for seed in range(200)}) > 150


def test_so_many_texts_are_to_look_scanned() -> None:
    drawn = [scenario.layout(Random(seed), noise=0.5, remarks=True) for seed in range(1000)]
    scanned = sum("As if scanned" in each for each in drawn)
    assert 440 < scanned < 560  # 500, give or take four times the root of 1000 / 4
    assert not any("As if scanned" in scenario.layout(Random(n), noise=0.0, remarks=True) for n in range(50))


def test_remarks_may_be_left_out() -> None:
    assert "remarks" in scenario.layout(Random(1), noise=0.0, remarks=True)
    without = scenario.layout(Random(1), noise=0.0, remarks=False)
    assert "remarks" not in without
    assert "nothing that the data do not say" in without
