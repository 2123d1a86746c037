"""What each layout does that no property of all texts shows."""

import re
from collections.abc import Callable, Iterator
from random import Random

import pytest

from adhere.data.filling.fill import Filled, Stated
from adhere.data.filling.values import Drawn
from adhere.data.prose.layouts import letter, log, running, sheet, talk
from adhere.data.prose.outline import Outline, outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import wording
from adhere.data.side import EITHER
from adhere.schema.leaves import Path

Layout = Callable[[Pen, Outline], None]


def stated(*path: str | int, said: str, kind: str = "word") -> Stated:
    return Stated(path, Drawn(said, said, kind))  # type: ignore[arg-type]


def written(layout: Layout, *facts: Stated, absent: tuple[Path, ...] = (), count: int = 200) -> Iterator[str]:
    for seed in range(count):
        source = Random(seed)
        pen = Pen(source, wording(EITHER))
        layout(pen, outline(source, Filled({}, facts, absent), pen.wording))
        yield pen.draft.document(template="").text


TICKET = stated("ticket", said="T-1", kind="code")
TOPIC = stated("subject", said="broken pump", kind="topic")
PERSON = stated("guest", said="Ann Lee", kind="person")
DAY = stated("start", said="3 May 2024", kind="date")
ROWS = tuple(
    stated("rows", at, key, said=f"{key}{at}")
    for at in range(3)
    for key in ("size", "tone")
    if (at, key) != (1, "tone")
)


@pytest.mark.parametrize("layout", [sheet.form, sheet.bullets, sheet.fields, log.log, talk.talk, letter.mail])
def test_a_layout_states_every_value_once(layout: Layout) -> None:
    for text in written(layout, TICKET, TOPIC, PERSON, *ROWS):
        for said in ("T-1", "broken pump", "Ann Lee", "size0", "tone0", "size1", "size2", "tone2"):
            assert text.count(said) == 1, text


def test_values_in_a_row_are_nothing_but_the_values() -> None:
    texts = list(written(running.terse, TOPIC, PERSON))
    assert {"broken pump, Ann Lee", "Ann Lee / broken pump", "Entry: broken pump, Ann Lee"} <= set(texts)


def test_values_can_stand_alone_where_no_two_are_of_a_kind_and_none_is_missing() -> None:
    def can(*facts: Stated, absent: tuple[Path, ...] = ()) -> bool:
        return running.can_be_terse(outline(Random(1), Filled({}, facts, absent), wording(EITHER)))

    assert can(TOPIC, PERSON)
    assert not can(TOPIC)
    assert not can(PERSON, stated("host", said="Bo Ek", kind="person"))
    assert not can(PERSON, stated("size", said="12", kind="count"))
    assert not can(TOPIC, PERSON, absent=(("contact",),))
    assert not can(TOPIC, PERSON, *ROWS)


def test_a_sentence_does_not_end_twice() -> None:
    firm = stated("vendor", said="Aacme Inc.", kind="company")
    for layout in (running.sentences, running.narrative, talk.talk):
        for text in written(layout, firm, PERSON):
            assert ".." not in text.replace("...", ""), text


def test_a_value_that_begins_a_sentence_keeps_its_spelling() -> None:
    item = stated("part", said="tripod", kind="product")
    for text in written(running.narrative, item, TICKET):
        assert "tripod" in text


def test_a_long_text_is_quoted_in_a_sentence() -> None:
    long = "the pump stood still for two hours and nobody found out why it did so"
    for layout in (running.sentences, running.narrative):
        for text in written(layout, stated("remark", said=long, kind="remark"), PERSON):
            assert re.search(rf"[\"“'»<]{long}[\"”'«>]", text), text


def test_yes_and_no_are_asked_for() -> None:
    flag = stated("urgent", said="yes", kind="flag")
    texts = list(written(talk.talk, flag))
    assert any("Is it urgent?" in text for text in texts)
    assert not any("What is the urgent?" in text for text in texts)


def test_nobody_in_a_talk_goes_by_the_name_of_a_field() -> None:
    for text in written(
        talk.talk, stated("caller", said="Ann Lee", kind="person"), stated("user", said="anlee")
    ):
        assert not re.search(r"^(?:Caller|User)(?: -|:|>)", text, re.MULTILINE), text


