"""What the HTML pages share: their style, how they show a figure, and that they refer to nothing outside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

WIDE, NARROW = 10.0, 3.8
"""Widths of figures in inches: of a page, and of a telephone."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing for wide pages, and the same for narrow ones."""

    caption: str
    wide: str
    narrow: str

    @classmethod
    def drawn(cls, caption: str, draw: Callable[[float], str]) -> Self:
        """Draw a figure in both widths, given in inches."""
        return cls(caption, draw(WIDE), draw(NARROW))


def environment(package: str) -> Environment:
    """Return where a package's templates are rendered; they may include `style.css` and `parts.jinja`."""
    return Environment(
        loader=ChoiceLoader([PackageLoader("adhere", package), PackageLoader("adhere", "page")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
