"""A reward as TRL calls it gives what `score` gives."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adhere.config import Form, Preset, Scoring
from adhere.errors import ConfigError, DataError, RewardError, SchemaError
from adhere.records import JSON, Example
from adhere.reward.score import score
from adhere.reward.trl import reward
from adhere.schema import Schema

SOURCE: dict[str, JSON] = {
    "title": "Sale",
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["item", "count"],
}
SCHEMA = Schema.of(SOURCE)
TEXT = "Sold: two mugs, and a pot."
TARGET: JSON = {"item": "mugs", "count": 2}
COMPLETIONS = ['{"item": "mugs", "count": 2}', '{"item": "mugs", "count": 3}', '{"item": "pot"}', "{", "two"]
N = len(COMPLETIONS)
PROMPTS = ["Fill in."] * N
COLUMNS: dict[str, list[JSON]] = {"schema": [SOURCE] * N, "target": [TARGET] * N, "text": [TEXT] * N}


def expected(preset: Preset, *, form: Form = "plain", scoring: Scoring | None = None) -> list[float]:
    example = Example(id="e", text=TEXT, schema="Sale", target=TARGET)
    return [
        score(each, example, SCHEMA, preset=preset, form=form, scoring=scoring or Scoring()).total
        for each in COMPLETIONS
    ]


@pytest.mark.parametrize("preset", ["schema", "fields", "grounded"])
def test_rewards_are_those_of_score(preset: Preset) -> None:
    rewards = reward(preset)(prompts=PROMPTS, completions=COMPLETIONS, completion_ids=[[1]] * N, **COLUMNS)
    assert rewards == expected(preset)
    assert len(set(rewards)) > 2


def test_what_is_paid_for_is_a_setting() -> None:
    scoring = Scoring(parses=0.5, obeys=0.5, matches=0.0)
    assert reward(scoring=scoring)(PROMPTS, COMPLETIONS, **COLUMNS) == expected("fields", scoring=scoring)


def test_a_thought_may_come_first() -> None:
    thought = [f"<think>so</think><answer>{each}</answer>" for each in COMPLETIONS]
    assert reward(form="think")(PROMPTS, thought, **COLUMNS) == expected("fields")


def conversation(text: str) -> list[dict[str, str]]:
    return [{"role": "tool", "content": "{}"}, {"role": "assistant", "content": text}]


def test_of_a_conversation_the_last_message_counts() -> None:
    prompts = [[{"role": "user", "content": "Fill in."}]] * N
    completions = [conversation(each) for each in COMPLETIONS]
    assert reward()(prompts=prompts, completions=completions, **COLUMNS) == expected("fields")


def test_a_message_that_only_calls_a_tool_says_nothing() -> None:
    called = [[{"role": "assistant", "content": None, "tool_calls": []}]]
    columns = {name: column[:1] for name, column in COLUMNS.items()}
    assert reward("schema")(PROMPTS[:1], called, **columns) == [0.0]


@pytest.mark.parametrize(
    "completion",
    [None, [], [{"role": "assistant"}], ["text"], 3],
    ids=["None", "[]", "no content", "a list", "3"],
)
def test_a_completion_that_is_neither_is_named(completion: object) -> None:
    with pytest.raises(DataError, match=r"completion = .*neither a text nor messages"):
        reward("schema", schema=SCHEMA)(["p"], [completion])


OTHER = {"title": "Other", "type": "array"}


@pytest.mark.parametrize(
    "spelled", [pytest.param(lambda given: given, id="objects"), pytest.param(json.dumps, id="JSON text")]
)
def test_every_row_may_have_its_own_schema_and_target(spelled: Callable[[object], object]) -> None:
    rewards = reward()(
        prompts=["p"] * 3,
        completions=['{"item": "mugs", "count": 2}', "[1]", "[1]"],
        schema=[spelled(SOURCE), spelled(OTHER), spelled(SOURCE)],
        target=[spelled(TARGET), spelled([1]), spelled(TARGET)],
    )
    # The last is a list where an object should be: 0.1 for JSON, and no share of the schema's leaves.
    assert rewards == [1.0, 1.0, pytest.approx(0.1)]


@pytest.mark.parametrize(
    "schema", [SCHEMA, SOURCE, json.dumps(SOURCE)], ids=["Schema", "object", "JSON text"]
)
def test_one_schema_may_be_that_of_all_rows(schema: Schema | dict[str, JSON] | str) -> None:
    rewards = reward(schema=schema)(PROMPTS, COMPLETIONS, target=COLUMNS["target"], schema=[None] * N)
    assert rewards == expected("fields")


def test_columns_may_have_other_names() -> None:
    named = reward("grounded", schema_column="form", target_column="gold", text_column="document")
    columns = {"form": COLUMNS["schema"], "gold": COLUMNS["target"], "document": COLUMNS["text"]}
    assert named(PROMPTS, COMPLETIONS, **columns) == expected("grounded")


@pytest.mark.parametrize(
    ("preset", "missing", "setting"),
    [
        ("fields", "target", "target_column"),
        ("fields", "schema", "schema_column"),
        ("schema", "schema", "schema_column"),
        ("grounded", "text", "text_column"),
    ],
)
def test_a_column_that_is_missing_is_named_with_those_there_are(
    preset: str, missing: str, setting: str
) -> None:
    columns = {name: column for name, column in COLUMNS.items() if name != missing}
    with pytest.raises(DataError) as caught:
        reward(preset)(PROMPTS, COMPLETIONS, **columns, trainer_state=object())
    assert str(caught.value) == (
        f"column {missing} = {sorted([*columns, 'trainer_state'])}: the reward {preset} needs it, and "
        f"the data set has these. Add it, or name the one that holds this with {setting}=."
    )


@pytest.mark.parametrize(
    ("column", "value", "error", "said"),
    [
        pytest.param(
            "schema", 3, DataError, "schema of row 0 = 3: it is neither an object nor", id="no schema"
        ),
        pytest.param("schema", "{", SchemaError, "not a JSON text", id="a schema that is not JSON"),
        pytest.param("schema", {"type": "objekt"}, SchemaError, "objekt", id="a schema that is none"),
        pytest.param(
            "target", "mugs", DataError, "target of row 0 = 'mugs': it is not JSON", id="a bare text"
        ),
        pytest.param(
            "target",
            {"item": "mugs"},
            DataError,
            "required at the root",
            id="a target that breaks its schema",
        ),
        pytest.param("target", None, DataError, "compares with a target", id="no target"),
        pytest.param("text", None, DataError, "text of row 0 = None: it is not a text", id="no text"),
    ],
)
def test_a_column_that_does_not_hold_what_it_should_is_named(
    column: str, value: JSON, error: type[Exception], said: str
) -> None:
    columns = {name: values[:1] for name, values in COLUMNS.items()}
    with pytest.raises(error, match=said):
        reward()(PROMPTS[:1], COMPLETIONS[:1], **{**columns, column: [value]})


def test_a_name_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="perhaps you meant fields"):
        reward("feilds")


def test_each_reward_has_a_name_for_trl_s_logs(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def short(completion, row): return 1")
    assert reward().__name__ == "adhere_fields"
    assert reward(f"{tmp_path}/own.py:short").__name__ == "adhere_short"


def test_parts_and_outcomes_go_to_trl_s_logs() -> None:
    metrics: dict[str, float] = {}
    extras: dict[str, list[str]] = {}
    reward()(PROMPTS, COMPLETIONS, **COLUMNS, log_metric=metrics.__setitem__, log_extra=extras.__setitem__)
    # Three of five parse, two obey in full and one for half its leaves; F1 1 and 1/2.
    assert metrics == {
        "adhere_fields/parses": pytest.approx(3 / 5),
        "adhere_fields/obeys": pytest.approx((1 + 1 + 1 / 2) / 5),
        "adhere_fields/matches": pytest.approx((1 + 1 / 2) / 5),
    }
    assert extras == {"adhere_fields/outcome": ["obeys", "obeys", "violates", "malformed", "no_output"]}


def test_a_user_s_function_sees_the_columns_of_its_row(tmp_path: Path) -> None:
    row = {"vendor": "Acme", "id": "7", "text": TEXT, "schema": SOURCE, "target": TARGET, "reasoning": "so"}
    (tmp_path / "own.py").write_text(
        f"def f(completion, row):\n    assert row == {row!r}, row\n    return 0.5\n"
    )
    columns = {name: column[:1] for name, column in COLUMNS.items()}
    called = reward(f"{tmp_path}/own.py:f")
    given = {"vendor": ["Acme"], "id": [7], "reasoning": ["so"], "environments": [object()]}
    assert called(PROMPTS[:1], COMPLETIONS[:1], **columns, **given, trainer_state=object()) == [0.5]
    with pytest.raises(RewardError, match="row 0 = AssertionError"):
        called(PROMPTS[:1], COMPLETIONS[:1], **columns)


def test_the_adapter_needs_neither_trl_nor_torch() -> None:
    program = "import sys, adhere.reward.trl; print({'trl', 'torch', 'datasets'} & set(sys.modules))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert finished.stdout == "set()\n"


TWO_STEPS = """
import json, sys
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer
from adhere.reward.trl import reward
from conftest import tiny_model

