"""Rows of a data set: sorted out by hash, split so that no target stands on two sides, kept if they fit."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from adhere import prompt
from adhere.data import store
from adhere.data.store import Dataset
from adhere.measure.statistics import Rate
from adhere.model import Reader
from adhere.records import Example
from adhere.schema import Schema, unconstrainable
from adhere.schema.canonical import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a model is asked, and what it should have been asked."""

    file: Path
    """Holds `taken`."""
    taken: Dataset
    """Rows whose prompt leaves `room` in the model's context and, where one is to be used, whose schema a
    grammar guarantees."""
    all: Dataset
    room: int
    """Tokens of the longest answer."""

    @property
    def share_taken(self) -> Rate:
        """Return how many rows can be asked."""
        return Rate(len(self.taken.examples), len(self.all.examples))


def asked(dataset: Dataset, directory: Path, reader: Reader, *, room: int, constrain: bool = False) -> Asked:
    """Write the rows that can be asked, as a data directory, and return them and all.

    Args:
        dataset: What should be asked.
        directory: Where to write.
        reader: Of the model.
        room: Tokens of the longest answer, which the prompt must leave.
        constrain: Whether answers are to stand under each schema's grammar.
    """
    refused = {name for name, schema in dataset.schemas.items() if constrain and unconstrainable(schema)}
    taken = Dataset(
        dataset.schemas,
        tuple(
            example
            for example in dataset.examples
            if example.schema not in refused
            and len(prompt.prompt(example, dataset.schemas[example.schema], reader.tokenizer)) + room
            <= reader.context
        ),
    )
    return Asked(file=write(taken, directory), taken=taken, all=dataset, room=room)


def learnable(dataset: Dataset, reader: Reader) -> Dataset:
    """Return the rows that a model's context takes with their right answers, to be trained on."""
    return Dataset(
        dataset.schemas,
        tuple(
            example
            for example in dataset.examples
            if len(prompt.render(example, dataset.schemas[example.schema], reader.tokenizer).tokens)
            <= reader.context
        ),
    )


def write(dataset: Dataset, directory: Path) -> Path:
    """Write a data directory, or the same one again."""
    directory.mkdir(parents=True, exist_ok=True)
    store.write(dataset, directory)
    return directory / store.EXAMPLES


def by_hash(dataset: Dataset) -> Dataset:
    """Return the rows in the order of their targets' hashes; those of one target stay together.

    The order is drawn, in effect, and the same on every machine.
    """
    return Dataset(dataset.schemas, tuple(sorted(dataset.examples, key=_place)))


def cut(dataset: Dataset, *sizes: int) -> list[Dataset]:
    """Cut rows into runs of these sizes, and what is left; the rows of one target go where the first goes."""
    runs: list[list[Example]] = [[] for _ in (*sizes, 0)]
    place, last = 0, ""
    for example in dataset.examples:
        target = _target(example)
        while place < len(sizes) and len(runs[place]) >= sizes[place] and target != last:
            place += 1
        runs[place].append(example)
        last = target
    return [Dataset(dataset.schemas, tuple(run)) for run in runs]


def first_of_each_target(dataset: Dataset) -> Dataset:
    """Return one row for every target."""
    chosen = {_target(example): example for example in reversed(dataset.examples)}
    kept = {example.id for example in chosen.values()}
    return Dataset(dataset.schemas, tuple(example for example in dataset.examples if example.id in kept))


def first(dataset: Dataset, count: int) -> Dataset:
    """Return the first so many rows."""
    return Dataset(dataset.schemas, dataset.examples[:count])


def joined(datasets: Mapping[str, Dataset]) -> Dataset:
    """Put data sets together; ids and schemas are told apart by the names given."""
    schemas: dict[str, Schema] = {}
    examples: list[Example] = []
    for name, dataset in datasets.items():
        schemas |= {f"{name}/{schema}": source for schema, source in dataset.schemas.items()}
        examples += [
            Example(
                id=f"{name}/{each.id}",
                text=each.text,
                schema=f"{name}/{each.schema}",
                target=each.target,
            )
            for each in dataset.examples
        ]
    return Dataset(schemas, tuple(examples))


def narrowed(dataset: Dataset, schema: Schema, keys: Sequence[str]) -> Dataset:
    """Return the rows with only some keys of their targets, under the schema that has these alone."""
    name = schema.name
    examples = [
        Example(
            id=each.id,
            text=each.text,
            schema=name,
            target={key: each.target[key] for key in keys if key in each.target},
        )
        for each in dataset.examples
        if isinstance(each.target, dict)
    ]
    return Dataset({name: schema}, tuple(examples))


def unlabelled(dataset: Dataset) -> Dataset:
    """Return the rows without their targets."""
    return Dataset(
        dataset.schemas,
        tuple(Example(id=each.id, text=each.text, schema=each.schema) for each in dataset.examples),
    )


def _place(example: Example) -> tuple[str, str]:
    return hashlib.sha256(_target(example).encode()).hexdigest(), _hash(example.id)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _target(example: Example) -> str:
    return f"{example.schema} {canonical(example.target)}"
