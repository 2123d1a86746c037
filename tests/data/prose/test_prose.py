import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adhere.data import shapes
from adhere.data.document import Document
from adhere.data.filling.fill import Filled, Plan, Stated
from adhere.data.filling.values import CURRENCIES, Drawn
from adhere.data.prose import prose
from adhere.data.side import Side
from adhere.records import JSON
from adhere.reward.grounded import support
from adhere.schema import Schema
from adhere.schema.expected import Expected, expected
from adhere.schema.leaves import Path, leaves_at
from adhere.schema.places import pointer_of
from adhere.text.page import Page
from adhere.text.stated import is_countable, spans

STRING: JSON = {"type": "string"}
NUMBER: JSON = {"type": "number"}
COUNT: JSON = {"type": "integer", "minimum": 0, "maximum": 5000}
DAY: JSON = {"type": "string", "format": "date"}
FLAG: JSON = {"type": "boolean"}


def record(required: list[JSON] | None = None, /, **properties: JSON) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def many(item: JSON, least: int = 2, most: int = 3) -> JSON:
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}


SCHEMAS: dict[str, dict[str, JSON]] = {
    "flat": record(
        vendor=STRING,
        invoice_no=STRING,
        invoice_date=DAY,
        due_date=DAY,
        total=NUMBER,
        currency={"enum": ["EUR", "USD", "CHF"]},
        paid=FLAG,
        contact_email=STRING,
    ),
    "one leaf": record(city=STRING),
    "nested": record(
        order_id=STRING,
        buyer=record(name=STRING, city=STRING, address=record(street=STRING, country=STRING)),
        seller=record(name=STRING, city=STRING),
        urgent=FLAG,
    ),
    "lists": record(
        vendor=STRING,
        date=DAY,
        tags=many(STRING),
        line_items=many(record(product=STRING, quantity=COUNT, unit_price=NUMBER), 1, 4),
    ),
    "lists in lists": record(
        title=STRING,
        sections=many(record(name=STRING, approved=FLAG, steps=many(record(note=STRING, minutes=COUNT)))),
    ),
    "nothing but lists": record(rows=many(many(NUMBER)), people=many(record(name=STRING, job=STRING))),
    "optional": record(["ticket"], ticket=STRING, subject=STRING, due_date=DAY, amount=NUMBER, urgent=FLAG),
    "optional in items": record(visits=many(record([], name=STRING, count=COUNT, on=DAY), 2, 4)),
    "null": record(
        due_date={"type": ["string", "null"], "format": "date"},
        total={"type": ["number", "null"]},
        tags=many({"type": ["string", "null"]}, 1, 3),
    ),
    "same words": record(
        None,
        **{
            "invoiceNo": STRING,
            "invoice_no": STRING,
            "": STRING,
            "_": STRING,
            "line 2": COUNT,
            "名前": STRING,
        },
    ),
    "same words below": record(a=record(b=record(name=STRING)), a_b_name=STRING),
    "one of": record(values=many({"anyOf": [STRING, record(name=STRING)]}), kind={"const": "memo"}),
    "described": record(
        supplier={"type": "string", "description": "The supplier's name."},
        total={"type": "number", "title": "Amount to pay"},
    ),
    "long": record(description={"type": "string", "minLength": 120}, name=STRING),
    "below zero": record(
        low={"type": "number", "minimum": -40, "maximum": -1},
        offset={"type": "integer", "minimum": -9, "maximum": 9},
    ),
    "names": record(sender=STRING, recipient=STRING, approved_by=STRING, billed_by=STRING, subject=STRING),
    "a list": {"type": "array", "items": record(name=STRING, age=COUNT), "minItems": 2, "maxItems": 3},
    "a list of strings": {"type": "array", "items": STRING, "minItems": 1, "maxItems": 3},
    "a string": {"type": "string"},
    "wide": record(None, **{f"field_{at}": (STRING, NUMBER, COUNT, DAY, FLAG)[at % 5] for at in range(25)}),
}
READ = {name: Schema.of(source, name=name.replace(" ", "-")) for name, source in SCHEMAS.items()}
HELD_OUT = Side("held_out", frozenset({"template"}))
TRAIN = Side("train", frozenset({"template"}))
LONGEST = 1_000
"""Characters of a string that is still looked for; far more than the rewards look for."""


def random(seed: int) -> Random:
    return Random(seed)


