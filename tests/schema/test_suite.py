"""The official suites: JSON Schema's own, and JSONTestSuite."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adhere.schema import Malformed, Parsed, Schema, parse_bytes
from adhere.schema.dialect import refusals

SUITES = Path(__file__).parents[3] / "shared" / "suites"
pytestmark = pytest.mark.skipif(not SUITES.is_dir(), reason="there is no ../shared/suites beside the project")

SCHEMA_TESTS = SUITES / "json-schema-test-suite" / "tests"
PARSING = SUITES / "json-test-suite" / "test_parsing"
DRAFTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
}

REFUSED_KEYWORDS = {"$dynamicRef", "$id", "$ref", "$schema"}
"""What the dialect leaves out: other documents, documents within one, references that depend on who asks."""


def groups(draft: str, folder: str) -> Iterator[tuple[Path, dict[str, Any]]]:  # Any: whatever the suite says
    for path in sorted((SCHEMA_TESTS / draft / folder).glob("*.json")):
        # The required tests of `format` take it for a remark; here it is asserted, as in `optional/format`.
        if path.name != "format.json":
            yield from ((path, group) for group in json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("draft", "folder", "least"),
    [
        pytest.param("draft2020-12", ".", 1000, id="2020-12 required"),
        pytest.param("draft2020-12", "optional/format", 700, id="2020-12 formats"),
        pytest.param("draft7", ".", 740, id="draft-07 required"),
        pytest.param("draft7", "optional/format", 600, id="draft-07 formats"),
    ],
)
def test_every_schema_is_refused_or_judges_rightly(draft: str, folder: str, least: int) -> None:
    refused: Counter[str] = Counter()
    judged, wrong = 0, list[str]()
    for path, group in groups(draft, folder):
        if isinstance(group["schema"], bool):
            continue  # a whole document is an object
        source = {"$schema": DRAFTS[draft], **group["schema"]}
        found = refusals(source)
        if found:
            refused.update({found[0].keyword})
            continue
        schema = Schema.of(source)
        for test in group["tests"]:
            judged += 1
            verdicts = {schema.obeys(test["data"]), schema.violations(test["data"]) == []}
            if verdicts != {test["valid"]}:
                wrong.append(f"{path.name}: {group['description']}: {test['description']}")
    assert wrong == []
    assert refused.keys() <= REFUSED_KEYWORDS
    assert judged >= least


REPEATED_KEYS = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
"""RFC 8259's grammar takes them; its section 4 says that names should be unique, and here they must be."""


def test_every_text_is_read_as_the_suite_has_it() -> None:
    texts = sorted(PARSING.glob("*.json"))
    outcomes = {path.name: type(parse_bytes(path.read_bytes())) for path in texts}
    assert {
        name for name, outcome in outcomes.items() if name[0] == "y" and outcome is Malformed
    } == REPEATED_KEYS
    assert {name for name, outcome in outcomes.items() if name[0] == "n" and outcome is Parsed} == set()
    assert len(outcomes) == 318
