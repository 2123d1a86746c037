import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from adhere import prompt
from adhere.config import Lora, SftConfig
from adhere.decode.sample import Question, Sampling, sample
from adhere.errors import ConfigError, DataError
from adhere.model import Model, add_lora
from adhere.prompt import Rendered
from adhere.records import Example
from adhere.schema import Schema
from adhere.train.beginnings import of_rows
from adhere.train.curriculum import EVERYTHING, Curriculum, Stage
from adhere.train.sft import accumulate, begun, mean_loss, rendered, train

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
    message = r"sft.max_tokens = 50: mug has \d+ .* limit is 50 \(rows too long: 3 of 3\)\..* or raise max_t"
    with pytest.raises(ConfigError, match=message):
        list(train(model, EXAMPLES, SCHEMAS, config(max_tokens=50)))


def test_of_a_row_longer_than_the_context_a_larger_limit_is_not_advised(model: Model) -> None:
    long = Example(id="mug", text="mug " * model.context, schema="S", target={"a": "mug"})
    message = (
        rf"and the model takes {model.context} \(rows too long: 1 of 1\)\. .* take a model with a longer"
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
    with pytest.raises(DataError, match="row u target = None"):
        list(train(model, [Example(id="u", text="x", schema="S")], SCHEMAS, config()))


REASONED = [
    replace(example, reasoning="It says " + "so, and " * place + example.text)
    for place, example in enumerate(EXAMPLES)
]


def one_by_one(model: Model, rows: Sequence[Rendered]) -> torch.Tensor:
    """The mean loss over answer tokens, each row in a forward pass of its own."""
    losses: list[torch.Tensor] = []
    for row in rows:
        logprob_TV = model.network(torch.tensor([row.tokens])).logits[0].float().log_softmax(-1)
        losses += [
            -logprob_TV[place - 1, row.tokens[place]]
            for place, is_answer in enumerate(row.is_answer)
            if is_answer
        ]
    return torch.stack(losses).mean()


def gradients(model: Model) -> dict[str, torch.Tensor]:
    found = {
        name: weight.grad for name, weight in model.network.named_parameters() if weight.grad is not None
    }
    model.network.zero_grad()
    return found


@pytest.mark.parametrize("learn_reasoning", [True, False], ids=["reasoning", "answer alone"])
@pytest.mark.parametrize("rank", [0, 4], ids=["full", "lora"])
def test_rows_packed_are_rows_one_by_one(any_model: Model, rank: int, *, learn_reasoning: bool) -> None:
    add_lora(any_model, Lora(rank=rank), seed=0)
    for name, weight in any_model.network.named_parameters():
        if "lora_B" in name:  # zero in new adapters, which would leave the other factor without a gradient
            torch.nn.init.normal_(weight.data, std=0.1, generator=torch.Generator().manual_seed(0))
    rows = list(
        rendered(
            any_model, REASONED, SCHEMAS, form="think", max_tokens=512, learn_reasoning=learn_reasoning
        ).values()
    )
    loss, tokens = accumulate(any_model, rows, seed="0")
    packed = gradients(any_model)
    alone = one_by_one(any_model, rows)
    alone.backward()
    expected = gradients(any_model)
    assert tokens == sum(sum(row.is_answer) for row in rows)
    assert loss == pytest.approx(float(alone.detach()), rel=1e-5)
    assert packed.keys() == expected.keys()
    for name, gradient in packed.items():
        assert torch.allclose(gradient, expected[name], atol=1e-5), name


def test_rows_that_begin_alike_teach_the_same_in_any_order(model: Model) -> None:
    rows = list(rendered(model, EXAMPLES, SCHEMAS, max_tokens=512).values())
    made: list[tuple[float, dict[str, torch.Tensor]]] = []
    for batch in (rows, rows[::-1]):
        (group,) = of_rows(batch)
        # The message of the system, the blank form, and no letter of a text.
        assert len(group.prompt) > 20 > max(len(answer.tokens) for answer in group.answers) / 2
        loss, _ = accumulate(model, batch, seed="0")
        made.append((loss, gradients(model)))
    assert made[0][0] == made[1][0]
    for name, gradient in made[0][1].items():
        assert torch.equal(gradient, made[1][1][name]), name


def test_in_bfloat16_a_batch_teaches_about_the_same(any_model: Model) -> None:
    rows = list(rendered(any_model, EXAMPLES, SCHEMAS, max_tokens=512).values())
    loss, _ = accumulate(any_model, rows, seed="0")
    exact = gradients(any_model)
    rough, _ = accumulate(replace(any_model, mixed=True), rows, seed="0")
    # A number in bfloat16 has 8 bits, so that a product is off by some thousandths.
    assert rough == pytest.approx(loss, rel=0.01)
    whole = torch.cat([gradient.flatten() for gradient in exact.values()]).norm()
    error = torch.cat([(gradient - exact[name]).flatten() for name, gradient in gradients(any_model).items()])
    assert error.norm() < 0.05 * whole


def test_without_its_reasoning_a_row_teaches_the_answer_alone(model: Model) -> None:
    (row, *_) = rendered(
        model, REASONED, SCHEMAS, form="think", max_tokens=512, learn_reasoning=False
    ).values()
    taught = [token for token, is_answer in zip(row.tokens, row.is_answer, strict=True) if is_answer]
    assert model.tokenizer.decode(taught) == '<answer>{"a":"mug"}</answer><|im_end|>'
    first, *_ = train(model, REASONED, SCHEMAS, config(form="think", batch_size=1, learn_reasoning=False))
    # Each word has three letters: 8 + 11 + 9 letters and the end.
    assert first.tokens == 29


DROPPING = Lora(rank=4, dropout=0.3)
STAGES = Curriculum((Stage(name="few", most=2), Stage(name="all")))


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.network.named_parameters()}


