from mimesis.random import Random

from adhere.data import prose, shapes
from adhere.data.fill import Stated, fill
from adhere.data.values import CURRENCIES, Drawn


def random(seed: int) -> Random:
    source = Random()
    source.seed(seed)
    return source


def stands_in(fact: Stated, text: str) -> bool:
    """Whether a text states a fact; the sign of a currency states its name."""
    surface = fact.drawn.surface
    return surface in text or (surface in CURRENCIES and CURRENCIES[surface] in text)


def test_a_text_states_every_leaf() -> None:
    for seed in range(400):
        filled = fill(random(seed), shapes.shape(random(seed), least=1, most=6, nesting=0.2))
        text = prose.write(random(seed), filled.stated)
        assert all(stands_in(fact, text) for fact in filled.stated), text


def test_distractors_are_stated_too() -> None:
    fact = Stated(("city",), Drawn("Ulm", "Ulm", "city"))
    other = Stated(("hotline",), Drawn("0123", "0123", "phone"))
    for seed in range(50):
        text = prose.write(random(seed), [fact], [other])
        assert "Ulm" in text
        assert "0123" in text


def test_wording_varies() -> None:
    fact = Stated(("city",), Drawn("Ulm", "Ulm", "city"))
    assert len({prose.write(random(seed), [fact]) for seed in range(200)}) > 80


def test_a_target_without_leaves_still_gets_a_text() -> None:
    assert prose.write(random(0), []).strip()


def test_a_synonym_never_names_two_leaves() -> None:
    facts = [
        Stated(("vendor",), Drawn("Aa", "Aa", "company")),
        Stated(("supplier",), Drawn("Bb", "Bb", "company")),
        Stated(("seller",), Drawn("Cc", "Cc", "company")),
    ]
    # All that the three may be called; without remarks, no other word of a text is among them.
    names = ("vendor", "supplier", "seller", "from", "billed by", "supplied by", "sold by")
    for seed in range(400):
        text = prose.write(random(seed), facts, remarks=0).lower()
        counts = [text.count(name) for name in names]
        assert max(counts) == 1, text
        assert sum(counts) == 3, text


def test_a_distractor_is_of_a_kind_that_no_leaf_has() -> None:
    taken = frozenset({"code", "phone", "email"})
    kinds = {fact.drawn.kind for seed in range(100) if (fact := prose.distractor(random(seed), taken))}
    assert kinds == {"city", "person", "date", "product", "topic"}


def test_there_is_no_distractor_where_every_kind_is_taken() -> None:
    every = frozenset({"code", "phone", "email", "city", "person", "date", "product", "topic"})
    assert prose.distractor(random(0), every) is None
