"""The vocabulary of applications: fields of work, skills, languages, and hostile sentences."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of work."""

    name: str
    titles: Sequence[str]
    """Of the positions that are offered."""
    past: Sequence[str]
    """Titles of positions that an applicant has held."""
    subjects: Sequence[str]
    """What a degree may be asked in."""
    related: Sequence[str]
    """Subjects near to those."""
    certificates: Sequence[str]
    tasks: Sequence[str]
    """What an applicant says to have done."""
    skills: Mapping[str, tuple[str, str]]
    """Each with one that comes near it, and with work of the field that has nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Everything that applications are made of, names of people and companies aside."""

    fields: Sequence[Field]
    languages: Sequence[str]
    levels: Sequence[str]
    """Of a language, the lowest first."""
    cities: Sequence[str]
    pastimes: Sequence[str]
    other_subjects: Sequence[str]
    """Subjects that are near no field of work."""
    schools: Sequence[str]
    """What an applicant without a degree has."""
    hostile: Sequence[str]
    """Sentences that tell their reader what to write."""


@cache
def words() -> Words:
    """Read the vocabulary, once."""
    file = Path(__file__).with_name("words.toml")
    # Any: what tomllib reads; the file is ours, and a wrong key in it fails here.
    read: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return Words(
        fields=tuple(Field(**field) for field in read["field"]),
        languages=read["language"]["names"],
        levels=read["language"]["levels"],
        cities=read["life"]["cities"],
        pastimes=read["life"]["pastimes"],
        other_subjects=read["life"]["other_subjects"],
        schools=read["life"]["schools"],
        hostile=read["hostile"]["phrases"],
    )
