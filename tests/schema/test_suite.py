"""The official suites: JSON Schema's own, and JSONTestSuite."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
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
DOCUMENT = (Path(__file__).parents[2] / "docs" / "dialect.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A schema of the suite with its tests."""

    draft: str
    file: str
    """From the draft's folder."""
    schema: Any  # whatever the suite has
    tests: list[dict[str, Any]]


def groups() -> Iterator[Group]:
    for draft in DRAFTS:
        for folder in (".", "optional", "optional/format"):
            for path in sorted((SCHEMA_TESTS / draft / folder).glob("*.json")):
                file = path.relative_to(SCHEMA_TESTS / draft).as_posix()
                for group in json.loads(path.read_text()):
                    yield Group(draft=draft, file=file, schema=group["schema"], tests=group["tests"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the suite."""

    refused: Counter[tuple[str, str, str]]
    """Schemas by draft, file and keyword."""
    judged: Counter[tuple[str, str]]
    """Tests by draft and file."""
    wrong: Counter[tuple[str, str]]
    """Those of them with another verdict than the suite's, by `obeys` or by `violations`."""
    accepted: int
    """Schemas that were not refused."""


@cache
def outcome() -> Outcome:
    refused, judged, wrong, accepted = Counter[Any](), Counter[Any](), Counter[Any](), 0
    for group in groups():
        keyword = refused_by(group)
        if keyword is not None:
            refused[group.draft, group.file, keyword] += 1
            continue
        accepted += 1
        schema = Schema.of({"$schema": DRAFTS[group.draft], **group.schema})
        for test in group.tests:
            verdicts = {schema.obeys(test["data"]), schema.violations(test["data"]) == []}
            judged[group.draft, group.file] += 1
            wrong[group.draft, group.file] += verdicts != {test["valid"]}
    return Outcome(refused, judged, +wrong, accepted)


def refused_by(group: Group) -> str | None:
    if isinstance(group.schema, bool):
        return "no object"
    found = refusals({"$schema": DRAFTS[group.draft], **group.schema})
    return f"`{found[0].keyword}`" if found else None


def table(heading: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table of the document under a line of column heads."""
    rows = DOCUMENT.partition(f"{heading}\n")[2].splitlines()[1:]
    for row in rows:
        if not row.startswith("|"):
            return
        yield [cell.strip() for cell in row.strip("|").split("|")]


def test_the_document_lists_every_refusal() -> None:
    listed = {
        (draft, file, keyword): int(schemas)
        for draft, file, keyword, schemas in table("| draft | file | refused by | schemas |")
    }
    assert listed == outcome().refused


def test_the_document_lists_every_other_verdict() -> None:
    listed = {
        (draft, file): int(tests) for draft, file, tests, _ in table("| draft | file | tests | because |")
    }
    assert listed == outcome().wrong


def test_the_document_counts_the_rest() -> None:
    said = re.search(r"The other ([0-9,]+) schemas, ([0-9,]+) tests,", DOCUMENT)
    assert said is not None
    counted = tuple(int(count.replace(",", "")) for count in said.groups())
    assert counted == (outcome().accepted, outcome().judged.total())


@pytest.mark.parametrize(
    ("draft", "folder", "least"),
    [
        pytest.param("draft2020-12", "", 1100, id="2020-12 required"),
        pytest.param("draft2020-12", "optional/format", 764, id="2020-12 formats"),
        pytest.param("draft7", "", 840, id="draft-07 required"),
        pytest.param("draft7", "optional/format", 676, id="draft-07 formats"),
    ],
)
def test_enough_is_judged_to_say_so(draft: str, folder: str, least: int) -> None:
    tests = (
        count
        for (of, file), count in outcome().judged.items()
        if of == draft and file.rpartition("/")[0] == folder
    )
    assert sum(tests) >= least


REPEATED_KEYS = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
"""RFC 8259's grammar takes them; its section 4 says that names should be unique, and here they must be."""


def test_every_text_is_read_as_the_suite_has_it() -> None:
    texts = sorted(PARSING.glob("*.json"))
    outcomes = {path.name: type(parse_bytes(path.read_bytes())) for path in texts}
    assert {
        name for name, outcome in outcomes.items() if name[0] == "y" and outcome is Malformed
    } == REPEATED_KEYS
    assert {name for name, outcome in outcomes.items() if name[0] == "n" and outcome is Parsed} == set()
    assert Counter(name[0] for name in outcomes) == {"y": 95, "n": 188, "i": 35}
