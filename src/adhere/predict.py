"""What a model answers to a data set, judged and measured."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from adhere import prompt
from adhere.config import Form
from adhere.data.store import Dataset
from adhere.decode.confidence import confidences
from adhere.decode.grammar import Grammar
from adhere.decode.grammars import grammars
from adhere.decode.sample import Question, Sampling, sample
from adhere.measure.prediction import Prediction, judged
from adhere.model import Model

LIKELIEST = Sampling(temperature=0.0)
"""One answer per example, of the most probable tokens, so that two runs agree."""


def predict(
    model: Model,
    dataset: Dataset,
    *,
    constrain: bool = False,
    sampling: Sampling = LIKELIEST,
    form: Form = "plain",
    prefill: str | None = None,
    thoughts: bool = False,
) -> Iterator[Prediction]:
    """Answer every example; yield the answers as they come, those to short prompts first.

    Args:
        model: Is set to evaluation mode.
        dataset: Its examples are asked about; a target is not needed.
        constrain: Answer under each schema's grammar.
        sampling: How answers are drawn; of several per example, the first has the others.
        form: Shape of the answer.
        prefill: Start of every answer; `None` for the form's own.
        thoughts: Whether an answer may begin with a thought that was not asked for; see `judged`.

    Raises:
        ConfigError: What is written before the grammar begins can be no start of an answer under it.
        SchemaError: The grammar cannot guarantee a schema.
        ModelError: A prompt leaves no room in the model's context.
    """
    started = prompt.beginning(form, prefill)
    compiled: Mapping[str, Grammar] = {}
    if constrain:
        compiled = grammars(model, dataset.examples, dataset.schemas, form=form, started=started, verb="eval")
    asked = [
        (
            example,
            Question(
                example.id,
                prompt.prompt(
                    example, dataset.schemas[example.schema], model.tokenizer, form=form, prefill=started
                ),
                compiled.get(example.schema),
            ),
        )
        for example in dataset.examples
    ]
    # The sampler works from short prompts to long ones, and holds back answers that are not next in line.
    asked.sort(key=lambda pair: len(pair[1].tokens))
    model.network.eval()
    answers = sample(model, [question for _, question in asked], sampling)
    for (example, _), completions in zip(asked, answers, strict=True):
        first, *others = [
            judged(
                started + each.text,
                example,
                dataset.schemas[example.schema],
                form=form,
                tokens=len(each.tokens),
                finished=each.finished,
                thoughts=thoughts,
            )
            for each in completions
        ]
        sure = confidences(completions[0], first.verdict, model.tokenizer, answer=first.answer, form=form)
        yield replace(first, confidence=sure, others=tuple(others))
