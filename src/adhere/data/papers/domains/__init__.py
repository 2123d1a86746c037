"""Fields of work whose documents can be made up: an outline each, in the notation of `adhere.data.papers`."""

from functools import cache
from importlib.resources import files

from adhere.data.papers import notation
from adhere.data.papers.outline import Domain


@cache
def domain(name: str) -> Domain:
    """Read a domain, once."""
    return notation.domain(name, (files(__name__) / f"{name}.txt").read_text(encoding="utf-8"))
