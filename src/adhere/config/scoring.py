"""What rewards pay for, and how one of your own is called."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeGuard, get_args

from adhere.config.ranges import above, add_up_to_1, at_least, within
from adhere.errors import ConfigError, perhaps

Preset: TypeAlias = Literal["schema", "fields", "grounded", "hierarchical", "prefix", "thinkjson", "rubric"]
Length: TypeAlias = Literal["characters", "keys", "leaves"]
Form: TypeAlias = Literal["plain", "think", "prose"]
JsonForm: TypeAlias = Literal["plain", "think"]
Normaliser: TypeAlias = Literal["case", "space", "date", "number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HierarchicalScoring:
    """What `hierarchical` pays at each level; the five add up to 1.

    A level is paid only above the whole of those below it. Half of all is content. The rest is for form, the
    least of it for an attempt: a tenth is enough to tell completions apart of which none parses.
    """

    begun: float = 0.1
    """Weight of an attempt: the share of the answer that is sound JSON, or of the tags of the form think."""
    parses: float = 0.1
    """Weight of an answer that is JSON."""
    keys: float = 0.15
    """Weight of the right container and of the share of the target's keys that the answer has."""
    obeys: float = 0.15
    """Weight of the share of the schema that it obeys."""
    matches: float = 0.5
    """Weight of its content, which earns nothing unless the schema is obeyed."""

    def __post_init__(self) -> None:
        add_up_to_1(
            "scoring.hierarchical begun, parses, keys, obeys and matches",
            (self.begun, self.parses, self.keys, self.obeys, self.matches),
            "Give five such as 0.1, 0.1, 0.15, 0.15 and 0.5",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricScoring:
    """What `rubric` pays for; the weights of aspects without checks are shared out among the others."""

    file: Path | None = None
    """TOML or JSON file with checks for every row, beside those of the row's own column `rubric`."""
    accuracy: float = 0.4
    """Weight of what must be right; the most, for well-written falsehoods are worth nothing."""
    relevance: float = 0.15
    """Weight of keeping to what was asked."""
    completeness: float = 0.2
    """Weight of leaving nothing out."""
    reasoning: float = 0.15
    """Weight of the reasons given; the only aspect that is also checked on what stands before the answer."""
    format: float = 0.1
    """Weight of headings and length."""
    power: float = 4.0
    """Power that accuracy is raised to: under 4, half right earns a sixteenth."""

    def __post_init__(self) -> None:
        weights = (self.accuracy, self.relevance, self.completeness, self.reasoning, self.format)
        add_up_to_1(
            "scoring.rubric accuracy, relevance, completeness, reasoning and format",
            weights,
            "Give five such as 0.4, 0.15, 0.2, 0.15 and 0.1",
        )
        above("scoring.rubric.power", self.power, 0, "accuracy would count for nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """What a reward pays for; parses, obeys and matches add up to 1."""

    parses: float = 0.1
    """Weight, in `fields` and `grounded`, of an answer that is JSON."""
    obeys: float = 0.2
    """Weight of the share of the schema that it obeys."""
    matches: float = 0.7
    """Weight of its content, which earns nothing unless the schema is obeyed."""
    longest: int = 60
    """Characters beyond which `grounded` takes a string for echoed text."""
    wrapped: float = 0.0
    """Share of its reward that an answer keeps whose JSON stands in a fence, among prose, in tags or behind a
    thought that nobody asked for."""
    normalise: tuple[str, ...] = ()
    """What makes strings equal in `fields`, as path=names: '*=space' /vendor=case,space /due=date. Names are
    case, space, date and number."""
    prefix: float = 0.3
    """Most that an answer earns under `prefix` without obeying, in [0, 1]."""
    thinkjson_length: Length = "characters"
    """What `thinkjson` compares the lengths of: characters of the compact spelling, keys at the top, or
    leaves."""
    hierarchical: HierarchicalScoring = field(default_factory=HierarchicalScoring)
    """Weights of `hierarchical`."""
    rubric: RubricScoring = field(default_factory=RubricScoring)
    """Checks and weights of `rubric`."""

    def __post_init__(self) -> None:
        add_up_to_1(
            "scoring parses, obeys and matches",
            (self.parses, self.obeys, self.matches),
            "Give three such as 0.1, 0.2 and 0.7",
        )
        at_least("scoring.longest", self.longest, 1, "no string would be found")
        within("scoring.wrapped", self.wrapped, 0, 1, "it is a share of the reward")
        normalisers(self.normalise)
        within("scoring.prefix", self.prefix, 0, 1, "it is a share of the reward for obeying")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCalls:
    """How a reward of the user's own is called."""

    seconds: float | None = None
    """Longest call; one that takes longer is ended and stops the run. None for no limit."""
    processes: int = 0
    """Worker processes that call it; 0 calls it in the run's own process, unless there is a limit."""

    def __post_init__(self) -> None:
        if self.seconds is not None:
            above("own.seconds", self.seconds, 0, "no call could end in time")
        at_least("own.processes", self.processes, 0, "a count cannot be negative")


def is_preset(reward: str) -> TypeGuard[Preset]:
    """Say whether a reward is one of ours, by its name."""
    return reward in get_args(Preset)


def own_reward(where: str, given: str) -> tuple[Path, str] | None:
    """Read the name of a reward: nothing for a preset, else the file and the function of the user's own.

    Raises:
        ConfigError: As `own_function`.
    """
    return own_function(where, given, get_args(Preset))


def own_function(where: str, given: str, presets: Sequence[str]) -> tuple[Path, str] | None:
    """Read what is a preset's name or a function of the user's: nothing for a preset, else file and function.

    Args:
        where: The setting that names it.
        given: A preset, or `path/to/file.py:function`.
        presets: Their names.

    Raises:
        ConfigError: It is neither. Whether the file is there is not asked.
    """
    if given in presets:
        return None
    file, _, function = given.rpartition(":")
    if file.endswith(".py") and function.isidentifier():
        return Path(file), function
    if given.endswith((".py", ".py:")):
        why, fix = "it names a file and no function", f"Write {given.rstrip(':')}:function"
    else:
        why = f"there is no such preset{perhaps(given, presets)}"
        fix = f"Use one of {', '.join(presets)}, or path/to/file.py:function"
    raise ConfigError.at(where, given, why, fix=fix)


def refuse_unread_form(where: str, reward: str, form: Form) -> None:
    """Refuse a preset that reads JSON where the answer is a text.

    Args:
        where: The setting that names it.
        reward: A preset, or a function of the user's own.
        form: Shape of the answer.

    Raises:
        ConfigError: It is such a preset.
    """
    if form == "prose" and is_preset(reward) and reward != "rubric":
        raise ConfigError.at(
            where,
            reward,
            "it judges JSON, and the form prose asks for a text",
            fix="Use rubric, a function of your own as path/to/file.py:function, or another form",
        )


def normalisers(normalise: Iterable[str]) -> Mapping[str, tuple[Normaliser, ...]]:
    """Read `path=names` settings as what is done to the strings at each path, in order.

    A path is a JSON pointer in which `*` stands for any index and any key, or `*` alone for every string.
    Where one path has several settings, all of them count.

    Raises:
        ConfigError: One is not of that form, or names no normaliser.
    """
    names_of: dict[str, tuple[Normaliser, ...]] = {}
    for setting in normalise:
        path, _, names = setting.rpartition("=")
        if path != "*" and not re.fullmatch(r"/(?:[^~]|~[01])*", path):
            meant = f"; perhaps you meant /{path}" if path[:1].isalnum() else ""
            raise ConfigError.at(
                "scoring.normalise",
                setting,
                f"{path!r} is no path{meant}",
                fix="Write a JSON pointer or *, =, and names: /vendor=case",
            )
        for name in names.split(","):
            if not _is_normaliser(name):
                known = get_args(Normaliser)
                why = f"{name!r} is no normaliser{perhaps(name, known)}"
                raise ConfigError.at("scoring.normalise", setting, why, fix=f"Use {', '.join(known)}")
            names_of[path] = (*names_of.get(path, ()), name)
    return names_of


def _is_normaliser(name: str) -> TypeGuard[Normaliser]:
    return name in get_args(Normaliser)
