"""`adhere extract`: one text in, one JSON value out."""

from adhere import prompt
from adhere.config import ExtractConfig
from adhere.decode.confidence import confidences
from adhere.decode.grammar import Grammar
from adhere.decode.sample import Question, Sampling, sample
from adhere.decode.vocabulary import Vocabulary
from adhere.errors import DataError
from adhere.measure.calibration import spelled
from adhere.model import load, load_calibration
from adhere.records import JSON, Example
from adhere.reward.verdict import Obeys, Violates, judge, outcome
from adhere.schema import Schema


def extract(config: ExtractConfig) -> dict[str, JSON]:
    """Answer a text; return the value with what became of it, and how sure the model is of each leaf.

    The answer is validated again after it was decoded, constrained or not.

    Raises:
        DataError: The text is empty, or the model's calibration is damaged.
    """
    if not config.text.strip():
        raise DataError.at("extract.text", config.text, "there is nothing to extract from", fix="Give a text")
    schema = Schema.load(config.schema)
    model, calibration = load(config.model), load_calibration(config.model)
    example = Example(id="text", text=config.text, schema=schema.name)
    question = Question(
        example.id,
        prompt.prompt(example, schema, model.tokenizer),
        Grammar(schema, Vocabulary(model)) if config.constrain else None,
    )
    settings = Sampling(temperature=0.0, max_new_tokens=config.max_new_tokens)
    ((completion,),) = sample(model, [question], settings)
    verdict = judge(completion.text, schema)
    sure = confidences(completion, verdict, model.tokenizer, answer=completion.text)
    return {
        "value": verdict.value if isinstance(verdict, Obeys | Violates) else None,
        "outcome": outcome(verdict),
        "confidence": {pointer: spelled(raw, calibration) for pointer, raw in sure.items()},
        "completion": completion.text,
        "tokens": len(completion.tokens),
        "finished": completion.finished,
    }
