"""Evaluations that are held against each other: named, and of the same rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from adhere import artifact
from adhere.data import store
from adhere.errors import ConfigError, DataError
from adhere.evaluate.evaluation import PREDICTIONS, Evaluation, read
from adhere.measure.prediction import Prediction
from adhere.measure.statistics import Units
from adhere.records import Example
from adhere.schema.canonical import spelled

_WHERE = "compare.directories"
TEXT = "text"
"""Names the text of an example, where other names are keys of its `meta`."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """An evaluation, what it is called, and where it stands."""

    name: str
    directory: Path
    evaluation: Evaluation


def contestants(given: Sequence[str]) -> tuple[Contestant, ...]:
    """Read evaluations, all in the order of the first one's rows.

    Args:
        given: Directories, or `name=DIR`; at least one.

    Raises:
        ConfigError: One is named twice, or two have one name.
        DataError: One is no finished evaluation, or its rows are not those of the first.
    """
    named = _named(given)
    first, *others = [Contestant(name, place, _read(place)) for name, place in named.items()]
    return (first, *(_in_order(other, first) for other in others))


def units(examples: Sequence[Example], key: str) -> tuple[Units, int]:
    """Return the cluster of each example, and how many clusters there are.

    Args:
        examples: In the order of the rows.
        key: `text` puts examples with the same text together; another, those with the same value in `meta`.

    Raises:
        DataError: An example's `meta` has no such key.
    """
    numbered: dict[str, int] = {}
    units = [numbered.setdefault(_source(example, key), len(numbered)) for example in examples]
    return np.array(units, dtype=np.intp), len(numbered)


def _named(given: Sequence[str]) -> dict[str, Path]:
    """Return directories by name: the one given, or as much of the path's end as tells them apart."""
    split = [_split(each) for each in given]
    resolved = [place.resolve() for _, place in split]
    ends = dict(zip(resolved, _ends(dict.fromkeys(resolved)), strict=False))
    named: dict[str, Path] = {}
    for (name, place), whole in zip(split, resolved, strict=True):
        if whole in [each.resolve() for each in named.values()]:
            why = "this directory is named twice, and does not differ from itself"
            raise ConfigError.at(_WHERE, str(place), why, fix="Name each once")
        called = name or ends[whole]
        if called in named:
            why = "two evaluations are called so"
            raise ConfigError.at(_WHERE, called, why, fix="Give each a name of its own, as name=DIR")
        named[called] = place
    return named


def _split(given: str) -> tuple[str, Path]:
    """Return the name, if one was given, and the directory; a directory may have a = in its own name."""
    name, sign, place = given.partition("=")
    return (name, Path(place)) if sign and not Path(given).exists() else ("", Path(given))


def _ends(places: Iterable[Path]) -> list[str]:
    """Return the last parts of each path, of all as many, so that no two are alike."""
    parts = [place.parts for place in places]
    ends: list[str] = []
    for length in count(1):
        ends = ["/".join(each[-length:]) for each in parts]
        if len(set(ends)) == len(ends):
            break
    return ends


def _read(place: Path) -> Evaluation:
    for name in (artifact.SUMMARY, PREDICTIONS, store.EXAMPLES):
        if not (place / name).is_file():
            why = f"it is no evaluation: it has no {name}"
            raise DataError.at(_WHERE, str(place), why, fix="Name directories written by `adhere eval`")
    manifest = place / artifact.MANIFEST
    if manifest.is_file() and store.read_object(manifest).get("finished") is False:
        why = "this evaluation was cut short"
        raise DataError.at(_WHERE, str(place), why, fix="Run `adhere eval` again, and it goes on from there")
    return read(place)


def _in_order(other: Contestant, first: Contestant) -> Contestant:
    """Return a contestant with its predictions in the order of the first one's.

    Raises:
        DataError: Its rows are not those of the first.
    """
    differing = _what_differs(other.evaluation.predictions, first.evaluation.predictions)
    if differing:
        why = f"{differing} in {first.directory}"
        raise DataError.at(_WHERE, str(other.directory), why, fix="Evaluate both on the same data")
    by_id = {each.example.id: each for each in other.evaluation.predictions}
    ordered = tuple(by_id[each.example.id] for each in first.evaluation.predictions)
    return replace(other, evaluation=replace(other.evaluation, predictions=ordered))


def _what_differs(predictions: Sequence[Prediction], others: Sequence[Prediction]) -> str:
    """Return what the first question that differs differs in, or nothing where all are the same."""
    if len(predictions) != len(others):
        return f"it has {len(predictions)} rows, and there are {len(others)}"
    there = {asked[0]: asked for asked in map(_asked, others)}
    for asked in map(_asked, predictions):
        other = there.get(asked[0])
        if other is None:
            return f"its row {asked[0]!r} is not"
        for name, ours, theirs in zip(("text", "schema", "target"), asked[1:], other[1:], strict=True):
            if ours != theirs:
                return f"the {name} of its row {asked[0]!r} is another than"
    return ""


def _asked(prediction: Prediction) -> tuple[str, str, str, str]:
    """Return what tells one question from another: id, text, schema and target."""
    example = prediction.example
    return example.id, example.text, prediction.schema.hash, spelled(example.target)


def _source(example: Example, key: str) -> str:
    if key == TEXT:
        return example.text
    if key not in example.meta:
        known = [TEXT, *example.meta]
        why = f"row {example.id!r} has no such key in its meta"
        raise DataError.at("compare.cluster", key, why, fix=f"Use {' or '.join(known)}")
    return spelled(example.meta[key])
