"""Groups of completions with what they earned: what reinforcement learning learns from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adhere import prompt
from adhere.config import GrpoSettings
from adhere.decode.grammar import Grammar
from adhere.decode.grammars import grammars
from adhere.decode.sample import Question, Sampling, sample
from adhere.model import Model
from adhere.records import Completion, Example
from adhere.reward.loading import Attempt, Reward
from adhere.reward.score import Score, weights
from adhere.reward.verdict import Obeys, judge
from adhere.schema import Schema
from adhere.train.advantage import advantages
from adhere.train.clock import Clock


@dataclass(frozen=True, slots=True)
class Rollout:
    """A completion with what it earned."""

    completion: Completion
    prompt: tuple[int, ...]
    score: Score
    advantage: float
    """As `--advantage` measures it; 0 for every completion of a group without signal."""
    accepted: bool = True
    """Whether its group was learned from; the same for all of a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The completions of one prompt."""

    example: Example
    rollouts: tuple[Rollout, ...]
    obeys_free: bool | None = None
    """Whether a completion sampled without the grammar obeys; `None` where all are sampled so."""

    @property
    def rewards(self) -> list[float]:
        """What each completion earned."""
        return [rollout.score.total for rollout in self.rollouts]

    @property
    def informs(self) -> bool:
        """Whether its completions differ in what they are worth."""
        return any(rollout.advantage for rollout in self.rollouts)

    @property
    def accepted(self) -> bool:
        """Whether it was learned from."""
        return all(rollout.accepted for rollout in self.rollouts)

    def judged(self, *, accepted: bool) -> "Group":
        """Return it with the claim whether it is learned from."""
        return replace(self, rollouts=tuple(replace(rollout, accepted=accepted) for rollout in self.rollouts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Has completions written and scored: all of it that stays the same from step to step."""

    schemas: Mapping[str, Schema]
    reward: Reward
    config: GrpoSettings
    grammars: Mapping[str, Grammar] = field(default_factory=dict[str, Grammar])
    """By the name of the schema; empty where completions are free."""

    @classmethod
    def of(
        cls,
        model: Model,
        examples: Sequence[Example],
        schemas: Mapping[str, Schema],
        reward: Reward,
        config: GrpoSettings,
    ) -> "Writer":
        """Return the writer of a run, with the grammars of its examples where it is constrained.

        Raises:
            ConfigError: What is written before a grammar begins can be no start of an answer under it.
            SchemaError: The grammar cannot guarantee a schema.
        """
        compiled: Mapping[str, Grammar] = {}
        if config.constrain:
            started = prompt.beginning(config.form, config.prefill)
            compiled = grammars(model, examples, schemas, form=config.form, started=started, verb="grpo")
        return cls(schemas=schemas, reward=reward, config=config, grammars=compiled)

    def question(self, model: Model, example: Example) -> Question:
        """Return what the model is asked for an example, and under which grammar."""
        schema, form, prefill = self.schemas[example.schema], self.config.form, self.config.prefill
        asked = prompt.prompt(example, schema, model.tokenizer, form=form, prefill=prefill)
        grammar = self.grammars.get(example.schema)
        return Question(example.id, asked, grammar, free=0 if grammar is None else 1)

    def groups(
        self, model: Model, examples: Sequence[Example], *, step: int, clock: Clock | None = None
    ) -> list[Group]:
        """Sample a group of completions for every example and score it; one group per example, in order.

        Each group's advantages are those that it has by itself.

        Args:
            model: The one that samples; is set to evaluation mode.
            examples: Whose prompts are continued.
            step: Counted from 0; another one meets other chance.
            clock: Takes the seconds of `rollout` and `reward`.

        Raises:
            ModelError: A prompt leaves no room in the model's context.
            RewardError: A reward of the user's own fails.
        """
        clock = clock or Clock("rollout", "reward")
        model.network.eval()
        questions = [self.question(model, example) for example in examples]
        with clock.phase("rollout"):
            written = list(sample(model, questions, self._sampling(step)))
        with clock.phase("reward"):
            return list(self._scored(examples, questions, written))

    def completions(self, model: Model, example: Example, *, step: int) -> list[Completion]:
        """Sample the completions of one example again, or under another limit; they meet the same chance."""
        question = replace(self.question(model, example), free=0)
        (written,) = sample(model, [question], self._sampling(step))
        return written

    def _sampling(self, step: int) -> Sampling:
        config = self.config
        return Sampling(
            samples=config.group_size,
            temperature=config.temperature,
            max_new_tokens=config.max_new_tokens,
            seed=config.seed,
            step=step,
        )

    def _scored(
        self,
        examples: Sequence[Example],
        questions: Sequence[Question],
        written: Sequence[Sequence[Completion]],
    ) -> Iterator[Group]:
        size, config = self.config.group_size, self.config
        started = prompt.beginning(config.form, config.prefill)
        scores = iter(
            self.reward(
                [
                    Attempt(started + completion.text, example, self.schemas[example.schema])
                    for example, completions in zip(examples, written, strict=True)
                    for completion in completions[:size]
                ]
            )
        )
        counted = weights(config.reward, config.scoring)
        for example, question, completions in zip(examples, questions, written, strict=True):
            score_G = [next(scores) for _ in range(size)]
            ((*advantage_G,),) = advantages([score_G], config.advantage, config.combine, weights=counted)
            rollouts = (
                Rollout(completion, question.tokens, score, advantage)
                for completion, score, advantage in zip(completions, score_G, advantage_G, strict=False)
            )
            free = [
                isinstance(judge(started + each.text, self.schemas[example.schema]), Obeys)
                for each in completions[size:]
            ]
            yield Group(example=example, rollouts=tuple(rollouts), obeys_free=free[0] if free else None)
