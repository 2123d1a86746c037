"""The command line: `adhere VERB [config.toml] [--flags]`.

Only the verb that runs imports what it needs, so `adhere --help` loads neither torch nor a parser of flags.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import TextIO, TypeAlias, cast

from adhere import __version__
from adhere.config import (
    STANDARD_STREAM,
    VERBS,
    BridgeConfig,
    CheckConfig,
    CompareConfig,
    Config,
    DoctorConfig,
    EvalConfig,
    ExtractConfig,
    GrpoConfig,
    ImportConfig,
    KeyConfig,
    QuickstartConfig,
    ReasonConfig,
    SchemaConfig,
    ScoreConfig,
    ServeConfig,
    SftConfig,
    StudyConfig,
    SynthConfig,
    floors,
)
from adhere.errors import AdhereError, ConfigError, TrainingStopped, perhaps
from adhere.records import JSON

Summary: TypeAlias = Mapping[str, JSON]

DONE, FELL_SHORT, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb, and return the exit status.

    Args:
        words: The command line after `adhere`; by default the process's own.

    Returns:
        0 done, 1 the thing measured fell short, 2 the user can fix it, 130 interrupted.
    """
    verb, *rest = (sys.argv[1:] if words is None else words) or ["--help"]
    if verb in ("--help", "-h"):
        sys.stdout.write(_help())
        return DONE
    if verb == "--version":
        sys.stdout.write(f"adhere {__version__}\n")
        return DONE
    try:
        return _obey(verb, rest)
    except AdhereError as error:
        # The traceback of the user's own code, where it was that which failed.
        sys.stderr.writelines(getattr(error, "__notes__", ()))
        _say(f"adhere {verb}: {error}")
        return MISUSED
    except BrokenPipeError:
        # Whoever read has had enough, as `head` has. Nothing is left to be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt as stop:
        _say(" ".join([f"adhere {verb}: interrupted.", *getattr(stop, "__notes__", ())]))
        return INTERRUPTED


def _obey(verb: str, words: Sequence[str]) -> int:
    from adhere.flags import parse

    if verb not in VERBS:
        raise ConfigError(f"there is no such verb{perhaps(verb, VERBS)}. See adhere --help.")
    config = parse(verb, words)
    # Stdout is the summary's alone, whatever a library prints on its way; or it belongs to what is scored.
    stdout = sys.stdout
    stopped = None
    with redirect_stdout(sys.stderr):
        try:
            summary = _run(config, stdout)
        except TrainingStopped as fault:
            summary, stopped = cast("Summary", fault.summary), str(fault)
    streams = isinstance(config, ScoreConfig) and config.out == STANDARD_STREAM
    with redirect_stdout(sys.stderr if streams else stdout):
        _show(summary, config)
    shortfalls = [stopped] if stopped else list(_shortfalls(summary, config))
    for shortfall in shortfalls:
        _say(f"adhere {verb}: {shortfall}")
    return FELL_SHORT if shortfalls else DONE


def _run(config: Config, stdout: TextIO) -> Summary:
    match config:
        case QuickstartConfig() | StudyConfig():
            summary = _several(config, stdout)
        case SchemaConfig():
            summary = _described(config)
        case ScoreConfig():
            from adhere.scores import score

            summary = score(config, stdout)
        case SynthConfig() | ImportConfig() | CheckConfig() | ReasonConfig():
            summary = _gathered(config)
        case SftConfig() | DoctorConfig() | GrpoConfig():
            summary = _trained(config)
        case EvalConfig() | CompareConfig() | BridgeConfig():
            summary = _measured(config)
        case ExtractConfig():
            from adhere.extract import extract

            summary = extract(config)
        case ServeConfig() | KeyConfig():
            summary = _served(config)
    return summary


def _served(config: ServeConfig | KeyConfig) -> Summary:
    match config:
        case ServeConfig():
            from adhere.serve.run import serve

            return serve(config)
        case KeyConfig():
            from adhere.serve.managing import manage

            return manage(config)


def _several(config: QuickstartConfig | StudyConfig, stdout: TextIO) -> Summary:
    """Run what is made of several verbs."""
    match config:
        case QuickstartConfig():
            from adhere.quickstart import quickstart

            return quickstart(config)
        case StudyConfig():
            from adhere.study.run import study

            return study(config, lambda step: _run(step, stdout))


