"""The worked examples of docs/confidence.md."""

import json
import math
import re
from pathlib import Path
from typing import cast

import pytest

from adhere.decode.confidence import confidences
from adhere.measure.calibration import Claim
from adhere.measure.reliability import reliability
from adhere.prompt import Tokenizer
from adhere.records import JSON, Completion
from adhere.reward.verdict import judge
from adhere.schema import Schema

DOCS = (Path(__file__).parents[2] / "docs" / "confidence.md").read_text()
CONFIDENCES, SUMMARY = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL))
ROWS = re.findall(r"^\| \d \| ([\d.]+) (\w+) \| ([\d.]+) (\w+) \|$", DOCS, re.MULTILINE)


class Words:
    """A tokenizer whose tokens are the words of the table, by their place."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def decode(self, token_ids: tuple[int, ...], *, skip_special_tokens: bool) -> str:
        assert not skip_special_tokens
        return "".join(self.words[token] for token in token_ids)


def cells(name: str) -> list[str]:
    (line,) = re.findall(rf"^\| {name} \| (.*) \|$", DOCS, re.MULTILINE)
    return [cell.strip("`") for cell in line.split(" | ")]


def rounded(value: JSON) -> JSON:
    match value:
        case float():
            return round(value, 4)
        case dict():
            return {key: rounded(part) for key, part in value.items()}
        case list():
            return [rounded(part) for part in value]
        case _:
            return value


def test_the_confidences_of_the_answer_follow_from_its_tokens() -> None:
    words = cells("token")
    text = "".join(words[:-1])
    completion = Completion(
        example_id="1",
        index=0,
        text=text,
        tokens=tuple(range(len(words))),
        logprobs=tuple(math.log(float(cell)) for cell in cells("probability")),
        finished=True,
    )
    verdict = judge(text, Schema.of({"title": "order"}))
    tokenizer = cast("Tokenizer", Words(words))
    assert dict(confidences(completion, verdict, tokenizer, answer=text)) == pytest.approx(CONFIDENCES)


def test_the_five_answers_give_what_the_document_says() -> None:
    rows = [
        [Claim(float(first), one == "right"), Claim(float(second), other == "right")]
        for first, one, second, other in ROWS
    ]
    assert len(rows) == 5
    assert rounded(reliability(rows).as_json()) == SUMMARY
