from itertools import islice

from adhere.data.invoices import SCHEMA, WORDINGS, invoices, schema_name
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.schema import Schema
from adhere.schema.canonical import spelled


def first(seed: int, split: str, count: int) -> list[Example]:
    return list(islice(invoices(seed, split), count))  # type: ignore[arg-type]


def column(examples: list[Example], key: str) -> set[JSON]:
    return {example.target[key] for example in examples}  # type: ignore[index,call-overload]


def test_targets_obey_the_schema_and_earn_full_marks() -> None:
    schema = Schema.of(SCHEMA, name=schema_name())
    for example in first(0, "train", 200) + first(0, "held_out", 200):
        for preset in ("schema", "fields", "grounded"):
            assert score(spelled(example.target), example, schema, preset=preset).total == 1.0, example.text


def test_no_vendor_stands_in_both_splits() -> None:
    assert not column(first(0, "train", 500), "vendor") & column(first(1, "held_out", 500), "vendor")


def test_no_wording_stands_in_both_splits() -> None:
    assert not set(WORDINGS["train"]) & set(WORDINGS["held_out"])
    assert all(
        "{vendor}" in w and "{date}" in w and "{money}" in w for split in WORDINGS.values() for w in split
    )


def test_texts_do_not_repeat() -> None:
    texts = [example.text for example in first(0, "train", 500)]
    assert len(set(texts)) == 500


def test_a_seed_is_a_data_set() -> None:
    assert first(0, "train", 20) == first(0, "train", 20)
    assert first(0, "train", 20) != first(1, "train", 20)


def test_every_currency_occurs() -> None:
    assert column(first(0, "held_out", 200), "currency") == {"EUR", "USD", "GBP", "JPY", "CHF"}