def _measured(config: EvalConfig | CompareConfig | BridgeConfig) -> Summary:
    match config:
        case EvalConfig(is_served=True):
            from adhere.evaluate.served import evaluate as evaluate_served

            return evaluate_served(config)
        case EvalConfig():
            from adhere.evaluate.run import evaluate

            return evaluate(config)
        case CompareConfig():
            from adhere.evaluate.comparing import compare

            return compare(config)
        case BridgeConfig():
            from adhere.evaluate.bridge import bridge

            return bridge(config)


def _gathered(config: SynthConfig | ImportConfig | CheckConfig | ReasonConfig) -> Summary:
    match config:
        case SynthConfig(teacher=None):
            from adhere.data.build import synth

            return synth(config)
        case SynthConfig():
            from adhere.data.teaching.teacher import taught

            return taught(config)
        case ImportConfig():
            from adhere.data.importing.importing import import_rows

            return import_rows(config)
        case CheckConfig():
            from adhere.checks import check

            return check(config)
        case ReasonConfig():
            from adhere.data.reasoning.reason import reason

            return reason(config)


def _trained(config: SftConfig | DoctorConfig | GrpoConfig) -> Summary:
    match config:
        case SftConfig():
            from adhere.train.run import sft

            return sft(config)
        case DoctorConfig(attack=True):
            from adhere.redteam import attacked

            return attacked(config)
        case DoctorConfig():
            from adhere.train.examine import doctor

            return doctor(config)
        case GrpoConfig():
            from adhere.train.run import grpo

            return grpo(config)


def _described(config: SchemaConfig) -> Summary:
    from adhere.data.store import read_object
    from adhere.schema import Schema, refusals, unconstrainable
    from adhere.schema.canonical import content_hash

    # A Pydantic model is no file; what its schema has that adhere refuses is an error there.
    file = config.schema
    source = Schema.load(str(file)).source if ".py:" in file.name else read_object(file)
    unsupported = refusals(source)
    schema = None if unsupported else Schema.of(source)
    refused = unsupported if schema is None else unconstrainable(schema)
    return {
        "validates": schema is not None,
        "constrains": not refused,
        "refused": [
            {"keyword": each.keyword, "pointer": each.pointer, "reason": each.reason} for each in refused
        ],
        "leaves": []
        if schema is None
        else [{"pointer": leaf.pointer, "type": leaf.type} for leaf in schema.leaves],
        "hash": content_hash(source),
    }


def _shortfalls(summary: Summary, config: Config) -> Iterator[str]:
    """Say what fell short of what was asked for."""
    match config:
        case EvalConfig():
            yield from _below_floor(summary, config)
        case CompareConfig():
            from adhere.evaluate import comparing

            yield from comparing.shortfalls(summary, config)
        case SynthConfig(teacher=str()):
            from adhere.data.teaching import teacher

            yield from teacher.shortfalls(summary, config)
        case ReasonConfig(teacher=str()):
            from adhere.data.reasoning import reason

            yield from reason.shortfalls(summary)
        case CheckConfig(strict=True):
            from adhere import checks

            yield from checks.shortfalls(summary)
        case DoctorConfig(attack=True):
            from adhere import redteam

            yield from redteam.shortfalls(summary)
        case DoctorConfig():
            from adhere.train.doctor import LEARNS

            if summary["verdict"] not in LEARNS:
                yield f"the run would not learn: {summary['verdict']}."
        case _:
            pass


def _below_floor(summary: Summary, config: EvalConfig) -> Iterator[str]:
    """Say which metrics lie below their floor, or were not measured at all."""
    for metric, floor in floors(config.fail_under).items():
        measured = summary.get(metric)
        share = measured.get("rate", measured.get("mean")) if isinstance(measured, dict) else None
        if not isinstance(share, int | float):
            yield f"{metric} was not measured, and its floor is {floor}."
        elif share < floor:
            yield f"{metric} = {share:.4f}, below its floor of {floor}."


def _help() -> str:
    width = max(map(len, VERBS))
    purposes = ((verb, str(config.__doc__).splitlines()[0]) for verb, config in VERBS.items())
    verbs = "\n".join(f"  {verb:{width}}  {purpose}" for verb, purpose in purposes)
    return (
        "usage: adhere VERB [config.toml] [--flags]\n\n"
        "Train a small language model you own to return JSON that obeys your schema, and prove it.\n\n"
        f"{verbs}\n\n"
        "adhere VERB --help explains its settings. A TOML file sets the same ones, and flags win over it.\n"
    )


