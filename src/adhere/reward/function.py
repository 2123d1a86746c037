"""A function of the user's in a Python file, and what it asks to be given."""

import hashlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from inspect import Parameter
from pathlib import Path
from types import ModuleType
from typing import Self

from adhere.config import own_reward
from adhere.errors import ConfigError, perhaps
from adhere.reward.blame import Blame, place

ROW = frozenset({"completion", "row"})
"""What a function of one completion asks for, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A user's function, in one of two forms that its parameters tell apart.

    `f(completion, row)` returns the reward of one completion; `f(prompts, completions, **columns)`, which is
    TRL's form, those of a batch. Either may be `async def`.
    """

    reference: str
    """`path/to/file.py:function`, as it was given."""
    file: Path
    call: Callable[..., object]
    """Nobody knows what it returns before it has."""
    takes_batch: bool
    is_async: bool
    named: frozenset[str]
    """Its parameters."""
    needed: frozenset[str]
    """Those without a default."""
    takes_any: bool
    """Whether it takes columns beside those that it names."""

    @classmethod
    def load(cls, reference: str) -> Self:
        """Run the file, as `function_of` does, and find the function.

        Raises:
            ConfigError: There is no such file or function, the file does not run, or the function has
                neither form.
        """
        found = own_reward("reward", reference)
        if found is None:
            raise ConfigError.at(
                "reward", reference, "a preset stands in no file", fix="Name a file and its function"
            )
        file, name = found
        call = function_of(file, name, where="reward", reference=reference)
        signature = _signature(call, reference)
        parameters = signature.parameters.values()
        named = frozenset(each.name for each in parameters if each.kind in _BY_NAME)
        needed = frozenset(each.name for each in parameters if _must_be_given(each))
        takes_batch = "completions" in named and needed <= named
        if not takes_batch and not needed <= ROW <= named:
            raise ConfigError.at(
                reference,
                str(signature),
                "a reward takes (completion, row) or (prompts, completions, **columns)",
                fix="Name its parameters so",
            )
        return cls(
            reference=reference,
            file=file,
            call=call,
            takes_batch=takes_batch,
            # An object that is called has its function in its class.
            is_async=any(map(inspect.iscoroutinefunction, (call, type(call).__call__))),
            named=named,
            needed=needed,
            takes_any=any(each.kind is Parameter.VAR_KEYWORD for each in parameters),
        )


_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def _must_be_given(parameter: Parameter) -> bool:
    several = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return parameter.default is Parameter.empty and parameter.kind not in several


def _signature(call: Callable[..., object], reference: str) -> inspect.Signature:
    try:
        return inspect.signature(call)
    except ValueError as fault:
        raise ConfigError.at(
            reference, call, "its parameters cannot be read", fix="Wrap it in a function of your own"
        ) from fault


def function_of(file: Path, name: str, *, where: str, reference: str) -> Callable[..., object]:
    """Run a file of the user's, once for each state of it, and return its function of this name.

    Args:
        file: Modules beside it can be imported by it.
        name: The function's.
        where: The setting that names the two.
        reference: How it names them.

    Raises:
        ConfigError: There is no such file or function, or the file does not run.
    """
    module = _module(file, where)
    found = getattr(module, name, None)
    if callable(found):
        return found
    why = f"the file has no function {name!r}{perhaps(name, vars(module))}"
    raise ConfigError.at(where, reference, why, fix="Name a function of the file")


def _module(file: Path, where: str) -> ModuleType:
    try:
        source = file.read_bytes()
    except OSError as fault:
        why = f"the file cannot be read ({fault.strerror})"
        raise ConfigError.at(where, str(file), why, fix="Give the path of a Python file") from fault
    path = file.absolute()
    name = f"adhere_reward_{hashlib.sha256(bytes(path) + source).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    # Whatever looks a class of the file up by its module finds it there.
    sys.modules[name] = module

    def tell(fault: BaseException) -> ConfigError:
        del sys.modules[name]
        return ConfigError.at(place(fault, file), fault, f"the {where}'s file does not run", fix="Mend it")

    with Blame(tell):
        SourceFileLoader(name, str(path)).exec_module(module)
    return module