@pytest.mark.parametrize(
    ("lora", "curriculum"),
    [
        pytest.param(Lora(), EVERYTHING, id="all weights"),
        pytest.param(DROPPING, EVERYTHING, id="adapters with dropout"),
        pytest.param(Lora(), STAGES, id="stages"),
    ],
)
@pytest.mark.parametrize("stopped", [1, 3])
def test_a_run_that_goes_on_is_the_run_that_never_stopped(
    model: Model, lora: Lora, curriculum: Curriculum, stopped: int
) -> None:
    settings = config(epochs=3, lora=lora)
    add_lora(model, lora, seed=0)
    again = copy.deepcopy(model)
    whole = list(train(model, EXAMPLES, SCHEMAS, settings, curriculum=curriculum))

    first = begun(again, settings)
    steps = train(again, EXAMPLES, SCHEMAS, settings, curriculum=curriculum, state=first)
    made = list(islice(steps, stopped))
    # What a checkpoint holds: weights, optimizer, step and place.
    kept = copy.deepcopy((weights(again), first.optimizer.state_dict(), first.as_json()))
    list(steps)

    with torch.no_grad():
        for name, weight in again.network.named_parameters():
            weight.copy_(kept[0][name])
    torch.manual_seed(12345)
    second = begun(again, settings)
    second.optimizer.load_state_dict(kept[1])
    second.restore(kept[2])
    made += train(again, EXAMPLES, SCHEMAS, settings, curriculum=curriculum, state=second)
    assert made == whole
    for name, weight in weights(model).items():
        assert torch.equal(weights(again)[name], weight), name


def test_dropout_is_drawn_from_the_seed_and_the_step_alone(model: Model) -> None:
    add_lora(model, DROPPING, seed=0)
    models = [copy.deepcopy(model) for _ in range(3)]
    losses: list[list[float]] = []
    for disturbance, (each, seed) in enumerate(zip(models, (0, 0, 1), strict=True)):
        torch.manual_seed(disturbance)
        before = torch.get_rng_state()
        settings = config(batch_size=3, seed=seed, lora=DROPPING)
        losses.append([step.grad_norm for step in train(each, EXAMPLES, SCHEMAS, settings)])
        assert torch.equal(torch.get_rng_state(), before)
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_with_adapters_the_model_s_own_weights_stay_as_they_are(any_model: Model) -> None:
    lora = Lora(rank=4)
    add_lora(any_model, lora, seed=0)
    before = weights(any_model)
    steps = list(train(any_model, EXAMPLES, SCHEMAS, config(epochs=20, lr=2e-2, lora=lora)))
    assert steps[-1].loss < steps[0].loss
    for name, weight in weights(any_model).items():
        assert torch.equal(weight, before[name]) == ("lora_" not in name), name


def test_whoever_looks_at_a_step_finds_the_model_as_it_answers(model: Model) -> None:
    add_lora(model, DROPPING, seed=0)
    for _ in train(model, EXAMPLES, SCHEMAS, config(lora=DROPPING)):
        assert not any(module.training for module in model.network.modules())
