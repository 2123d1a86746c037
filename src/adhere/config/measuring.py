"""Settings of the verbs that measure, and of those that use a model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adhere.config.ranges import above, at_least, seed_counts, within
from adhere.config.scoring import Form, JsonForm, OwnCalls, Scoring, own_reward, refuse_unread_form
from adhere.errors import ConfigError

STANDARD_STREAM = Path("-")
"""Standard input where a file is read, standard output where one is written."""
FLOORED = ("valid_json", "schema_valid", "exact", "match_all", "match_parsed")
"""Metrics of an evaluation that `fail_under` may name: those where more is better."""


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
    preset: str = "fields"
    """schema: does it obey. fields: are the values right. grounded: do they stand in the text. Also
    hierarchical, prefix, thinkjson and rubric; or a function of yours, as path/to/file.py:function."""
    form: Form = "plain"
    """plain: the completion is the answer. think: reasoning first, then the answer. prose: free text."""
    scoring: Scoring = field(default_factory=Scoring)
    """What the reward pays for."""
    own: OwnCalls = field(default_factory=OwnCalls)
    """How a reward of your own is called."""
    out: Path | None = None
    """JSONL to write, one line a row: `id`, `total`, `outcome`, `parts`; must not exist yet. With - each line
    goes to standard output as soon as its row is scored, and the table to standard error."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        own_reward("score.preset", self.preset)
        refuse_unread_form("score.preset", self.preset, self.form)
        if self.json and self.out == STANDARD_STREAM:
            raise ConfigError.at(
                "score.out",
                "-",
                "with --json standard output holds the summary and nothing else",
                fix="Name a file, or leave one of the two out",
            )


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
    calibrate: bool = False
    """Fit calibration.json: how often a field is right that the model was so sure of. Copy it beside the
    weights, and confidences are read by it."""
    temperature: float = 0.0
    """Of the sampling; 0 takes the most probable token."""
    batch_size: int = 64
    """Examples answered at once."""
    max_new_tokens: int = 256
    """Longest answer, in tokens."""
    limit: int | None = None
    """Measure the first so many examples only."""
    form: JsonForm = "plain"
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
        at_least("eval.temperature", self.temperature, 0, "it divides the logits")
        at_least("eval.batch_size", self.batch_size, 1, "nothing would be answered")
        at_least("eval.max_new_tokens", self.max_new_tokens, 1, "an answer needs a token")
        if self.limit is not None:
            at_least("eval.limit", self.limit, 1, "nothing would be measured")
        floors(self.fail_under)
        seed_counts("eval", self.seed)


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
    confidence: bool = False
    """Print under the answer how sure the model is of each field."""
    json: bool = False
    """Print the answer with what became of it, instead of the answer alone."""

    def __post_init__(self) -> None:
        at_least("extract.max_new_tokens", self.max_new_tokens, 1, "an answer needs a token")


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
        at_least("quickstart.rows", self.rows, 1, "there would be nothing to train on")
        at_least("quickstart.held_out", self.held_out, 1, "there would be nothing to measure on")
        at_least("quickstart.labels", self.labels, 0, "a count cannot be negative")
        at_least("quickstart.steps", self.steps, 1, "nothing would be learned")
        above("quickstart.lr", self.lr, 0, "the weights would not move uphill")
        seed_counts("quickstart", self.seed)


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
        within("eval.fail_under", floor_of[metric], 0, 1, f"{metric} is a share")
    return floor_of
