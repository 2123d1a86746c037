"""Held-out examples, of which a run must have seen none, and what it achieves on them."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Self, cast

from adhere import prompt
from adhere.config import Form, GrpoConfig, SftConfig
from adhere.data import store
from adhere.data.inspection.overlap import leaking
from adhere.data.store import Dataset
from adhere.decode.grammars import grammars
from adhere.decode.sample import Sampling
from adhere.errors import DataError
from adhere.measure import calibration, metrics
from adhere.measure.calibration import Calibration, Claim
from adhere.measure.row import Row
from adhere.measure.statistics import Mean
from adhere.model import Model
from adhere.predict import predict
from adhere.records import JSON, Example
from adhere.reward.loading import Attempt, Reward, load
from adhere.reward.score import needs_target
from adhere.train.sft import mean_loss, rendered

HELD_OUT = "held_out.jsonl"
"""File of a run, a line for every look."""
ROOM = 4
"""Answers may be longer than the longest right one by one part in so many before they are cut off."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered to the held-out examples, one answer each."""

    rows: tuple[Row, ...]
    rewards: tuple[float, ...] = ()
    """Of the run; none where it has no reward."""
    claims: tuple[Sequence[Claim], ...] = ()
    """Of each answer its leaves, with how sure the model was of them."""

    @property
    def f1(self) -> list[float]:
        """Of each row that has a target, over its leaves."""
        return [row.f1 for row in self.rows if row.f1 is not None]

    def rates(self) -> dict[str, float]:
        """Return what a run is watched by, without intervals; what needs a target is absent without one."""
        made = {
            "valid_json": fmean(row.parses for row in self.rows),
            "schema_valid": fmean(row.obeys for row in self.rows),
            "tokens": fmean(row.tokens for row in self.rows),
        }
        if self.f1:
            made["f1"] = fmean(self.f1)
            made["exact"] = fmean(row.exact for row in self.rows if row.exact is not None)
        if self.rewards:
            made["reward"] = fmean(self.rewards)
        return made

    def as_json(self, *, seed: int) -> dict[str, JSON]:
        """Return the metrics of an evaluation, and `reward` likewise, with n and interval."""
        made = metrics.summary(self.rows, seed=seed).as_json()
        if self.rewards:
            made["reward"] = Mean.of(self.rewards, seed=seed).as_json()
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the weights of one moment achieve on the held-out examples."""

    free: Answers
    """Without a grammar."""
    constrained: Answers | None = None
    """Under each schema's grammar, where the run samples so."""
    loss: tuple[float, int] | None = None
    """Mean over the tokens of the right answers, in nats, and how many they are."""

    def rates(self) -> dict[str, float]:
        """Return its numbers by their names in the log."""
        made = self.free.rates()
        if self.constrained is not None:
            made |= {f"constrained_{name}": rate for name, rate in self.constrained.rates().items()}
        return made if self.loss is None else {"loss": self.loss[0], **made}

    def as_json(self, *, seed: int) -> dict[str, JSON]:
        """Return its numbers with their n and interval; the loss has no interval."""
        made = self.free.as_json(seed=seed)
        if self.constrained is not None:
            made["constrained"] = self.constrained.as_json(seed=seed)
        if self.loss is not None:
            made["loss"] = {"mean": self.loss[0], "n": self.loss[1]}
        return made