def _say(line: str) -> None:
    text = line.replace("\n", " ")
    sys.stderr.write(f"{text}\n")


def _show(summary: Summary, config: Config) -> None:
    """Print a summary: as one JSON object where asked for, else as its verb shows it to people."""
    if config.json:
        sys.stdout.write(f"{json.dumps(summary, ensure_ascii=False, allow_nan=False)}\n")
        return
    match config:
        case ExtractConfig():
            _show_answer(summary, config)
        case QuickstartConfig():
            from adhere.quickstart import closing_words

            sys.stdout.write(closing_words(summary))
        case StudyConfig():
            from adhere.study.page import in_short

            sys.stdout.write(in_short(summary))
        case DoctorConfig(attack=True) | CheckConfig() | CompareConfig():
            _show_tables(summary, config)
        case DoctorConfig():
            _tell(summary)
        case SftConfig():
            _print(_in_short(summary))
        case GrpoConfig():
            _print(_in_short(summary))
            if "diagnosis" in summary:
                _tell(cast("Summary", summary["diagnosis"]))
        case _:
            _print(summary)


def _show_tables(summary: Summary, config: DoctorConfig | CheckConfig | CompareConfig) -> None:
    from rich.console import Console

    match config:
        case DoctorConfig():
            from adhere import redteam

            redteam.show(summary, Console())
        case CheckConfig():
            from adhere import checks

            checks.show(summary, Console())
        case CompareConfig():
            from adhere.evaluate import comparing

            comparing.show(summary, Console(width=100))


def _show_answer(answered: Summary, config: ExtractConfig) -> None:
    """Print an answer and, where asked for, a line for each field that says how sure the model is of it."""
    sys.stdout.write(f"{answered['completion']}\n")
    if not config.confidence:
        return
    given = cast("Mapping[str, Mapping[str, float]]", answered["confidence"])
    # A key may hold a line break.
    told = {json.dumps(pointer, ensure_ascii=False)[1:-1]: sure for pointer, sure in given.items()}
    width = max(map(len, told), default=0)
    for pointer, sure in told.items():
        known = f"{sure['calibrated']:.3f}" if "calibrated" in sure else f"{sure['raw']:.3f}, not calibrated"
        sys.stdout.write(f"{pointer:{width}}  {known}\n")


def _tell(diagnosis: Summary) -> None:
    from rich.console import Console

    from adhere.train.bulletin import show

    show(diagnosis, Console())


def _print(summary: Summary) -> None:
    from rich.console import Console
    from rich.text import Text

    rows = list(_rows(summary))
    width = max((len(name) for name, _ in rows), default=0)
    console = Console(soft_wrap=True)
    for name, value in rows:
        console.print(Text.assemble((f"{name:{width}}", "bold"), "  ", value))


_LAST = frozenset({"reward", "parts", "outcomes", "zero_variance", "valid_free", "loss", "held_out_loss"})
"""What people are told of a run's last step; its files have the rest."""


def _in_short(summary: Summary) -> Summary:
    """Return what people are told of a run that trained."""
    final = cast("Summary", summary["final"])
    last: JSON = {name: value for name, value in final.items() if name in _LAST and value is not None}
    told = {name: value for name, value in summary.items() if name != "diagnosis"}
    return {**told, "final": last}


def _rows(summary: Summary, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Flatten a summary to lines of a table; a number stays on one line with its evidence."""
    for key, value in summary.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and not {"rate", "mean"} & value.keys():
            yield from _rows(value, f"{name}.")
        elif isinstance(value, list) and value:
            yield from zip([name, *[""] * (len(value) - 1)], map(_cell, value), strict=True)
        else:
            yield name, _cell(value)


def _cell(value: JSON) -> str:
    match value:
        case {"rate": float(rate), "hits": hits, "tries": tries, "low": float(low), "high": float(high)}:
            return f"{rate:.3f}  [{low:.3f}, {high:.3f}]  {hits} of {tries}"
        case {"mean": float(mean), "low": float(low), "high": float(high), "n": n}:
            return f"{mean:.3f}  [{low:.3f}, {high:.3f}]  n = {n}"
        case {"mean": None}:
            return "no rows"
        case dict():
            return "  ".join(f"{key} {_cell(item)}" for key, item in value.items())
        case list():
            return ", ".join(map(_cell, value)) or "none"
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)
