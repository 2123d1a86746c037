"""Settings of the verbs that measure, and of those that use a model."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from adhere.config.bounds import COMPARED, bounds, floors, refuse_unknown
from adhere.config.data import EndpointSettings
from adhere.config.ranges import above, at_least, seed_counts, within
from adhere.config.scoring import Form, JsonForm, OwnCalls, Scoring, own_reward, refuse_unread_form
from adhere.errors import ConfigError

STANDARD_STREAM = Path("-")
"""Standard input where a file is read, standard output where one is written."""
Tool: TypeAlias = Literal["inspect", "lm_eval"]
"""What an evaluation or a data set is exported to."""
SERVED = "openai:"
"""Beginning of the name of a model on a server."""
Bound: TypeAlias = Literal["estimate", "low", "high"]


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
    """nano, a directory, a Hugging Face id, or a model on a server as openai:<model>@<base url>."""
    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one."""
    out: Path
    """Directory to make, for predictions and metrics; must not exist yet. Run again, a command that was
    killed goes on where it stood."""
    constrain: bool = False
    """Answer under the schema's grammar, so that every finished answer obeys; a server gets the schema as
    response_format, and is tried first."""
    calibrate: bool = False
    """Fit calibration.json: how often a field is right that the model was so sure of. Copy it beside the
    weights, and confidences are read by it."""
    temperature: float = 0.0
    """Of the sampling; 0 takes the most probable token."""
    samples: int = 1
    """Answers drawn per example, for pass@k and the one that most agree on; all else is of the first."""
    batch_size: int = 64
    """Examples that a worker answers at once."""
    workers: int | None = None
    """Threads that answer, each on one core; None for one per core, and a single one on a GPU."""
    max_new_tokens: int = 256
    """Longest answer, in tokens."""
    limit: int | None = None
    """Measure the first so many examples only."""
    form: JsonForm = "plain"
    """plain: the answer alone. think: reasoning first, then the answer."""
    prefill: str | None = None
    """Text that every answer starts with; None for the one that its form asks for."""
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    """How a server is asked; its temperature and max-tokens are those above."""
    cache: bool = True
    """Use what was answered before: by this command when it was killed, and what --endpoint.cache holds."""
    fail_under: tuple[str, ...] = ()
    """Floors such as schema_valid=0.98 exact=0.5; below one, the exit status is 1."""
    seed: int = 0
    """Decides every sample."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        at_least("eval.temperature", self.temperature, 0, "it divides the logits")
        at_least("eval.batch_size", self.batch_size, 1, "nothing would be answered")
        if self.workers is not None:
            at_least("eval.workers", self.workers, 1, "nothing would be answered")
        at_least("eval.max_new_tokens", self.max_new_tokens, 1, "an answer needs a token")
        if self.limit is not None:
            at_least("eval.limit", self.limit, 1, "nothing would be measured")
        at_least("eval.samples", self.samples, 1, "nothing would be measured")
        if self.samples > 1 and not self.temperature:
            raise ConfigError.at(
                "eval.samples",
                self.samples,
                "at temperature 0 every answer to an example is the same",
                fix="Give a --temperature such as 0.7 too",
            )
        if self.is_served:
            self._refuse_of_servers()
        floors(self.fail_under)
        seed_counts("eval", self.seed)

    @property
    def is_served(self) -> bool:
        """Whether the model is on a server."""
        return self.model.startswith(SERVED)

    def _refuse_of_servers(self) -> None:
        """Refuse what a model on a server cannot do, and what would be of no effect there."""
        if self.prefill:
            why, fix = "a server begins every answer itself", "Leave it out"
            raise ConfigError.at("eval.prefill", self.prefill, why, fix=fix)
        if self.calibrate:
            why, fix = "a server does not say how sure the model is", "Leave it out"
            raise ConfigError.at("eval.calibrate", self.calibrate, why, fix=fix)
        if self.constrain and self.form != "plain":
            why = "its answers have words around the JSON, and a schema covers the whole answer"
            fix = "Use the form plain, or leave out --constrain"
            raise ConfigError.at("eval.form", self.form, why, fix=fix)
        usual = EndpointSettings()
        for name, ours in (("temperature", "--temperature"), ("max_tokens", "--max-new-tokens")):
            given = getattr(self.endpoint, name)
            if given != getattr(usual, name):
                why = f"in an evaluation {ours} says it, of every model alike"
                raise ConfigError.at(f"eval.endpoint.{name}", given, why, fix=f"Use {ours}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeConfig:
    """Export an evaluation or a data set to inspect_ai or lm-evaluation-harness."""

    data: Path
    """Directory written by `adhere eval`, `adhere synth` or `adhere import`, or a JSONL file in one. Its flag
    may be left out."""
    to: Tool
    """inspect: the rows with our metrics as a task and, of an evaluation, its answers as a log. lm_eval: the
    rows with our metrics as a task."""
    out: Path
    """Directory to make; must not exist yet."""
    name: str = "adhere"
    """Of the task."""
    form: JsonForm | None = None
    """Shape of the answer that the task asks for; None for that of the evaluation, or plain."""
    max_new_tokens: int | None = None
    """Longest answer that the task allows, in tokens; None for that of the evaluation, or `adhere eval`."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            why = "it names a task on command lines, and a file"
            fix = "Use letters, digits, hyphens and underscores, a letter or digit first"
            raise ConfigError.at("bridge.name", self.name, why, fix=fix)
        if self.max_new_tokens is not None:
            at_least("bridge.max_new_tokens", self.max_new_tokens, 1, "an answer needs a token")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareConfig:
    """Compare evaluations on the same rows, and say what the difference is worth."""

    directories: tuple[str, ...]
    """Directories written by `adhere eval`, the one to compare with first; name=DIR calls one by a name. The
    flag may be left out."""
    out: Path | None = None
    """Directory to make, for the report and the numbers; must not exist yet."""
    all_pairs: bool = False
    """Compare every two of them, not only each with the first."""
    metrics: tuple[str, ...] = ()
    """Compare these metrics only, named before looking; fewer tests leave each more power."""
    cluster: str = "text"
    """What rows that go together have in common: their text, or a key of their `meta`, as document."""
    detect: float | None = None
    """Say how many rows a true difference of this size would take; None for the one that was seen."""
    fail_under: tuple[str, ...] = ()
    """What the last evaluation must reach, or the exit status is 1: schema_valid=0.98 is a floor, exact=+0.02
    the least gain over the first, exact=-0.01 the largest loss. Blanks or commas between them."""
    decide_by: Bound = "estimate"
    """What must reach it: the number itself; low, the interval's lower end, so that luck passes nothing; or
    high, its upper end, so that bad luck fails nothing."""
    seed: int = 0
    """Decides resamples and permutations."""
    json: bool = False
    """Print one JSON object instead of tables."""

    def __post_init__(self) -> None:
        if len(self.directories) < 2:
            given = ", ".join(self.directories)
            raise ConfigError.at("compare.directories", given, "it takes two to compare", fix="Name another")
        for metric in self.metrics:
            refuse_unknown("compare.metrics", metric, metric, COMPARED)
        if self.detect is not None:
            above("compare.detect", self.detect, 0, "no number of rows shows that nothing differs")
            within("compare.detect", self.detect, 0, 1, "metrics are shares")
        for metric in bounds(self.fail_under, "compare.fail_under").gains:
            if metric not in (self.metrics or COMPARED):
                why = "metrics leaves out what it is about" if metric in COMPARED else "rows differ in it"
                raise ConfigError.at("compare.fail_under", metric, why, fix="Name another metric, or a floor")
        seed_counts("compare", self.seed)
