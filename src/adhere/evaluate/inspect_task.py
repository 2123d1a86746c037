"""A data set and adhere's metrics as a task of inspect_ai: `inspect eval` runs it."""

import json
from dataclasses import replace
from pathlib import Path

from adhere.data.store import Dataset
from adhere.evaluate import documents
from adhere.evaluate.documents import Asking

FILE = "task.py"
_CODE = '''"""The rows beside this file as a task of inspect_ai, with adhere's metrics as scorers."""

from pathlib import Path

from adhere.evaluate import documents
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState, generate

HERE = Path(__file__).parent
ROWS = {{str(row["id"]): row for row in documents.documents(HERE)}}


def measuring(metric: str) -> Scorer:
    """Score answers by one metric; those of rows that it is not over have no score."""

    async def score(state: TaskState, target: Target) -> Score | None:
        answer = state.output.completion
        value = documents.measured(ROWS[str(state.sample_id)], answer, HERE).get(metric)
        return None if value is None else Score(value=value, answer=answer)

    return score

{scorers}
@task(name={name})
def rows() -> Task:
    """Ask about every row."""
    samples = [
        Sample(
            id=name,
            input=[ChatMessageSystem(content=row["system"]), ChatMessageUser(content=row["prompt"])],
            target=row["target"] or "",
        )
        for name, row in ROWS.items()
    ]
    return Task(
        dataset=MemoryDataset(samples, name={name}),
        solver=generate(),
        scorer=[{made}],
        config=GenerateConfig(temperature=0.0, max_tokens={longest}),
    )
'''
_SCORER = '''
@scorer(metrics=[mean(), stderr()])
def {metric}() -> Scorer:
    """Score by {metric}."""
    return measuring("{metric}")

'''


def write(dataset: Dataset, directory: Path, asking: Asking, *, name: str) -> None:
    """Write a data set as the task `name` into a directory that exists.

    inspect_ai gives a model no start of its answer, so a prefill is left out.
    """
    documents.write(dataset, directory, replace(asking, prefill=""))
    metrics = documents.metrics(dataset)
    code = _CODE.format(
        scorers="".join(_SCORER.format(metric=metric) for metric in metrics),
        name=json.dumps(name),
        made=", ".join(f"{metric}()" for metric in metrics),
        longest=asking.max_new_tokens,
    )
    (directory / FILE).write_text(code, encoding="utf-8")
