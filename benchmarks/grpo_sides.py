"""The two sides of `grpo_step.py`, a step at a time: this engine's loop and TRL's trainer."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from setting import Setting, of_trainer, train_peer
from shape import ONE_WORD, network, tokenizer, words

from adhere.config import GrpoConfig
from adhere.model import Model
from adhere.prompt import Tokenizer
from adhere.records import Example
from adhere.schema import Schema
from adhere.train import grpo
from adhere.train.grpo import GrpoStep
from adhere.train.order import shuffled

GROUP = 8
PROMPTS = 4
MICROBATCH = {"cpu": 8, "cuda": 32}
"""Rows of TRL's that share a forward pass: on a CPU 8 are a tenth faster than 32, and need less memory."""
REWARD = Path(__file__).with_name("chance_reward.py")
LR = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Lengths in tokens, and whether every group has signal."""

    prompt: int
    answer: int
    half_signal: bool = False


@dataclass(frozen=True, slots=True)
class Took:
    """The seconds of a step, and those of its parts."""

    seconds: float
    parts: Mapping[str, float]


def rows(setting: Setting, case: Case) -> list[Example]:
    """Make the prompts, in the order in which both sides meet them."""
    chance = random.Random(0)
    # A prompt is what the row asks for, of one word, and its text.
    made = [
        Example(
            id=f"row-{place}",
            text=words(setting.shape, case.prompt - 1, chance),
            schema="none",
            meta={"instruction": ONE_WORD},
        )
        for place in range(PROMPTS * (setting.steps + 1))
    ]
    return [
        replace(row, meta={**row.meta, "signal": not case.half_signal or place % 2 == 0})
        for place, row in enumerate(shuffled(made, seed=0, epoch=0))
    ]


class Ours:
    """This engine's loop."""

    def __init__(self, setting: Setting, case: Case) -> None:
        self._setting, self._case = setting, case
        weights = network(setting.shape, setting.device)
        # Without a token that ends an answer, all are of full length.
        model = Model(
            "random", weights, cast("Tokenizer", tokenizer(setting.shape, ends=False)), mixed=setting.mixed
        )
        config = GrpoConfig(
            data=REWARD,
            out=REWARD,  # a loop reads and writes nothing
            form="prose",
            reward=f"{REWARD}:drawn",
            steps=setting.steps + 1,
            prompts_per_step=PROMPTS,
            group_size=GROUP,
            max_new_tokens=case.answer,
            lr=LR,
            warmup_steps=0,
        )
        schemas = {"none": Schema.of({"type": "string"})}
        self._steps = grpo.train(model, rows(setting, case), schemas, config)

    def step(self) -> Took:
        """Make one."""
        self._setting.synchronise()
        began = time.perf_counter()
        made = next(self._steps)
        self._setting.synchronise()
        seconds = time.perf_counter() - began
        self._check(made)
        return Took(seconds, made.seconds)

    def _check(self, made: GrpoStep) -> None:
        case = self._case
        lengths = {(len(each.prompt), len(each.completion.tokens)) for group in made.groups for each in group}
        assert lengths == {(case.prompt, case.answer)}, lengths
        assert [len(group) for group in made.groups] == [GROUP] * PROMPTS
        assert made.zero_variance == (0.5 if case.half_signal else 0.0), made.zero_variance


class Peer:
    """TRL's trainer, with the calls timed that make up its step."""

    def __init__(self, setting: Setting, case: Case, out: str) -> None:
        from chance_reward import drawn
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import GRPOConfig, GRPOTrainer

        self._setting, self._case = setting, case
        self._spent: dict[str, float] = defaultdict(float)
        microbatch = MICROBATCH[setting.device]
        examples = rows(setting, case)
        table = {
            "prompt": [f"{ONE_WORD}\n\n{row.text}" for row in examples],
            "signal": [row.meta["signal"] for row in examples],
        }
        arguments = GRPOConfig(
            output_dir=out,
            per_device_train_batch_size=microbatch,
            gradient_accumulation_steps=PROMPTS * GROUP // microbatch,
            num_generations=GROUP,
            max_completion_length=case.answer,
            generation_kwargs={"min_new_tokens": case.answer},
            max_steps=setting.steps + 1,
            learning_rate=LR,
            lr_scheduler_type="constant",
            shuffle_dataset=False,
            **of_trainer(setting),
        )
        self._trainer: Any = GRPOTrainer(  # its calls are taken apart
            model=network(setting.shape, setting.device),
            reward_funcs=drawn,
            args=arguments,
            train_dataset=Dataset.from_dict(table),
            processing_class=tokenizer(setting.shape, ends=True),
        )
        self._trainer.remove_callback(PrinterCallback)  # it writes where the result goes
        generate = self._timed("rollout", self._trainer._generate)
        self._trainer._generate = lambda *given: self._checked(generate(*given))
        self._trainer._calculate_rewards = self._timed("reward", self._trainer._calculate_rewards)
        self._trainer.training_step = self._timed("training", self._trainer.training_step)

    def train(self, after: Callable[[Took], None]) -> None:
        """Make all steps; call back after each."""
        train_peer(
            self._trainer,
            self._setting,
            before=self._spent.clear,
            after=lambda seconds: after(_taken_apart(seconds, self._spent)),
        )

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            self._setting.synchronise()
            began = time.perf_counter()
            returned = call(*given, **named)
            self._setting.synchronise()
            self._spent[name] += time.perf_counter() - began
            return returned

        return timed

    def _checked(self, generated: Any) -> Any:
        prompts, answers = ({len(each) for each in listed} for listed in generated[:2])
        case = self._case
        assert (prompts, answers) == ({case.prompt}, {case.answer}), (prompts, answers)
        return generated


def _taken_apart(seconds: float, spent: Mapping[str, float]) -> Took:
    """Tell a step's parts: its training holds rollout and reward, and what is left is the optimiser's."""
    parts = {
        "rollout": spent["rollout"],
        "reward": spent["reward"],
        "gradients": spent["training"] - spent["rollout"] - spent["reward"],
        "optimizer": seconds - spent["training"],
    }
    return Took(seconds, parts)
