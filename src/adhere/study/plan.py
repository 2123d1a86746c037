"""What a study does: read from its file, with every setting of every step checked before anything runs."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, cast

from adhere.config import (
    Config,
    EvalConfig,
    GrpoConfig,
    ImportConfig,
    ReasonConfig,
    SftConfig,
    StudyConfig,
    SynthConfig,
)
from adhere.errors import ConfigError, perhaps
from adhere.flags import TOML, as_flags, parse

DataStep: TypeAlias = SynthConfig | ImportConfig | ReasonConfig
Stage: TypeAlias = SftConfig | GrpoConfig
Step: TypeAlias = DataStep | Stage | EvalConfig
Goal: TypeAlias = Literal["at least", "at most"]

SHARED = ("sft", "grpo", "eval")
"""Verbs whose settings a study can give once, for all its stages or evaluations."""
CONSTRAINED = ", constrained"
"""Ends the name of an evaluation under the schema's grammar."""
_DATA_VERBS, _STAGE_VERBS = ("synth", "import", "reason"), ("sft", "grpo")
_TEXTS = ("title", "about", "model", "cluster")
_LISTS = ("report",)
_TABLES = ("data", "held_out", "stages", "contestants", "questions", "goals", "published", *SHARED)
_PATHS = ("data", "held_out")
"""Settings that may name a data step of the study."""

