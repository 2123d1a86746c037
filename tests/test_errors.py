"""Every error that adhere raises on purpose: one line, and one tree."""

import pytest

from adhere import errors
from adhere.errors import AdhereError, ConfigError, DataError, perhaps
from adhere.records import JSON


def test_an_error_says_where_what_was_given_why_and_what_to_do() -> None:
    error = ConfigError.at("grpo.group_size", 1, "a group of one has no spread", fix="Use 2 or more")
    assert str(error) == "grpo.group_size = 1: a group of one has no spread. Use 2 or more."


def test_a_value_is_shown_as_python_would_write_it() -> None:
    assert "rows.jsonl:3 = 'a\\nb': " in str(DataError.at("rows.jsonl:3", "a\nb", "why", fix="fix"))


def test_a_long_value_is_cut_to_80_characters() -> None:
    error = str(DataError.at("where", "x" * 200, "why", fix="fix"))
    shown = error.removeprefix("where = ").removesuffix(": why. fix.")
    # An opening quote, 76 times x, three dots.
    assert shown == f"'{'x' * 76}..."
    assert len(shown) == 80


def test_a_value_of_80_characters_is_whole() -> None:
    # Two quotes and 78 times x.
    assert f"'{'x' * 78}':" in str(DataError.at("where", "x" * 78, "why", fix="fix"))


@pytest.mark.parametrize("key", [None, "a"], ids=["arrays", "objects"])
def test_a_value_nested_past_python_s_recursion_is_still_shown_in_80_characters(key: str | None) -> None:
    deep: JSON = 1
    for _ in range(100_000):
        deep = [deep] if key is None else {key: deep}
    error = str(DataError.at("where", deep, "why", fix="fix"))
    shown = error.removeprefix("where = ").removesuffix(": why. fix.")
    assert shown.startswith("[[[" if key is None else "{'a': {'a': {'a': ")
    assert "..." in shown
    assert len(shown) <= 80


@pytest.mark.parametrize(
    "name",
    [
        "ConfigError",
        "SchemaError",
        "DataError",
        "ModelError",
        "EvaluationError",
        "RewardError",
        "TrainingError",
    ],
)
def test_every_error_is_caught_as_one(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, AdhereError)
    assert isinstance(error.at("where", 0, "why", fix="fix"), error)


def test_no_error_is_a_value_error_which_the_parser_of_flags_would_swallow() -> None:
    assert not issubclass(AdhereError, ValueError)


def test_a_typo_is_told_what_was_perhaps_meant() -> None:
    assert perhaps("feilds", ["schema", "fields"]) == "; perhaps you meant fields"
    assert perhaps("zzz", ["schema", "fields"]) == ""
