from collections.abc import Iterator

import pytest

from adhere.config import DOMAINS
from adhere.data.papers import notation
from adhere.data.papers.domains import domain
from adhere.data.papers.outline import (
    Choice,
    Clock,
    Code,
    Column,
    Company,
    Confirm,
    Currency,
    Day,
    Domain,
    Field,
    Flag,
    Formula,
    Money,
    Number,
    Paper,
    Parameter,
    Part,
    Person,
    Phrase,
    Pick,
    Product,
    Readings,
    Step,
    Table,
    Term,
    Ticks,
)
from adhere.data.prose.wording import wording
from adhere.data.side import Side

NAMES = [name for name in DOMAINS if name != "hiring"]
SIDES = [Side("train", frozenset({"template", "value"})), Side("held_out", frozenset({"template", "value"}))]


def parts(paper: Paper) -> Iterator[Part]:
    """Yield all parts of a document, at every level."""
    waiting = list(paper.parts)
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.parts


def tables(part: Part) -> list[Table]:
    """List the tables of a part that have columns, its log among them."""
    listed = [table for table in part.tables if isinstance(table, Table)]
    return listed if part.log is None else [*listed, part.log]


def columns(part: Part) -> list[Column]:
    return [column for table in tables(part) for column in table.columns]


def fields(given: Domain) -> Iterator[Column]:
    """Yield all that the documents of a domain ask for."""
    for paper in given.papers:
        yield from paper.head
        for part in parts(paper):
            yield from part.fields
            yield from columns(part)


@pytest.mark.parametrize("name", NAMES)
def test_a_domain_has_six_kinds_of_documents(name: str) -> None:
    given = domain(name)
    assert given.name == name
    assert len({paper.name for paper in given.papers}) >= 6


def test_a_plant_has_the_documents_of_good_manufacturing_practice() -> None:
    kinds = {paper.name for paper in domain("biomanufacturing").papers}
    assert kinds == {"batch_record", "deviation", "capa", "sop", "lab_result", "equipment_log"}


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_has_tables_boxes_and_parts_of_parts(name: str) -> None:
    for paper in domain(name).papers:
        listed = list(parts(paper))
        assert any(part.tables or part.log for part in paper.parts)
        assert any(part.boxes for part in listed)
        assert any(part.parts for part in listed)
        assert all(part.fields for part in listed)


@pytest.mark.parametrize("name", NAMES)
def test_no_two_properties_of_a_part_have_one_name(name: str) -> None:
    for paper in domain(name).papers:
        assert len({field.name for field in paper.head}) == len(paper.head)
        for part in parts(paper):
            names = [field.name for field in (*part.fields, *part.formulas)]
            assert len(set(names)) == len(names), part.title


@pytest.mark.parametrize("name", NAMES)
def test_a_formula_follows_from_numbers_of_its_part(name: str) -> None:
    for part in (part for paper in domain(name).papers for part in parts(paper)):
        numbers = {field.name: field for field in part.fields if isinstance(field, Number | Money)}
        in_columns = {column.name for column in columns(part)}
        for formula in part.formulas:
            if formula.rule == "sum":
                (table,) = [table for table in tables(part) if table.title == formula.of[0]]
                assert formula.of[1] in {column.name for column in table.columns}
                continue
            # What a column is called too would be taken for its sum.
            assert not in_columns & {*formula.of}
            assert {*formula.of} <= {*numbers}, formula
            assert formula.rule != "percent" or numbers[formula.of[1]].low > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_product_follows_from_columns_before_it(name: str) -> None:
    for part in (part for paper in domain(name).papers for part in parts(paper)):
        for table in tables(part):
            seen: set[str] = set()
            for column in table.columns:
                assert not isinstance(column, Product) or {*column.of} <= seen
                assert column.name not in seen
                seen.add(column.name)


@pytest.mark.parametrize("name", NAMES)
def test_bounds_are_in_order_and_some_readings_may_pass(name: str) -> None:
    given = domain(name)
    for field in fields(given):
        match field:
            case Number() | Money():
                assert field.low < field.high, field
            case Day(_, least, most):
                assert least <= most, field
            case Clock(_, first, last):
                assert 0 <= first < last <= 24, field
            case _:
                pass
    for part in (part for paper in given.papers for part in parts(paper)):
        for table in part.tables:
            for parameter in table.parameters if isinstance(table, Readings) else ():
                low, high = parameter.allowed
                assert max(low, parameter.result.low) <= min(high, parameter.result.high), parameter


@pytest.mark.parametrize("name", NAMES)
def test_no_figure_reads_as_thousands_where_a_comma_marks_decimals(name: str) -> None:
    """A reader takes 85,133 m for eighty-five thousand; 0,775 is taken for what it is."""
    numbers = [field for field in fields(domain(name)) if isinstance(field, Number)]
    assert all(field.decimals != 3 or -1000 < field.low < field.high < 1000 for field in numbers)


@pytest.mark.parametrize("side", SIDES, ids=lambda side: side.split)
@pytest.mark.parametrize("name", NAMES)
def test_both_splits_have_names_and_sentences_of_their_own(name: str, side: Side) -> None:
    given = domain(name)
    assert len(wording(side).of(given.fillers)) >= 2
    assert len(wording(side).of(given.remarks)) >= 2
    for field in fields(given):
        match field:
            case Term(_, pool, tag):
                assert tag or sum(side.admits("value", name) for name in pool) >= 2, field.name
            case Phrase(_, heads, tails):
                assert any(side.admits("value", f"{head} {tail}") for head in heads for tail in tails)
            case _:
                pass


