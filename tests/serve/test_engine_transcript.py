from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import tiny_model

from adhere.serve.transcript import Transcript

TOKENIZER = tiny_model().tokenizer
"""Of which every byte is a token, behind three special ones."""
TOKENS = st.integers(1, 258)


def tokens_of(text: str) -> list[int]:
    return TOKENIZER.encode(text, add_special_tokens=False)


def written(tokens: Sequence[int], stops: Sequence[str] = ()) -> tuple[Transcript, list[str]]:
    """Add tokens one by one; return also what was certain after each."""
    transcript = Transcript(TOKENIZER, stops)
    certain: list[str] = []
    for token in tokens:
        if not transcript.is_cut:
            transcript.add((token,))
            certain.append(transcript.text[: transcript.certain])
    transcript.end()
    return transcript, certain


def test_a_character_is_told_when_its_last_byte_is_written() -> None:
    assert written(tokens_of("é€😀"))[1] == ["", "é", "é", "é", "é€", "é€", "é€", "é€", "é€😀"]


def test_what_an_answer_leaves_half_written_is_told_at_its_end() -> None:
    transcript, certain = written(tokens_of("a€")[:-1])
    assert certain == ["a", "a", "a"]
    assert (transcript.text, transcript.ends) == ("a\N{REPLACEMENT CHARACTER}", [1, 1, 2])


@given(st.lists(TOKENS, max_size=60))
@settings(max_examples=60)
def test_pieces_are_what_is_decoded_at_once(tokens: list[int]) -> None:
    assert written(tokens)[0].text == TOKENIZER.decode(tokens, skip_special_tokens=False)


@given(st.lists(st.lists(TOKENS, max_size=9), max_size=9))
@settings(max_examples=60)
def test_it_does_not_matter_how_many_tokens_come_at_once(runs: list[list[int]]) -> None:
    transcript = Transcript(TOKENIZER)
    for run in runs:
        transcript.add(run)
    transcript.end()
    assert transcript.text == written([token for run in runs for token in run])[0].text


def test_what_may_begin_a_text_to_stop_at_is_held_back() -> None:
    assert written(tokens_of("a<b</c"), ["</answer>"])[1] == ["a", "a", "a<b", "a<b", "a<b", "a<b</c"]


@pytest.mark.parametrize(
    ("text", "stops", "left"),
    [
        pytest.param("one\n\ntwo", ["\n\n"], "one", id="across tokens"),
        pytest.param("\n\n", ["\n\n"], "", id="at once"),
        pytest.param("abcabd", ["abd"], "abc", id="after what began like it"),
        pytest.param("aaab", ["aab"], "a", id="that begins within itself"),
        pytest.param("end. x", ["x", "."], "end", id="the first of several"),
        pytest.param("ab", ["b", "ab"], "", id="of two that end together the one that begins first"),
        pytest.param("größe", ["ß"], "grö", id="of several bytes"),
        pytest.param("one", ["two"], "one", id="never"),
    ],
)
def test_a_text_to_stop_at_ends_an_answer_and_is_no_part_of_it(
    text: str, stops: list[str], left: str
) -> None:
    transcript, certain = written(tokens_of(text), stops)
    assert (transcript.text, transcript.is_cut) == (left, left != text)
    assert left.startswith(certain[-1])


@given(st.text("ab<", max_size=30), st.lists(st.text("ab<", min_size=1, max_size=4), min_size=1, max_size=3))
@settings(max_examples=80)
def test_nothing_certain_is_taken_back(text: str, stops: list[str]) -> None:
    transcript, certain = written(tokens_of(text), stops)
    first = min((place for stop in stops if (place := text.find(stop)) >= 0), default=None)
    # Another may be written whole before the one that began first is.
    ends = [place + len(stop) for stop in stops if (place := text.find(stop)) >= 0]
    whole = text[: min(ends)] if ends else text
    expected = min((place for stop in stops if (place := whole.find(stop)) >= 0), default=len(text))
    assert (first is not None) == transcript.is_cut
    assert transcript.text == text[:expected]
    assert all(transcript.text.startswith(each) for each in certain)
    assert all(one <= other for one, other in zip(transcript.ends, transcript.ends[1:], strict=False))


def test_tokens_of_a_text_to_stop_at_have_no_text() -> None:
    assert written(tokens_of("ab\n\ncd"), ["\n\n"])[0].ends == [1, 2]
