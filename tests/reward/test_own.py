"""A user's reward is called as its form asks, and what is not a number for each completion stops the run."""

import sys
from pathlib import Path

import pytest

from adhere.errors import RewardError
from adhere.records import JSON
from adhere.reward.function import Function
from adhere.reward.own import Own, Written


@pytest.fixture(autouse=True)
def unchanged_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after each test what was made importable in it."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def own(directory: Path, source: str, name: str = "f") -> Own:
    path = directory / "own.py"
    path.write_text(source)
    return Own(Function.load(f"{path}:{name}"))


def row(identity: str, **columns: JSON) -> dict[str, JSON]:
    return {"id": identity, "text": f"text of {identity}", "schema": {}, "target": None, **columns}


THREE = [Written("a", row("r1")), Written("bb", row("r2")), Written("", row("r3"))]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(completion, row): return len(completion)", id="one completion"),
        pytest.param("async def f(completion, row): return len(completion)", id="one completion, async"),
        pytest.param(
            "def f(prompts, completions, **columns): return [len(c) for c in completions]", id="batch"
        ),
        pytest.param("async def f(completions): return [len(c) for c in completions]", id="batch, async"),
        pytest.param("def f(completions): return map(len, completions)", id="whatever can be gone through"),
        pytest.param("def f(completions): return (len(c) for c in completions)", id="a generator"),
        pytest.param(
            "import numpy\ndef f(completions): return numpy.array([len(c) for c in completions], 'f')",
            id="an array",
        ),
    ],
)
def test_every_form_earns_the_same(source: str, tmp_path: Path) -> None:
    rewards = own(tmp_path, source).rewards(THREE)
    assert rewards == [1.0, 2.0, 0.0]
    assert {type(reward) for reward in rewards} == {float}


@pytest.mark.parametrize("source", ["def f(completion, row): ...", "def f(completions): ..."])
def test_nothing_is_asked_about_no_completions(source: str, tmp_path: Path) -> None:
    assert own(tmp_path, source).rewards([]) == []


def test_a_call_that_is_async_does_not_wait_for_another(tmp_path: Path) -> None:
    # Each waits until all three have begun: one after the other, none would end.
    source = (
        "import asyncio\nbegun = []\n"
        "async def f(completion, row):\n    begun.append(1)\n"
        "    while len(begun) < 3:\n        await asyncio.sleep(0)\n    return 1\n"
    )
    assert own(tmp_path, source).rewards(THREE) == [1.0] * 3


def test_calls_that_are_async_share_one_loop(tmp_path: Path) -> None:
    source = (
        "import asyncio\nloops = set()\n"
        "async def f(completion, row):\n    loops.add(asyncio.get_running_loop())\n    return len(loops)\n"
    )
    reward = own(tmp_path, source)
    assert reward.rewards(THREE) + reward.rewards(THREE) == [1.0] * 6


@pytest.mark.parametrize(
    "source",
    ["def f(completion, row): return {}", "def f(completions): return [{}]"],
    ids=["one completion", "batch"],
)
@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        pytest.param("True", 1.0, id="a claim counts 1 or 0"),
        pytest.param("-3", -3.0, id="below 0"),
        pytest.param("1e300", 1e300, id="far above 1"),
        pytest.param("__import__('fractions').Fraction(1, 4)", 0.25, id="a fraction"),
        pytest.param("__import__('numpy').float32(0.5)", 0.5, id="a number of numpy's"),
    ],
)
def test_any_finite_number_is_a_reward(source: str, returned: str, expected: float, tmp_path: Path) -> None:
    assert own(tmp_path, source.replace("{}", returned)).rewards(THREE[:1]) == [expected]


def test_a_row_has_what_the_data_has_and_is_the_function_s_to_change(tmp_path: Path) -> None:
    given = row("r1", schema={"type": "object"}, vendor="Acme")
    source = (
        "def f(completion, row):\n"
        f"    assert row == {given!r}, row\n"
        "    row['schema'].clear()\n"
        "    del row['text']\n"
        "    return 1\n"
    )
    assert own(tmp_path, source).rewards([Written("", given), Written("", given)]) == [1.0, 1.0]
    assert given == row("r1", schema={"type": "object"}, vendor="Acme")


def test_a_batch_has_columns_as_lists_with_none_where_a_row_lacks_one(tmp_path: Path) -> None:
    source = (
        "def f(prompts, completions, **columns):\n"
        "    assert prompts == ['text of r1', 'text of r2'], prompts\n"
        "    assert completions == ['a', 'b'], completions\n"
        "    assert columns == {'id': ['r1', 'r2'], 'text': prompts, 'schema': [{}, {}],\n"
        "                       'target': [None, None], 'vendor': ['Acme', None]}, columns\n"
        "    return [1, 2]\n"
    )
    batch = [Written("a", row("r1", vendor="Acme")), Written("b", row("r2"))]
    assert own(tmp_path, source).rewards(batch) == [1.0, 2.0]


def test_a_batch_gets_only_the_columns_that_it_names(tmp_path: Path) -> None:
    reward = own(tmp_path, "def f(completions, id, log_metric=None): return [len(each) for each in id]")
    assert reward.rewards(THREE) == [2.0] * 3


def failure(reward: Own, written: list[Written]) -> RewardError:
    with pytest.raises(RewardError) as caught:
        reward.rewards(written)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_column_that_no_row_has_is_named(tmp_path: Path) -> None:
    reward = own(tmp_path, "def f(prompts, completions, answers): return [0.0] * 3")
    assert str(failure(reward, THREE)) == (
        f"{tmp_path}/own.py:f, rows r1 to r3 = 'answers': the function asks for this column, and there are "
        "completions, id, prompts, schema, target, text. Rename the parameter, or give it a default."
    )


