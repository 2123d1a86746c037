"""The nouns that every stage shares."""

import dataclasses

import pytest

from adhere.records import Completion, Example

EXAMPLE = Example(id="a", text="Two mugs.", schema="Order")
COMPLETION = Completion(
    example_id="a", index=0, text="{}", tokens=(1, 2), logprobs=(-0.1, -0.2), finished=True
)


def test_an_example_is_unlabelled_unless_it_is_given_a_target() -> None:
    assert (EXAMPLE.target, EXAMPLE.reasoning, EXAMPLE.meta) == (None, None, {})


def test_no_two_examples_share_their_meta() -> None:
    assert EXAMPLE.meta is not Example(id="b", text="", schema="Order").meta


@pytest.mark.parametrize("record", [EXAMPLE, COMPLETION], ids=["example", "completion"])
def test_a_record_cannot_be_changed(record: Example | Completion) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.text = "Three mugs."  # pyright: ignore[reportAttributeAccessIssue]


def test_equal_completions_compare_equal() -> None:
    assert dataclasses.replace(COMPLETION) == COMPLETION
    assert dataclasses.replace(COMPLETION, finished=False) != COMPLETION