torch.set_num_threads(1)
model = tiny_model()
# Digits and the end, whatever came before: some completions are whole numbers, which obey, and some are none.
digits = model.tokenizer.encode("0123456789-", add_special_tokens=False)
with torch.no_grad():
    for weight in model.network.parameters():
        weight.mul_(0.0)
    model.network.model.norm.weight.fill_(1.0)
    model.network.model.embed_tokens.weight[:, 0] = 1.0
    model.network.model.embed_tokens.weight[[*digits, 2], 0] = 3.0

seen = []
fields = reward("fields")

def adhere_fields(**given):
    rewards = fields(**given)
    seen.extend(zip(given["completions"], given["target"], rewards))
    return rewards

directory, conversational = sys.argv[1], sys.argv[2] == "conversations"
prompt = [{"role": "user", "content": "A number."}] if conversational else "A number."
data = Dataset.from_list([
    {"prompt": prompt, "schema": json.dumps({"type": "integer"}), "target": json.dumps(n)} for n in (3, 7)
])
settings = GRPOConfig(
    output_dir=directory, max_steps=2, per_device_train_batch_size=8, num_generations=4,
    max_completion_length=2, logging_steps=1, report_to="none", use_cpu=True, save_strategy="no", seed=1,
)
trainer = GRPOTrainer(
    model=model.network, reward_funcs=[adhere_fields], args=settings, train_dataset=data,
    processing_class=model.tokenizer,
)
trainer.train()
print(json.dumps({"seen": seen, "logs": [log for log in trainer.state.log_history if "reward" in log]}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["texts", "conversations"])
def test_two_steps_of_trl_see_the_rewards_of_score(kind: str, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", TWO_STEPS, str(tmp_path / "out"), kind],
        capture_output=True,
        check=False,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HOME": str(tmp_path / "hf"),
        },
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout.splitlines()[-1])
    schema = Schema.of({"type": "integer"})
    scored = [
        score(
            text if isinstance(text, str) else text[-1]["content"],
            Example(id="e", text="", schema="schema", target=json.loads(target)),
            schema,
        ).total
        for text, target, _ in told["seen"]
    ]
    # Two steps of two prompts with four completions each.
    assert [each for _, _, each in told["seen"]] == scored
    assert len(scored) == 16
    assert len(set(scored)) > 1
    means = [sum(scored[:8]) / 8, sum(scored[8:]) / 8]
    assert [log["rewards/adhere_fields/mean"] for log in told["logs"]] == pytest.approx(means)
    assert all(
        {"adhere_fields/parses", "adhere_fields/obeys", "adhere_fields/matches"} <= set(log)
        for log in told["logs"]
    )