NOT_NUMBERS = [
    pytest.param("None", "None: a run has one reward, so a completion without a number", id="None"),
    pytest.param("float('nan')", "nan: a reward is a finite number", id="NaN"),
    pytest.param("float('-inf')", "-inf: a reward is a finite number", id="infinity"),
    pytest.param("10 ** 400", "a reward is a finite number", id="past the largest double"),
    pytest.param("'1.0'", "'1.0': a reward is a number", id="a text"),
    pytest.param("1j", "1j: a reward is a number", id="a complex number"),
    pytest.param("{'reward': 1}", "{'reward': 1}: a reward is a number", id="an object"),
]


@pytest.mark.parametrize(("returned", "said"), [*NOT_NUMBERS, pytest.param("[1.0]", "[1.0]: a", id="a list")])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_is_not_a_finite_number_stops_the_run(
    kind: str, returned: str, said: str, tmp_path: Path
) -> None:
    source = f"{kind} f(completion, row): return 1 if row['id'] == 'r1' else {returned}"
    error = str(failure(own(tmp_path, source), THREE))
    assert error.startswith(f"{tmp_path}/own.py:f, row r2 = ")
    assert said in error


@pytest.mark.parametrize(("returned", "said"), NOT_NUMBERS)
def test_what_is_not_a_finite_number_in_a_batch_stops_the_run(
    returned: str, said: str, tmp_path: Path
) -> None:
    error = str(failure(own(tmp_path, f"def f(completions): return [1, {returned}, 1]"), THREE))
    assert error.startswith(f"{tmp_path}/own.py:f, row r2 = ")
    assert said in error


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        pytest.param("None", "None: the function takes a batch, whose rewards are a list.", id="nothing"),
        pytest.param("1.0", "1.0: the function takes a batch, whose rewards are a list.", id="one number"),
        pytest.param("'111'", "'111': the function takes a batch, whose rewards are a list.", id="a text"),
        pytest.param("{'r1': 1}", "{'r1': 1}: the function takes a batch", id="an object"),
        pytest.param("[]", "[]: these are 0 rewards for 3 completions.", id="none"),
        pytest.param("[1, 2]", "[1, 2]: these are 2 rewards for 3 completions.", id="too few"),
        pytest.param("[1] * 4", "[1, 1, 1, 1]: these are 4 rewards for 3 completions.", id="too many"),
    ],
)
def test_a_batch_without_one_reward_for_each_stops_the_run(returned: str, said: str, tmp_path: Path) -> None:
    error = str(failure(own(tmp_path, f"def f(completions): return {returned}"), THREE))
    assert error.startswith(f"{tmp_path}/own.py:f, rows r1 to r3 = ")
    assert said in error


RAISES = "\n\n    return compute(completion)\n\n\ndef compute(completion):\n    return 1 / len(completion)\n"


@pytest.mark.parametrize(
    ("source", "row"),
    [
        pytest.param(f"def f(completion, row):{RAISES}", "row r3", id="one completion"),
        pytest.param(f"async def f(completion, row):{RAISES}", "row r3", id="one completion, async"),
        pytest.param(
            f"def f(completions):{RAISES}".replace(
                "compute(completion)\n\n", "map(compute, completions)\n\n"
            ),
            "rows r1 to r3",
            id="a batch, while it is gone through",
        ),
    ],
)
def test_what_a_reward_raises_stops_the_run_with_its_traceback(source: str, row: str, tmp_path: Path) -> None:
    error = failure(own(tmp_path, source), THREE)
    assert str(error) == (
        f"{tmp_path}/own.py:7, {tmp_path}/own.py:f, {row} = ZeroDivisionError('division by zero'): "
        "the function raised it, and a reward that fails is not taken for 0. Mend the function."
    )
    (note,) = error.__notes__
    assert note.startswith("Traceback (most recent call last):\n")
    assert "return 1 / len(completion)" in note
    assert note.endswith("ZeroDivisionError: division by zero\n")
    assert "adhere/reward" not in note


def test_a_reward_that_exits_does_not_end_the_run_as_if_it_were_done(tmp_path: Path) -> None:
    error = failure(own(tmp_path, "import sys\ndef f(completion, row): sys.exit(0)"), THREE)
    assert f"{tmp_path}/own.py:2, {tmp_path}/own.py:f, row r1 = SystemExit(0)" in str(error)


def test_an_error_of_adhere_s_own_that_the_function_raises_is_the_function_s(tmp_path: Path) -> None:
    source = (
        "from adhere.schema import Schema\n"
        "def f(completion, row): return float(Schema.of({'type': 'objekt'}).obeys(None))\n"
    )
    assert "SchemaError(" in str(failure(own(tmp_path, source), THREE))


def test_a_function_from_another_file_is_named_where_it_failed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere_by_itself.py").write_text("def f(completion, row):\n    return 1 / 0\n")
    error = failure(own(tmp_path, "from elsewhere_by_itself import f"), THREE)
    assert f"{tmp_path}/elsewhere_by_itself.py:2, {tmp_path}/own.py:f, row r1 = Zero" in str(error)


def test_a_function_that_is_not_python_is_named_by_its_file(tmp_path: Path) -> None:
    source = "import inspect\ndef g(completion, row): ...\nclass C:\n    __call__ = len\nf = C()\n"
    error = failure(own(tmp_path, f"{source}f.__signature__ = inspect.signature(g)"), THREE)
    assert str(error).startswith(f"{tmp_path}/own.py, {tmp_path}/own.py:f, row r1 = TypeError(")
    assert error.__notes__ == ["TypeError: len() takes no keyword arguments\n"]


def test_ctrl_c_is_not_the_function_s_fault(tmp_path: Path) -> None:
    reward = own(tmp_path, "def f(completion, row): raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        reward.rewards(THREE)
