"""An evaluation that is being made: its rows, and the answers to them so far, which outlast a kill."""

import json
import shutil
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

from adhere import artifact
from adhere.artifact import Run
from adhere.config import EvalConfig
from adhere.data import store
from adhere.data.store import Dataset
from adhere.evaluate.evaluation import Evaluation, line, prediction
from adhere.measure.prediction import Prediction
from adhere.progress import progress
from adhere.records import JSON

ANSWERS = "answers"
"""Directory of what came so far; it goes when the evaluation is done."""
_ELAPSED = "elapsed"
"""Column of the seconds that the evaluation had taken when a line was written."""


class Underway:
    """The rows of an evaluation, and the answers so far.

    Each answer is a line of a file as soon as it has come, as `predictions.jsonl` will have it. Those that an
    earlier attempt left are taken up; half a line is dropped. What a server did not answer is not kept, so a
    later attempt asks again.
    """

    def __init__(self, run: Run, config: EvalConfig, dataset: Dataset) -> None:
        self.run = run
        self.dataset = Dataset(dataset.schemas, dataset.examples[: config.limit])
        self.directory = run.path / ANSWERS
        """For what is of no use once the evaluation is done."""
        self.directory.mkdir(exist_ok=True)
        self._config = config
        self._file = self.directory / "answers.jsonl"
        self._answered: dict[str, Prediction] = {}
        self._elapsed = 0.0
        self._take_up()
        self._began = time.monotonic() - self._elapsed

    @property
    def answered(self) -> int:
        """Examples that have an answer."""
        return len(self._answered)

    @property
    def rest(self) -> Dataset:
        """The examples without an answer."""
        rest = [each for each in self.dataset.examples if each.id not in self._answered]
        return Dataset(self.dataset.schemas, tuple(rest))

    @property
    def seconds(self) -> float:
        """What it took until now, earlier attempts among it."""
        return time.monotonic() - self._began

    def gather(self, coming: Iterable[Prediction]) -> tuple[Prediction, ...]:
        """Keep answers as they come, with a bar on stderr; return all, in the order of the data set.

        Args:
            coming: An answer to each example of `rest`, in any order.
        """
        done, total = self.answered, len(self.dataset.examples)
        with progress("eval", total, done=done) as advance, self._file.open("a", encoding="utf-8") as file:
            for each in coming:
                if all(one.request is None or one.request.is_answered for one in each.samples):
                    kept = line(each) | {_ELAPSED: self.seconds}
                    file.write(f"{json.dumps(kept, ensure_ascii=False)}\n")
                    file.flush()
                self._answered[each.example.id] = each
                advance("")
        return tuple(self._answered[example.id] for example in self.dataset.examples)

    def finish(self, evaluation: Evaluation, facts: Mapping[str, JSON]) -> dict[str, JSON]:
        """Write what was found out into the directory; return the summary.

        Args:
            evaluation: All of it.
            facts: What the summary says besides.
        """
        evaluation.write(self.run.path)
        config = self._config
        self.run.summary = evaluation.summary | {
            "seconds": round(self.seconds, 2),
            "constrained": config.constrain,
            "form": config.form,
            "temperature": config.temperature,
            "samples": config.samples,
            "model": config.model,
            **facts,
            "data": str(config.data),
        }
        return dict(self.run.summary)

    def _take_up(self) -> None:
        self._file.touch()
        said = self._file.read_bytes()
        whole = said.rfind(b"\n") + 1
        with self._file.open("r+b") as file:
            file.truncate(whole)
        if not whole:
            return
        examples = {each.id: each for each in self.dataset.examples}
        for row in store.rows(self._file):
            example = examples[row.id]
            schema = self.dataset.schemas[example.schema]
            self._answered[row.id] = prediction(row, example, schema, self._config.form)
            elapsed = row.columns[_ELAPSED]
            self._elapsed = elapsed if isinstance(elapsed, float) else 0.0


@contextmanager
def underway(config: EvalConfig) -> Generator[Underway]:
    """Make the directory of an evaluation, or go on with the one that a killed attempt has left.

    With `config.cache` off nothing of an earlier attempt is taken up.

    Raises:
        ConfigError: `out` stands already, or holds what is left of another evaluation.
        DataError: The data are none.
    """
    dataset = store.read(config.data)
    model = Path(config.model)
    inputs = [config.data, model] if model.is_dir() else [config.data]
    if config.cache:
        with artifact.resuming(config.out, config, inputs=inputs, scratch=ANSWERS) as run:
            yield Underway(run, config, dataset)
        return
    with artifact.writing(config.out, config, inputs=inputs) as run:
        work = Underway(run, config, dataset)
        yield work
        shutil.rmtree(work.directory)
