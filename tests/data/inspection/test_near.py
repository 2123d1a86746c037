"""Near-duplicates are those that share enough runs of three words, whatever hashing says."""

from functools import cache
from itertools import combinations
from random import Random

import pytest

from adhere.data.inspection.near import twins


@cache
def runs(text: str) -> frozenset[str]:
    words = text.split()
    return frozenset(" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2)))


def share(one: str, other: str) -> float:
    return len(runs(one) & runs(other)) / len(runs(one) | runs(other))


def near_copies(random: Random, count: int) -> list[str]:
    """Texts of 30 words, and copies of them with some words replaced."""
    texts = [" ".join(f"w{random.randrange(500)}" for _ in range(30)) for _ in range(count)]
    for text in texts[: count // 2]:
        words = text.split()
        for _ in range(random.randrange(1, 4)):
            words[random.randrange(30)] = "other"
        texts.append(" ".join(words))
    return list(dict.fromkeys(texts))


@pytest.mark.parametrize("near", [0.3, 0.6, 0.85, 1.0])
def test_twins_are_the_pairs_that_are_near_and_no_others(near: float) -> None:
    texts = near_copies(Random(4), 40)
    pairs = combinations(range(len(texts)), 2)
    expected = {late for early, late in pairs if share(texts[early], texts[late]) >= near}
    found = twins(texts, [0] * len(texts), near=near)
    assert {twin.index for twin in found} == expected
    for twin in found:
        assert twin.other < twin.index
        assert twin.share == share(texts[twin.index], texts[twin.other]) >= near


def test_the_same_texts_have_the_same_twins() -> None:
    texts = near_copies(Random(9), 60)
    splits = [0] * 40 + [1] * (len(texts) - 40)
    assert twins(texts, splits, near=0.7) == twins(texts, splits, near=0.7)


def test_a_text_has_a_twin_in_its_own_split_and_one_in_an_earlier_split() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    texts = [words, "something else altogether stands here", f"{words} x", f"{words} y", f"{words} z"]
    found = twins(texts, [0, 0, 1, 1, 2], near=0.7)
    # 10 runs, and one more for the word that differs: 10 of 11 with the first, 10 of 12 among the others.
    assert [(twin.index, twin.other, round(twin.share, 3)) for twin in found] == [
        (2, 0, 0.909),
        (3, 0, 0.909),
        (3, 2, 0.833),
        (4, 0, 0.909),
    ]


@pytest.mark.parametrize(
    ("one", "other", "are_near"),
    [
        pytest.param("Two mugs, please!", "two mugs please", True, id="case and punctuation"),
        pytest.param("two mugs", "two mugs", True, id="fewer than three words are one run"),
        pytest.param("two mugs", "two cups", False, id="two words that differ"),
        pytest.param(
            "請付款十二元整", "請付款十二元", True, id="letters without blanks are words: 4 of 5 runs"
        ),
        pytest.param("請付款十二元整", "謝謝您的來信", False, id="other letters without blanks"),
    ],
)
def test_words_are_compared(one: str, other: str, are_near: bool) -> None:  # noqa: FBT001
    assert bool(twins([one, other], [0, 0], near=0.75)) == are_near


@pytest.mark.parametrize("texts", [[], ["a b c"]], ids=["none", "one"])
def test_few_texts_have_no_twins(texts: list[str]) -> None:
    assert twins(texts, [0] * len(texts), near=0.85) == []


def test_many_texts_that_are_alike_cost_no_more_than_their_number() -> None:
    texts = [f"{'the same words over and over again ' * 5} {number} {number}" for number in range(600)]
    assert len(twins(texts, [0] * 600, near=0.5)) == 599
