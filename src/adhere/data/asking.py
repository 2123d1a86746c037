"""A teacher's server, asked in a run that can be gone on with."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from adhere.artifact import Run
from adhere.config import ReasonConfig, SynthConfig
from adhere.endpoint import Endpoint
from adhere.records import JSON

REPLIES = "replies.sqlite"
"""What the teacher said so far, in the directory of a run that is under way."""


@contextmanager
def asking(config: SynthConfig | ReasonConfig, teacher: str, run: Run, *, verb: str) -> Generator[Endpoint]:
    """Open the server of a teacher.

    Every reply is on disk as soon as it has come, in a file of the user's or in the run's directory, and an
    attempt that goes on from an earlier one goes on with what that has spent.

    Args:
        config: Says how it is asked, and by its `out` which run's spending counts.
        teacher: `openai:<model>@<base url>`.
        run: The run.
        verb: Whose setting names the teacher.

    Raises:
        ConfigError: It is no such reference.
    """
    settings = replace(config.endpoint, cache=config.endpoint.cache or run.path / REPLIES)
    account = f"{verb} {config.out.absolute()}"
    with Endpoint(teacher, settings, where=f"{verb}.teacher", account=account) as endpoint:
        if not run.resumed:
            endpoint.forget_spending()
        yield endpoint


def forget_replies(run: Run) -> None:
    """Remove the replies that a finished run no longer needs; the endpoint is closed."""
    (run.path / REPLIES).unlink(missing_ok=True)


def told(endpoint: Endpoint) -> dict[str, JSON]:
    """Return what a summary says of a teacher: the model, and what it was asked and cost."""
    return {"model": endpoint.reference.model, **endpoint.totals.summary()}
