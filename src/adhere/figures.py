"""Figures as SVG text: training curves, evaluations side by side, histograms, and reliability.

They stand on a light page and on a dark one: nothing is painted behind them, text and axes are mid-grey, and
a page that sets the CSS variables `--figure-ink`, `--figure-grid` and `--figure-1` to `--figure-6` recolours
them. Text stays text. The same numbers give the same bytes.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from xml.sax.saxutils import quoteattr

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from adhere.measure.reliability import Bin
from adhere.records import JSON
from adhere.shown import LABELS, LESS_IS_BETTER, Shown, percent, shown

INK = "#7b818a"
"""Text and axes: about 4:1 against white and 5:1 against near-black."""
GRID = "#7b818b"
SERIES = ("#8792a2", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00")
"""Grey for what the others are held against; the rest is told apart with any colour vision.

Source: Okabe and Ito, Color Universal Design, 2008.
"""
COMPARED = ("match_all", "valid_json", "noise", "no_output", "schema_valid", "exact", "match_parsed")
"""Metrics that bars show: the four of ThinkJSON's comparison first."""

_STYLE: dict[Any, Any] = {  # Any: as matplotlib declares it
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titlepad": 8,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "grid.alpha": 0.28,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "font.size": 8.5,
}
_VARIABLES = {INK: "--figure-ink", GRID: "--figure-grid"} | {
    colour: f"--figure-{number}" for number, colour in enumerate(SERIES, 1)
}
_PANEL = (3.4, 1.9)
"""Width and height of a curve with its title and labels, in inches."""
_CHARACTER = 0.075
"""Width of a character, in inches: enough for a mean one of the widest system font."""
_TELEPHONE = 5.0
"""Widths up to this are a telephone's."""
_BAR, _AROUND_BARS = 0.27, 0.62
"""Height of a bar with its gap, and of the title and the axis around all bars, in inches."""
_MOST_NAME = 1.85
"""Widest column of names, in inches."""
_BESIDE_BARS = 0.72
"""Room for a number behind a bar, and to the next panel, in inches."""
_NAMES: dict[str, Any] = {  # Any: as matplotlib declares it
    "loc": "upper left",
    "frameon": False,
    "handlelength": 0.8,
    "handletextpad": 0.4,
    "columnspacing": 0.9,
    "borderpad": 0.0,
    "borderaxespad": 0.2,
    "fontsize": 7.5,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True, slots=True)
class _Panel:
    """One number of every step."""

    title: str
    values: Mapping[str, Sequence[tuple[int, float]]]
    """Each after the place of its step; by what tells the lines apart, where there are several."""
    is_share: bool = False
    """In [0, 1], and drawn on that scale."""
    is_planned: bool = False
    """Set by the schedule, or measured seldom: there is nothing to smooth."""