class Looks:
    """Looks at the held-out examples while a run goes on; made before it, by `of_sft` or `of_grpo`.

        held_out = looks.after(step.step)       # after every step; `None` when it is not its turn
        if looks.is_best: ...                   # the weights of this moment are worth keeping
        looks.write(directory)
        checkpoint(..., looks.as_json())        # of the same step: it holds all looks so far
        if looks.should_stop: break
        ...
        looks.summary(step)                     # at the end, of the weights as they are

    What was seen is all that it remembers: the best look and the end of a run follow from it. Answers are the
    likeliest ones, so that a look draws nothing, and equal weights look equal.
    """

    def __init__(
        self, look: Callable[[], Look], *, every: int, total: int, patience: int = 0, seed: int = 0
    ) -> None:
        """Prepare to look.

        Args:
            look: Measures the weights as they are.
            every: Steps from one look to the next; 0 looks at the end only.
            total: The last step of the run, after which it looks in any case.
            patience: Looks in a row without a better loss after which the run should end; 0 never ends it.
            seed: Of the intervals.
        """
        self._look, self._every, self._total, self._patience = look, every, total, patience
        self._seed = seed
        self._last: Look | None = None
        self.rows: list[dict[str, float]] = []
        """The `step` and the numbers of each look."""

    @classmethod
    def of_sft(cls, model: Model, dataset: Dataset, config: SftConfig, *, total: int) -> Self:
        """Look at the loss and at what is answered.

        Raises:
            DataError: An example has no target, or not what its form needs.
            ConfigError: An example is longer than `max_tokens` or the model's context.
        """
        right = list(
            rendered(
                model, dataset.examples, dataset.schemas,
                form=config.form, max_tokens=config.max_tokens, learn_reasoning=config.learn_reasoning,
            ).values()
        )  # fmt: skip
        asked = _prompt_lengths(model, dataset, config.form, None)
        longest = max(len(row.tokens) - length for row, length in zip(right, asked, strict=True))
        limit = min(longest + longest // ROOM, model.context - max(asked))
        sampling = Sampling(temperature=0.0, max_new_tokens=limit)
        tokens = sum(sum(row.is_answer) for row in right)

        def look() -> Look:
            loss = mean_loss(model, right), tokens
            return Look(free=_answers(model, dataset, sampling, form=config.form), loss=loss)

        return cls(look, every=config.evaluate_every, total=total, patience=config.patience, seed=config.seed)

    @classmethod
    def of_grpo(cls, model: Model, dataset: Dataset, config: GrpoConfig) -> Self:
        """Look at what is answered and what it earns: without a grammar, and under it where the run has one.

        Raises:
            ConfigError: The reward cannot be loaded, or no answer can begin with the prefill.
            DataError: The reward needs a target and an example has none, or an example is too long.
            SchemaError: The grammar cannot guarantee a schema.
        """
        reward = load(config.reward, form=config.form, scoring=config.scoring, own=config.own)
        _refuse_unmeasurable(model, dataset, config)
        if config.constrain:
            started = prompt.beginning(config.form, config.prefill)
            grammars(model, dataset.examples, dataset.schemas, form=config.form, started=started, verb="grpo")
        sampling = Sampling(temperature=0.0, max_new_tokens=config.max_new_tokens)

        def answers(*, constrain: bool) -> Answers:
            return _answers(
                model, dataset, sampling,
                form=config.form, prefill=config.prefill, constrain=constrain, reward=reward,
            )  # fmt: skip

        def look() -> Look:
            constrained = answers(constrain=True) if config.constrain else None
            return Look(free=answers(constrain=False), constrained=constrained)

        return cls(look, every=config.evaluate_every, total=config.steps, seed=config.seed)

    def after(self, step: int) -> Mapping[str, float] | None:
        """Look where it is time to, and return what was seen; `None` where it is not.

        Args:
            step: That was just made, from 1. It must not have been looked at before.
        """
        if step != self._total and not (self._every and step % self._every == 0):
            return None
        self._last = self._look()
        seen = self._last.rates()
        self.rows.append({"step": step, **seen})
        return seen

    @property
    def best(self) -> Mapping[str, float] | None:
        """The first of the looks that no other is better than; `None` before the first.

        One is better whose answers have the higher leaf F1 on average; of equal ones, the higher reward; of
        equal ones, the lower loss. Where the run samples under a grammar, so are these answers.
        """
        return max(self.rows, key=_merit, default=None)

    @property
    def is_best(self) -> bool:
        """Whether the last look is the best so far; never where the run looks at its end only."""
        return bool(self._every and self.rows) and self.best is self.rows[-1]

    @property
    def should_stop(self) -> bool:
        """Whether as many looks in a row as `patience` says had no better loss than one before them."""
        losses = [_finite(row.get("loss", 0.0), math.inf) for row in self.rows]
        return (
            bool(self._patience and losses) and len(losses) - 1 - losses.index(min(losses)) >= self._patience
        )

    def calibration(self) -> Calibration | None:
        """Say what confidences mean by the last look: by the answers under the grammar where it has some.

        `None` where too few of them have leaves, or before the first look.
        """
        if self._last is None:
            return None
        answered = (self._last.constrained or self._last.free).claims
        enough = sum(map(bool, answered)) >= calibration.LEAST_ROWS
        return calibration.fitted(answered, seed=self._seed) if enough else None

    def summary(self, step: int) -> dict[str, JSON]:
        """Return what the weights as they are achieve, with n and interval, and the best look's numbers.

        It looks now, unless it just did.

        Args:
            step: The last that was made.
        """
        if self._last is None or self.rows[-1]["step"] != step:
            self._last = self._look()
            self.rows = [row for row in self.rows if row["step"] != step]
            self.rows.append({"step": step, **self._last.rates()})
        return {"step": step, **self._last.as_json(seed=self._seed), "best": _plain(self.best or {})}

    def write(self, directory: Path) -> None:
        """Write `held_out.jsonl` anew, a line for every look, whole or not at all."""
        aside = directory / f".{HELD_OUT}"
        aside.write_text("".join(f"{json.dumps(_plain(row))}\n" for row in self.rows), encoding="utf-8")
        aside.replace(directory / HELD_OUT)

    def as_json(self) -> dict[str, JSON]:
        """Return what a run that goes on must know, for `restore`."""
        return {"rows": [_plain(row) for row in self.rows]}

    def restore(self, kept: Mapping[str, JSON]) -> None:
        """Take over what `as_json` returned."""
        # A cast: what we wrote ourselves has the types that we wrote.
        rows = cast("Sequence[Mapping[str, float | None]]", kept["rows"])
        self.rows = [
            {name: math.nan if value is None else value for name, value in row.items()} for row in rows
        ]
        self._last = None


def _merit(row: Mapping[str, float]) -> tuple[float, float, float]:
    """Return numbers of which the first that differ decide which look is better."""
    sampled = "constrained_" if "constrained_schema_valid" in row else ""
    return (
        row.get(f"{sampled}f1", 0.0),
        row.get(f"{sampled}reward", 0.0),
        -_finite(row.get("loss", 0.0), math.inf),
    )


def _finite(number: float, otherwise: float) -> float:
    return number if math.isfinite(number) else otherwise


def _plain(row: Mapping[str, float]) -> dict[str, JSON]:
    """Spell what is not finite as null: JSON has no word for it."""
    return {name: number if math.isfinite(number) else None for name, number in row.items()}


def _answers(
    model: Model,
    dataset: Dataset,
    sampling: Sampling,
    *,
    form: Form,
    prefill: str | None = None,
    constrain: bool = False,
    reward: Reward | None = None,
) -> Answers:
    """Have every example answered once, and judge the answers."""
    made = list(predict(model, dataset, constrain=constrain, sampling=sampling, form=form, prefill=prefill))
    rewards: tuple[float, ...] = ()
    if reward is not None:
        scores = reward([Attempt(each.answer, each.example, each.schema) for each in made])
        rewards = tuple(score.total for score in scores)
    return Answers(tuple(each.row for each in made), rewards, tuple(each.claims() for each in made))


def _prompt_lengths(model: Model, dataset: Dataset, form: Form, prefill: str | None) -> list[int]:
    return [
        len(
            prompt.prompt(
                example, dataset.schemas[example.schema], model.tokenizer, form=form, prefill=prefill
            )
        )
        for example in dataset.examples
    ]


def _refuse_unmeasurable(model: Model, dataset: Dataset, config: GrpoConfig) -> None:
    """Refuse examples that would end the run at its first look."""
    lengths = _prompt_lengths(model, dataset, config.form, config.prefill)
    for example, length in zip(dataset.examples, lengths, strict=True):
        where = f"{config.held_out} row {example.id}"
        if needs_target(config.reward) and example.target is None:
            why = f"the reward {config.reward!r} compares with a target and this row has none"
            raise DataError.at(where, None, why, fix="Label the row, or take it out")
        if length + config.max_new_tokens > model.context:
            why = (
                f"its prompt's tokens and {config.max_new_tokens} new ones exceed the model's context of "
                f"{model.context}"
            )
            raise DataError.at(where, length, why, fix="Take it out, or lower max_new_tokens")


def read_apart(held_out: Path, examples: Sequence[Example], data: Path) -> Dataset:
    """Read held-out examples.

    Args:
        held_out: Where they lie.
        examples: Those that the run trains on.
        data: Where these lie.

    Raises:
        DataError: `store.read` refuses them, or one has the text or the target of one of `examples`.
    """
    if not held_out.exists():
        why = "there is no such directory or file, and it should hold examples"
        raise DataError.at(
            "held_out",
            str(held_out),
            why,
            fix="Name one, such as `held_out.jsonl` in what `adhere synth` wrote",
        )
    dataset = store.read(held_out)
    refuse_leaks(held_out, dataset.examples, examples, data)
    return dataset


def refuse_leaks(held_out: Path, apart: Sequence[Example], examples: Sequence[Example], data: Path) -> None:
    """Refuse held-out examples that a run trains on, as `read_apart` does."""
    leaks = leaking(examples, apart)
    if not leaks:
        return
    first = leaks[0]
    raise DataError.at(
        f"{held_out} row",
        first.held_out,
        f"row {first.train} of {data} has this {first.by} too, and so it is with {len(leaks)} of "
        f"{len(apart)} held-out rows: what a model was trained on measures nothing",
        fix=f"Take them out of one of the two; `adhere check {data} --against {held_out}` lists them",
    )
