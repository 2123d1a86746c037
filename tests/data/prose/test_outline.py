from collections import Counter
from random import Random

from adhere.data.filling.fill import Filled, Stated
from adhere.data.filling.values import Drawn
from adhere.data.prose.outline import Group, Items, Outline, outline
from adhere.data.prose.wording import wording
from adhere.data.side import EITHER
from adhere.schema.leaves import Path


def stated(*path: str | int, said: str = "x", kind: str = "word", described: str = "") -> Stated:
    return Stated(path, Drawn(said, said, kind), described)  # type: ignore[arg-type]


def outlined(*facts: Stated, absent: tuple[Path, ...] = (), seed: int = 0) -> Outline:
    return outline(Random(seed), Filled({}, facts, absent), wording(EITHER))


def labels(group: Group) -> list[str]:
    return [fact.label for fact in group.facts]


def test_objects_are_groups_and_lists_have_a_group_for_each_item() -> None:
    root = outlined(
        stated("ticket"),
        stated("site", "place"),
        stated("rows", 0, "a"),
        stated("rows", 0, "b"),
        stated("rows", 1, "a"),
    ).root
    assert [group.label for group in root.groups] == ["site"]
    (rows,) = root.lists
    assert [labels(group) for group in rows.groups] == [["a", "b"], ["a"]]


def test_a_list_of_strings_is_one_fact_that_states_each() -> None:
    (fact,) = outlined(
        stated("sizes", 0, said="S"), stated("sizes", 1, said="M"), stated("sizes", 2, said="L")
    ).root.facts
    assert [pointer for pointer, _ in fact.pieces if pointer] == ["/sizes/0", "/sizes/1", "/sizes/2"]
    assert fact.surface in {"S, M, L", "S, M and L"}


def test_values_with_commas_are_parted_by_semicolons() -> None:
    (fact,) = outlined(
        stated("days", 0, said="May 3, 2024"), stated("days", 1, said="May 4, 2024")
    ).root.facts
    assert fact.surface == "May 3, 2024; May 4, 2024"


def test_an_item_without_values_is_there_all_the_same() -> None:
    root = outlined(stated("rows", 1, "a"), absent=(("rows", 0, "a"), ("rows", 2, "a"))).root
    assert [labels(group) for group in root.lists[0].groups] == [[], ["a"], []]
    (sizes,) = outlined(stated("sizes", 1, said="M"), absent=(("sizes", 0),)).root.facts
    assert sizes.surface.replace(" and ", ", ") == "–, M"


def test_labels_of_a_flattened_group_say_what_they_belong_to() -> None:
    flat = outlined(stated("firm", "seat", "zone"), stated("firm", "seats", 0, "row")).root.flattened()
    assert labels(flat) == ["firm seat zone"]
    assert [listed.label for listed in flat.lists] == ["firm seats"]


def test_the_same_label_twice_is_told_apart_by_the_keys() -> None:
    assert labels(outlined(stated("roomNo"), stated("room_no")).root) == ["roomNo", "room_no"]
    assert labels(outlined(stated("roomNo", 0), stated("room_no", 0)).root) == ["roomNo", "room_no"]
    assert labels(outlined(stated("a", "b"), stated("a_b")).root.flattened()) == ["a b", "a / b"]


def test_a_field_is_called_the_same_in_every_item() -> None:
    for seed in range(60):
        facts = [stated("rows", item, "vendor") for item in range(4)]
        rows = outlined(*facts, seed=seed).root.lists[0]
        assert len({fact.label for group in rows.groups for fact in group.facts}) == 1


def test_labels_are_names_descriptions_and_synonyms() -> None:
    fact = stated("vendor", described="The firm that sells.")
    short = stated("vendor", described="Name of firm")
    seen = Counter(outlined(fact, seed=seed).root.facts[0].label for seed in range(400))
    assert 200 < seen["vendor"] < 350
    assert seen["supplier"] > 5
    assert not any("firm" in label for label in seen)
    named = Counter(
        outlined(stated("vendor", described="Selling firm"), seed=seed).root.facts[0].label
        for seed in range(400)
    )
    assert 15 < named["selling firm"] < 80
    assert short.described


def test_nothing_is_renamed_where_a_missing_value_could_be_meant() -> None:
    for seed in range(200):
        facts = outlined(stated("vendor", kind="company"), absent=(("manufacturer",),), seed=seed).root.facts
        assert facts[0].label == "vendor"


def test_missing_values_are_said_to_be_missing_now_and_then() -> None:
    absent: tuple[Path, ...] = (("site", "zone"), ("rows", 0, "b"))
    seen = [outlined(stated("rows", 0, "a"), absent=absent, seed=seed).root.facts for seed in range(300)]
    said = [facts[0] for facts in seen if facts]
    assert 15 < len(said) < 90
    assert {(fact.label, fact.kind) for fact in said} == {("site zone", "nothing")}


def test_an_amount_and_its_currency_are_mostly_written_together() -> None:
    facts = stated("total", said="12.50", kind="amount"), stated("currency", said="EUR", kind="option")
    written = Counter[str]()
    for seed in range(600):
        root = outlined(*facts, seed=seed).root
        written["; ".join(fact.surface for fact in root.facts)] += 1
    assert written.keys() == {"12.50; EUR", "EUR 12.50", "12.50 EUR", "€12.50", "€ 12.50", "12.50 €"}
    assert 100 < written["12.50; EUR"] < 200


def test_a_currency_without_a_sign_keeps_its_blank() -> None:
    facts = stated("total", said="12.50", kind="amount"), stated("currency", said="CHF", kind="option")
    seen = {outlined(*facts, seed=seed).root.facts[0].surface for seed in range(100)}
    assert seen == {"12.50", "CHF 12.50", "12.50 CHF"}


def test_two_currencies_stand_for_themselves() -> None:
    facts = (
        stated("total", said="12.50", kind="amount"),
        stated("currency", said="EUR", kind="option"),
        stated("paid_in", said="CHF", kind="option"),
    )
    assert all(len(outlined(*facts, seed=seed).root.facts) == 3 for seed in range(50))


def test_a_list_that_is_all_of_the_target_has_entries() -> None:
    (listed,) = outlined(stated(0, "name"), stated(1, "name")).root.lists
    assert listed.label == "entries"
    assert isinstance(listed, Items)
    (value,) = outlined(stated()).root.facts
    assert value.label == "value"
