"""The functions of docs/own_reward.md are rewards as they stand."""

import re
from pathlib import Path

import pytest

from adhere.records import Example
from adhere.reward.loading import Attempt, load
from adhere.schema import Schema

DOCS = (Path(__file__).parents[2] / "docs" / "own_reward.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
SCHEMA = Schema.of({"title": "S", "type": "object"})
EXAMPLE = Example(id="e", text="t", schema="S", meta={"vendor": "Acme"})


@pytest.mark.parametrize(
    ("block", "name", "expected"),
    [
        # One for the vendor, less 18 characters; none, less 2.
        pytest.param(0, "brief", [0.82, 0.82, -0.02], id="one completion"),
        # Two of the three are the same.
        pytest.param(1, "unlike", [0.5, 0.5, 1.0], id="a batch"),
        pytest.param(2, "judged", [1.0, 1.0, 1.0], id="async"),
    ],
)
def test_each_function_of_the_document_rewards(
    block: int, name: str, expected: list[float], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(BLOCKS[block])
    completions = ['{"vendor": "Acme"}', '{"vendor": "Acme"}', "{}"]
    scores = load(f"{tmp_path}/own.py:{name}")([Attempt(each, EXAMPLE, SCHEMA) for each in completions])
    assert [score.total for score in scores] == pytest.approx(expected)


def test_the_document_has_three_functions() -> None:
    assert len(BLOCKS) == 3
