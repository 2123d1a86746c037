"""Spans are claimed at most once, none overlap, and no other assignment would be worth more."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.reward.claims import Claim, assign
from adhere.text.numerals import Span


def claim(spans: tuple[Span, ...], weight: float) -> Claim:
    return Claim(tuple((span, weight) for span in spans))


def overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def greatest_weight(claims: list[Claim]) -> float:
    """Try every assignment."""
    best = 0.0
    for chosen in itertools.product(*[[None, *claim.spans] for claim in claims]):
        spans = [span for span in chosen if span is not None]
        if any(overlap(one, other) for one, other in itertools.combinations(spans, 2)):
            continue
        best = max(best, weight(claims, list(chosen)))
    return best


def weight(claims: list[Claim], met: list[Span | None]) -> float:
    return sum(claim.pay(span) for claim, span in zip(claims, met, strict=True) if span is not None)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param([], [], id="no claims"),
        pytest.param([Claim(())], [None], id="nothing to claim"),
        pytest.param([claim(((0, 4),), 1.0)] * 2, [(0, 4), None], id="one span pays one claim"),
        pytest.param([claim(((0, 4), (9, 13)), 1.0)] * 2, [(0, 4), (9, 13)], id="two places pay two claims"),
        pytest.param(
            [claim(((0, 4), (9, 13)), 1.0), claim(((0, 4),), 1.0)],
            [(9, 13), (0, 4)],
            id="a claim with a choice gives way to one without",
        ),
        pytest.param(
            [claim(((0, 20),), 1.0), claim(((0, 4),), 1.0), claim(((9, 13),), 1.0)],
            [None, (0, 4), (9, 13)],
            id="a long span loses to the two that it swallows",
        ),
        pytest.param(
            [claim(((0, 20),), 5.0), claim(((0, 4),), 1.0), claim(((9, 13),), 1.0)],
            [(0, 20), None, None],
            id="unless it weighs more than both",
        ),
        pytest.param([Claim((((0, 4), 0.5), ((9, 13), 1.0)))], [(9, 13)], id="the span that is worth most"),
        pytest.param(
            [Claim((((0, 4), 0.5), ((9, 13), 1.0))), claim(((9, 13),), 1.0)],
            [(0, 4), (9, 13)],
            id="or the next, where another claim has no other",
        ),
    ],
)
def test_assignments(claims: list[Claim], expected: list[Span | None]) -> None:
    assert assign(claims) == expected


SPANS = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
CLAIMS = st.dictionaries(SPANS, st.sampled_from([0.25, 0.5, 1.0]), max_size=4).map(
    lambda worth: Claim(tuple(worth.items()))
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CLAIMS, max_size=5))
def test_no_assignment_without_overlap_weighs_more(claims: list[Claim]) -> None:
    met = assign(claims)
    assert all(span is None or span in claim.spans for claim, span in zip(claims, met, strict=True))
    taken = [span for span in met if span is not None]
    assert not any(overlap(one, other) for one, other in itertools.combinations(taken, 2))
    assert weight(claims, met) == pytest.approx(greatest_weight(claims))


def test_too_many_claims_to_search_are_met_in_turn_and_still_do_not_overlap() -> None:
    # 41 claims of 50 spans are 2,050 pairs of claim and span; alike claims count once, so weights differ.
    places = tuple((at, at + 2) for at in range(50))
    met = assign([claim(places, 1.0 + index) for index in range(41)])
    taken = [span for span in met if span is not None]
    # Spans overlap their neighbours, so every second one is left: 25.
    assert len(taken) == 25
    assert not any(overlap(one, other) for one, other in itertools.combinations(taken, 2))
