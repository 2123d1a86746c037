from dataclasses import replace
from pathlib import Path

import pytest

from adhere import prompt
from adhere.config import SftConfig
from adhere.decode.sample import Question, Sampling, sample
from adhere.errors import ConfigError, DataError
from adhere.model import Model
from adhere.records import Example
from adhere.schema import Schema
from adhere.train.sft import mean_loss, rendered, train

SCHEMA = Schema.of(
    {"title": "S", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
)
SCHEMAS = {"S": SCHEMA}
EXAMPLES = [Example(id=word, text=word, schema="S", target={"a": word}) for word in ("mug", "pot", "jar")]


def config(**changes: object) -> SftConfig:
    given = {"data": Path("d"), "out": Path("o"), "epochs": 2, "batch_size": 2, "lr": 3e-3, **changes}
    return SftConfig(**given)  # type: ignore[arg-type]


def test_every_epoch_has_all_batches_and_the_last_may_be_short(any_model: Model) -> None:
    steps = list(train(any_model, EXAMPLES, SCHEMAS, config()))
    # Three rows in batches of two: two updates an epoch.
    assert [step.step for step in steps] == [1, 2, 3, 4]


def test_a_model_learns_what_it_is_shown(model: Model) -> None:
    steps = list(train(model, EXAMPLES, SCHEMAS, config(epochs=120, batch_size=3, lr=1e-2)))
    assert steps[0].loss > 4
    assert steps[-1].loss < 0.1
    questions = [Question(e.id, prompt.prompt(e, SCHEMA, model.tokenizer)) for e in EXAMPLES]
    answers = [
        group[0].text for group in sample(model, questions, Sampling(temperature=0.0, max_new_tokens=20))
    ]
    assert answers == ['{"a":"mug"}', '{"a":"pot"}', '{"a":"jar"}']


def test_the_loss_is_the_mean_over_answer_tokens(model: Model) -> None:
    rows = list(rendered(model, EXAMPLES, SCHEMAS, max_tokens=512).values())
    before = mean_loss(model, rows)
    (step, *_) = train(model, EXAMPLES, SCHEMAS, config(batch_size=3, epochs=1))
    assert step.loss == pytest.approx(before, rel=1e-5)
    # Each answer is `{"a":"mug"}` and the end: 12 tokens.
    assert step.tokens == 36


def test_a_row_longer_than_the_limit_is_named(model: Model) -> None:
    message = r"sft.max_tokens = 50: mug has \d+ tokens with .* the limit is 50\..* or raise max_tokens"
    with pytest.raises(ConfigError, match=message):
        list(train(model, EXAMPLES, SCHEMAS, config(max_tokens=50)))


def test_of_a_row_longer_than_the_context_a_larger_limit_is_not_advised(model: Model) -> None:
    long = Example(id="mug", text="mug " * model.context, schema="S", target={"a": "mug"})
    message = (
        rf"and the model takes {model.context}\. Shorten or drop that row, or take a model with a longer"
    )
    with pytest.raises(ConfigError, match=message):
        list(train(model, [long], SCHEMAS, config(max_tokens=model.context)))


def test_a_thinking_answer_is_taught_with_its_reasoning(model: Model) -> None:
    (thought,) = [replace(EXAMPLES[0], reasoning="It says mug.")]
    (row,) = rendered(model, [thought], SCHEMAS, form="think", max_tokens=512).values()
    taught = [token for token, is_answer in zip(row.tokens, row.is_answer, strict=True) if is_answer]
    # The prompt has written `<think>` already.
    said = model.tokenizer.decode(taught)
    assert said == 'It says mug.</think>\n<answer>{"a":"mug"}</answer><|im_end|>'


def test_a_row_without_reasoning_cannot_teach_to_think(model: Model) -> None:
    with pytest.raises(
        DataError, match=r"row mug reasoning = None: .*adhere reason.* or train in the form plain"
    ):
        list(train(model, EXAMPLES, SCHEMAS, config(form="think")))


def test_free_text_is_taught_as_it_stands(model: Model) -> None:
    prose = Schema.of({"type": "string"}, name="prose")
    told = Example(
        id="p", text="Mug.", schema="prose", target='"A" mug', meta={"instruction": "Say it again."}
    )
    (row,) = rendered(model, [told], {"prose": prose}, form="prose", max_tokens=512).values()
    whole = model.tokenizer.decode(list(row.tokens))
    assert "Say it again.\n\nMug." in whole
    assert whole.endswith('assistant\n"A" mug<|im_end|>')


def test_a_row_without_a_target_is_named(model: Model) -> None:
    with pytest.raises(DataError, match="u = None"):
        list(train(model, [Example(id="u", text="x", schema="S")], SCHEMAS, config()))
