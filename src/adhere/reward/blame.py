"""What the user's code raised: where, with its traceback, and turned into an error of ours."""

import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from adhere.errors import AdhereError

_OURS = (str(Path(__file__).parent), "<frozen importlib")
"""What calls the user's code: modules of ours, and Python's own import."""


class Blame:
    """A block in which code of the user's runs, and nothing of ours.

    Any exception of it, and `sys.exit`, leaves the block as the error that `tell` makes of it. Ctrl-C passes.
    """

    __slots__ = ("_tell",)

    def __init__(self, tell: Callable[[BaseException], AdhereError]) -> None:
        self._tell = tell

    def __enter__(self) -> None:
        """Nothing is needed before."""

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what `tell` makes of the exception; the exception stays its context."""
        if isinstance(fault, Exception | SystemExit):
            raise self._tell(fault) from None


def place(fault: BaseException, file: Path) -> str:
    """Return `file:line` where the fault left the user's file, or where it was raised if never in it."""
    if isinstance(fault, SyntaxError) and fault.filename == str(file.absolute()):
        return f"{file}:{fault.lineno}"
    frames = traceback.extract_tb(_trace(fault))
    inside = [frame.lineno for frame in frames if frame.filename == str(file.absolute())]
    if inside:
        return f"{file}:{inside[-1]}"
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(file)


def traced(fault: BaseException) -> str:
    """Write the traceback as Python does, without the frames of ours that lead to the user's code."""
    return "".join(traceback.format_exception(type(fault), fault, _trace(fault)))


def _trace(fault: BaseException) -> TracebackType | None:
    trace = fault.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace
