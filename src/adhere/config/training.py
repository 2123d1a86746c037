"""Settings of the verbs that train."""

from dataclasses import dataclass, field
from pathlib import Path

from adhere.config.ranges import above, at_least, seed_counts, within
from adhere.config.scoring import Form, OwnCalls, Scoring, own_reward, refuse_unread_form
from adhere.errors import ConfigError


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
        at_least("sft.epochs", self.epochs, 1, "nothing would be learned")
        at_least("sft.batch_size", self.batch_size, 1, "an update needs an example")
        above("sft.lr", self.lr, 0, "the weights would not move downhill")
        within("sft.warmup", self.warmup, 0, 1, "it is a share of the updates")
        at_least("sft.weight_decay", self.weight_decay, 0, "weights would grow instead of decay")
        above("sft.grad_clip", self.grad_clip, 0, "every gradient would be scaled to nothing")
        at_least("sft.max_tokens", self.max_tokens, 2, "an example has a prompt and an answer")
        seed_counts("sft", self.seed)


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
        at_least("grpo.steps", self.steps, 1, "nothing would be learned")
        at_least("grpo.prompts_per_step", self.prompts_per_step, 1, "an update needs an example")
        at_least(
            "grpo.group_size",
            self.group_size,
            2,
            "a group of one has advantage 0 for every completion, so nothing is learned",
        )
        own_reward("grpo.reward", self.reward)
        refuse_unread_form("grpo.reward", self.reward, self.form)
        above("grpo.lr", self.lr, 0, "the weights would not move uphill")
        at_least("grpo.warmup_steps", self.warmup_steps, 0, "a count cannot be negative")
        above("grpo.clip", self.clip, 0, "no change of a token's probability would earn gradient")
        above("grpo.grad_clip", self.grad_clip, 0, "every gradient would be scaled to nothing")
        above("grpo.temperature", self.temperature, 0, "all completions of a group would be the same")
        at_least("grpo.max_new_tokens", self.max_new_tokens, 1, "a completion needs a token")
        seed_counts("grpo", self.seed)


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
        at_least("doctor.groups", self.groups, 1, "there would be nothing to look at")
        if self.data is None and self.rollouts is None:
            raise ConfigError.at(
                "doctor.data",
                self.data,
                "there is nothing to look at",
                fix="Give --data and a model, or --rollouts",
            )
