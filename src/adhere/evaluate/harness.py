"""A data set and adhere's metrics as a task of lm-evaluation-harness: `lm_eval --tasks` runs it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from adhere import __version__, prompt
from adhere.data.store import Dataset
from adhere.evaluate import documents
from adhere.evaluate.documents import Asking
from adhere.shown import LESS_IS_BETTER

_CODE = '''"""What the YAML beside this file names: the rows, and adhere's metrics of an answer."""

from pathlib import Path

from adhere.evaluate import documents
from datasets import Dataset

HERE = Path(__file__).parent


def rows(**_: object) -> dict[str, Dataset]:
    """Return the rows."""
    return {"test": Dataset.from_list(documents.documents(HERE))}


def measured(row: dict[str, str], written: list[str]) -> dict[str, float]:
    """Return the value of an answer in each metric that its row counts for."""
    return documents.measured(row, row["prefill"] + written[0], HERE)
'''


def write(dataset: Dataset, directory: Path, asking: Asking, *, name: str) -> None:
    """Write a data set as the task `name` into a directory that exists."""
    documents.write(dataset, directory, asking)
    (directory / "task.py").write_text(_CODE, encoding="utf-8")
    lines = "".join(f"{line}\n" for line in _yaml(asking, documents.metrics(dataset), name))
    (directory / f"{name}.yaml").write_text(lines, encoding="utf-8")


def _yaml(asking: Asking, metrics: Sequence[str], name: str) -> Iterator[str]:
    """Spell the task. A text in JSON is the same text in YAML."""
    yield f"task: {json.dumps(name)}"
    yield "custom_dataset: !function task.rows"
    yield "test_split: test"
    yield "output_type: generate_until"
    yield f"description: {json.dumps(prompt.SYSTEM[asking.form])}"
    yield "doc_to_text: prompt"
    yield "doc_to_target: target"
    if asking.prefill:
        yield "gen_prefix: prefill"
    yield 'target_delimiter: ""'
    yield "num_fewshot: 0"
    yield "generation_kwargs:"
    yield "  until: []"
    yield "  do_sample: false"
    yield f"  max_gen_toks: {asking.max_new_tokens}"
    yield "process_results: !function task.measured"
    yield "metric_list:"
    for metric in metrics:
        yield f"  - metric: {metric}"
        yield "    aggregation: mean"
        yield f"    higher_is_better: {json.dumps(metric not in LESS_IS_BETTER)}"
    yield "metadata:"
    yield "  version: 1"
    yield f"  adhere: {json.dumps(__version__)}"
