"""docs/teacher.md says word by word what a teacher is asked."""

import re
from pathlib import Path
from typing import get_args

from adhere.config import EndpointSettings
from adhere.data.teaching import words
from adhere.data.teaching.checks import LONGEST, SHORTEST, Reason
from adhere.data.teaching.course import ROWS_PER_KIND
from adhere.data.teaching.rejects import MOST_IN_A_ROW
from adhere.endpoint.line import LARGEST
from adhere.endpoint.wire import LONGEST_WAIT

DOCUMENT = (Path(__file__).parents[3] / "docs" / "teacher.md").read_text(encoding="utf-8")


def test_the_prompts_are_those_of_the_code() -> None:
    shown = re.findall(r"```text\n(.*?)\n```", DOCUMENT, re.DOTALL)
    prompts = [words.OBJECT, words.KIND, words.TEXT, words.CORRECTION]
    assert shown[:4] == [prompt.replace("{{", "{").replace("}}", "}") for prompt in prompts]


def test_every_reason_is_explained() -> None:
    table = re.findall(r"^\| (`.*?) \|", DOCUMENT, re.MULTILINE)
    listed = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    assert listed == {name for part in get_args(Reason) for name in get_args(part) or [part]}


def test_the_figures_are_those_of_the_code() -> None:
    assert f"one for every {ROWS_PER_KIND} rows" in DOCUMENT
    assert f"fewer than {SHORTEST} or more than {LONGEST:,} characters" in DOCUMENT
    assert (LARGEST, LONGEST_WAIT, MOST_IN_A_ROW) == (4 * 2**20, 60, 100)
    assert "more than 4 MiB" in DOCUMENT
    assert "up to a minute" in DOCUMENT
    assert "A hundred in a row" in DOCUMENT
    assert f"`{EndpointSettings().key_from}` unless told otherwise" in DOCUMENT
