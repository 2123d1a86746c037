"""The numbers that docs/compare.md prints, against the code."""

import re
from pathlib import Path

import numpy as np
import pytest

from adhere.config import COMPARED, CompareConfig
from adhere.measure.paired import mcnemar, paired_difference, tango
from adhere.measure.power import Discordant
from adhere.measure.statistics import Rate

DOCS = (Path(__file__).parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first row begins so, without its head."""
    rows = DOCS.split(f"| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().replace(",", "").strip("`") for cell in row.strip("|").split("|")] for row in rows]


@pytest.mark.parametrize("row", table("rows | none differs"), ids=lambda row: f"{row[0]} rows")
def test_what_so_many_rows_detect(row: list[str]) -> None:
    rows = int(row[0])
    detected = [Discordant(round(share * rows), rows).detectable for share in (0, 0.05, 0.1, 0.2, 0.4)]
    assert row[1:] == [f"{100 * each:.1f}" for each in detected if each is not None]


@pytest.mark.parametrize("row", table("points | 5 % differ"), ids=lambda row: f"{row[0]} points")
def test_the_rows_that_a_difference_needs(row: list[str]) -> None:
    shares = (0.05, 0.1, 0.2, 0.4)
    needed = [Discordant(round(1000 * share), 1000).rows_needed(int(row[0]) / 100) for share in shares]
    assert [int(cell) for cell in row[1:]] == needed


@pytest.mark.parametrize("row", table("rows | decided by"), ids=lambda row: f"{row[0]} rows, {row[1]}")
def test_how_often_a_gate_fails(row: list[str]) -> None:
    rows, failing = int(row[0]), {"estimate": 0, "low": 1, "high": 2}[row[1]]
    for told, lost in zip(row[2:], (0.0, 0.02, 0.05), strict=True):
        shares = [(0.2 - lost) / 2, (0.2 + lost) / 2, 0.8]
        drawn = np.random.default_rng(1).multinomial(rows, shares, size=400)
        ends = [((wins - losses) / rows, *tango(wins, losses, rows)) for wins, losses, _ in drawn.tolist()]
        share = np.mean([end[failing] < -0.01 - 1e-12 for end in ends])
        # 400 draws: ± 2.6 standard errors of at most 2.5 points.
        assert share == pytest.approx(int(told.rstrip(" %")) / 100, abs=0.07)


def test_what_31_and_41_of_50_are_worth() -> None:
    rate = Rate(31, 50)
    assert f"interval from {100 * rate.low:.1f} to {100 * rate.high:.1f}" in DOCS
    assert f"none wrong, p = {mcnemar(10, 0):.3f}" in DOCS
    low, high = tango(14, 4, 50)
    said = f"4 wrong, p = {mcnemar(14, 4):.3f}, the interval goes from {100 * low:.1f} to {100 * high:.1f}"
    assert said in DOCS
    assert f"14 wrong, p = {mcnemar(24, 14):.3f}" in DOCS


def test_ten_rows_that_gain() -> None:
    gained = paired_difference([0.6] * 5 + [0.9] * 5, [0.4] * 5 + [0.5] * 5)
    said = f"difference {gained.difference:.1f}, interval {gained.low:.2f} to {gained.high:.2f}"
    assert f"{said}, p = 2 / 2¹⁰ = {gained.p:.3f}" in DOCS


def test_every_metric_and_flag_is_named() -> None:
    (listed,) = re.findall(r"Of each pair and metric \((.*)\):", DOCS)
    assert listed == ", ".join(f"`{metric}`" for metric in COMPARED)
    fields = {name.replace("_", "-") for name in CompareConfig.__dataclass_fields__}
    assert {flag for flag in re.findall(r"--([a-z][a-z-]+)", DOCS) if flag not in {"model", "data"}} <= fields
