import pytest

from adhere.data.store import Dataset
from adhere.decode.sample import Sampling
from adhere.errors import ConfigError, ModelError, SchemaError
from adhere.measure.prediction import Prediction
from adhere.model import Model
from adhere.predict import predict
from adhere.records import Example
from adhere.reward.verdict import Obeys
from adhere.schema import Schema

BRIEF = Sampling(temperature=0.0, max_new_tokens=100)
LONG_FIRST = ("a pot, and then nothing else for a while", "mug")


def dataset(schema: Schema, *texts: str) -> Dataset:
    rows = [Example(id=f"row {place}", text=text, schema="order") for place, text in enumerate(texts)]
    return Dataset({"order": schema}, tuple(rows))


def by_id(predictions: list[Prediction]) -> dict[str, str]:
    return {prediction.example.id: prediction.answer for prediction in predictions}


def test_every_example_is_answered_once_those_with_short_prompts_first(model: Model, order: Schema) -> None:
    predictions = list(predict(model, dataset(order, *LONG_FIRST), sampling=BRIEF))
    assert [prediction.example.id for prediction in predictions] == ["row 1", "row 0"]
    assert [prediction.row.example_id for prediction in predictions] == ["row 1", "row 0"]


def test_what_is_measured_is_what_was_written(model: Model, order: Schema) -> None:
    (prediction,) = predict(model, dataset(order, "mug"), sampling=BRIEF)
    assert 0 < prediction.row.tokens <= 100
    assert prediction.row.example_id == "row 0"
    assert prediction.schema == order


def test_by_default_two_runs_agree(model: Model, order: Schema) -> None:
    rows = dataset(order, "mug")
    (first,), (second,) = predict(model, rows), predict(model, rows)
    assert (first.answer, first.confidence) == (second.answer, second.confidence)


def test_a_model_left_in_training_answers_without_dropout(model: Model, order: Schema) -> None:
    model.network.train()
    list(predict(model, dataset(order, "mug"), sampling=BRIEF))
    assert not model.network.training


def test_under_the_grammar_even_random_weights_obey(model: Model, order: Schema) -> None:
    rows = dataset(order, *LONG_FIRST)
    free = list(predict(model, rows, sampling=BRIEF))
    constrained = list(predict(model, rows, sampling=BRIEF, constrain=True))
    assert not any(isinstance(prediction.verdict, Obeys) for prediction in free)
    assert all(isinstance(prediction.verdict, Obeys) for prediction in constrained)


def test_every_example_has_the_grammar_of_its_own_schema(model: Model, order: Schema) -> None:
    answer = Schema.of({"title": "answer", "enum": ["yes"]})
    rows = (
        Example(id="order", text="mug", schema="order"),
        Example(id="answer", text="mug", schema="answer"),
    )
    both = Dataset({"order": order, "answer": answer}, rows)
    answers = by_id(list(predict(model, both, sampling=BRIEF, constrain=True)))
    assert answers["answer"] == '"yes"'
    assert answers["order"].startswith('{"item":"')


def test_the_prefill_is_part_of_the_answer(model: Model, order: Schema) -> None:
    (prediction,) = predict(model, dataset(order, "mug"), sampling=BRIEF, prefill='{"item":"m')
    assert prediction.answer.startswith('{"item":"m')
    assert len(prediction.answer) > len('{"item":"m')


def test_the_grammar_goes_on_from_the_prefill(model: Model, order: Schema) -> None:
    (prediction,) = predict(
        model, dataset(order, "mug"), sampling=BRIEF, prefill='{"item":"m', constrain=True
    )
    assert isinstance(prediction.verdict, Obeys)
    assert prediction.answer.startswith('{"item":"m')


def test_a_thinking_answer_starts_with_its_tag(model: Model, order: Schema) -> None:
    (prediction,) = predict(model, dataset(order, "mug"), sampling=BRIEF, form="think")
    assert prediction.answer.startswith("<think>")


def test_a_prefill_that_the_grammar_does_not_allow_is_refused(model: Model, order: Schema) -> None:
    with pytest.raises(
        ConfigError, match=r"eval.prefill = 'Sure: ': no answer begins with its tokens under the grammar"
    ):
        list(predict(model, dataset(order, "mug"), prefill="Sure: ", constrain=True))


def test_free_text_under_a_grammar_is_refused(model: Model, order: Schema) -> None:
    with pytest.raises(ConfigError, match=r"eval.form = 'prose': its answers are free text"):
        list(predict(model, dataset(order, "mug"), form="prose", constrain=True))


def test_a_prompt_that_leaves_no_room_is_an_error(model: Model, order: Schema) -> None:
    with pytest.raises(ModelError, match="row 0 = "):
        list(predict(model, dataset(order, "mug " * 200)))


def test_only_schemas_that_an_example_names_must_be_guaranteed(model: Model, order: Schema) -> None:
    unsupported = Schema.of({"title": "odd", "not": {"type": "string"}})
    unused = Dataset({"order": order, "odd": unsupported}, dataset(order, "mug").examples)
    assert len(list(predict(model, unused, sampling=BRIEF, constrain=True))) == 1
    used = Dataset({"odd": unsupported}, (Example(id="row", text="mug", schema="odd"),))
    with pytest.raises(SchemaError, match="odd = "):
        list(predict(model, used, constrain=True))