Table: TypeAlias = Mapping[str, TOML]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A model that takes part, and how it came about."""

    name: str
    title: str
    stages: tuple[str, ...]
    """What it went through, in turn; none for a model as it is."""
    evaluations: Mapping[str, EvalConfig]
    """By set and name, as `rows/sft, constrained`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All steps of a study, in the order in which they are done."""

    title: str
    about: str
    """What people read first of it; Markdown."""
    out: Path
    data: Mapping[str, DataStep]
    held_out: Mapping[str, Path]
    """Rows that contestants are measured on, by the names of the sets."""
    stages: Mapping[str, Stage]
    parents: Mapping[str, str]
    """The stage that a stage goes on from, where it does."""
    contestants: Mapping[str, Contestant]
    questions: Mapping[str, tuple[str, str]]
    """Two evaluations each, of which the first is held against the second."""
    goals: Mapping[str, tuple[Goal, float]]
    """Bounds by `metric` or `metric, constrained`."""
    published: Mapping[str, Mapping[str, float]]
    """Others' figures, in percent, by who and metric."""
    cluster: str
    """What rows that go together have in common: `text`, `schema`, or a key of their `meta`."""
    report: tuple[str, ...]
    """Evaluations that the page of rows side by side shows."""

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Yield every step with its name, those that others rest on first."""
        for name, config in self.data.items():
            yield f"data.{name}", config
        for name, config in self.stages.items():
            yield f"stages.{name}", config
        for contestant in self.contestants.values():
            for name, config in contestant.evaluations.items():
                yield f"evaluations.{name}", config

    def evaluations(self, held_out: str) -> dict[str, EvalConfig]:
        """Return the evaluations on one set of rows, by their names in it."""
        return {
            name.removeprefix(f"{held_out}/"): config
            for contestant in self.contestants.values()
            for name, config in contestant.evaluations.items()
            if name.startswith(f"{held_out}/")
        }


def read(config: StudyConfig) -> Plan:
    """Read a study's file, and check all of it.

    Raises:
        ConfigError: A setting does not exist or is out of range, or a name is that of nothing above it.
    """
    return _Reader(_settings(config), config.out).plan()


def _settings(config: StudyConfig) -> dict[str, TOML]:
    """Return what the file says, with what was set besides."""
    try:
        settings = tomllib.loads(config.file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise ConfigError.at("study.file", str(config.file), str(fault), fix="Name a TOML file") from fault
    for each in config.set:
        path, sign, spelled = each.partition("=")
        *tables, name = path.split(".")
        inner = settings
        for table in tables:
            inner = inner.setdefault(table, {})
            if not isinstance(inner, dict):
                break
        if not sign or not isinstance(inner, dict):
            raise ConfigError.at(
                "study.set", each, "it sets nothing of the file", fix="Write it as data.train.rows=40"
            )
        inner[name] = _value(spelled)
    return settings


def _value(spelled: str) -> TOML:
    """Read a value as TOML; what is none is a text."""
    try:
        return tomllib.loads(f"value = {spelled}")["value"]
    except tomllib.TOMLDecodeError:
        return spelled


class _Reader:
    """Turns the tables of a file into steps."""

    def __init__(self, settings: Mapping[str, TOML], out: Path) -> None:
        for key, value in settings.items():
            if key not in (*_TEXTS, *_LISTS, *_TABLES):
                known = (*_TEXTS, *_LISTS, *_TABLES)
                why = f"a study has no such setting{perhaps(key, known)}"
                raise ConfigError.at(f"study.{key}", value, why, fix=f"Use {', '.join(known)}")
            kind = str if key in _TEXTS else list if key in _LISTS else dict
            if not isinstance(value, kind):
                told = {str: "a text", list: "a list", dict: "a table"}[kind]
                raise ConfigError.at(f"study.{key}", value, f"it must be {told}", fix=f"Make it {told}")
        self._settings = settings
        self._out = out
        self._data: dict[str, DataStep] = {}
        self._stages: dict[str, Stage] = {}
        self._parents: dict[str, str] = {}
        self._held_out: dict[str, Path] = {}

    def plan(self) -> Plan:
        for name, table in self._tables("data"):
            self._data[name] = self._data_step(name, table)
        for name, place in self._table("held_out").items():
            self._held_out[name] = self._place(_text(f"study.held_out.{name}", place))
        if not self._held_out:
            raise ConfigError.at(
                "study.held_out",
                {},
                "there is nothing to measure on",
                fix='Write rows = "DATA/held_out.jsonl"',
            )
        for name, table in self._tables("stages"):
            self._stages[name] = self._stage(name, table)
        contestants = {name: self._contestant(name, table) for name, table in self._tables("contestants")}
        names = [
            name.partition("/")[2]
            for contestant in contestants.values()
            for name in contestant.evaluations
            if name.startswith(f"{next(iter(self._held_out))}/")
        ]
        if not names:
            raise ConfigError.at(
                "study.contestants", {}, "there is nothing to measure", fix="Write [contestants.shipped]"
            )
        free = [name for name in names if not name.endswith(CONSTRAINED)]
        shown = cast("Sequence[str]", self._settings.get("report", (free or names)[:5]))
        return Plan(
            title=self._text("title", "A study"),
            about=self._text("about", ""),
            out=self._out,
            data=self._data,
            held_out=self._held_out,
            stages=self._stages,
            parents=self._parents,
            contestants=contestants,
            questions={
                question: self._pair(question, pair, names)
                for question, pair in self._table("questions").items()
            },
            goals=dict(self._goals()),
            published=dict(self._published()),
            cluster=self._text("cluster", "text"),
            report=tuple(_one_of("study.report", name, names) for name in shown),
        )

    # ------------------------------------------------------------------------------------------- steps

    def _data_step(self, name: str, table: Table) -> DataStep:
        where = f"study.data.{name}"
        verb, settings = _verb(where, table, _DATA_VERBS)
        settings |= {"out": str(self._out / "data" / name)}
        return cast("DataStep", _parsed(where, verb, self._placed(settings)))

    def _stage(self, name: str, table: Table) -> Stage:
        where = f"study.stages.{name}"
        verb, settings = _verb(where, table, _STAGE_VERBS)
        start = settings.pop("from", None)
        model = self._text("model", "nano")
        if start is not None:
            above = _one_of(f"{where}.from", start, self._stages, "no stage above it has this name")
            self._parents[name] = above
            model = str(self._checkpoint(above))
        shared = {"model": model, **self._table(verb)}
        settings = {**shared, **settings, "out": str(self._out / "stages" / name)}
        return cast("Stage", _parsed(where, verb, self._placed(settings)))

    def _contestant(self, name: str, table: Table) -> Contestant:
        where = f"study.contestants.{name}"
        settings = dict(table)
        stage = settings.pop("stage", None)
        title = _text(f"{where}.title", settings.pop("title", name))
        constrain = settings.pop("constrain", None)
        model, form = self._text("model", "nano"), "plain"
        lineage: list[str] = []
        if stage is not None:
            lineage.append(_one_of(f"{where}.stage", stage, self._stages, "no stage has this name"))
            model, form = str(self._checkpoint(lineage[0])), self._stages[lineage[0]].form
            while lineage[0] in self._parents:
                lineage.insert(0, self._parents[lineage[0]])
        settings = {"model": model, "form": form, **self._table("eval"), **settings}
        settings |= {"data": "data", "out": "out"}
        parsed = cast("EvalConfig", _parsed(where, "eval", settings))
        evaluations = {
            f"{held_out}/{name}{CONSTRAINED if constrained else ''}": replace(
                parsed,
                data=place,
                out=self._out / "evaluations" / held_out / f"{name}{'-constrained' if constrained else ''}",
                constrain=constrained,
            )
            for held_out, place in self._held_out.items()
            for constrained in ((False, True) if constrain is None else (bool(constrain),))
        }
        return Contestant(name=name, title=title, stages=tuple(lineage), evaluations=evaluations)

    def _checkpoint(self, stage: str) -> Path:
        return self._out / "stages" / stage / "checkpoint"

    def _placed(self, settings: dict[str, TOML]) -> dict[str, TOML]:
        """Turn the names of data steps into the places of what they make."""
        given = {name: settings.get(name) for name in _PATHS}
        named = {name: str(self._place(path)) for name, path in given.items() if isinstance(path, str)}
        return {**settings, **named}

    def _place(self, given: str) -> Path:
        first, *rest = Path(given).parts or (".",)
        return self._data[first].out.joinpath(*rest) if first in self._data else Path(given)

    # ---------------------------------------------------------------------------------------- the rest

    def _text(self, name: str, otherwise: str) -> str:
        return cast("str", self._settings.get(name, otherwise))

    def _table(self, name: str) -> dict[str, TOML]:
        return dict(cast("Table", self._settings.get(name, {})))

    def _tables(self, name: str) -> Iterator[tuple[str, Table]]:
        for key, value in self._table(name).items():
            if not isinstance(value, dict):
                where = f"study.{name}.{key}"
                raise ConfigError.at(where, value, "it must be a table", fix=f"Write [{name}.{key}]")
            yield key, cast("Table", value)

    def _pair(self, question: str, pair: TOML, names: Sequence[str]) -> tuple[str, str]:
        where = f"study.questions.{question}"
        if not isinstance(pair, list) or len(cast("list[TOML]", pair)) != 2:
            raise ConfigError.at(
                where, pair, "it takes two evaluations", fix='Write [ "the one", "held against this" ]'
            )
        first, second = cast("list[TOML]", pair)
        return _one_of(where, first, names), _one_of(where, second, names)

    def _goals(self) -> Iterator[tuple[str, tuple[Goal, float]]]:
        for name, bound in self._table("goals").items():
            kind, _, number = str(bound).partition(" ")
            try:
                goal: Goal = {">=": "at least", "<=": "at most"}[kind]  # type: ignore[assignment]
                yield name, (goal, float(number))
            except (KeyError, ValueError) as fault:
                where = f"study.goals.{name}"
                raise ConfigError.at(where, bound, "it is no bound", fix='Write it as ">= 0.98"') from fault

    def _published(self) -> Iterator[tuple[str, Mapping[str, float]]]:
        for name, table in self._tables("published"):
            for metric, value in table.items():
                if not isinstance(value, int | float):
                    where = f"study.published.{name}.{metric}"
                    raise ConfigError.at(where, value, "it is no number", fix="Give it in percent")
            yield name, cast("Mapping[str, float]", table)


def _verb(where: str, table: Table, verbs: Sequence[str]) -> tuple[str, dict[str, TOML]]:
    settings = dict(table)
    return _one_of(f"{where}.verb", settings.pop("verb", None), verbs), settings


def _one_of(where: str, given: TOML, known: Sequence[str] | Mapping[str, object], why: str = "") -> str:
    if given in known:
        return str(given)
    close = perhaps(str(given), known)
    raise ConfigError.at(
        where,
        given,
        f"{why or 'it is none of those that there are'}{close}",
        fix=f"Use one of {', '.join(known)}",
    )


def _text(where: str, given: TOML) -> str:
    if not isinstance(given, str):
        raise ConfigError.at(where, given, "it must be a text", fix="Put it in quotation marks")
    return given


def _parsed(where: str, verb: str, settings: Mapping[str, TOML]) -> Config:
    """Make the settings of a verb as the command line does; a fault is named by its place in the file."""
    try:
        return parse(verb, list(as_flags(settings)))
    except ConfigError as fault:
        raise ConfigError(_relocated(where, verb, str(fault))) from fault


def _relocated(where: str, verb: str, fault: str) -> str:
    """Name a setting by its place in the file: of `--lr: …` and `sft.lr = …` both, `study.stages.NAME.lr`."""
    if fault.startswith("--"):
        flag, colon, why = fault.removeprefix("--").partition(":")
        return f"{where}.{flag.replace('-', '_')}{colon}{why}"
    if fault.startswith(f"{verb}."):
        return f"{where}{fault.removeprefix(verb)}"
    return f"{where}: {fault}"
