"""Wording made up for a text: places stay, words and marks change, and every leaf is stated."""

from random import Random
from typing import cast

import pytest

from adhere.data.prose.distractors import ALIKE
from adhere.data.prose.labels import SYNONYMS
from adhere.data.prose.layouts import running, sheet, table
from adhere.data.prose.strange import Strange
from adhere.data.prose.wording import Form, Pieces, wording
from adhere.data.shapes import shape
from adhere.data.side import EITHER, Side
from adhere.data.source import SchemaSource
from adhere.schema import Schema


def _strange(seed: int) -> Strange:
    return Strange(Random(seed), EITHER)


def _placed(piece: Form) -> tuple[bool, bool]:
    return piece.case != "", piece.label_first


@pytest.mark.parametrize(
    "pieces", [running.SENTENCES, sheet.LINES, running.QUOTES], ids=["sentences", "lines", "quotes"]
)
def test_a_piece_keeps_its_places_in_their_order(pieces: Pieces[Form]) -> None:
    known = wording(EITHER).of(pieces)
    for seed in range(20):
        made = _strange(seed).of(pieces)
        assert [_placed(piece) for piece in made] == [_placed(piece) for piece in known]


def test_most_sentences_are_worded_as_no_piece_is() -> None:
    known = set(wording(EITHER).of(running.SENTENCES))
    made = [piece for seed in range(20) for piece in _strange(seed).of(running.SENTENCES)]
    assert sum(piece not in known for piece in made) > len(made) / 3


@pytest.mark.parametrize("pieces", [ALIKE, SYNONYMS["vendor"]], ids=["former values", "synonyms"])
def test_words_that_mean_something_stay(pieces: Pieces[object]) -> None:
    assert all(_strange(seed).of(pieces) == wording(EITHER).of(pieces) for seed in range(20))


def test_a_text_has_one_wording_however_often_it_asks() -> None:
    strange = _strange(1)
    assert strange.of(sheet.LINES) is strange.of(sheet.LINES)


def test_columns_of_a_strange_table_can_be_told_apart() -> None:
    styles = [style for seed in range(50) for style in _strange(seed).of(table.STYLES)]
    assert all(set(style.between) & {" ", "\t"} for style in styles)
    assert len(set(styles)) > len(table._STYLES)


def test_strange_texts_state_every_leaf_where_they_say() -> None:
    side = Side("train")
    for seed in range(40):
        schema = Schema.of(shape(Random(seed), least=1, most=7, nesting=0.3, width=0.5), name=f"s{seed}")
        plain, strange = (
            SchemaSource([schema], seed=1, strange=share).example(0, side) for share in (0.0, 1.0)
        )
        assert strange.target == plain.target
        told, usual = (cast("dict[str, list[int]]", each.meta["spans"]) for each in (strange, plain))
        assert told.keys() == usual.keys()
        assert all(strange.text[start:end].strip() for start, end in told.values())


def test_the_same_number_gives_the_same_strange_text() -> None:
    schema = Schema.of(shape(Random(5), least=4, most=4), name="s")
    texts = {SchemaSource([schema], seed=1, strange=1.0).example(3, EITHER).text for _ in range(3)}
    assert len(texts) == 1


def test_a_field_is_renamed_only_where_its_kind_occurs_once() -> None:
    # Two dates can be told apart by their names alone.
    schema = Schema.of(
        {
            "type": "object",
            "properties": {key: {"type": "string", "format": "date"} for key in ("due_date", "birth_date")},
            "required": ["due_date", "birth_date"],
            "additionalProperties": False,
        },
        name="two",
    )
    source = SchemaSource([schema], seed=1, strange=1.0)
    known = {"due", "birth", "born", "payable", "deadline", "due_date"}
    for number in range(60):
        text = source.example(number, EITHER).text.casefold()
        assert any(word in text for word in known)
