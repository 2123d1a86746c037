"""Settings of the verbs that make, bring in and check data."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from adhere.config.ranges import above, at_least, seed_counts, within
from adhere.errors import ConfigError, perhaps

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
        at_least("endpoint.concurrency", self.concurrency, 1, "nothing would be asked")
        above("endpoint.seconds", self.seconds, 0, "no reply can come in no time")
        at_least("endpoint.attempts", self.attempts, 1, "nothing would be asked")
        if self.budget is not None:
            at_least("endpoint.budget", self.budget, 1, "nothing could be asked")
        at_least("endpoint.price_in", self.price_in, 0, "a price cannot be negative")
        at_least("endpoint.price_out", self.price_out, 0, "a price cannot be negative")
        at_least("endpoint.temperature", self.temperature, 0, "a temperature cannot be negative")
        at_least("endpoint.max_tokens", self.max_tokens, 1, "a reply needs a token")


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthConfig:
    """Make texts that state the values of a schema, with the right answers."""

    schema: Path | None = None
    """JSON Schema that every answer obeys, or a Pydantic model as path/to/file.py:Model."""
    domain: str | None = None
    """Field of work whose documents are made up, each kind under its own schema: biomanufacturing, clinical,
    aviation, construction, energy, finance, food, software, hiring; with a teacher, any."""
    shapes: int = 0
    """Schemas to draw, over which the rows are spread, rather than one that is given; with a domain, how many
    structures its documents have, 48 unless it is said."""
    most_leaves: int = 8
    """Largest number of leaves of a drawn schema."""
    short: bool = False
    """Of a domain, documents that go down to the fourth level by one part within another, with a leaf or two
    in each, so that a context of 1,024 tokens holds text and answer."""
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
        at_least("synth.rows", self.rows, 1, "no example would be made")
        at_least("synth.held_out", self.held_out, 0, "a count cannot be negative")
        at_least("synth.shapes", self.shapes, 0, "a count cannot be negative")
        at_least("synth.most_leaves", self.most_leaves, 1, "a schema needs a leaf")
        within("synth.noise", self.noise, 0, 1, "it is a share of the texts")
        at_least("synth.workers", self.workers, 1, "nothing would be made")
        seed_counts("synth", self.seed)
        self._refuse_sources()

    def _refuse_sources(self) -> None:
        """Refuse all but one source of schemas, and what that one cannot give."""
        has_papers = self.domain not in (None, "hiring") and self.teacher is None
        named = [self.schema is not None, self.domain is not None, self.shapes > 0 and not has_papers]
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
        if self.short and not has_papers:
            raise ConfigError.at(
                "synth.short",
                self.short,
                "only the documents of a domain have levels",
                fix="Leave it out, or give a --domain other than hiring and no --teacher",
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
    fixed: bool = True
    """Tell also what the schema fixes, such as the title of a section; --no-fixed leaves that to the answer,
    for models with a small context."""
    workers: int = 1
    """Processes, where no teacher writes; the examples are the same, however many."""
    json: bool = False
    """Print one JSON object instead of a table."""

    def __post_init__(self) -> None:
        at_least("reason.longest", self.longest, 1, "nothing would be kept")
        if not self.fixed and self.teacher is not None:
            raise ConfigError.at(
                "reason.fixed",
                self.fixed,
                "a teacher is asked to tell every value",
                fix="Leave out --no-fixed, or --teacher",
            )
        at_least("reason.workers", self.workers, 1, "nothing would be written")


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
        above("check.near", self.near, 0, "every two texts would be near-duplicates")
        within("check.near", self.near, 0, 1, "it is a share")


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
