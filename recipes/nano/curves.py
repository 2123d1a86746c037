"""Curves of nano's own training and of GRPO's runs, as SVG text that stands on light and dark pages."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from adhere.figures import GRID, INK, SERIES
from adhere.records import JSON

Points = Sequence[tuple[float, float]]

_STYLE: dict[Any, Any] = {  # Any: as matplotlib declares it
    "svg.fonttype": "none",
    "svg.hashsalt": "nano",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.alpha": 0.3,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 8,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
}
_STROKES = ("-", "--", ":")
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_SHARES = {"exact": "exactly right", "f1": "leaf F1", "valid": "is JSON", "obeys": "obeys its schema"}
_LOSSES = {"loss": "training", "held_tok": "held out"}
"""Names in the log, and in the figure."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A plot of some lines over the same axis."""

    title: str
    lines: Mapping[str, Points]
    is_share: bool = True
    """In [0, 1], and drawn on that scale."""


def training(log: Sequence[Mapping[str, JSON]]) -> str:
    """Draw the losses and, for each held-out set, the shares that a training run logged, over tokens read.

    Args:
        log: The lines of a run's `log.jsonl`.

    Raises:
        ValueError: There is nothing to draw.
    """
    sets = dict.fromkeys(name for line in log for name, value in line.items() if isinstance(value, dict))
    panels = [
        Panel("Loss, nats per answer token", _over_tokens(log, _LOSSES), is_share=False),
        *(Panel(f"Held out: {name}", _over_tokens(log, _SHARES, within=name)) for name in sets),
    ]
    return drawn([panel for panel in panels if panel.lines], across="million tokens read")


def runs(curves: Sequence[Mapping[str, JSON]], number: str = "f1") -> str:
    """Draw what runs of GRPO achieved on held-out rows: a panel for each reward, a line for each setting.

    Args:
        curves: Each with its `case`, as `reward, setting`, and its `points`.
        number: Of every point.

    Raises:
        ValueError: There is nothing to draw.
    """
    panels: dict[str, dict[str, Points]] = {}
    for curve in curves:
        title, _, setting = str(curve["case"]).partition(", ")
        points = curve["points"] if isinstance(curve["points"], list) else []
        panels.setdefault(title, {})[setting] = _points(
            [point for point in points if isinstance(point, dict)], "step", number
        )
    return drawn([Panel(title, lines, is_share=False) for title, lines in panels.items()], across="updates")


def drawn(panels: Sequence[Panel], *, across: str) -> str:
    """Draw panels side by side, three in a row.

    Raises:
        ValueError: There is none.
    """
    if not panels:
        raise ValueError("no curve is drawn")
    rows, columns = -(-len(panels) // 3), min(3, len(panels))
    lines = dict.fromkeys(name for panel in panels for name in panel.lines)
    looks = {name: _look(place, len(lines)) for place, name in enumerate(lines)}
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 2.4 * rows + 0.3 + 0.06 * len(lines)), layout="constrained")
        for place, panel in enumerate(panels, 1):
            axis = figure.add_subplot(rows, columns, place)
            for name, points in panel.lines.items():
                axis.plot(*zip(*points, strict=True), label=name, **looks[name])
            axis.set_title(panel.title)
            axis.set_xlabel(across)
            axis.grid(axis="y")
            axis.xaxis.set_major_locator(MaxNLocator(5))
            if panel.is_share:
                axis.set_ylim(-0.02, 1.02)
        keys = [Line2D([], [], label=name, **look) for name, look in looks.items()]
        figure.legend(handles=keys, loc="outside lower center", ncols=len(keys) if len(keys) <= 6 else 3)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata=_NO_METADATA)
    return text.getvalue()


def _look(place: int, count: int) -> dict[str, Any]:
    """Return how a line is drawn; of many lines three neighbours share a colour."""
    if count < len(SERIES):
        return {"color": SERIES[place + 1]}
    family, member = divmod(place, len(_STROKES))
    return {"color": SERIES[1 + family % (len(SERIES) - 1)], "linestyle": _STROKES[member]}


def _over_tokens(
    log: Sequence[Mapping[str, JSON]], names: Mapping[str, str], *, within: str | None = None
) -> dict[str, Points]:
    lines: dict[str, Points] = {}
    for name, told in names.items():
        seen: list[Mapping[str, JSON]] = []
        for line in log:
            inner = line if within is None else line.get(within)
            tokens = line.get("tokens")
            if isinstance(inner, Mapping) and isinstance(tokens, int | float):
                seen.append({**inner, "read": tokens / 1e6})
        if points := _points(seen, "read", name):
            lines[told] = points
    return lines


def _points(lines: Sequence[Mapping[str, JSON]], across: str, up: str) -> Points:
    pairs = ((line.get(across), line.get(up)) for line in lines)
    return [(x, y) for x, y in pairs if isinstance(x, int | float) and isinstance(y, int | float)]
