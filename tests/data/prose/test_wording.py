from types import ModuleType

import pytest

from adhere.data.prose import distractors, labels, prose
from adhere.data.prose.layouts import items, letter, log, running, sheet, table, talk
from adhere.data.prose.wording import Blanks, Form, Pieces, Wording, wording
from adhere.data.side import EITHER, Side

TRAIN = Side("train", frozenset({"template"}))
HELD_OUT = Side("held_out", frozenset({"template"}))


def pieces_of(module: ModuleType) -> dict[str, Pieces[object]]:
    """List the pieces that a module writes with, also those that it keeps by kind."""
    found: dict[str, Pieces[object]] = {}
    for name, value in vars(module).items():
        if isinstance(value, Pieces):
            found[name] = value
        elif isinstance(value, dict) and module is not labels:
            found |= {f"{name} {kind}": each for kind, each in value.items() if isinstance(each, Pieces)}
    return found


MODULES = (distractors, items, letter, log, prose, running, sheet, table, talk)
ALL = {f"{each.__name__}.{name}": pieces for each in MODULES for name, pieces in pieces_of(each).items()}
OPTIONAL = {name for name in ALL if ".ROLES " in name}
"""Where a side has none of these, values are put with their labels."""


@pytest.mark.parametrize("name", sorted(ALL.keys() - OPTIONAL))
def test_each_side_has_wording_of_its_own_for_everything(name: str) -> None:
    training, held_out = (set(wording(side).of(ALL[name])) for side in (TRAIN, HELD_OUT))
    assert training
    assert held_out
    assert not training & held_out


def test_no_piece_is_written_twice_in_a_list() -> None:
    assert not [name for name, pieces in ALL.items() if len(set(pieces.spelled)) < len(pieces.spelled)]


def test_where_wordings_are_not_held_apart_every_side_has_all() -> None:
    for pieces in ALL.values():
        assert len(wording(EITHER).of(pieces)) == len(pieces.spelled)
        assert len(Wording(Side("held_out")).of(pieces)) == len(pieces.spelled)


@pytest.mark.parametrize(
    ("spelled", "label", "around"),
    [
        pytest.param("The {l} is {s}.", "due date", ("The due date is ", "."), id="label first"),
        pytest.param("{s} was given as {l}.", "due date", ("", " was given as due date."), id="value first"),
        pytest.param("by {s}", "vendor", ("by ", ""), id="no label"),
        pytest.param("{L}: {s}", "due date", ("Due date: ", ""), id="capitalised"),
        pytest.param("{U}: {s}", "due date", ("DUE DATE: ", ""), id="capitals"),
        pytest.param("{T}: {s}", "due date", ("Due Date: ", ""), id="each word"),
        pytest.param("{K}={s}", "due date", ("due_date=", ""), id="a key"),
        pytest.param("{l} {s}", "line 2", ("line 2: ", ""), id="line 2 500 would read as one number"),
    ],
)
def test_a_form_puts_words_around_a_value(spelled: str, label: str, around: tuple[str, str]) -> None:
    assert Form.of(spelled).around(label) == around


def test_blanks_have_places() -> None:
    blanks = Blanks.of("From: {person} <{email}>\n")
    assert blanks.parts == ("From: ", "person", " <", "email", ">\n")
    assert blanks.places == ("person", "email")
