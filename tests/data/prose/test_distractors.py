from random import Random

from adhere.data.filling.fill import Filled, Stated
from adhere.data.filling.values import Drawn
from adhere.data.prose.distractors import ALIKE, NAMES, distractors
from adhere.data.prose.outline import Fact, outline
from adhere.data.prose.pen import Pen
from adhere.data.prose.wording import wording
from adhere.data.side import EITHER
from adhere.schema.leaves import Path


def drawn(*facts: tuple[str, str, str], absent: tuple[Path, ...] = (), count: int = 400) -> list[list[Fact]]:
    """Draw the distractors of a flat object that has these keys, values and kinds."""
    stated = tuple(Stated((key,), Drawn(value, value, kind)) for key, value, kind in facts)  # type: ignore[arg-type]
    found: list[list[Fact]] = []
    for seed in range(count):
        source = Random(seed)
        pen = Pen(source, wording(EITHER))
        found.append(distractors(pen, outline(source, Filled({}, stated, absent), pen.wording)))
    return found


def test_one_text_in_three_has_distractors_and_some_have_two() -> None:
    counts = [len(facts) for facts in drawn(("city", "Ulm", "city"))]
    assert 0.2 < sum(count > 0 for count in counts) / len(counts) < 0.4
    assert counts.count(2) > 10


def test_a_distractor_has_a_label_of_its_own_and_states_no_leaf() -> None:
    forms = [form.around("city")[0] for form in wording(EITHER).of(ALIKE)]
    names = {name for pieces in NAMES.values() for name in pieces.spelled}
    for facts in drawn(("city", "Ulm", "city")):
        for fact in facts:
            assert fact.label in names or fact.label in forms
            assert [pointer for pointer, _ in fact.pieces] == [None]
            assert fact.surface != "Ulm"


def test_one_of_another_kind_than_all_leaves_or_one_that_says_what_it_is() -> None:
    for facts in drawn(("city", "Ulm", "city"), ("total", "5.00", "amount"), ("pages", "7", "count")):
        for fact in facts:
            is_alike = any(label in fact.label for label in ("city", "total", "pages", "amount", "sum"))
            assert is_alike or fact.kind not in {"city", "amount", "count"}


def test_nothing_could_be_taken_for_what_is_missing() -> None:
    # A missing contact could be a person, a phone or an e-mail address.
    kinds = {fact.kind for facts in drawn(("city", "Ulm", "city"), absent=(("contact",),)) for fact in facts}
    assert kinds.isdisjoint({"person", "phone", "email"})
    assert {"city", "date", "product"} <= kinds


def test_there_is_none_where_every_kind_is_taken() -> None:
    every = [(f"key{at}", f"value{at}", kind) for at, kind in enumerate((*NAMES, "amount"))]
    missing: tuple[Path, ...] = (
        ("name",),
        ("date",),
        ("total",),
        ("address",),
        ("contact",),
        ("number",),
        ("title",),
    )
    assert not any(drawn(*every, absent=(*missing, ("at",), ("item",), ("from",))))
