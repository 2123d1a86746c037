"""The settings of every verb: one frozen dataclass each, whose field docstrings are its `--help`.

A setting outside its range raises `ConfigError` when the record is made, before any work.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from adhere.errors import ConfigError

Preset: TypeAlias = Literal["schema", "fields", "grounded"]
Form: TypeAlias = Literal["plain", "think"]

FLOORED = ("valid_json", "schema_valid", "exact", "match_all", "match_parsed")
"""Metrics of an evaluation that `fail_under` may name: those where more is better."""


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

    def __post_init__(self) -> None:
        given = (self.parses, self.obeys, self.matches)
        if min(given) < 0 or not math.isclose(math.fsum(given), 1.0, abs_tol=1e-9):
            raise ConfigError.at(
                "scoring parses, obeys and matches",
                given,
                "rewards lie in [0, 1], so weights are at least 0 and add up to 1",
                fix="Give three such as 0.1, 0.2 and 0.7",
            )
        _at_least("scoring.longest", self.longest, 1, "no string would be found")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaConfig:
    """Say what of a schema can be validated and guaranteed."""

    schema: Path
    """JSON Schema, or a Pydantic model as path/to/file.py:Model; its flag may be left out."""
    json: bool = False
    """Print one JSON object instead of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreConfig:
    """Reward completions that were written elsewhere."""

    rows: Path
    """JSONL with `completion` and, where the preset needs them, `target` and `text`; - is standard input. Its
    flag may be left out."""
    schema: Path
    """JSON Schema that every completion should obey, or an object of them by name for rows with `schema`."""
    preset: Preset = "fields"
    """schema: does it obey. fields: are the values right. grounded: do they stand in the text."""
    form: Form = "plain"
    """plain: the completion is the answer. think: reasoning first, then the answer."""
    scoring: Scoring = field(default_factory=Scoring)
    """What the reward pays for."""
    out: Path | None = None
    """JSONL to write, one line a row: `id`, `total`, `outcome`, `parts`; must not exist yet."""
    json: bool = False
    """Print one JSON object instead of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthConfig:
    """Make texts that state the values of a schema, with the right answers."""

    schema: Path
    """JSON Schema."""
    out: Path
    """Directory to make; must not exist yet."""
    rows: int = 1000
    """Examples to make."""
    held_out: int = 0
    """Further examples, none of them among the others, for evaluation."""
    seed: int = 0
    """The same seed and settings make the same examples."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _at_least("synth.rows", self.rows, 1, "no example would be made")
        _at_least("synth.held_out", self.held_out, 0, "a count cannot be negative")
        _seed("synth", self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportConfig:
    """Bring your own rows in: plain, chat messages, or prompt and completion."""

    file: Path
    """JSONL to read; its flag may be left out."""
    schema: Path
    """JSON Schema, or an object of them by name for rows with `schema`."""
    out: Path
    """Directory to make; must not exist yet."""
    target_column: str = "target"
    """Column with the right answer; where it is missing, the assistant's message or `completion` has it."""
    text_column: str = "text"
    """Column with the text; a row without it must have `messages` or `prompt`."""
    json: bool = False
    """Print one JSON object instead of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SftConfig:
    """Train a model on the right answers."""

    model: str = "nano"
    """nano, a directory, or a Hugging Face id."""
    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one."""
    out: Path
    """Directory to make, for the checkpoint; must not exist yet."""
    epochs: int = 1
    """Passes over the examples."""
    batch_size: int = 32
    """Examples per update."""
    lr: float = 1e-4
    """Learning rate at its highest."""
    warmup: float = 0.05
    """Share of the updates over which the learning rate rises from 0."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW."""
    grad_clip: float = 1.0
    """Largest norm of a gradient; a larger one is scaled down to it."""
    max_tokens: int = 1024
    """Longest example, prompt and answer, in tokens."""
    seed: int = 0
    """Decides the order of the examples."""
    held_out: Path | None = None
    """Examples to report a loss on, of the same kind as `data`."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _at_least("sft.epochs", self.epochs, 1, "nothing would be learned")
        _at_least("sft.batch_size", self.batch_size, 1, "an update needs an example")
        _above("sft.lr", self.lr, 0, "the weights would not move downhill")
        _within("sft.warmup", self.warmup, 0, 1, "it is a share of the updates")
        _at_least("sft.weight_decay", self.weight_decay, 0, "weights would grow instead of decay")
        _above("sft.grad_clip", self.grad_clip, 0, "every gradient would be scaled to nothing")
        _at_least("sft.max_tokens", self.max_tokens, 2, "an example has a prompt and an answer")
        _seed("sft", self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpoConfig:
    """Train a model against a reward: reinforcement learning, which needs no right answers."""

    model: str = "nano"
    """nano, a directory, or a Hugging Face id."""
    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one."""
    out: Path
    """Directory to make, for the checkpoint; must not exist yet."""
    steps: int = 50
    """Updates."""
    prompts_per_step: int = 8
    """Examples per update."""
    group_size: int = 8
    """Completions sampled per example."""
    reward: Preset = "fields"
    """schema: does it obey. fields: are the values right. grounded: do they stand in the text."""
    scoring: Scoring = field(default_factory=Scoring)
    """What the reward pays for."""
    lr: float = 1e-5
    """Learning rate after the warm-up."""
    warmup_steps: int = 5
    """Updates over which the learning rate rises from 0."""
    clip: float = 0.2
    """Largest change of a token's probability ratio that still earns gradient."""
    grad_clip: float = 1.0
    """Largest norm of a gradient; a larger one is scaled down to it."""
    temperature: float = 1.0
    """Of the sampling; 1 samples from the model as it is."""
    max_new_tokens: int = 256
    """Longest completion, in tokens."""
    form: Form = "plain"
    """plain: the answer alone. think: reasoning first, then the answer."""
    prefill: str | None = None
    """Text that every completion starts with; None for the one that its form asks for."""
    seed: int = 0
    """Decides the order of the examples and every sample."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _at_least("grpo.steps", self.steps, 1, "nothing would be learned")
        _at_least("grpo.prompts_per_step", self.prompts_per_step, 1, "an update needs an example")
        _at_least(
            "grpo.group_size",
            self.group_size,
            2,
            "a group of one has advantage 0 for every completion, so nothing is learned",
        )
        _above("grpo.lr", self.lr, 0, "the weights would not move uphill")
        _at_least("grpo.warmup_steps", self.warmup_steps, 0, "a count cannot be negative")
        _above("grpo.clip", self.clip, 0, "no change of a token's probability would earn gradient")
        _above("grpo.grad_clip", self.grad_clip, 0, "every gradient would be scaled to nothing")
        _above("grpo.temperature", self.temperature, 0, "all completions of a group would be the same")
        _at_least("grpo.max_new_tokens", self.max_new_tokens, 1, "a completion needs a token")
        _seed("grpo", self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalConfig:
    """Measure a model on examples whose right answers are known."""

    model: str = "nano"
    """nano, a directory, or a Hugging Face id."""
    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one."""
    out: Path
    """Directory to make, for predictions and metrics; must not exist yet."""
    constrain: bool = False
    """Answer under the schema's grammar, so that every finished answer obeys."""
    temperature: float = 0.0
    """Of the sampling; 0 takes the most probable token."""
    batch_size: int = 64
    """Examples answered at once."""
    max_new_tokens: int = 256
    """Longest answer, in tokens."""
    limit: int | None = None
    """Measure the first so many examples only."""
    form: Form = "plain"
    """plain: the answer alone. think: reasoning first, then the answer."""
    prefill: str | None = None
    """Text that every answer starts with; None for the one that its form asks for."""
    fail_under: tuple[str, ...] = ()
    """Floors such as schema_valid=0.98 exact=0.5; below one, the exit status is 1."""
    seed: int = 0
    """Decides every sample."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _at_least("eval.temperature", self.temperature, 0, "it divides the logits")
        _at_least("eval.batch_size", self.batch_size, 1, "nothing would be answered")
        _at_least("eval.max_new_tokens", self.max_new_tokens, 1, "an answer needs a token")
        if self.limit is not None:
            _at_least("eval.limit", self.limit, 1, "nothing would be measured")
        floors(self.fail_under)
        _seed("eval", self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractConfig:
    """Fill in a schema from one text."""

    text: str
    """What to read; its flag may be left out."""
    schema: str
    """JSON Schema, or file.py:Model for a Pydantic model."""
    model: str = "nano"
    """nano, a directory, or a Hugging Face id."""
    constrain: bool = True
    """Answer under the schema's grammar, so that every answer obeys."""
    max_new_tokens: int = 256
    """Longest answer, in tokens."""
    json: bool = False
    """Print the answer with what became of it, instead of the answer alone."""

    def __post_init__(self) -> None:
        _at_least("extract.max_new_tokens", self.max_new_tokens, 1, "an answer needs a token")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickstartConfig:
    """Do the main job on the embedded model: data, before, training, after, report."""

    out: Path = Path("runs/quickstart")
    """Directory to make; must not exist yet."""
    rows: int = 200
    """Unlabelled texts to train on."""
    held_out: int = 200
    """Examples to measure on."""
    labels: int = 0
    """Further texts with their right answers, for supervised training before the reward."""
    steps: int = 110
    """Updates against the reward."""
    lr: float = 3e-4
    """Learning rate of those updates."""
    seed: int = 0
    """The same seed and settings give the same run on the same machine."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _at_least("quickstart.rows", self.rows, 1, "there would be nothing to train on")
        _at_least("quickstart.held_out", self.held_out, 1, "there would be nothing to measure on")
        _at_least("quickstart.labels", self.labels, 0, "a count cannot be negative")
        _at_least("quickstart.steps", self.steps, 1, "nothing would be learned")
        _above("quickstart.lr", self.lr, 0, "the weights would not move uphill")
        _seed("quickstart", self.seed)


Config: TypeAlias = (
    SchemaConfig
    | ScoreConfig
    | SynthConfig
    | ImportConfig
    | SftConfig
    | GrpoConfig
    | EvalConfig
    | ExtractConfig
    | QuickstartConfig
)


VERBS: Mapping[str, type[Config]] = {
    "quickstart": QuickstartConfig,
    "schema": SchemaConfig,
    "score": ScoreConfig,
    "synth": SynthConfig,
    "import": ImportConfig,
    "sft": SftConfig,
    "grpo": GrpoConfig,
    "eval": EvalConfig,
    "extract": ExtractConfig,
}
"""What `adhere` can be told to do, and the settings of each."""


def floors(fail_under: Iterable[str]) -> Mapping[str, float]:
    """Read `metric=floor` settings as the least value of each metric, in [0, 1].

    Raises:
        ConfigError: One is not of that form, names no metric of `FLOORED`, or lies outside [0, 1].
    """
    floor_of: dict[str, float] = {}
    for setting in fail_under:
        metric, _, floor = setting.partition("=")
        if metric not in FLOORED:
            raise ConfigError.at(
                "eval.fail_under",
                setting,
                "it names no metric where more is better",
                fix=f"Write metric=floor with one of {', '.join(FLOORED)}",
            )
        try:
            floor_of[metric] = float(floor)
        except ValueError as fault:
            raise ConfigError.at(
                "eval.fail_under", setting, f"{floor!r} is not a number", fix=f"Write {metric}=0.95"
            ) from fault
        _within("eval.fail_under", floor_of[metric], 0, 1, f"{metric} is a share")
    return floor_of


def _at_least(where: str, given: float, bound: float, why: str) -> None:
    if not bound <= given < math.inf:
        raise ConfigError.at(where, given, why, fix=f"Use {bound} or more")


def _above(where: str, given: float, bound: float, why: str) -> None:
    if not bound < given < math.inf:
        raise ConfigError.at(where, given, why, fix=f"Use more than {bound}")


def _within(where: str, given: float, low: float, high: float, why: str) -> None:
    if not low <= given <= high:
        raise ConfigError.at(where, given, why, fix=f"Use {low} to {high}")


def _seed(verb: str, given: int) -> None:
    _at_least(f"{verb}.seed", given, 0, "seeds are counted from 0")
