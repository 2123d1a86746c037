"""What was made is kept within its limit, what was asked for last longest; schemas are compiled once."""

import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adhere.records import JSON
from adhere.schema import Schema
from adhere.schema.check import Check, check
from adhere.schema.expected import expected, has_unordered_lists
from adhere.schema.kept import Kept
from adhere.schema.schema import _ACCEPTED, _accepted  # pyright: ignore[reportPrivateUsage]


class Made:
    """A thing, and how often it was made."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def of(self, key: str, size: int) -> Callable[[], tuple[str, int]]:
        def make() -> tuple[str, int]:
            self.keys.append(key)
            return key.upper(), size

        return make


def test_a_thing_is_made_once() -> None:
    kept, made = Kept[str](most=10), Made()
    assert [kept.get("a", made.of("a", 4)) for _ in range(3)] == ["A", "A", "A"]
    assert made.keys == ["a"]
    assert (kept.size, len(kept)) == (4, 1)


def test_the_one_not_asked_for_longest_goes_first() -> None:
    kept, made = Kept[str](most=10), Made()
    for key in ("a", "b", "a", "c"):  # c is the third of four bytes each: b goes, for a was asked for later
        kept.get(key, made.of(key, 4))
    assert (kept.size, len(kept)) == (8, 2)
    for key in ("a", "c", "b"):
        kept.get(key, made.of(key, 4))
    assert made.keys == ["a", "b", "c", "b"]


def test_a_large_thing_makes_room_for_itself() -> None:
    kept, made = Kept[str](most=10), Made()
    for key, size in (("a", 3), ("b", 3), ("c", 3), ("d", 9)):
        kept.get(key, made.of(key, size))
    assert (kept.size, len(kept)) == (9, 1)


def test_what_is_larger_than_all_the_room_is_made_but_not_kept() -> None:
    kept, made = Kept[str](most=10), Made()
    kept.get("a", made.of("a", 4))
    assert kept.get("b", made.of("b", 11)) == "B"
    assert (kept.size, len(kept)) == (4, 1)


def test_a_fault_in_making_is_not_kept() -> None:
    kept = Kept[float](most=10)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: (1 / 0, 1))
    assert kept.get("a", lambda: (2.0, 1)) == 2.0


def test_two_threads_that_make_the_same_thing_get_the_same() -> None:
    kept = Kept[object](most=10)
    both = threading.Barrier(2, timeout=30)
    found: list[object] = []

    def make() -> tuple[object, int]:
        both.wait()
        return object(), 1

    threads = [threading.Thread(target=lambda: found.append(kept.get("a", make))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    assert kept.size == 1


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 12))))
def test_no_order_of_asking_goes_over_the_limit(asked: list[tuple[str, int]]) -> None:
    kept, sizes = Kept[str](most=20), dict[str, int]()
    for key, size in asked:
        sizes.setdefault(key, size)
        assert kept.get(key, lambda key=key: (key, sizes[key])) == key
        assert kept.size <= 20
        assert len(kept) <= kept.size


# -------------------------------------------------------------------------------------------------- schemas


def numbered(number: int) -> dict[str, JSON]:
    names = [f"field {number} {index}" for index in range(40)]
    return {"type": "object", "properties": {name: {"type": "string", "minLength": number} for name in names}}


def test_a_document_given_in_ten_thousand_rows_is_compiled_once() -> None:
    begun = time.perf_counter()
    given = [Schema.of(numbered(1)) for _ in range(10_000)]
    # Reading and compiling takes milliseconds, each time: half a minute and more.
    assert time.perf_counter() - begun < 10
    assert len({id(schema.source) for schema in given}) == 1


def test_every_way_to_give_a_document_is_kept_by_its_text() -> None:
    spelled = '{"title": "Given twice", "type": "null"}'
    assert Schema.of(spelled).source is Schema.of(spelled).source
    assert Schema.of(spelled, name="x").name == "x"
    assert Schema.of(spelled).name == "Given twice"


def test_documents_that_differ_in_order_are_shown_apart_and_checked_alike() -> None:
    first = Schema.of('{"properties": {"kept a": {}, "kept b": {}}}')
    second = Schema.of('{"properties": {"kept b": {}, "kept a": {}}}')
    assert first.blank != second.blank
    assert check(first.canonical) is check(second.canonical)


def test_a_check_that_nobody_holds_is_let_go() -> None:
    seen: weakref.ref[Check] = weakref.ref(check('{"const":"nobody holds this"}'))
    gc.collect()
    assert seen() is None


def test_many_distinct_schemas_stay_within_the_limit() -> None:
    size = _accepted(Schema.of(numbered(0)).canonical, "schema")[1]
    count = 64 * 2**20 // size + 100
    assert count < 2000  # so that this test ends: some hundred kilobytes each
    first: weakref.ref[Check] = weakref.ref(check(Schema.of(numbered(0)).canonical))
    for number in range(1, count):
        schema = Schema.of(numbered(number))
        assert not has_unordered_lists(schema)
        assert expected(schema).key(f"field {number} 0").known
    gc.collect()
    assert _ACCEPTED.size <= 64 * 2**20
    assert len(_ACCEPTED) < count
    assert first() is None


def test_what_is_kept_is_found_until_it_is_dropped() -> None:
    kept = Kept[str](most=10)
    assert kept.find("a") is None
    kept.get("a", lambda: ("made", 4))
    assert kept.find("a") == "made"
    kept.drop("a")
    kept.drop("never kept")
    assert kept.find("a") is None
    assert kept.size == 0


def test_what_was_found_last_goes_last() -> None:
    kept = Kept[str](most=8)
    for key in "ab":
        kept.get(key, lambda key=key: (key, 4))
    kept.find("a")
    kept.get("c", lambda: ("c", 4))
    assert [kept.find(key) for key in "abc"] == ["a", None, "c"]