def made(schema: Schema, seed: int, *, noise: float = 0.0) -> tuple[Filled, Document]:
    source = random(seed)
    filled = Plan.of(schema).fill(source)
    return filled, prose.document(source, filled, noise=noise)


def at_of(schema: Schema, path: Path) -> Expected:
    at = expected(schema)
    for step in path:
        at = at.item(step) if isinstance(step, int) else at.key(step)
    return at


def unfound(schema: Schema, filled: Filled, document: Document) -> Iterator[str]:
    """Yield the leaves that the text does not state where it says that it does."""
    page = Page(document.text)
    for path, value in leaves_at(filled.target):
        pointer, at = pointer_of(path), at_of(schema, path)
        if value is None or value in ("", [], {}) or (at.options is not None and len(at.options) == 1):
            continue
        span = document.spans.get(pointer)
        if span is None:
            yield f"{pointer} has no span"
        elif is_countable(value, at):
            key = next((step for step in reversed(path) if isinstance(step, str)), "")
            found = spans(value, at, page, key=key, longest=LONGEST)
            if not any(start < span[1] and span[0] < end for start, end in found):
                yield f"{pointer} = {value!r} is not read at {document.text[slice(*span)]!r}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_leaf_is_found_again_where_the_text_states_it(name: str) -> None:
    for seed in range(25):
        filled, document = made(READ[name], seed)
        assert not list(unfound(READ[name], filled, document)), document.text


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_every_leaf_is_found_again_under_any_drawn_schema_and_noise(seed: int) -> None:
    schema = Schema.of(shapes.shape(random(seed), least=1, most=10, nesting=0.4), name="drawn")
    filled, document = made(schema, seed, noise=0.5)
    assert not list(unfound(schema, filled, document)), document.text


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_span_has_the_words_of_its_leaf_and_blanks_may_be_line_breaks(noise: float) -> None:
    for seed in range(160):
        name = list(SCHEMAS)[seed % len(SCHEMAS)]
        filled, document = made(READ[name], seed, noise=noise)
        for fact in filled.stated:
            # In columns, yes and no are written small.
            surface = fact.drawn.surface.lower() if fact.drawn.kind == "flag" else fact.drawn.surface
            said = document.text[slice(*document.spans[pointer_of(fact.path)])].replace("\n", " ")
            said = said.lower() if fact.drawn.kind == "flag" else said
            assert said == surface or CURRENCIES.get(surface) == said


def test_spans_do_not_overlap() -> None:
    for seed in range(160):
        name = list(SCHEMAS)[seed % len(SCHEMAS)]
        _, document = made(READ[name], seed, noise=0.5)
        ordered = sorted(document.spans.values())
        pairs = pairwise(ordered)
        assert all(before[1] <= after[0] for before, after in pairs), document.text


def test_the_right_answer_is_grounded() -> None:
    shares = Counter[bool]()
    for seed in range(200):
        name = list(SCHEMAS)[seed % len(SCHEMAS)]
        filled, document = made(READ[name], seed, noise=0.2)
        found = support(filled.target, document.text, READ[name], longest=LONGEST)
        if found.total:
            shares[found.share > 1 - 1e-9] += 1
    # With only blanks between columns, a word in capitals may read as part of the name beside it.
    assert shares[False] <= shares[True] / 100


def test_the_same_state_writes_the_same_document_and_another_seed_another() -> None:
    documents = [made(READ["lists"], seed, noise=0.5)[1] for seed in (*range(30), *range(30))]
    assert documents[:30] == documents[30:]
    assert len({document.text for document in documents}) == 30


def test_items_stand_in_the_order_of_the_target_and_keep_their_values_together() -> None:
    for seed in range(150):
        filled, document = made(READ["lists"], seed)
        starts = [
            [
                span[0]
                for pointer, span in document.spans.items()
                if pointer.startswith(f"/line_items/{item}/")
            ]
            for item in range(4)
        ]
        ends = [(min(each), max(each)) for each in starts if each]
        assert all(before[1] < after[0] for before, after in pairwise(ends)), document.text
        assert len(ends) == len(filled.target["line_items"])  # type: ignore[index, arg-type, call-overload]


