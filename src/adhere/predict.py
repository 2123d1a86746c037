"""What a model answers to a data set, judged and measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from adhere import prompt
from adhere.config import Form
from adhere.data.store import Dataset
from adhere.decode.confidence import confidences
from adhere.decode.grammar import Grammar
from adhere.decode.grammars import grammars
from adhere.decode.sample import Question, Sampling, sample
from adhere.measure import metrics
from adhere.measure.calibration import Claim
from adhere.measure.metrics import Row
from adhere.model import Model
from adhere.records import Completion, Example
from adhere.reward.match import findings
from adhere.reward.verdict import Obeys, Verdict, Violates, judge
from adhere.schema import Schema
from adhere.schema.places import pointer_of

LIKELIEST = Sampling(temperature=0.0)
"""One answer per example, of the most probable tokens, so that two runs agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model answered for one example, and what became of it."""

    example: Example
    schema: Schema
    completion: Completion
    answer: str
    """All that was judged: the prefill, then what the model wrote."""
    form: Form
    """Where in it the answer proper stands."""
    verdict: Verdict
    row: Row
    confidence: Mapping[str, float] = field(default_factory=dict[str, float])
    """Of each leaf, by JSON pointer, in [0, 1], as its tokens have it; see `confidences`."""


def predict(
    model: Model,
    dataset: Dataset,
    *,
    constrain: bool = False,
    sampling: Sampling = LIKELIEST,
    form: Form = "plain",
    prefill: str | None = None,
) -> Iterator[Prediction]:
    """Answer every example once; yield the answers as they come, those to short prompts first.

    Args:
        model: Is set to evaluation mode.
        dataset: Its examples are asked about; a target is not needed.
        constrain: Answer under each schema's grammar.
        sampling: How answers are drawn; one per example.
        form: Shape of the answer.
        prefill: Start of every answer; `None` for the form's own.

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
    for (example, _), (completion,) in zip(asked, answers, strict=True):
        answer = started + completion.text
        yield _judged(example, dataset.schemas[example.schema], completion, answer, form, model.tokenizer)


def claims(prediction: Prediction) -> list[Claim]:
    """Return the leaves of an answer with their confidences, where it is known whether they are right."""
    right = right_leaves(prediction)
    sure = prediction.confidence.items()
    return [Claim(confidence, right[pointer]) for pointer, confidence in sure if pointer in right]


def right_leaves(prediction: Prediction) -> Mapping[str, bool]:
    """Say of each leaf of an answer, by JSON pointer, whether it is right; of none without a target."""
    verdict, target = prediction.verdict, prediction.example.target
    if target is None or not isinstance(verdict, Obeys | Violates):
        return {}
    found = findings(verdict.value, target, schema=prediction.schema)
    return {pointer_of(each.path): each.fate == "right" for each in found if each.fate != "missing"}


def _judged(
    example: Example,
    schema: Schema,
    completion: Completion,
    answer: str,
    form: Form,
    tokenizer: prompt.Tokenizer,
) -> Prediction:
    verdict = judge(answer, schema, form=form)
    return Prediction(
        example=example,
        schema=schema,
        completion=completion,
        answer=answer,
        form=form,
        verdict=verdict,
        row=metrics.row(verdict, example, schema, tokens=len(completion.tokens)),
        confidence=confidences(completion, verdict, tokenizer, answer=answer, form=form),
    )
