"""What the documents tell people to type must be accepted as it stands."""

import re
import shlex
from pathlib import Path

import pytest

from adhere.config import VERBS
from adhere.flags import parse

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[tuple[str, str]]:
    """Every `adhere …` line of a code block and every inline one with flags."""
    found: list[tuple[str, str]] = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
        lines = re.findall(r"^adhere .*$", blocks, re.MULTILINE) + re.findall(
            r"`(adhere \w+ [^`]*--[^`]*)`", text
        )
        found += [(document.name, line) for line in lines]
    return found


@pytest.mark.parametrize(("document", "line"), commands())
def test_a_command_in_the_documents_is_accepted(document: str, line: str) -> None:
    _, verb, *words = shlex.split(line, comments=True)
    assert verb in VERBS, document
    if "--out" in words or verb in {"schema", "extract"}:
        parse(verb, words)


def test_the_readme_shows_commands() -> None:
    assert {line.split()[1] for document, line in commands() if document == "README.md"} >= {
        "schema",
        "import",
        "grpo",
        "eval",
        "extract",
        "synth",
    }


def test_links_between_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+\.md)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} → {target}"


def test_the_readme_stays_under_two_hundred_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200
