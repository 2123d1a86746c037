"""Flags and TOML files as the settings of a verb, and what is wrong with them in one line.

A TOML file is spelled as flags and put before the user's own. So one parser gives both the same types, ranges
and "perhaps you meant", and the user's flags win.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TypeAlias

import tyro
from tyro import _errors as tyro_errors
from tyro._arguments import ArgumentDefinition

from adhere.config import VERBS, Config
from adhere.errors import ConfigError, perhaps

TOML: TypeAlias = object
"""A value as `tomllib` gives it."""

LEADING = {
    "schema": "--schema",
    "score": "--rows",
    "import": "--file",
    "check": "--data",
    "reason": "--data",
    "compare": "--directories",
    "bridge": "--data",
    "extract": "--text",
    "study": "--file",
    "key": "--do",
}
"""The flag that may be left out, of the verbs that are about one file, or about several alike."""

TABLES = {"doctor": ("grpo", "doctor")}
"""Tables of a recipe that a verb reads where these are not its own alone; the last one wins."""


def parse(verb: str, words: Sequence[str]) -> Config:
    """Read what follows `verb` as its settings: `[config.toml] [--flags]`.

    Raises:
        ConfigError: A setting does not exist or is missing, or a value is not of its kind or range.
        SystemExit: `--help` was asked for, and has been printed to stdout.
    """
    has_file = bool(words) and words[0].endswith(".toml") and not words[0].startswith("-")
    file = Path(words[0]) if has_file and verb != "study" else None  # a study's file is no table of flags
    filed = list(as_flags(_table(file, verb))) if file else []
    typed = list(_with_leading_flag(verb, words[1:] if file else words))

    def refuse(event: tyro_errors.ParseErrorEvent) -> None:
        flag, why = _fault(event, verb, [*filed, *typed])
        in_file = flag in map(_name, filed) and flag not in map(_name, typed)
        raise ConfigError(f"{file} {flag}: {why}." if in_file else f"{flag}: {why}.")

    # tyro does not promise to keep this hook, so pyproject.toml holds tyro to the minor version that has it.
    with tyro_errors.on_parse_error(refuse):
        return tyro.cli(VERBS[verb], prog=f"adhere {verb}", args=[*filed, *typed])


def as_flags(settings: Mapping[str, TOML], prefix: str = "") -> Iterator[str]:
    """Spell a TOML table as the flags that set the same values, so both obey the same rules."""
    for key, value in settings.items():
        name = f"{prefix}{key.replace('_', '-')}"
        match value:
            case dict():
                yield from as_flags(value, f"{name}.")
            case bool():
                yield f"--{name}" if value else f"--no-{name}"
            case list():
                yield from (f"--{name}", *map(str, value))
            case _:
                yield f"--{name}={value}"


def _table(file: Path, verb: str) -> Mapping[str, TOML]:
    """Return the settings of `verb`: the whole file, or its own table of a recipe."""
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise ConfigError.at("config", str(file), str(fault), fix="Name a TOML file") from fault
    own = {field.name for field in fields(VERBS[verb])}
    tables = [key for key, value in settings.items() if isinstance(value, dict) and key not in own]
    if not tables:
        return settings
    for key in settings:
        if key not in tables or key not in VERBS:
            why = "a recipe has one table for each verb, and nothing else"
            raise ConfigError.at(
                str(file), key, f"{why}{perhaps(key, VERBS)}", fix="Move it into a verb's table"
            )
    named = [name for name in TABLES.get(verb, (verb,)) if name in settings]
    if not named:
        why = f"this recipe has no table for {verb}"
        raise ConfigError.at(str(file), ", ".join(tables), why, fix=f"Add [{verb}], or run one that is there")
    return {key: value for name in named for key, value in settings[name].items()}


def _with_leading_flag(verb: str, words: Sequence[str]) -> Iterator[str]:
    """Put the flag that was left out before the first word that is neither a flag nor the value of one."""
    leading = LEADING.get(verb)
    if leading is None or leading in map(_name, words):
        yield from words
        return
    switches = {_name(f"--{field.name}") for field in fields(VERBS[verb]) if field.type is bool}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            yield leading
            yield word
            break
        yield word
        if word.startswith("--") and "=" not in word and _name(word) not in switches:
            yield from islice(rest, 1)
    yield from rest


def _fault(event: tyro_errors.ParseErrorEvent, verb: str, words: Sequence[str]) -> tuple[str, str]:
    """Return the flag at fault, and why."""
    match event:
        case (
            tyro_errors.UnrecognizedArgs(tokens=[token, *_])
            | tyro_errors.MissingArgs(unrecognized_tokens=[token, *_])
        ):
            return _unknown(token, verb, words)
        case tyro_errors.MissingArgs(missing_arguments=[missing, *_]):
            return _flag(missing.arg), "it must be given"
        case tyro_errors.InvalidChoice(argument=argument, value=value, choices=choices):
            return _flag(argument), f"{value!r} is not one of {', '.join(choices)}{perhaps(value, choices)}"
        case tyro_errors.BadValue(argument=argument):
            return _flag(argument), "it needs a value"
        case tyro_errors.InstantiationFailure(argument=argument) if argument:
            given = _given(_flag(argument), words)
            return _flag(argument), f"{given!r} cannot be read as {argument.lowered.metavar}"
        case _:
            return "settings", f"{event} in {' '.join(words)}"


def _unknown(token: str, verb: str, words: Sequence[str]) -> tuple[str, str]:
    for word in words:
        if word.startswith("--") and word.endswith(f"={token}"):
            return _name(word), "it is a switch, and takes no value"
    known = [f"--{name.replace('_', '-')}" for name in _settings(VERBS[verb])]
    return _name(token), f"adhere {verb} has no such setting{perhaps(_name(token), known)}"


def _settings(config: type) -> Iterator[str]:
    """List settings by name; those of a group behind its name and a point."""
    for field in fields(config):
        group = field.default_factory
        if isinstance(group, type) and is_dataclass(group):
            yield from (f"{field.name}.{name}" for name in _settings(group))
        else:
            yield field.name


def _name(word: str) -> str:
    """Return the flag of `--flag=value`; tyro takes either spelling of a hyphen."""
    return word.partition("=")[0].replace("_", "-")


def _flag(argument: ArgumentDefinition) -> str:
    return str(argument.lowered.name_or_flags[0])


def _given(flag: str, words: Sequence[str]) -> str:
    """Return the value that a flag was given last, which is the one that counts."""
    values = [
        word.partition("=")[2] if "=" in word else following
        for word, following in pairwise([*words, ""])
        if _name(word) == flag
    ]
    return values[-1]
