import json
import math
from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.config import Form
from adhere.decode.confidence import confidences
from adhere.model import Model
from adhere.prompt import Tokenizer
from adhere.records import JSON, Completion
from adhere.reward.verdict import judge
from adhere.schema import Schema
from adhere.schema.leaves import leaves

ANYTHING = Schema.of({"title": "anything"})
END = ("", 0.9)
"""The token that ends an answer."""


class Pieces:
    """A tokenizer that has each piece of an answer as a token, numbered in the answer's order."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        assert not skip_special_tokens
        return b"".join(self.pieces[token] for token in token_ids).decode(errors="replace")


def sure(
    *written: tuple[str | bytes, float], finished: bool = True, prefill: str = "", form: Form = "plain"
) -> dict[str, float]:
    """Confidences of an answer that is written in pieces, each with its probability."""
    spelled = [piece.encode() if isinstance(piece, str) else piece for piece, _ in written]
    text = b"".join(spelled).decode()
    completion = Completion(
        example_id="1",
        index=0,
        text=text,
        tokens=tuple(range(len(written))),
        logprobs=tuple(math.log(probability) for _, probability in written),
        finished=finished,
    )
    answer = prefill + text
    verdict = judge(answer, ANYTHING, form=form)
    tokenizer = cast("Tokenizer", Pieces(spelled))
    return dict(confidences(completion, verdict, tokenizer, answer=answer, form=form))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            [('{"', 0.3), ("item", 0.4), ('":"', 0.8), ("mug", 0.5), ('"', 0.7), ("}", 0.6), END],
            {"/item": 0.8 * 0.5 * 0.7},
            id="a string counts both of its quotation marks, and not its key",
        ),
        pytest.param(
            [('["', 0.8), ("a", 0.5), ('","', 0.7), ("b", 0.4), ('"]', 0.6), END],
            {"/0": 0.8 * 0.5 * 0.7, "/1": 0.7 * 0.4 * 0.6},
            id="a token between two strings counts in both",
        ),
        pytest.param(
            [('{"n":', 0.3), ("1", 0.5), ("2", 0.4), (',"', 0.9), ('m":', 0.2), ("3", 0.8), ("}", 0.7), END],
            {"/n": 0.5 * 0.4 * 0.9, "/m": 0.8 * 0.7},
            id="a number counts the token that ends it",
        ),
        pytest.param(
            [("1", 0.5), ("2", 0.4), END], {"": 0.5 * 0.4 * 0.9}, id="the end of turn ends a number"
        ),
        pytest.param(
            [("[", 0.3), ("tr", 0.5), ("ue", 0.4), (",", 0.2), ("null", 0.7), ("]", 0.1), END],
            {"/0": 0.5 * 0.4, "/1": 0.7},
            id="true and null end by themselves",
        ),
        pytest.param(
            [('{"a":', 0.3), ("[", 0.5), ("]", 0.4), (',"b":', 0.2), ("{}", 0.7), ("}", 0.1), END],
            {"/a": 0.5 * 0.4, "/b": 0.7},
            id="an empty list or object is a leaf",
        ),
        pytest.param(
            [('["caf', 0.5), (b"\xc3", 0.4), (b"\xa9", 0.8), ('"', 0.9), ("]", 0.1), END],
            {"/0": 0.5 * 0.4 * 0.8 * 0.9},
            id="a character may be written in halves",
        ),
        pytest.param(
            [('["', 0.5), (b"\xc3", 0.4), (b'\xa9","', 0.8), ("b", 0.7), ('"]', 0.6), END],
            {"/0": 0.5 * 0.4 * 0.8, "/1": 0.8 * 0.7 * 0.6},
            id="half a character and what follows it",
        ),
        pytest.param([(" \n", 0.3), ("7", 0.5), (" ", 0.4), END], {"": 0.5 * 0.4}, id="white space around"),
        pytest.param([('{"a/b":1}', 0.5), END], {"/a~1b": 0.5}, id="names are JSON pointers"),
        pytest.param([("[", 1.0), ("7", 1.0), ("]", 1.0), END], {"/0": 1.0}, id="what is forced is certain"),
    ],
)
def test_a_leaf_is_as_sure_as_the_tokens_that_spell_it(
    written: list[tuple[str | bytes, float]], expected: dict[str, float]
) -> None:
    assert sure(*written) == pytest.approx(expected)


def test_a_number_that_the_limit_cut_off_has_nothing_that_ends_it() -> None:
    assert sure(("1", 0.5), ("2", 0.4), finished=False) == pytest.approx({"": 0.5 * 0.4})


def test_the_answer_proper_may_stand_between_tags() -> None:
    written = [('no "7"</think>', 0.1), ("<answer>", 0.2), ("7", 0.5), ("</", 0.4), ("answer>", 0.3), END]
    assert sure(*written, prefill="<think>", form="think") == pytest.approx({"": 0.5 * 0.4})


@pytest.mark.parametrize(
    ("prefill", "written", "expected"),
    [
        pytest.param(
            '["a",', ['"', 'b"', "]"], {"/1": 0.5**2}, id="a leaf that stood there is not the model's"
        ),
        pytest.param('["a","x', ["y", '"', "]"], {"/1": 0.5**2}, id="of one that was begun the rest counts"),
        pytest.param("[7", [",", "[]", "]"], {"/0": 0.5, "/1": 0.5}, id="the model ended a number"),
    ],
)
def test_what_a_prefill_wrote_does_not_count(
    prefill: str, written: list[str], expected: dict[str, float]
) -> None:
    assert sure(*((piece, 0.5) for piece in written), END, prefill=prefill) == pytest.approx(expected)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param([('{"item":"mu', 0.5)], id="cut off"),
        pytest.param([("Sure: ", 0.5), ("7", 0.5)], id="words around it"),
        pytest.param([("", 0.5)], id="nothing"),
    ],
)
def test_an_answer_that_is_no_json_has_no_leaves(written: list[tuple[str | bytes, float]]) -> None:
    assert sure(*written, finished=False) == {}


def test_prose_has_no_leaves() -> None:
    assert sure(("A mug.", 0.5), END, form="prose") == {}


def test_tokens_that_do_not_give_the_text_back_say_nothing_of_its_leaves() -> None:
    completion = Completion(
        example_id="1", index=0, text="[1]", tokens=(0, 1), logprobs=(-1.0, -1.0), finished=False
    )
    tokenizer = cast("Tokenizer", Pieces([b"[1", b" ]"]))
    assert confidences(completion, judge("[1]", ANYTHING), tokenizer, answer="[1]") == {}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text('aé"\\/~ 7', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("a/7é", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60)
@given(VALUES, st.sampled_from([None, 1]))
def test_every_leaf_has_as_many_bytes_as_it_is_long(value: JSON, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    found = sure(*((bytes([byte]), math.exp(-0.01)) for byte in text.encode()), END)
    spelled = {pointer: json.dumps(leaf, ensure_ascii=False) for pointer, leaf in leaves(value)}
    ends = {pointer: isinstance(leaf, int) and not isinstance(leaf, bool) for pointer, leaf in leaves(value)}
    # The end of turn, of probability 0.9, ends a number that stands alone.
    expected = {
        pointer: math.exp(-0.01 * (len(leaf.encode()) + (ends[pointer] and pointer != "")))
        * (0.9 if ends[pointer] and not pointer else 1.0)
        for pointer, leaf in spelled.items()
    }
    assert found == pytest.approx(expected)


def test_a_real_tokenizer_gives_its_text_back_piece_by_piece(model: Model) -> None:
    text = '{"item":"café – 7 €"}'
    tokens = model.tokenizer.encode(text, add_special_tokens=False)
    completion = Completion(
        example_id="1",
        index=0,
        text=text,
        tokens=tuple(tokens),
        logprobs=(-0.01,) * len(tokens),
        finished=False,
    )
    found = confidences(completion, judge(text, ANYTHING), model.tokenizer, answer=text)
    # "café – 7 €" takes 10 characters, of which é has a byte more, – and € two more; and two quotation marks.
    assert found == pytest.approx({"/item": math.exp(-0.01 * (10 + 1 + 2 + 2 + 2))})