def training_curves(steps: Sequence[Mapping[str, JSON]], *, columns: int = 3) -> str:
    """Draw each number of a run over its steps: thin as it was, thick as the mean of the steps around it.

    Args:
        steps: As in a run's `metrics.jsonl`; numbers that a run does not log get no panel.
        columns: Panels side by side; 3 fill a page, 1 a telephone.

    Raises:
        ValueError: There is no number to draw.
    """
    panels = _panels(steps)
    if not panels:
        raise ValueError("no step holds a number that is drawn")
    width, height = _PANEL[0] * columns, _PANEL[1] * -(-len(panels) // columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        for place, panel in enumerate(panels):
            row, column = divmod(place, columns)
            left, bottom = column * _PANEL[0] + 0.55, height - (row + 1) * _PANEL[1] + 0.35
            _draw_panel(_axes(figure, left, bottom, _PANEL[0] - 0.7, _PANEL[1] - 0.75), panel, len(steps))
        titles = ", ".join(panel.title for panel in panels)
        return _svg(figure, f"Training curves over {len(steps)} steps: {titles}")


def bars(evaluations: Mapping[str, Mapping[str, JSON]], *, width: float = 10.0) -> str:
    """Draw a panel for each metric, and in it a bar for each evaluation, with its 95 % interval.

    The first four are the figure of ThinkJSON (arXiv:2502.14905), where every evaluation has them.

    Args:
        evaluations: Summaries of `adhere eval`, by name, the one that the others are held against first.
        width: Of the figure, in inches; 10 fill a page, 3.8 a telephone.

    Raises:
        ValueError: No evaluation has any of the metrics.
    """
    metrics = [metric for metric in COMPARED if any(shown(each.get(metric)) for each in evaluations.values())]
    if not metrics:
        raise ValueError("no evaluation holds a metric that is drawn")
    columns = 4 if width > _TELEPHONE else 1
    names = min(max(_CHARACTER * max(map(len, evaluations)) + 0.1, 0.6), _MOST_NAME)
    across, tall = (width - names) / columns, _BAR * len(evaluations) + _AROUND_BARS
    height = tall * -(-len(metrics) // columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        # One pair of axes, in inches from the top left: a pair for each panel takes several times as long.
        axis = _axes(figure, 0, 0, width, height)
        axis.set_axis_off()
        axis.set_xlim(0, width)
        axis.set_ylim(height, 0)
        for place, metric in enumerate(metrics):
            row, column = divmod(place, columns)
            panel = _Shares(axis, names + column * across, row * tall, across - _BESIDE_BARS)
            if column == 0:
                panel.name(list(evaluations))
            panel.draw(metric, [shown(summary.get(metric)) for summary in evaluations.values()])
        return _svg(figure, f"Bars with 95 % intervals: {', '.join(evaluations)}")


@dataclass(frozen=True, slots=True)
class _Shares:
    """A panel of bars, placed in inches from the top left."""

    axis: Axes
    left: float
    """Where bars begin; their names end before it."""
    top: float
    length: float
    """Of a bar of 100 %."""

    def name(self, evaluations: Sequence[str]) -> None:
        """Write the names of the bars."""
        for place, name in enumerate(evaluations):
            self.axis.text(self.left - 0.08, self._at(place), _cut(name), va="center", ha="right")

    def draw(self, metric: str, numbers: Sequence[Shown | None]) -> None:
        """Draw one metric of every evaluation."""
        self.axis.text(self.left, self.top + 0.12, _titled(metric), va="center", size=9.5)
        for place, number in enumerate(numbers):
            self._draw(self._at(place), _colour(place), number)
        above, below = self._at(0) - _BAR / 2, self._at(len(numbers) - 1) + _BAR / 2
        for share in (0.0, 0.5, 1.0):
            at = self.left + share * self.length
            self.axis.plot([at, at], [above, below], color=GRID, linewidth=0.6, alpha=0.35, zorder=0.5)
            side = "left" if share == 0 else "center"
            self.axis.text(at, below + 0.04, f"{100 * share:.0f} %", va="top", ha=side, size=7.5)

    def _at(self, place: int) -> float:
        return self.top + 0.28 + (place + 0.5) * _BAR

    def _draw(self, at: float, colour: str, number: Shown | None) -> None:
        if number is None:
            self.axis.text(self.left + 0.06, at, "not measured", va="center", size=7.5)
            return
        value, low, high = (
            self.left + share * self.length for share in (number.value, number.low, number.high)
        )
        half = 0.31 * _BAR
        self.axis.barh(at, self.length, left=self.left, height=2 * half, color=GRID, alpha=0.1)
        self.axis.barh(at, value - self.left, left=self.left, height=2 * half, color=colour, alpha=0.45)
        self.axis.plot([value, value], [at - half, at + half], color=colour, linewidth=1.6)
        self.axis.plot([low, high], [at, at], color=colour, linewidth=1.6, solid_capstyle="butt")
        end = self.left + self.length + _BESIDE_BARS - 0.12
        self.axis.text(end, at, percent(number.value), va="center", ha="right", size=8)


def histogram(bins: Sequence[tuple[int, int, int]], *, quantity: str, limit: int, width: float = 6.0) -> str:
    """Draw how many rows lie in each bin, and the limit where some come near it.

    Args:
        bins: Each with its least value, the next bin's, and its rows; in ascending order, of one width.
        quantity: What is counted, under the axis.
        limit: Most that is allowed; drawn if it lies below twice the highest bin.
        width: Of the figure, in inches; 6 fill a page, 3.8 a telephone.

    Raises:
        ValueError: There are no bins.
    """
    if not bins:
        raise ValueError("no bin is drawn")
    height, end = 2.4, bins[-1][1]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        axis = _axes(figure, 0.55, 0.5, width - 0.7, height - 0.7)
        starts, widths = [low for low, _, _ in bins], [(below - low) * 0.94 for low, below, _ in bins]
        axis.bar(
            starts, [rows for _, _, rows in bins], width=widths, align="edge", color=SERIES[1], alpha=0.7
        )
        axis.set_xlim(starts[0], end)
        if limit < 2 * end:
            axis.axvline(limit, color=SERIES[5], linewidth=1.6)
            axis.set_xlim(starts[0], max(end, limit * 1.05))
            is_left = limit < (starts[0] + end) / 2
            side, away = ("left", 4) if is_left else ("right", -4)
            axis.annotate(
                f"limit {limit:,}", (limit, 1), (away, 0), ha=side, va="top", size=7.5,
                xycoords=("data", "axes fraction"), textcoords="offset points",
            )  # fmt: skip
        axis.set_xlabel(quantity)
        axis.set_ylabel("rows")
        axis.grid(axis="y")
        axis.set_axisbelow(True)
        axis.spines["left"].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        total = sum(rows for _, _, rows in bins)
        return _svg(figure, f"Histogram of {quantity} over {total} rows, from {starts[0]} to below {end}")


def reliability(curves: Mapping[str, Sequence[Bin]], *, width: float = 4.6) -> str:
    """Draw which share of leaves is right against how sure the model was of them, with 95 % intervals.

    Args:
        curves: Bins of leaves of like confidence, by what tells the curves apart; of one without bins only
            the name stands there.
        width: Of the figure, in inches; 10 fill a page, 3.8 a telephone. What is drawn is a square.

    Raises:
        ValueError: There are no bins.
    """
    if not any(curves.values()):
        raise ValueError("no bin is drawn")
    side = min(width, 4.6) - 0.8
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, side + 0.6))
        axis = _axes(figure, 0.6, 0.5, side, side)
        axis.plot([0, 1], [0, 1], color=GRID, linewidth=0.8, linestyle=(0, (3, 3)))
        for place, (name, bins) in enumerate(curves.items()):
            at, shares = [each.confidence for each in bins], [each.right.mean for each in bins]
            axis.plot(at, shares, color=_colour(place), linewidth=1.0, alpha=0.6)
            axis.vlines(
                at,
                [each.right.low for each in bins],
                [each.right.high for each in bins],
                color=_colour(place),
                linewidth=1.4,
            )
            axis.plot(at, shares, color=_colour(place), linestyle="", marker="o", markersize=3.6, label=name)
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.02, 1.02)
        axis.set_xlabel("confidence")
        axis.set_ylabel("leaves right")
        for scale in (axis.xaxis, axis.yaxis):
            scale.set_ticks([0, 0.25, 0.5, 0.75, 1.0])
            scale.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axis.grid()
        axis.set_axisbelow(True)
        axis.legend(**_NAMES)
        counted = (f"{name}, {sum(each.right.n for each in bins)} leaves" for name, bins in curves.items())
        return _svg(figure, f"Share of right leaves against confidence: {'; '.join(counted)}")


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Place axes in a figure, in inches; fixed margins are drawn twice as fast as fitted ones."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def _titled(metric: str) -> str:
    """Name a metric, and say where less of it is better."""
    return f"{LABELS[metric]} \N{DOWNWARDS ARROW}" if metric in LESS_IS_BETTER else LABELS[metric]


