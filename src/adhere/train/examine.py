"""`adhere doctor`: samples groups as a run would, or reads its log, and says whether it would learn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from adhere import artifact, prompt
from adhere.config import DoctorConfig, GrpoSettings
from adhere.data import store
from adhere.data.store import Dataset
from adhere.errors import DataError, RewardError
from adhere.measure.statistics import Rate
from adhere.model import Model, load
from adhere.progress import progress
from adhere.records import JSON, Completion
from adhere.reward import loading
from adhere.reward.loading import Reward
from adhere.reward.score import needs_target
from adhere.reward.verdict import judge
from adhere.schema import Schema
from adhere.train import facts
from adhere.train.causes import OFTEN, Cause
from adhere.train.curriculum import load as load_stages
from adhere.train.doctor import Report, diagnose
from adhere.train.facts import Facts
from adhere.train.held_out import refuse_leaks
from adhere.train.order import forever
from adhere.train.recorded import recorded, settings
from adhere.train.rollouts import Rollout, Writer
from adhere.train.trial import OPENED, Group, Trial

TIMES = (2, 4)
"""Multiples of the token limit under which completions that were cut off are tried again."""
TRIED = 4
"""Groups of which they are: the cost of as many groups with four times as many tokens."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The groups of a step."""

    step: int
    """Counted from 0, as the sampler counts."""
    groups: Sequence[tuple[Rollout, ...]]


def doctor(config: DoctorConfig) -> dict[str, JSON]:
    """Diagnose the run that `adhere grpo` would be, or the log of one that was; return the summary.

    Raises:
        ConfigError: The curriculum is none, or no example fits a stage of it.
        DataError: A file is not what it should be. Bad and missing targets are a cause instead.
        ModelError: The model does not load, or a prompt leaves no room.
    """
    if config.rollouts is not None:
        report = _of_log(settings(config, config.rollouts), config.rollouts)
    else:
        # One of the two is given.
        report = _of_run(config, config.data or Path())
    return report.as_json()


def _of_run(config: DoctorConfig, rows: Path) -> Report:
    dataset = _rows(rows, config)
    if isinstance(dataset, Cause):
        return _refused(dataset)
    first, *_ = load_stages(config.curriculum, dataset.examples, by="reward").pools(dataset.examples)
    reward = loading.load(config.reward, form=config.form, scoring=config.scoring, own=config.own)
    model = load(config.model)
    try:
        sampled = list(_sampled(model, Dataset(dataset.schemas, first), reward, config))
        return examine(model, dataset, sampled, reward, config, rows=rows)
    except RewardError as fault:
        return _refused(_of_reward(fault, dataset))


def examine(
    model: Model,
    dataset: Dataset,
    sampled: Sequence[Sampled],
    reward: Reward,
    config: GrpoSettings,
    *,
    rows: Path,
) -> Report:
    """Diagnose groups that were sampled from a model.

    Where many were cut off, a few are sampled again under a higher limit: they meet the same chance, so they
    are the same completions, continued.
    """
    groups = [group for step in sampled for group in step.groups]
    by_id = {example.id: example for example in dataset.examples}
    asked = [by_id[group[0].completion.example_id] for group in groups]
    started = prompt.beginning(config.form, config.prefill)
    read = [model.tokenizer.decode(group[0].prompt).removesuffix(started) for group in groups]
    prompts = facts.prompts(read, asked, dataset.schemas, model.tokenizer, form=config.form)
    opened = OPENED + started if prompts.opens_thinking else started
    trials = [
        _trials(group, opened, started, dataset.schemas[example.schema], config)
        for group, example in zip(groups, asked, strict=True)
    ]
    known = Facts(
        rows=str(rows),
        labelled=all(example.target is not None for example in dataset.examples),
        opening=facts.opening(dataset.schemas),
        answers=facts.answers(
            dataset.examples,
            dataset.schemas,
            reward,
            model.tokenizer,
            form=config.form,
            longest=config.scoring.longest,
        ),
        prompts=prompts,
        ended=_ended(model, dataset, sampled, reward, config),
        trl=artifact.installed("trl"),
    )
    return diagnose(trials, config, known)


def _sampled(model: Model, dataset: Dataset, reward: Reward, config: DoctorConfig) -> Iterator[Sampled]:
    """Sample what the run would in its first steps, of weights that nothing has changed yet."""
    stream = forever(dataset.examples, seed=config.seed)
    starts = range(0, config.groups, config.prompts_per_step)
    writer = Writer.of(model, dataset.examples, dataset.schemas, reward, config)
    with progress("doctor", len(starts)) as advance:
        for step, start in enumerate(starts):
            chosen = list(islice(stream, min(config.prompts_per_step, config.groups - start)))
            yield Sampled(step, [group.rollouts for group in writer.groups(model, chosen, step=step)])
            advance("")


def _trials(
    group: Sequence[Rollout], opened: str, started: str, schema: Schema, config: GrpoSettings
) -> Group:
    return tuple(
        Trial(
            text=opened + rollout.completion.text,
            verdict=judge(started + rollout.completion.text, schema, form=config.form),
            reward=rollout.score.total,
            finished=rollout.completion.finished,
            tokens=len(rollout.completion.tokens),
        )
        for rollout in group
    )


