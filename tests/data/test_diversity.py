import math

import pytest

from adhere.data.diversity import diversity, likeness
from adhere.records import JSON, Example


def example(text: str, target: JSON = None, **meta: JSON) -> Example:
    return Example(id="", text=text, schema="s", target=target, meta=meta)


def self_bleu(examples: list[Example]) -> float:
    match diversity(examples)["self_bleu"]:
        case {"mean": float(mean)}:
            return mean
        case other:
            raise AssertionError(other)


def test_runs_of_words_are_counted_over_all_texts() -> None:
    # a b a / A b.  Words: a b a a b, of them 2 different. Runs of two: ab ba | ab. Of three: aba.
    found = diversity([example("a b a"), example("A b.")])
    assert found["distinct_1"] == {"rate": 0.4, "hits": 2, "tries": 5}
    assert found["distinct_2"] == {"rate": 0.6667, "hits": 2, "tries": 3}
    assert found["distinct_3"] == {"rate": 1.0, "hits": 1, "tries": 1}


def test_targets_are_the_same_however_they_are_spelled() -> None:
    rows = [example("a", {"k": 1, "l": 2}), example("b", {"l": 2, "k": 1.0}), example("c")]
    assert diversity(rows)["targets"] == {"rate": 0.5, "hits": 1, "tries": 2}


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        pytest.param("aabb", {"different": 2, "n": 4, "entropy": 1.0, "of_most": 0.5}, id="two, as frequent"),
        # 3/4 log2 4/3 + 1/4 log2 4 = 0.3113 + 0.5
        pytest.param("aaab", {"different": 2, "n": 4, "entropy": 0.8113, "of_most": 0.4056}, id="uneven"),
        pytest.param("aaaa", {"different": 1, "n": 4, "entropy": 0.0, "of_most": 0.0}, id="one"),
        pytest.param("abcd", {"different": 4, "n": 4, "entropy": 2.0, "of_most": 1.0}, id="no two the same"),
        pytest.param("a", {"different": 1, "n": 1, "entropy": 0.0}, id="of a single text there is no share"),
    ],
)
def test_the_entropy_of_wordings_is_in_bits(templates: str, expected: dict[str, JSON]) -> None:
    assert diversity([example("a", template=name) for name in templates])["templates"] == expected


def test_what_there_is_nothing_of_has_no_figure() -> None:
    assert diversity([]) == {}
    assert diversity([example("a")]).keys() == {"distinct_1"}


def test_texts_without_words_are_like_nothing() -> None:
    assert "self_bleu" not in diversity([example("a b"), example("…")])


def test_only_the_first_rows_are_looked_at() -> None:
    rows = [example(f"word{number}") for number in range(1100)]
    found = diversity(rows)
    assert found["distinct_1"] == {"rate": 1.0, "hits": 1000, "tries": 1000}
    assert found["self_bleu"] == {"mean": 0.1, "n": 100}  # none in common, counted as 0.1 of 1


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["a b c d e", "a b c d e"], [1.0, 1.0], id="the same"),
        # Runs of one word: a b c of 4; of two: ab bc of 3; of three: abc of 2; of four: none of 1.
        pytest.param(
            ["a b c d", "a b c e"],
            [(3 / 4 * 2 / 3 * 1 / 2 * 0.1 / 1) ** (1 / 4)] * 2,
            id="the first three of four words",
        ),
        # a stands twice in the first, and once in the one that has it most often elsewhere; ab once in both.
        pytest.param(
            ["a a b", "a b"],
            [(2 / 3 * 1 / 2 * 0.1 / 1) ** (1 / 3), math.exp(1 - 3 / 2)],
            id="clipped counts, and a penalty for being shorter",
        ),
        pytest.param(
            ["a a", "a", "a a a"],
            [1.0, math.exp(1 - 2 / 1), (2 / 3 * 1 / 2 * 0.1) ** (1 / 3)],
            id="the other that has a run most often counts, and the one nearest in length",
        ),
    ],
)
def test_a_text_is_likened_to_all_others_at_once(texts: list[str], expected: list[float]) -> None:
    assert likeness([text.split() for text in texts]) == pytest.approx(expected)


def test_texts_of_one_wording_are_more_alike_than_others() -> None:
    names = ["Anna", "Ben", "Cora", "Dan"]
    alike = [example(f"Please call {name} back before noon today") for name in names]
    other = [
        "Please call back before noon",
        "We met Ben in May",
        "Cora has paid all of it",
        "Who is Dan and where",
    ]
    assert self_bleu(alike) > 0.4 > 2 * self_bleu([*map(example, other)])