def _cut(name: str) -> str:
    """Shorten a name that leaves no room for the bars."""
    most = int((_MOST_NAME - 0.1) / _CHARACTER)
    return name if len(name) <= most else f"{name[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _colour(place: int) -> str:
    return SERIES[place % len(SERIES)]


def _draw_panel(axis: Axes, panel: _Panel, count: int) -> None:
    """Draw a panel over so many steps."""
    drawn: list[float] = []
    for place, (name, numbered) in enumerate(panel.values.items(), 1):
        steps, values = [step for step, _ in numbered], [value for _, value in numbered]
        if not panel.is_planned:
            axis.plot(steps, values, color=_colour(place), alpha=0.5, linewidth=0.7)
        thick = values if panel.is_planned else _smoothed(values)
        # A line through one point has no length.
        marker = "o" if len(values) == 1 else ""
        axis.plot(steps, thick, color=_colour(place), linewidth=1.9, label=name, marker=marker, markersize=3)
        drawn += values
    axis.set_title(panel.title)
    axis.grid(axis="y")
    axis.set_xlim(1 - 0.02 * count, count + 0.02 * count)
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.spines["left"].set_visible(False)
    axis.yaxis.set_major_formatter(lambda number, _: f"{number:.6g}")
    # A line more leaves room for the names.
    room = 1.1 if len(panel.values) == 1 else 1.35
    if panel.is_share:
        axis.set_ylim(-0.03, 1.03 * room / 1.1)
        axis.set_yticks([0, 0.5, 1])
    else:
        low, high = min(0.0, *drawn) * 1.1, max(0.0, *drawn) * room
        axis.set_ylim(low, high if high > low else 1.0)
    if len(panel.values) > 1:
        axis.legend(ncols=len(panel.values), **_NAMES)


