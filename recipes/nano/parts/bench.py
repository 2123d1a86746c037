"""Runs each of adhere's own commands once, in a directory that a later run goes on with; keeps figures."""

import io
import json
import platform
import shlex
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import cast

import torch

from adhere import artifact, cli
from adhere.errors import ConfigError
from adhere.model import NANO, Reader, load_reader
from adhere.records import JSON
from parts.answers import Answer, answers, exact, leaf_f1, valid
from parts.figure import Figure, Source
from parts.rows import Asked

CONFIGS = Path(__file__).parents[3] / "configs"
FIGURES = "figures.json"
_JOURNAL = "commands.json"
_SUBJECT = "subject.json"
_WEIGHTS = "*.safetensors"
_TRIMMED = ("steps", "epochs", "prompts_per_step", "max_new_tokens")
"""Settings of a recipe that a share below 1 makes smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has been run."""

    out: Path
    command: str
    seconds: float
    summary: Mapping[str, JSON]

    @property
    def checkpoint(self) -> str:
        """The trained model, as `--model` takes it."""
        return str(self.out / "checkpoint")


class Bench:
    """What all parts of the card measure with."""

    def __init__(
        self, out: Path, *, model: str, data: Path, base: str | None = None, share: float = 1.0
    ) -> None:
        """Go on with the directory `out`, or make it.

        Args:
            out: Where every command writes, and the figures go.
            model: What is measured, as `--model` takes it.
            data: Where the public data sets lie.
            base: The model before strict SFT, where there is one to measure beside it.
            share: Of all rows and steps, in (0, 1]; below 1 the figures only show that the commands run.

        Raises:
            ConfigError: `out` holds figures of another model or share, or `share` is no share.
            ModelError: There is no such model.
        """
        if not 0 < share <= 1:
            raise ConfigError.at("share", share, "it is a share of the rows and steps", fix="Use 0 to 1")
        self.out = out
        self.model = model
        self.base = base
        self.data = data
        self.share = share
        self.reader: Reader = load_reader(model)
        self.figures: list[Figure] = []
        self.curves: list[JSON] = []
        self.skipped: dict[str, str] = {}
        out.mkdir(parents=True, exist_ok=True)
        self._refuse_another_subject()
        self._journal: dict[str, JSON] = _read(out / _JOURNAL)

    @property
    def weights(self) -> Path:
        """Where the model's files lie."""
        return Path(str(files("adhere") / NANO)) if self.model == NANO else Path(self.model)

    def count(self, full: int, *, least: int = 4) -> int:
        """Return a number of rows or steps at this bench's share."""
        return max(min(least, full), round(full * self.share))

    def recipe(self, name: str, verb: str) -> list[str]:
        """Return a file of `configs/` as a command's first word, then what a share below 1 trims."""
        file = CONFIGS / name
        settings = tomllib.loads(file.read_text(encoding="utf-8"))[verb]
        here = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        words = [str(here)]
        for key in _TRIMMED if self.share < 1 else ():
            if key in settings:
                words += [f"--{key.replace('_', '-')}", str(self.count(settings[key], least=2))]
        return words

    def adhere(self, verb: str, *words: str, out: str) -> Done:
        """Run `adhere VERB … --out OUT` unless it has been, and say what came of it.

        Args:
            verb: One with an output directory.
            words: What follows it, all but `--out`.
            out: The directory, in the bench's own.

        Raises:
            ConfigError: The directory holds the result of another command.
            SystemExit: The command failed; it has said why.
        """
        place = self.out / out
        line = [verb, *words, "--out", str(place)]
        command = shlex.join(["adhere", *line])
        if not _is_finished(place):
            self._run(line, command, out)
        entry = cast("dict[str, JSON]", self._journal.get(out) or {})
        if entry and entry["command"] != command:
            raise ConfigError.at(
                str(place),
                entry["command"],
                f"now it is to be {command}",
                fix="Remove it, or name another --out",
            )
        return Done(
            out=place,
            command=command,
            seconds=float(cast("float", entry.get("seconds", 0.0))),
            summary=_read(place / "summary.json"),
        )

    def source(self, part: str, case: str, *done: Done) -> Source:
        """Say that figures come from these commands, one after the other.

        Without any, they are those of the figures that were last added of this case.
        """
        if not done:
            return next(
                Source(part, case, each.command, each.seconds)
                for each in reversed(self.figures)
                if (each.part, each.case) == (part, case)
            )
        commands = " && ".join(each.command for each in done)
        return Source(part, case, commands, sum(each.seconds for each in done))

    def measured(
        self,
        part: str,
        case: str,
        asked: Asked,
        *,
        model: str,
        constrain: bool = False,
        aims: Mapping[str, float] | None = None,
    ) -> tuple[Answer, ...]:
        """Run `adhere eval`, add its figures, and return every answer.

        Rows that cannot be asked, being too long or under a schema that no grammar guarantees, count as rows
        without an answer; where there are any, `taken` says how many were asked, and the other figures are
        given of those too.
        """
        words = ["--model", model, "--data", str(asked.file), "--max-new-tokens", str(asked.room)]
        name = f"{part}/eval/{_slug(case)}"
        done = self.adhere("eval", *words, *(["--constrain"] if constrain else []), out=name)
        source, wanted = self.source(part, case, done), aims or {}
        given = answers(done.out / "predictions.jsonl", asked.taken, asked=asked.all)
        self.add(
            source.share("valid", valid(given), aim=wanted.get("valid")),
            source.share("exact", exact(given), aim=wanted.get("exact")),
            source.share("f1", leaf_f1(given), aim=wanted.get("f1")),
        )
        if len(asked.taken.examples) < len(given):
            ids = {example.id for example in asked.taken.examples}
            taken = [answer for answer in given if answer.example.id in ids]
            self.add(
                source.share("taken", asked.share_taken),
                source.share("valid of taken", valid(taken)),
                source.share("exact of taken", exact(taken)),
                source.share("f1 of taken", leaf_f1(taken)),
            )
        return given

    def add(self, *figures: Figure) -> None:
        """Keep figures."""
        self.figures += figures

    def write(self, parts: Iterable[str]) -> None:
        """Write `figures.json`: the figures of these parts anew, and those of the others as they were."""
        anew = set(parts)
        before = _read(self.out / FIGURES)
        kept = [each for each in _list(before, "figures") if each["part"] not in anew]
        curves = [each for each in _list(before, "curves") if each["part"] not in anew]
        skipped = {
            name: why
            for name, why in cast("dict[str, JSON]", before.get("skipped", {})).items()
            if name.split(":")[0] not in anew
        }
        figures: list[JSON] = [*kept, *(figure.as_json() for figure in self.figures)]
        made: dict[str, JSON] = {
            "subject": self._subject(),
            "machine": _machine(),
            "commands": self._journal,
            "figures": figures,
            "curves": [*curves, *self.curves],
            "skipped": {**skipped, **self.skipped},
        }
        aside = self.out / f".{FIGURES}"
        artifact.write_json(aside, made)
        aside.replace(self.out / FIGURES)

    def _run(self, line: Sequence[str], command: str, out: str) -> None:
        sys.stderr.write(f"$ {command}\n")
        began = time.monotonic()
        with redirect_stdout(io.StringIO()):
            status = cli.main(line)
        if status == cli.INTERRUPTED:
            raise KeyboardInterrupt
        if status == cli.MISUSED:
            sys.exit(status)
        # A run that was gone on with took what the attempts before took too, which its summary knows.
        took = time.monotonic() - began
        told = _read(self.out / out / "summary.json").get("seconds", 0.0)
        seconds = max(took, float(told) if isinstance(told, int | float) else 0.0)
        self._journal[out] = {"command": command, "seconds": round(seconds, 1)}
        artifact.write_json(self.out / _JOURNAL, self._journal)

    def _refuse_another_subject(self) -> None:
        held, subject = _read(self.out / _SUBJECT), self._subject()
        if held and held != subject:
            raise ConfigError.at(
                "out",
                str(self.out),
                "it holds figures of other weights, or of another share",
                fix="Name another",
            )
        artifact.write_json(self.out / _SUBJECT, subject)

    def _subject(self) -> dict[str, JSON]:
        """Say which model is measured, by its weights, and on what share of the rows."""
        weights = {file.name: artifact.sha256(file) for file in sorted(self.weights.glob(_WEIGHTS))}
        return {"model": self.model, "weights": dict(weights), "share": self.share}


def setting(recipe: str, verb: str, name: str) -> int:
    """Return a whole number that a file of `configs/` sets for a verb."""
    return int(tomllib.loads((CONFIGS / recipe).read_text(encoding="utf-8"))[verb][name])


def _machine() -> dict[str, JSON]:
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": dict(artifact.versions()),
    }


def _is_finished(place: Path) -> bool:
    return _read(place / artifact.MANIFEST).get("finished") is True


def _read(file: Path) -> dict[str, JSON]:
    """Return a JSON object; an empty one where there is no such file."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _list(found: Mapping[str, JSON], name: str) -> list[dict[str, JSON]]:
    return cast("list[dict[str, JSON]]", found.get(name, []))


def _slug(case: str) -> str:
    """Spell the name of a case as one of a directory."""
    return "".join(mark if mark.isalnum() or mark in "-." else "_" for mark in case)
