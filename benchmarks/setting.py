"""What a benchmark of training is asked for on its command line, and how it prints what it found."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from shape import SHAPES, Shape

from adhere.records import JSON

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is trained, on what, and how often."""

    shape: Shape
    device: str
    dtype: torch.dtype
    """That matrices are multiplied in."""
    steps: int
    """Those that are measured; one more comes before them."""

    @property
    def mixed(self) -> bool:
        """Whether weights, which are 32 bits wide, are rounded where they are multiplied."""
        return self.dtype is not torch.float32

    def synchronise(self) -> None:
        """Wait for a GPU, so that a clock read next has counted its work."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def arguments(doc: str | None, *, steps: int) -> argparse.ArgumentParser:
    """Return a parser of what all benchmarks of training take."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0] if doc else None)
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--steps", type=int, default=steps, help="measured, after one that warms up")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=list(DTYPES), help="float32 on a CPU, bfloat16 on a GPU")
    parser.add_argument("--shape", choices=list(SHAPES), default="nano-like", help="of the random model")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="all cores")
    parser.add_argument("--limit", action="store_true", help="say how far the arithmetic limit is")
    return parser


def setting(given: argparse.Namespace) -> Setting:
    """Read what is asked for, and use so many threads."""
    torch.set_num_threads(given.threads)
    given.dtype = given.dtype or ("float32" if given.device == "cpu" else "bfloat16")
    return Setting(
        shape=SHAPES[given.shape], device=given.device, dtype=DTYPES[given.dtype], steps=given.steps
    )


def write(cases: Mapping[str, JSON], given: argparse.Namespace) -> None:
    """Print one JSON object: the cases, the machine and the versions."""
    where = torch.cuda.get_device_name() if given.device == "cuda" else f"{given.threads} threads"
    machine = (platform.machine(), where, given.dtype, given.shape, f"Python {platform.python_version()}")
    result: dict[str, JSON] = {
        "cases": {**cases},
        "machine": ", ".join(machine),
        "versions": {name: version(name) for name in ("adhere", "torch", "transformers", "trl")},
    }
    sys.stdout.write(f"{json.dumps(result, indent=None if given.json else 2)}\n")


def of_trainer(setting: Setting) -> dict[str, Any]:
    """Return what both trainers of the peer's are told: nothing is logged, saved or computed twice."""
    return {
        "gradient_checkpointing": False,
        "bf16": setting.mixed,
        "use_cpu": setting.device == "cpu",
        "dataloader_pin_memory": setting.device != "cpu",
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


def train_peer(
    trainer: Any, setting: Setting, *, before: Callable[[], None], after: Callable[[float], None]
) -> None:
    """Let a trainer of the peer's make all its steps; call before each, and after each with its seconds."""
    from transformers import TrainerCallback

    class Timed(TrainerCallback):
        began = 0.0

        def on_step_begin(self, *_: object, **__: object) -> None:
            before()
            setting.synchronise()
            self.began = time.perf_counter()

        def on_step_end(self, *_: object, **__: object) -> None:
            setting.synchronise()
            after(time.perf_counter() - self.began)

    trainer.add_callback(Timed())
    trainer.train()