@pytest.mark.parametrize("name", NAMES)
def test_what_nobody_asks_for_goes_by_names_of_its_own(name: str) -> None:
    given = domain(name)
    asked = {field.name for field in fields(given)}
    synonyms = {other for others in given.synonyms.values() for other in others}
    assert not asked & {field.name for field in given.distractors}
    assert not synonyms & {field.name.replace("_", " ") for field in given.distractors}
    assert {words.replace(" ", "_") for words in given.synonyms} <= asked


@pytest.mark.parametrize("name", NAMES)
def test_sentences_state_no_figures(name: str) -> None:
    given = domain(name)
    for sentence in (*given.fillers.spelled, *given.remarks.spelled):
        assert not any(character.isdigit() for character in sentence)
        assert sentence.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_in_a_field_can_be_found_in_a_text(name: str) -> None:
    """No string is so long, or reads so like a sentence, that it would count as echoed text."""
    for field in fields(domain(name)):
        match field:
            case Term(_, pool, _):
                assert all(1 < len(each) <= 50 for each in pool)
            case Phrase(_, heads, tails):
                assert max(map(len, heads)) + 1 + max(map(len, tails)) <= 60, field
            case _:
                pass


OUTLINE = """A shop.
%rooms: hall | yard
%troubles: a leak
    | a smell
= shared: parts
# Signature
signer: person
= log: Log | Logbook
number: code L-##
# Use
volume: 3.80..4.15 L
{line}
## Detail
room: %rooms
# > Signature
@ fillers
All went well.
@ remarks
It rains.
@ distractors
page: 1..9
@ synonyms
room = place | site
"""


def read(line: str) -> Part:
    """Read the part of the outline that has `line` in it."""
    return notation.domain("shop", OUTLINE.format(line=line)).papers[0].parts[0]


FIELDS: list[tuple[str, Field]] = [
    ("made: code B@-##", Code("made", "B@-##")),
    ("made: -12..40 °C", Number("made", -12, 40, 0, "°C")),
    ("made: 0.80..1.25", Number("made", 80, 125, 2, "")),
    ("made: money 20..900", Money("made", 2000, 90000)),
    ("made: currency", Currency("made")),
    ("made: day -24..-14", Day("made", -24, -14)),
    ("made: clock 7..15", Clock("made", 7, 15)),
    ("made: open | under way", Choice("made", ("open", "under way"))),
    ("made: flag", Flag("made")),
    ("made: person", Person("made")),
    ("made: company", Company("made")),
    ("made: %rooms", Term("made", ("hall", "yard"))),
    ("made: %rooms R-##", Term("made", ("hall", "yard"), "R-##")),
    ("made: %troubles + %rooms", Phrase("made", ("a leak", "a smell"), ("hall", "yard"))),
]


@pytest.mark.parametrize(("line", "field"), FIELDS, ids=[line for line, _ in FIELDS])
def test_a_field_is_read(line: str, field: Field) -> None:
    assert read(line).fields == (Number("volume", 380, 415, 2, "L"), field)


def test_boxes_are_read() -> None:
    assert read("[ ] Clean").boxes == (Confirm("Clean"),)
    assert read("( ) Decision: Go | No go").boxes == (Pick("Decision", ("Go", "No go")),)
    assert read("[*] Worn: Gloves | Hat").boxes == (Ticks("Worn", ("Gloves", "Hat")),)


def test_tables_are_read() -> None:
    lines = "Lines 2..5: step: step; price: money 1..9; count: 1..4; total: = count * price"
    columns = (Step("step"), Money("price", 100, 900), Number("count", 1, 4, 0, ""))
    table = Table("Lines", (*columns, Product("total", ("count", "price"))), 2, 5)
    assert read(f"table {lines}").tables == (table,)
    assert read(f"log {lines}").log == table


def test_readings_are_read() -> None:
    heat = Parameter(Number("heat", 200, 900, 1, "°C"), (250, 850))
    acid = Parameter(Number("acidity", 1, 9, 0, ""), (2, 8))
    lines = "heat 20.0..90.0 (25.0..85.0) °C; acidity 1..9 (2..8)"
    assert read(f"readings Limits: {lines}").tables == (Readings("Limits", (heat, acid)),)
    named = Readings("Limits", (heat, acid), ("in range", "out"))
    assert read(f"readings Limits [in range/out]: {lines}").tables == (named,)


@pytest.mark.parametrize(
    ("line", "formula"),
    [
        ("made: = out / in %", Formula("made", "percent", ("out", "in"), "%")),
        ("made: = in - out", Formula("made", "difference", ("in", "out"))),
        ("made: = sum price of All lines", Formula("made", "sum", ("All lines", "price"))),
    ],
)
def test_a_formula_is_read(line: str, formula: Formula) -> None:
    assert read(line).formulas == (formula,)


def test_an_outline_is_read_as_a_whole() -> None:
    given = notation.domain("shop", OUTLINE.format(line="[ ] Clean"))
    (paper,) = given.papers
    assert (paper.name, paper.titles, paper.head) == ("log", ("Log", "Logbook"), (Code("number", "L-##"),))
    assert [part.title for part in paper.parts] == ["Use", "Signature"]
    assert [part.title for part in paper.parts[0].parts] == ["Detail"]
    assert paper.parts[1].fields == (Person("signer"),)
    assert (given.fillers.spelled, given.remarks.spelled) == (("All went well.",), ("It rains.",))
    assert given.distractors == (Number("page", 1, 9, 0, ""),)
    assert given.synonyms == {"room": ("place", "site")}


@pytest.mark.parametrize("line", ["made: something", "readings Limits: heat 20..90 °C", "### Too deep"])
def test_a_line_that_says_nothing_is_given_back(line: str) -> None:
    with pytest.raises(ValueError, match=line.rpartition(": ")[2]):
        read(line)
