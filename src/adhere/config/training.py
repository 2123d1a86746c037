"""Settings of the verbs that train."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from adhere.config.ranges import above, at_least, seed_counts, within
from adhere.config.scoring import Form, OwnCalls, Scoring, own_function, own_reward, refuse_unread_form
from adhere.errors import ConfigError

Loss: TypeAlias = Literal["dapo", "grpo", "dr_grpo", "bnpo", "gspo", "cispo"]
Advantage: TypeAlias = Literal["zscore", "centred", "rank"]
Combine: TypeAlias = Literal["sum", "each"]
ACCEPTED = ("informative", "all")
"""Which groups a run may learn from, functions of the user's own aside."""
Tracker: TypeAlias = Literal["trackio", "wandb", "mlflow", "tensorboard"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Low-rank adapters: few weights that are trained beside the model's own, which stay as they are."""

    rank: int = 0
    """Of each adapter; 0 trains all weights and no adapter."""
    alpha: float = 32.0
    """Its output is multiplied by this over its rank."""
    dropout: float = 0.0
    """Share of its inputs that are dropped in training."""
    modules: tuple[str, ...] = ()
    """Names of the layers that get one, such as q_proj v_proj; none for all linear layers but the head."""

    def __post_init__(self) -> None:
        at_least("lora.rank", self.rank, 0, "a rank cannot be negative")
        above("lora.alpha", self.alpha, 0, "the adapter would change nothing")
        within("lora.dropout", self.dropout, 0, 0.9, "it is a share of the inputs")
        for name, given in (("modules", self.modules), ("dropout", self.dropout)):
            if given and not self.rank:
                raise ConfigError.at(
                    f"lora.{name}",
                    given,
                    "without a rank there is no adapter, and all weights are trained",
                    fix="Give --lora.rank too, or leave it out",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What a run keeps of itself on its way."""

    every: int = 20
    """Updates from one checkpoint to the next, which a killed run goes on from; 0 makes none."""
    keep: int = 0
    """How many of the last checkpoints stay in the finished directory, as models in `checkpoints`."""

    def __post_init__(self) -> None:
        at_least("saving.every", self.every, 0, "a count cannot be negative")
        at_least("saving.keep", self.keep, 0, "a count cannot be negative")
        if self.keep and not self.every:
            raise ConfigError.at(
                "saving.keep",
                self.keep,
                "no checkpoint is made that could stay",
                fix="Give --saving.every too",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SftConfig:
    """Train a model on the right answers."""

    model: str = "nano"
    """nano, a directory, or a Hugging Face id."""
    data: Path
    """Directory written by `adhere synth` or `adhere import`, or a JSONL file in one."""
    out: Path
    """Directory to make. Where the same run left one unfinished, it goes on from there."""
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
    learn_reasoning: bool = True
    """Under the form think, learn the reasoning too; --no-learn-reasoning learns the answer alone."""
    precision: Precision = "auto"
    """In what matrices are multiplied; weights that are trained are float32 in any case. auto: bfloat16 on a
    GPU, and on a CPU with instructions for it where all weights are trained; else float32."""
    lora: Lora = field(default_factory=Lora)
    """Train adapters instead of all weights."""
    saving: Saving = field(default_factory=Saving)
    """What the run keeps of itself on its way."""
    seed: int = 0
    """Decides the order of the examples."""
    held_out: Path | None = None
    """Examples to report loss and right fields on; one that is among `data` stops the run."""
    evaluate_every: int = 0
    """Updates from one look at the held-out examples to the next; 0 looks at the end only. The weights that
    do best on them are kept as `best`."""
    patience: int = 0
    """Looks in a row without a better held-out loss after which the run ends; 0 never ends it early."""
    report_to: tuple[Tracker, ...] = ()
    """Trackers that are told every update's numbers as well."""
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
        at_least("sft.patience", self.patience, 0, "a count cannot be negative")
        looks("sft", self.evaluate_every, self.held_out)
        if self.patience and not self.evaluate_every:
            raise ConfigError.at(
                "sft.patience",
                self.patience,
                "nobody looks at held-out examples on the way",
                fix="Give --evaluate-every too",
            )
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
    loss: Loss = "dapo"
    """How tokens weigh. dapo: all tokens of a step alike. grpo: all completions alike. dr_grpo: by the token
    limit. bnpo: all tokens that carry signal alike. gspo: ratios of whole completions. cispo: ratios are
    bounded and pass no gradient. `docs/losses.md` has the formulas."""
    advantage: Advantage = "zscore"
    """zscore: reward less the group's mean, in standard deviations. centred: less the mean alone. rank: share
    of the group that earned less."""
    combine: Combine = "sum"
    """sum: one advantage, of the total reward. each: an advantage for every part of the reward, weighed and
    added up."""
    clip: float = 0.2
    """Largest change of a token's probability ratio that still earns gradient."""
    clip_high: float | None = None
    """The same for changes upwards; None for `clip`."""
    beta: float = 0.0
    """Weight of the divergence from the model that the run began with."""
    updates_per_batch: int = 1
    """Updates made of the completions of one step."""
    sync_every: int = 1
    """Steps after which the sampler takes over the trained weights; 0 never."""
    truncate: float = 2.0
    """Most that a token counts for being likelier now than under the weights that sampled it."""
    accept: str = "informative"
    """Groups to learn from. informative: those whose completions do not all earn the same. all: every one. Or
    a function of yours, as path/to/file.py:function, that takes a group's rewards."""
    refill: int = 0
    """Times a step may sample further prompts in place of groups that were not accepted."""
    rest: int = 0
    """Steps for which a prompt is passed over after all its completions were right, or all worth nothing."""
    constrain: bool = False
    """Sample under each schema's grammar, and train the model as it is under it."""
    precision: Precision = "auto"
    """In what matrices are multiplied; weights that are trained are float32 in any case. auto: bfloat16 on a
    GPU, float32 on a CPU."""
    lora: Lora = field(default_factory=Lora)
    """Train adapters instead of all weights."""
    saving: Saving = field(default_factory=Saving)
    """What the run keeps of itself on its way."""
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
    """Examples to measure on; one that is among `data` stops the run."""
    evaluate_every: int = 0
    """Steps from one look at the held-out examples to the next; 0 looks at the end only. The weights that do
    best on them are kept as `best`."""
    report_to: tuple[Tracker, ...] = ()
    """Trackers that are told every step's numbers as well."""
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
        if self.clip_high is not None:
            above("grpo.clip_high", self.clip_high, 0, "no rise of a token's probability would earn gradient")
        at_least("grpo.beta", self.beta, 0, "the model would be driven away from its beginning")
        at_least("grpo.updates_per_batch", self.updates_per_batch, 1, "nothing would be learned")
        at_least("grpo.sync_every", self.sync_every, 0, "a count cannot be negative")
        at_least("grpo.truncate", self.truncate, 1, "tokens that have not changed would count for less")
        own_function("grpo.accept", self.accept, ACCEPTED)
        at_least("grpo.refill", self.refill, 0, "a count cannot be negative")
        at_least("grpo.rest", self.rest, 0, "a count cannot be negative")
        if self.lora.dropout:
            raise ConfigError.at(
                "grpo.lora.dropout",
                self.lora.dropout,
                "completions are sampled from the whole model, so the whole model is what learns from them",
                fix="Leave it out; `adhere sft` knows it",
            )
        looks("grpo", self.evaluate_every, self.held_out)
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
    """Directory to make. Where the same run left one unfinished, it goes on from there."""


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


def looks(verb: str, every: int, held_out: Path | None) -> None:
    """Refuse looks at held-out examples that there are none of."""
    at_least(f"{verb}.evaluate_every", every, 0, "a count cannot be negative")
    if every and held_out is None:
        raise ConfigError.at(
            f"{verb}.evaluate_every", every, "there are no held-out examples", fix="Give --held-out DIR too"
        )