def _ended(
    model: Model, dataset: Dataset, sampled: Sequence[Sampled], reward: Reward, config: GrpoSettings
) -> Mapping[int, Rate]:
    """Continue some of the completions that were cut off; return how many ended, by higher limit."""
    everything = [rollout for step in sampled for group in step.groups for rollout in group]
    if sum(not rollout.completion.finished for rollout in everything) < OFTEN * len(everything):
        return {}
    cut = [(step.step, group) for step in sampled for group in step.groups if any(map(_is_cut, group))]
    cut = cut[:TRIED]
    room = model.context - max(len(group[0].prompt) for _, group in cut)
    limits = [times * config.max_new_tokens for times in TIMES if times * config.max_new_tokens <= room]
    if not limits:
        return {}
    by_id = {example.id: example for example in dataset.examples}
    asked = [by_id[group[0].completion.example_id] for _, group in cut]
    writer = Writer.of(model, asked, dataset.schemas, reward, replace(config, max_new_tokens=limits[-1]))
    again = [
        writer.completions(model, example, step=step) for example, (step, _) in zip(asked, cut, strict=True)
    ]
    lengths = [
        length for (_, group), longer in zip(cut, again, strict=True) for length in _lengths(group, longer)
    ]
    return {
        limit: Rate(sum(length is not None and length <= limit for length in lengths), len(lengths))
        for limit in limits
    }


def _lengths(group: Sequence[Rollout], longer: Sequence[Completion]) -> Iterator[int | None]:
    """Yield how long those of a group grew that had been cut off, if they ended."""
    for rollout, completion in zip(group, longer, strict=True):
        if _is_cut(rollout):
            yield len(completion.tokens) if completion.finished else None


def _is_cut(rollout: Rollout) -> bool:
    return not rollout.completion.finished


def _of_log(config: DoctorConfig, log: Path) -> Report:
    dataset = store.read(config.data) if config.data is not None else None
    examples = dataset.examples if dataset else ()
    schemas = {example.id: dataset.schemas[example.schema] for example in examples} if dataset else {}
    known = Facts(
        rows=str(config.data or "DATA"),
        labelled=all(example.target is not None for example in examples),
        opening=facts.opening(dataset.schemas) if dataset else "{",
    )
    return diagnose(recorded(log, schemas, form=config.form, prefill=config.prefill), config, known)


def _rows(path: Path, config: DoctorConfig) -> Dataset | Cause:
    """Read the rows of a run, or say why it would refuse them."""
    try:
        dataset = store.read(path)
    except DataError as fault:
        broken = _broken_targets(path)
        if not broken.hits:
            raise
        why = f"{broken.hits} of {broken.tries} targets break their schema; {fault}"
        evidence: dict[str, JSON] = {"targets": broken.as_json(), "first": str(fault)}
        return Cause("targets break the schema", why, evidence, "Mend these targets, or the schema")
    unlabelled = [example.id for example in dataset.examples if example.target is None]
    if not (needs_target(config.reward) and unlabelled):
        return _leaks(path, dataset, config.held_out) or dataset
    return Cause(
        "targets missing",
        f"the reward {config.reward} compares with a target, and {len(unlabelled)} of "
        f"{len(dataset.examples)} rows have none, row {unlabelled[0]} for one",
        {"unlabelled": len(unlabelled), "rows": len(dataset.examples)},
        'reward = "grounded"',
    )


def _leaks(path: Path, dataset: Dataset, held_out: Path | None) -> Cause | None:
    """Say why a run would refuse its held-out rows."""
    if held_out is None:
        return None
    apart = store.read(held_out).examples
    try:
        refuse_leaks(held_out, apart, dataset.examples, path)
    except DataError as fault:
        fix = f"Take them out: `adhere check {path} --against {held_out}` lists them"
        return Cause("held-out rows leak", str(fault), {"held_out": len(apart)}, fix)
    return None


def _broken_targets(path: Path) -> Rate:
    rows, schemas = store.parts(path)
    targets = [
        (schemas[store.schema_name(row, schemas)], row.columns["target"])
        for row in rows
        if row.columns.get("target") is not None
    ]
    return Rate(sum(not schema.obeys(target) for schema, target in targets), max(1, len(targets)))


def _of_reward(fault: RewardError, dataset: Dataset) -> Cause:
    """Say why a reward of the user's own could not be called: most often for a column that no row has."""
    raised = fault.__context__
    column = str(raised.args[0]) if isinstance(raised, KeyError) and raised.args else None
    columns = sorted({name for example in dataset.examples for name in example.meta})
    if column is None or any(f'"{column}"' in schema.blank for schema in dataset.schemas.values()):
        return Cause("reward fails", str(fault), {"error": str(fault)}, "Mend the function")
    given = ", ".join(columns) or "none beside id, text, schema, target and reasoning"
    return Cause(
        "column missing",
        f"the reward reads the column {column!r}, which no row has; the further columns are {given}",
        {"column": column, "columns": list(columns)},
        f"Import rows that have {column!r}, or read another column",
    )


def _refused(cause: Cause) -> Report:
    return Report(verdict="cannot start", causes=(cause,), numbers={})