def filled_with(*facts: tuple[str, str, str], absent: tuple[Path, ...] = ()) -> Filled:
    """Fill a flat object with strings: the key, the value and its kind."""
    stated = tuple(Stated((key,), Drawn(value, value, kind)) for key, value, kind in facts)  # type: ignore[arg-type]
    return Filled({key: value for key, value, _ in facts}, stated, absent)


def test_a_value_is_told_by_its_label_where_another_could_be_missing() -> None:
    # `from Acme` could be the manufacturer, which is not given.
    filled = filled_with(("vendor", "Aacme", "company"), absent=(("manufacturer",),))
    for seed in range(300):
        assert "vendor" in prose.document(random(seed), filled).text.lower()


def test_values_of_a_kind_are_told_apart_by_their_labels() -> None:
    filled = filled_with(("vendor", "Aa", "company"), ("maker", "Bb", "company"), ("shop", "Cc", "company"))
    called = {"Aa": "vendor|supplier|seller|from|billed by", "Bb": "maker", "Cc": "shop"}
    for seed in range(300):
        text = prose.document(random(seed), filled).text.lower().replace("_", " ")
        assert all(re.search(labels, text) for labels in called.values()), text


def test_a_synonym_never_names_two_leaves() -> None:
    keys = ("vendor", "supplier", "seller")
    filled = filled_with(
        *((key, value, "company") for key, value in zip(keys, ("Aa", "Bb", "Cc"), strict=True))
    )
    names = ("vendor", "supplier", "seller", "from", "billed by", "supplied by", "sold by", "vendor name")
    line = re.compile(r"^(.+): (?:Aa|Bb|Cc)$", re.MULTILINE)
    for seed in range(300):
        document = prose.document(random(seed), filled)
        labels = [label.lower().replace("_", " ") for label in line.findall(document.text)]
        if document.template.startswith("form:"):
            assert len(set(labels)) == len(labels)
            assert all(any(name in label for name in names) for label in labels)


def test_what_is_missing_is_not_mentioned_or_said_to_be_missing() -> None:
    filled = filled_with(("city", "Ulm", "city"), absent=(("po_number",),))
    said = Counter[bool]()
    for seed in range(300):
        text = prose.document(random(seed), filled).text
        said["po number" in text.lower().replace("_", " ")] += 1
        assert "po number" not in text.lower() or re.search(r"n/a|not|none given", text), text
    assert said[True] > 10
    assert said[False] > 150


def test_distractors_are_counted_and_stated_beside_the_values() -> None:
    filled = filled_with(("city", "Ulm", "city"), ("vendor", "Aacme", "company"))
    counts = Counter(prose.document(random(seed), filled).distractors for seed in range(500))
    assert counts[0] > 200
    assert counts[1] > 40
    assert counts[2] > 15


def test_a_target_without_leaves_still_gets_a_text() -> None:
    document = prose.document(random(0), Filled({}, ()))
    assert document.text
    assert document.template.startswith("remark:")


def test_templates_name_the_layout_and_every_layout_is_used() -> None:
    used = Counter(made(READ["flat"], seed)[1].template.partition(":")[0] for seed in range(400))
    assert used.keys() >= {"form", "sentences", "narrative", "list", "table", "mail", "letter", "log", "talk"}
    values = filled_with(("city", "Ulm", "city"), ("vendor", "Aacme", "company"), ("job", "Baker", "job"))
    terse = [prose.document(random(seed), values) for seed in range(400)]
    assert any(document.template.startswith("terse:") for document in terse)


def test_texts_of_the_same_template_differ_in_their_values_alone() -> None:
    by_template: dict[str, set[str]] = {}
    for seed in range(1_000):
        source = random(seed)
        value = f"Q{seed}q"
        document = prose.document(source, filled_with(("city", value, "city")))
        if not document.distractors:
            by_template.setdefault(document.template, set()).add(document.text.replace(value, "Q"))
    assert max(len(wordings) for wordings in by_template.values()) == 1
    assert len(by_template) > 200


def test_held_out_texts_share_no_template_with_the_others() -> None:
    shared: dict[Side, set[str]] = {TRAIN: set(), HELD_OUT: set()}
    for side, templates in shared.items():
        for seed in range(400):
            name = list(SCHEMAS)[seed % len(SCHEMAS)]
            source = random(seed)
            filled = Plan.of(READ[name]).fill(source)
            if filled.stated:
                templates.add(prose.document(source, filled, side).template)
    assert not shared[TRAIN] & shared[HELD_OUT]