def test_the_subject_of_a_mail_is_the_topic_that_it_has() -> None:
    texts = list(written(letter.mail, TOPIC, TICKET))
    assert all("broken pump" in text for text in texts)
    assert any(re.search(r"^Subject: broken pump$", text, re.MULTILINE) for text in texts)
    alone = list(written(letter.mail, TOPIC))
    assert all(text.count("broken pump") <= 2 for text in alone)


def test_a_head_says_nothing_that_could_be_taken_for_a_value() -> None:
    for text in written(letter.mail, PERSON, DAY, absent=(("reply_to",), ("title",))):
        head, _, _ = text.partition("\n\n")
        assert not re.search(r"@|\d|Subject", head), text
    for text in written(letter.letter, PERSON, TICKET):
        assert re.search(r"(?i)office|desk|team|reception|secretariat", text.splitlines()[-1]), text


def test_lines_of_a_log_have_no_time_where_a_value_is_one() -> None:
    assert not any(re.search(r"\d\d:\d\d", text) for text in written(log.log, DAY))
    assert any(re.search(r"\d\d:\d\d:\d\d", text) for text in written(log.log, PERSON))


def test_a_log_numbers_the_items_and_has_one_a_line() -> None:
    for text in written(log.log, *ROWS):
        lines = [line for line in text.splitlines() if "row=" in line]
        assert [re.findall(r"row=(\d)", line) for line in lines] == [["1"], ["2"], ["3"]]
        assert all(f"size{at}" in line for at, line in enumerate(lines))


def test_a_log_says_of_an_empty_item_that_it_is_there() -> None:
    absent: tuple[Path, ...] = (("rows", 1, "size"),)
    for text in written(log.log, stated("rows", 0, "size", said="s0"), absent=absent):
        assert re.search(r"row=2\W*$", text, re.MULTILINE), text


def test_an_empty_item_has_a_place_of_its_own() -> None:
    absent: tuple[Path, ...] = (("rows", 1, "size"),)
    for text in written(sheet.form, stated("rows", 0, "size", said="s0"), absent=absent):
        assert "(empty)" in text, text


def test_cells_of_a_table_stand_under_their_labels() -> None:
    seen = 0
    for text in written(sheet.fields, *ROWS, count=300):
        lines = [[cell.strip(" \t|") for cell in re.split(r" \| ", line)] for line in text.splitlines()]
        heads = [at for at, cells in enumerate(lines) if sorted(cells) == ["Size", "Tone"]]
        if heads:
            seen += 1
            body = [cells for cells in lines[heads[0] + 1 :] if "---" not in cells[0]]
            size = lines[heads[0]].index("Size")
            assert [cells[size] for cells in body[:3]] == ["size0", "size1", "size2"], text
            assert body[1][1 - size] in {"–", "-", "n/a"}
    assert seen > 5


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("a | b", id="a separator"),
        pytest.param("two\nlines", id="a line end"),
        pytest.param("x" * 61, id="too wide"),
    ],
)
def test_no_cell_looks_like_several(said: str) -> None:
    for text in written(sheet.fields, stated("size", said=said), TICKET):
        assert not re.search(r"^(?:Size \| Ticket|Ticket \| Size)", text, re.MULTILINE)


def test_yes_is_written_small_where_it_would_read_as_part_of_a_name() -> None:
    flag = stated("paid", said="Yes", kind="flag")
    texts = list(written(sheet.fields, flag, PERSON, count=400))
    assert any(re.search(r"\tyes\t|yes\t|\tyes", text) for text in texts)
    assert not any(re.search(r"Ann Lee\s+Yes|Yes\s+Ann Lee", text.replace("\n", "|")) for text in texts)


def test_groups_are_said_by_headings_or_by_labels() -> None:
    facts = stated("site", "zone", said="z9"), stated("site", "rows", 0, "size", said="s0"), TICKET
    texts = list(written(sheet.form, *facts))
    assert any("## Site\n" in text for text in texts)
    assert any("Site zone: z9" in text for text in texts)
    assert all("z9" in text and "s0" in text for text in texts)


def test_lists_of_an_item_are_said_to_be_its_own() -> None:
    facts = [
        stated("rows", at, "bits", bit, "name", said=f"n{at}{bit}") for at in range(2) for bit in range(2)
    ]
    for text in written(sheet.form, *facts):
        flat = re.sub(r"\s+", " ", text.lower())
        assert re.search(r"bits of row 1.*n00.*n01.*bits of row 2.*n10.*n11", flat), text