def _panels(steps: Sequence[Mapping[str, JSON]]) -> list[_Panel]:
    parts = dict.fromkeys(name for step in steps for name in _inner(step, "parts"))
    looked_at = dict.fromkeys(name for step in steps for name in _inner(step, "held_out"))
    panels = [
        _Panel("Reward", _line(steps, "reward"), is_share=_is_share(steps, "reward")),
        *(
            _Panel(f"Reward: {name}", within, is_share=_is_share(_all(steps, "parts"), name))
            for name in parts
            if (within := _line(_all(steps, "parts"), name))
        ),
        _Panel("Obeys the schema", _validity(steps), is_share=True),
        *(
            _Panel(
                f"Held out: {name.replace('_', ' ')}",
                within,
                is_share=name != "loss" and _is_share(_all(steps, "held_out"), name),
                is_planned=True,
            )
            for name in looked_at
            if (within := _line(_all(steps, "held_out"), name))
        ),
        _Panel("Groups without signal", _line(steps, "zero_variance"), is_share=True),
        _Panel("Completion length, tokens", _line(steps, "length")),
        _Panel("Ended before the limit", _line(steps, "finished"), is_share=True),
        _Panel("Loss", _line(steps, "loss")),
        _Panel("Entropy, nats", _line(steps, "entropy")),
        _Panel("Divergence from the start, nats", _line(steps, "kl")),
        _Panel("Tokens held by the clip", _line(steps, "clipped")),
        _Panel("Learning rate", _line(steps, "lr"), is_planned=True),
        _Panel("Gradient norm", _line(steps, "grad_norm")),
        _Panel("Seconds a step", _lines(_all(steps, "seconds"))),
    ]
    return [panel for panel in panels if panel.values]


def _validity(steps: Sequence[Mapping[str, JSON]]) -> Mapping[str, Sequence[tuple[int, float]]]:
    """Return how many completions obey, with the grammar and without it where there are both."""
    obeys = [{**step, "obeys": _inner(step, "outcomes").get("obeys", 0.0)} for step in steps]
    measured = [step if _inner(step, "outcomes") else {} for step in obeys]
    free = _numbers(steps, "valid_free")
    if not free:
        return _line(measured, "obeys")
    return {"under the grammar": _numbers(measured, "obeys"), "without it": free}


def _line(steps: Sequence[Mapping[str, JSON]], name: str) -> Mapping[str, Sequence[tuple[int, float]]]:
    """Return a number of the steps as the only line of a panel, or nothing where no step has it."""
    numbers = _numbers(steps, name)
    return {"": numbers} if numbers else {}


def _lines(steps: Sequence[Mapping[str, JSON]]) -> Mapping[str, Sequence[tuple[int, float]]]:
    """Return all numbers of the steps, by name."""
    return {name: _numbers(steps, name) for name in dict.fromkeys(name for step in steps for name in step)}


def _is_share(steps: Sequence[Mapping[str, JSON]], name: str) -> bool:
    """Whether a number stays in [0, 1], as rewards do but for those of a user's own function."""
    return all(0 <= number <= 1 for _, number in _numbers(steps, name))


def _all(steps: Sequence[Mapping[str, JSON]], name: str) -> list[Mapping[str, JSON]]:
    return [_inner(step, name) for step in steps]


def _numbers(steps: Sequence[Mapping[str, JSON]], name: str) -> list[tuple[int, float]]:
    """Return a number of every step that has it, each after the step's place, counted from 1."""
    numbered = [(place, step.get(name)) for place, step in enumerate(steps, 1)]
    return [(place, number) for place, number in numbered if isinstance(number, int | float)]


def _inner(step: Mapping[str, JSON], name: str) -> dict[str, JSON]:
    inner = step.get(name)
    return inner if isinstance(inner, dict) else {}


def _smoothed(values: Sequence[float]) -> list[float]:
    """Average every value with its neighbours: a tenth of the run, but at least one on either side."""
    reach = max(1, len(values) // 20)
    # Of sums up to each value, so that a wide window takes no longer than a narrow one.
    sums = [0.0, *accumulate(values)]
    ends = [(max(0, place - reach), min(len(values), place + reach + 1)) for place in range(len(values))]
    return [(sums[end] - sums[start]) / (end - start) for start, end in ends]


def _svg(figure: Figure, description: str) -> str:
    """Spell a figure as one SVG element that takes the page's font and, where they are set, its colours."""
    written = io.StringIO()
    # Clip paths are named by a hash of this and of themselves; in one page no two figures may share a name.
    with mpl.rc_context({"svg.hashsalt": f"{description} {figure.get_figwidth()}"}):
        figure.savefig(written, format="svg", transparent=True, metadata=_NO_METADATA)
    text = written.getvalue()
    svg = text[text.index("<svg") :].strip()
    svg = re.sub(r"font-family: [^;\"]+", "font-family: system-ui, sans-serif", svg)
    # Nothing refers to elements by their kind and number, and two figures of one page would share such names.
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(f": {colour}", f": var({variable}, {colour})")
    return svg.replace("<svg", f'<svg role="img" aria-label={quoteattr(description)}', 1)
