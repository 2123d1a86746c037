"""A user's function is found in its file and told by its parameters, or refused in one line."""

import sys
from pathlib import Path

import pytest

from adhere.errors import ConfigError
from adhere.reward.function import Function


@pytest.fixture(autouse=True)
def unchanged_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after each test what was made importable in it."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def written(directory: Path, source: str, name: str = "own.py") -> Path:
    path = directory / name
    path.write_text(source)
    return path


def fault(reference: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Function.load(reference)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "takes_batch", "is_async"),
    [
        pytest.param("def f(completion, row): ...", False, False, id="one completion"),
        pytest.param("def f(row, completion): ...", False, False, id="in any order"),
        pytest.param("def f(*, completion, row): ...", False, False, id="by name only"),
        pytest.param("def f(completion, row, scale=2, *args, **rest): ...", False, False, id="and defaults"),
        pytest.param("async def f(completion, row): ...", False, True, id="one completion, async"),
        pytest.param("def f(prompts, completions, **columns): ...", True, False, id="a batch, as TRL"),
        pytest.param("def f(completions, target): ...", True, False, id="a batch, with the columns it needs"),
        pytest.param("async def f(prompts, completions, **columns): ...", True, True, id="a batch, async"),
        pytest.param(
            "class C:\n    def __call__(self, completion, row): ...\nf = C()", False, False, id="an object"
        ),
        pytest.param(
            "class C:\n    async def __call__(self, completions): ...\nf = C()",
            True,
            True,
            id="an async object",
        ),
    ],
)
def test_the_two_forms_are_told_apart_by_their_parameters(
    source: str, takes_batch: object, is_async: object, tmp_path: Path
) -> None:
    function = Function.load(f"{written(tmp_path, source)}:f")
    assert (function.takes_batch, function.is_async) == (takes_batch, is_async)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param("", id="none"),
        pytest.param("text", id="another name"),
        pytest.param("completion", id="no row"),
        pytest.param("completion, row, extra", id="one more without a default"),
        pytest.param("completion, row, /", id="not by name"),
        pytest.param("completions, /", id="a batch, not by name"),
        pytest.param("prompts, **columns", id="no completions"),
        pytest.param("*args", id="anything"),
    ],
)
def test_a_function_of_neither_form_is_refused_with_its_parameters(parameters: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"def f({parameters}): ...")
    assert fault(f"{path}:f") == (
        f"{path}:f = '({parameters})': "
        "a reward takes (completion, row) or (prompts, completions, **columns). Name its parameters so."
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(
            "lenght = 1\ndef length(completion, row): ...",
            "the file has no function 'lengt'; perhaps you meant length. Name a function of the file.",
            id="a typo",
        ),
        pytest.param("lengt = 3", "the file has no function 'lengt'", id="not a function"),
        pytest.param("", "the file has no function 'lengt'. Name", id="an empty file"),
    ],
)
def test_a_function_that_is_not_there_is_named(source: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, source)
    assert fault(f"{path}:lengt").startswith(f"reward = '{path}:lengt': ")
    assert said in fault(f"{path}:lengt")


def test_a_builtin_that_hides_its_parameters_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "f = max")
    assert fault(f"{path}:f") == (
        f"{path}:f = <built-in function max>: its parameters cannot be read. "
        "Wrap it in a function of your own."
    )


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        pytest.param(
            "import math\nimport nowhere_at_all\n",
            2,
            "ModuleNotFoundError(\"No module named 'nowhere_at_all'\")",
            id="a module that is not there",
        ),
        pytest.param("x = 1\n\ndef f(completion, row:\n", 3, "SyntaxError(", id="a syntax error"),
        pytest.param(
            "def g():\n    return 1 / 0\n\ng()\n", 2, "ZeroDivisionError(", id="in a function of it"
        ),
        pytest.param(
            "import json\njson.loads('{')\n", 2, "JSONDecodeError(", id="in a library that it calls"
        ),
        pytest.param("import sys\nsys.exit(0)\n", 2, "SystemExit(0)", id="a script that exits"),
    ],
)
def test_a_file_that_does_not_run_is_named_with_the_line(
    source: str, line: int, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, source)
    for _ in range(2):  # A file that failed is not taken for one that has run.
        assert fault(f"{path}:f").startswith(f"{path}:{line} = {said}")
        assert fault(f"{path}:f").endswith(": the reward's file does not run. Mend it.")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_bytes(b"x = '\xff'\n")
    assert fault(f"{path}:f").startswith(f"{path}:1 = SyntaxError(")


def test_a_fault_in_a_module_beside_the_file_is_named_where_the_file_imports_it(tmp_path: Path) -> None:
    written(tmp_path, "x = (", "broken_beside.py")
    path = written(tmp_path, "\nimport broken_beside")
    assert fault(f"{path}:f").startswith(f"{path}:2 = SyntaxError(")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert fault(f"{tmp_path}/none.py:f") == (
        f"reward = '{tmp_path}/none.py': the file cannot be read (No such file or directory). "
        "Give the path of a Python file."
    )
    (tmp_path / "folder.py").mkdir()
    assert "(Is a directory)" in fault(f"{tmp_path}/folder.py:f")


def test_a_preset_stands_in_no_file() -> None:
    assert fault("fields") == ("reward = 'fields': a preset stands in no file. Name a file and its function.")


def test_a_file_is_run_once_for_each_state_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, "def f(completion, row): ...")
    first = Function.load(f"{path}:f").call
    assert Function.load(f"{path}:f").call is first
    path.write_text("def f(completion, row): return 1.0")
    assert Function.load(f"{path}:f").call is not first


def test_a_file_knows_its_own_classes(tmp_path: Path) -> None:
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n"
        "@dataclass\nclass C:\n    x: int\n    y: ClassVar[int] = 1\n\ndef f(completion, row): return C(1)\n"
    )
    assert Function.load(f"{written(tmp_path, source)}:f").file == tmp_path / "own.py"


def test_modules_beside_the_file_can_be_imported(tmp_path: Path) -> None:
    written(tmp_path, "NUMBER = 4", "beside_the_reward.py")
    path = written(tmp_path, "from beside_the_reward import NUMBER\ndef f(completion, row): return NUMBER\n")
    assert Function.load(f"{path}:f").call(completion="", row={}) == 4


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "1 / 0")
    assert fault("./own.py:f").startswith("own.py:1 = ZeroDivisionError")
