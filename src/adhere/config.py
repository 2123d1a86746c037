"""The settings of every verb: one frozen dataclass each, whose field docstrings are its `--help`.

A setting outside its range raises `ConfigError` when the record is made, before any work.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeGuard, get_args

from adhere.errors import ConfigError, perhaps

Preset: TypeAlias = Literal["schema", "fields", "grounded", "hierarchical", "prefix", "thinkjson", "rubric"]
Length: TypeAlias = Literal["characters", "keys", "leaves"]
Form: TypeAlias = Literal["plain", "think", "prose"]
JsonForm: TypeAlias = Literal["plain", "think"]
Normaliser: TypeAlias = Literal["case", "space", "date", "number"]
Task: TypeAlias = Literal["extract", "write", "evaluate"]
HoldOut: TypeAlias = Literal["template", "shape", "value"]

DOMAINS = (
    "biomanufacturing",
    "clinical",
    "aviation",
    "construction",
    "energy",
    "finance",
    "food",
    "software",
    "hiring",
)
"""Fields of work in which documents can be made up without a teacher."""

STANDARD_STREAM = Path("-")
"""Standard input where a file is read, standard output where one is written."""
FLOORED = ("valid_json", "schema_valid", "exact", "match_all", "match_parsed")
"""Metrics of an evaluation that `fail_under` may name: those where more is better."""


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
        _add_up_to_1(
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
        _add_up_to_1(
            "scoring.rubric accuracy, relevance, completeness, reasoning and format",
            weights,
            "Give five such as 0.4, 0.15, 0.2, 0.15 and 0.1",
        )
        _above("scoring.rubric.power", self.power, 0, "accuracy would count for nothing")


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
        _add_up_to_1(
            "scoring parses, obeys and matches",
            (self.parses, self.obeys, self.matches),
            "Give three such as 0.1, 0.2 and 0.7",
        )
        _at_least("scoring.longest", self.longest, 1, "no string would be found")
        _within("scoring.wrapped", self.wrapped, 0, 1, "it is a share of the reward")
        normalisers(self.normalise)
        _within("scoring.prefix", self.prefix, 0, 1, "it is a share of the reward for obeying")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCalls:
    """How a reward of the user's own is called."""

    seconds: float | None = None
    """Longest call; one that takes longer is ended and stops the run. None for no limit."""
    processes: int = 0
    """Worker processes that call it; 0 calls it in the run's own process, unless there is a limit."""

    def __post_init__(self) -> None:
        if self.seconds is not None:
            _above("own.seconds", self.seconds, 0, "no call could end in time")
        _at_least("own.processes", self.processes, 0, "a count cannot be negative")


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
class EndpointSettings:
    """How an OpenAI-compatible server is asked."""

    key_from: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; where it is unset, none is sent."""
    concurrency: int = 8
    """Requests under way at once."""
    seconds: float = 120.0
    """Longest wait for one reply."""
    attempts: int = 5
    """Times that one request is sent before it is given up; what cannot get better is sent once."""
    budget: int | None = None
    """Tokens, of prompts and replies and of every attempt, after which nothing more is asked."""
    cache: Path | None = None
    """SQLite file that keeps replies, so that the same request is never paid for twice."""
    price_in: float = 0.0
    """Price of a million tokens of prompt, in any currency."""
    price_out: float = 0.0
    """Price of a million tokens of reply, in the same one."""
    temperature: float = 0.7
    """Of the server's sampling."""
    max_tokens: int = 4096
    """Longest reply."""

    def __post_init__(self) -> None:
        _at_least("endpoint.concurrency", self.concurrency, 1, "nothing would be asked")
        _above("endpoint.seconds", self.seconds, 0, "no reply can come in no time")
        _at_least("endpoint.attempts", self.attempts, 1, "nothing would be asked")
        if self.budget is not None:
            _at_least("endpoint.budget", self.budget, 1, "nothing could be asked")
        _at_least("endpoint.price_in", self.price_in, 0, "a price cannot be negative")
        _at_least("endpoint.price_out", self.price_out, 0, "a price cannot be negative")
        _at_least("endpoint.temperature", self.temperature, 0, "a temperature cannot be negative")
        _at_least("endpoint.max_tokens", self.max_tokens, 1, "a reply needs a token")


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthConfig:
    """Make texts that state the values of a schema, with the right answers."""

    schema: Path | None = None
    """JSON Schema that every answer obeys, or a Pydantic model as path/to/file.py:Model."""
    domain: str | None = None
    """Field of work whose documents are made up, each kind under its own schema: biomanufacturing, clinical,
    aviation, construction, energy, finance, food, software, hiring; with a teacher, any."""
    shapes: int = 0
    """Schemas to draw, over which the rows are spread, rather than one that is given."""
    most_leaves: int = 8
    """Largest number of leaves of a drawn schema."""
    out: Path
    """Directory to make; must not exist yet. Run again, a command that was killed goes on where it stood."""
    rows: int = 1000
    """Examples to make."""
    held_out: int = 0
    """Further examples, none of them among the others, for evaluation."""
    hold_out: tuple[HoldOut, ...] = ()
    """What held-out examples share with no other, besides texts and targets: template, the wording; shape,
    the schema; value, every name, identifier and free text."""
    task: Task = "extract"
    """extract: from text to JSON. write: from JSON to text. evaluate: from text to a judgement in prose."""
    reasoning: bool = False
    """Write down too how each value is found in the text, for answers that think first."""
    noise: float = 0.15
    """Share of the texts that read as if scanned: lines broken, letters wrong, columns run together."""
    workers: int = 1
    """Processes; the examples are the same, however many."""
    teacher: str | None = None
    """Model that writes the examples instead, as openai:<model>@<base url>."""
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    """How the teacher is asked."""
    seed: int = 0
    """The same seed and settings make the same examples."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _at_least("synth.rows", self.rows, 1, "no example would be made")
        _at_least("synth.held_out", self.held_out, 0, "a count cannot be negative")
        _at_least("synth.shapes", self.shapes, 0, "a count cannot be negative")
        _at_least("synth.most_leaves", self.most_leaves, 1, "a schema needs a leaf")
        _within("synth.noise", self.noise, 0, 1, "it is a share of the texts")
        _at_least("synth.workers", self.workers, 1, "nothing would be made")
        _seed("synth", self.seed)
        self._refuse_sources()

    def _refuse_sources(self) -> None:
        """Refuse all but one source of schemas, and what that one cannot give."""
        named = [self.schema is not None, self.domain is not None, self.shapes > 0]
        if sum(named) != 1:
            why = "examples come from one schema, from a domain, or from drawn schemas"
            raise ConfigError.at(
                "synth.schema",
                None if self.schema is None else str(self.schema),
                why,
                fix="Give one of --schema, --domain and --shapes",
            )
        if self.domain is not None and self.teacher is None and self.domain not in DOMAINS:
            raise ConfigError.at(
                "synth.domain",
                self.domain,
                f"there is no such domain{perhaps(self.domain, DOMAINS)}",
                fix=f"Use one of {', '.join(DOMAINS)}, or name a --teacher, who knows others",
            )
        if (self.schema is not None or self.shapes == 1) and "shape" in self.hold_out:
            raise ConfigError.at(
                "synth.hold_out",
                self.hold_out,
                "one schema has one shape, which every example shares",
                fix="Leave shape out, or use --domain, or --shapes with 2 or more",
            )
        if (self.task == "evaluate") != (self.domain == "hiring"):
            raise ConfigError.at(
                "synth.task",
                self.task,
                "judgements in prose are made in the domain hiring, and nothing else is made there",
                fix="Give --domain hiring and --task evaluate together",
            )
        if self.reasoning and self.task != "extract":
            raise ConfigError.at(
                "synth.reasoning",
                self.reasoning,
                f"it tells how values are read from a text, and the task {self.task} reads none",
                fix="Leave out --reasoning, or --task",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonConfig:
    """Write down how each right answer is found in its text, for models that think first."""

    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one; its flag may be left
    out."""
    out: Path
    """Directory to make; must not exist yet. Run again, a command that was killed goes on where it stood."""
    teacher: str | None = None
    """Model that writes the reasoning, as openai:<model>@<base url>; without one, it is derived."""
    endpoint: EndpointSettings = field(default_factory=EndpointSettings)
    """How the teacher is asked."""
    longest: int = 6000
    """Most characters of a reasoning that is kept."""
    workers: int = 1
    """Processes, where no teacher writes; the examples are the same, however many."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _at_least("reason.longest", self.longest, 1, "nothing would be kept")
        _at_least("reason.workers", self.workers, 1, "nothing would be written")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckConfig:
    """Find what is wrong with examples: repeats, leaks between splits, targets that a text does not state."""

    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one; its flag may be left
    out."""
    against: tuple[Path, ...] = ()
    """Other splits, which should share nothing with it; `held_out.jsonl` of a directory is one anyway."""
    model: str = "nano"
    """Model whose tokenizer counts and whose context is the limit: nano, a directory, or a Hugging Face id.
    """
    near: float = 0.85
    """Share of common three-word runs from which two texts are near-duplicates, in (0, 1]."""
    out: Path | None = None
    """Directory to make, for the findings, a table and a figure; must not exist yet."""
    strict: bool = False
    """Exit with status 1 if anything is wrong."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        _above("check.near", self.near, 0, "every two texts would be near-duplicates")
        _within("check.near", self.near, 0, 1, "it is a share")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportConfig:
    """Bring your own rows in: plain, chat messages, prompt and completion, a table, or text alone."""

    file: Path
    """JSONL, CSV or Parquet to read, or text: a file, or a directory of them. Its flag may be left out."""
    schema: Path | None = None
    """JSON Schema, or an object of them by name for rows with `schema`. Not needed where rows of chat
    messages bring their own, in `response_format`, `tools` or `functions`."""
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
    form: Form = "plain"
    """plain: the answer alone. think: the row's reasoning first, then the answer. prose: free text, as the
    row's `instruction` asks for it."""
    seed: int = 0
    """Decides the order of the examples."""
    held_out: Path | None = None
    """Examples to report a loss on, of the same kind as `data`; one that is among those stops the run."""
    curriculum: Path | None = None
    """TOML file of stages, from easy examples to hard ones; `docs/curriculum.md` says how."""
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
class GrpoSettings:
    """What decides how a run of `adhere grpo` goes, wherever it reads and writes."""

    model: str = "nano"
    """nano, a directory, or a Hugging Face id."""
    steps: int = 50
    """Updates."""
    prompts_per_step: int = 8
    """Examples per update."""
    group_size: int = 8
    """Completions sampled per example."""
    reward: str = "fields"
    """schema: does it obey. fields: are the values right. grounded: do they stand in the text. Also
    hierarchical, prefix, thinkjson and rubric; or a function of yours, as path/to/file.py:function."""
    scoring: Scoring = field(default_factory=Scoring)
    """What the reward pays for."""
    own: OwnCalls = field(default_factory=OwnCalls)
    """How a reward of your own is called."""
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
    """plain: the answer alone. think: reasoning first, then the answer. prose: free text, as the row's
    `instruction` asks for it."""
    prefill: str | None = None
    """Text that every completion starts with; None for the one that its form asks for."""
    seed: int = 0
    """Decides the order of the examples and every sample."""
    held_out: Path | None = None
    """Examples for a later evaluation; one that is among `data` stops the run."""
    curriculum: Path | None = None
    """TOML file of stages, from easy examples to hard ones; `docs/curriculum.md` says how."""
    stop: bool = True
    """Stop when no group has carried signal for some steps; --no-stop only warns."""
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
        own_reward("grpo.reward", self.reward)
        refuse_unread_form("grpo.reward", self.reward, self.form)
        _above("grpo.lr", self.lr, 0, "the weights would not move uphill")
        _at_least("grpo.warmup_steps", self.warmup_steps, 0, "a count cannot be negative")
        _above("grpo.clip", self.clip, 0, "no change of a token's probability would earn gradient")
        _above("grpo.grad_clip", self.grad_clip, 0, "every gradient would be scaled to nothing")
        _above("grpo.temperature", self.temperature, 0, "all completions of a group would be the same")
        _at_least("grpo.max_new_tokens", self.max_new_tokens, 1, "a completion needs a token")
        _seed("grpo", self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpoConfig(GrpoSettings):
    """Train a model against a reward: reinforcement learning, which needs no right answers."""

    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one."""
    out: Path
    """Directory to make, for the checkpoint; must not exist yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorConfig(GrpoSettings):
    """Say whether a run of adhere grpo would learn, and what to change where it would not."""

    data: Path | None = None
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one; or give `rollouts`."""
    out: Path | None = None
    """Not used; so that a command line of `adhere grpo` can be taken as it is."""
    groups: int = 16
    """Groups of completions to look at, those of the run's first steps."""
    rollouts: Path | None = None
    """Log of a run to diagnose instead, adhere's or another trainer's: JSONL with `completion`, `reward`, and
    `id` or `prompt`."""
    attack: bool = False
    """Write cheats for the rows of `data` and say which the reward falls for, instead; loads no model."""

    def __post_init__(self) -> None:
        GrpoSettings.__post_init__(self)
        if self.attack and self.data is None:
            raise ConfigError.at(
                "doctor.data", self.data, "there are no rows to cheat on", fix="Give --data with --attack"
            )
        _at_least("doctor.groups", self.groups, 1, "there would be nothing to look at")
        if self.data is None and self.rollouts is None:
            raise ConfigError.at(
                "doctor.data",
                self.data,
                "there is nothing to look at",
                fix="Give --data and a model, or --rollouts",
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
    | CheckConfig
    | ReasonConfig
    | SftConfig
    | GrpoConfig
    | DoctorConfig
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
    "check": CheckConfig,
    "reason": ReasonConfig,
    "sft": SftConfig,
    "doctor": DoctorConfig,
    "grpo": GrpoConfig,
    "eval": EvalConfig,
    "extract": ExtractConfig,
}
"""What `adhere` can be told to do, and the settings of each."""


def is_preset(reward: str) -> TypeGuard[Preset]:
    """Say whether a reward is one of ours, by its name."""
    return reward in get_args(Preset)


def own_reward(where: str, given: str) -> tuple[Path, str] | None:
    """Read the name of a reward: nothing for a preset, else the file and the function of the user's own.

    Args:
        where: The setting that names it.
        given: A preset, or `path/to/file.py:function`.

    Raises:
        ConfigError: It is neither. Whether the file is there is not asked.
    """
    if is_preset(given):
        return None
    file, _, function = given.rpartition(":")
    if file.endswith(".py") and function.isidentifier():
        return Path(file), function
    if given.endswith((".py", ".py:")):
        why, fix = "it names a file and no function", f"Write {given.rstrip(':')}:function"
    else:
        why = f"there is no such preset{perhaps(given, get_args(Preset))}"
        fix = f"Use one of {', '.join(get_args(Preset))}, or path/to/file.py:function"
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


def _add_up_to_1(where: str, given: tuple[float, ...], fix: str) -> None:
    if min(given) < 0 or not math.isclose(math.fsum(given), 1.0, abs_tol=1e-9):
        raise ConfigError.at(
            where, given, "rewards lie in [0, 1], so weights are at least 0 and add up to 1", fix=fix
        )


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
