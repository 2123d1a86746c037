"""Groups of completions from the log of a run: adhere's own, or another trainer's."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import cast

from adhere import artifact, prompt
from adhere.config import DoctorConfig, Form
from adhere.data.store import Row, read_object, rows
from adhere.errors import DataError
from adhere.records import JSON
from adhere.reward.verdict import Malformed, NoOutput, Obeys, Verdict, Violates, judge
from adhere.schema import Schema
from adhere.train.trial import Group, Trial, is_thinking

ANY = Schema.of({})
"""What every JSON obeys: for completions whose schema nobody knows."""
_TAKEN_OVER = ("model", "reward", "temperature", "max_new_tokens", "form", "prefill")
"""Settings that the manifest beside a log knows better than the command line."""


def settings(config: DoctorConfig, log: Path) -> DoctorConfig:
    """Return the settings of the run that wrote a log, where its manifest lies beside it.

    Raises:
        DataError: The manifest is not JSON.
    """
    manifest = log.with_name(artifact.MANIFEST)
    if not manifest.exists():
        return config
    sealed = cast("Mapping[str, JSON]", read_object(manifest).get("config", {}))
    known = {field.name for field in fields(config)} & set(_TAKEN_OVER) & sealed.keys()
    taken = cast("dict[str, object]", {name: sealed[name] for name in known})
    data = Path(str(sealed.get("data", "")))
    return replace(config, **taken, data=config.data or (data if data.exists() else None))  # type: ignore[arg-type]


def recorded(log: Path, schemas: Mapping[str, Schema], *, form: Form, prefill: str | None) -> list[Group]:
    """Read the groups of a log: rows with `completion` and `reward`, of one `step` and one `id` or `prompt`.

    `finished`, `tokens` and `outcome` are read where they are there. Where nobody wrote down whether a
    completion was cut off, one that ends within its thinking or within its JSON was.

    Args:
        log: JSONL.
        schemas: Of examples, by id; an example without one takes any JSON.
        form: Shape of the answers.
        prefill: What the prompt had already written of them; `None` for the form's own.

    Raises:
        DataError: A row lacks a column, or no prompt has two completions.
    """
    started = prompt.beginning(form, prefill)
    groups: dict[str, list[Trial]] = {}
    for row in rows(log):
        text = _completion(row)
        text = text if text.lstrip().startswith(started) else started + text
        schema = schemas.get(str(row.columns.get("id")), ANY)
        groups.setdefault(_group(row), []).append(_trial(row, text, schema, form))
    if max(map(len, groups.values())) < 2:
        raise DataError.at(
            str(log),
            f"{len(groups)} prompts",
            "each has one completion, and signal is what completions of one prompt differ by",
            fix="Give the rows of a group the same id or prompt, and the same step",
        )
    return [tuple(group) for group in groups.values()]


def _trial(row: Row, text: str, schema: Schema, form: Form) -> Trial:
    verdict = judge(text, schema, form=form)
    if isinstance(verdict, Obeys) and row.columns.get("outcome") == "violates":
        verdict = Violates(verdict.value, (), verdict.answer)
    reward, finished, tokens = (row.columns.get(name) for name in ("reward", "finished", "tokens"))
    if isinstance(reward, bool) or not isinstance(reward, int | float):
        raise row.fault("reward", "it is not a number", fix="Write the total reward of the completion there")
    return Trial(
        text=text,
        verdict=verdict,
        reward=reward,
        finished=finished if isinstance(finished, bool) else not _breaks_off(text, verdict),
        tokens=tokens if isinstance(tokens, int) else None,
    )


def _breaks_off(text: str, verdict: Verdict) -> bool:
    match verdict:
        case NoOutput():
            return is_thinking(text)
        case Malformed(embedded=embedded, answer=answer):
            return is_thinking(text) or (embedded.parsed is None and embedded.end >= len(answer))
        case _:
            return False


def _completion(row: Row) -> str:
    """Return what was written; of a list of messages, as TRL logs them, what the last one says."""
    given = row.columns.get("completion")
    last = given[-1] if isinstance(given, list) and given else None
    content = last.get("content") if isinstance(last, dict) else None
    return content if isinstance(content, str) else row.text("completion")


def _group(row: Row) -> str:
    """Tell groups apart: by step, and by example or prompt."""
    asked = row.columns.get("id", row.columns.get("prompt"))
    if asked is None:
        why = "the row has neither this nor `prompt`, so nobody knows which completions to compare"
        raise row.fault("id", why, fix="Add one of them")
    return json.dumps([row.columns.get("step"), asked])
