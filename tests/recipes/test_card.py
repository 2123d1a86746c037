"""The model card and its page say what was measured, each number with its evidence, and nothing else."""

import argparse
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import card
import curves
import pytest
from parts import grid, held_out, specialise, trust
from parts.bench import FIGURES
from parts.figure import Figure, Source
from parts.labelled import BEFORE, GRPO, SFT, SNIPS

from adhere import artifact
from adhere.errors import DataError
from adhere.measure.paired import Difference
from adhere.measure.statistics import Mean, Rate
from adhere.model import Model, save
from adhere.records import JSON

DRAWN = "up to 8 leaves"
SETTINGS = ("nano: fields, rate 0.0001, groups of 8", "nano: fields, rate 0.001, groups of 8")


def source(part: str, case: str) -> Source:
    return Source(part, case, "adhere eval --model nano", 12.0)


def gain(difference: float) -> Difference:
    return Difference(difference=difference, low=difference - 0.02, high=difference + 0.02, n=200, p=0.01)


def figures() -> list[Figure]:
    """What a small measurement would leave."""
    f1 = Mean(mean=0.875, low=0.85, high=0.9, n=600)
    made = [
        source(held_out.PART, DRAWN).share("valid", Rate(590, 600), aim=0.95),
        source(held_out.PART, DRAWN).share("exact", Rate(300, 600), aim=0.60),
        source(held_out.PART, DRAWN).share("f1", f1, aim=0.85),
        source(held_out.PART, DRAWN).share("taken", Rate(598, 600)),
        source(held_out.PART, DRAWN).share("exact of taken", Rate(300, 598)),
        source(held_out.PART, DRAWN).share("leaves: right", Rate(2000, 2400)),
        source(held_out.PART, DRAWN).share("right: date", Rate(90, 100)),
        source(trust.PART, "raw").share("ece", Mean(mean=0.09, low=0.08, high=0.1, n=900), unit="error"),
        source(SNIPS.name, BEFORE).share("exact", Rate(7, 700)),
        source(SNIPS.name, SFT).share("exact", Rate(560, 700)),
        source(SNIPS.name, GRPO).share("exact", Rate(581, 700)),
        source(SNIPS.name, GRPO).gain(f"exact over {SFT}", gain(0.03)),
        source(SNIPS.name, GRPO).number("rows of sft", 11_000, "count"),
        source(specialise.PART, "books: sft, then grpo").number("seconds", 123.4, "seconds", aim=600.0),
    ]
    for setting, exact in zip(SETTINGS, (0.01, 0.05), strict=True):
        made.append(source(grid.PART, setting).share("exact", Rate(round(200 * (0.5 + exact)), 200)))
        made.append(source(grid.PART, setting).gain("exact over before", gain(exact)))
    return made


POINTS: JSON = [{"step": step, "f1": step / 100} for step in (20, 40, 60)]


@pytest.fixture
def given(model: Model, tmp_path: Path) -> argparse.Namespace:
    """Figures, a log and a model's files, and where both pages go."""
    save(model, tmp_path / "nano")
    digest = artifact.sha256(tmp_path / "nano" / "model.safetensors")
    made: dict[str, JSON] = {
        "subject": {"model": "nano", "weights": {"model.safetensors": digest}, "share": 1.0},
        "machine": {
            "processor": "x86",
            "threads": 2,
            "accelerator": None,
            "versions": dict(artifact.versions()),
        },
        "figures": [figure.as_json() for figure in figures()],
        "curves": [{"part": grid.PART, "case": setting, "points": POINTS} for setting in SETTINGS],
        "skipped": {"grpo: nano-base": "no --base was given"},
    }
    (tmp_path / "figures").mkdir()
    artifact.write_json(tmp_path / "figures" / FIGURES, made)
    # Two runs: the second went on from the weights of the first and counts its own updates.
    for name, lines in {"long": [(1, 10), (2, 20)], "cooled": [(3, 5)]}.items():
        said = [
            {"tokens": millions * 10**6, "steps": steps, "loss": 0.5, "held_tok": 0.4, "synth8": {"f1": 0.5}}
            for millions, steps in lines
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in said))
    (tmp_path / "docs").mkdir()
    return argparse.Namespace(
        figures=tmp_path / "figures",
        log=[tmp_path / "long.jsonl", tmp_path / "cooled.jsonl"],
        model=tmp_path / "nano",
        card=tmp_path / "README.md",
        page=tmp_path / "docs" / "nano.md",
    )


@pytest.fixture
def pages(given: argparse.Namespace) -> tuple[str, str]:
    card.write(given)
    return given.card.read_text(encoding="utf-8"), given.page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("figure", "spelled"),
    [
        pytest.param(source("p", "c").share("exact", Rate(300, 600)), "50.0 [46.0, 54.0]", id="share"),
        pytest.param(source("p", "c").gain("exact", gain(-0.03)), "−3.0 [−5.0, −1.0]", id="points"),
        pytest.param(source("p", "c").number("seconds", 1234.5, "seconds"), "1,234", id="seconds"),
        pytest.param(None, "–", id="not measured"),
    ],
)
def test_a_cell_has_its_interval(figure: Figure | None, spelled: str) -> None:
    assert card.cell(figure) == spelled


SHOWN = (
    "| up to 8 leaves | 600 | 98.3 [97.0, 99.1] | 50.0 [46.0, 54.0] | 87.5 [85.0, 90.0] |",
    "| up to 8 leaves, of those asked | 598 | – | 50.2 [46.2, 54.2] | – | – |",
    "| up to 8 leaves | – | 90.0 [82.6, 94.5] of 100 | – | – |",
    "| raw | 900 | 9.0 [8.0, 10.0] | – | – |",
    "| exactly right, over sft | +3.0 [1.0, 5.0] |",
    # The second run went on from the first, which ended after 20 updates.
    "It read 3,000,000 tokens in\n25 updates.",
)


def test_both_pages_have_the_numbers(pages: tuple[str, str]) -> None:
    assert [[line for line in SHOWN if line not in page] for page in pages] == [[], []]


def test_the_card_has_a_head_and_no_pictures(pages: tuple[str, str]) -> None:
    made, page = pages
    head = made.split("---\n")[1]
    assert dict(line.split(": ") for line in head.splitlines()).keys() >= {
        "license",
        "language",
        "library_name",
    }
    assert "![" not in made
    assert re.findall(r"!\[[^]]*\]\((.+)\)", page) == ["nano_training.svg", "nano_grpo.svg"]
    assert not page.startswith("---")


def test_the_card_shows_the_best_setting_and_the_page_all(pages: tuple[str, str]) -> None:
    assert [sum(f"| {setting} | 200 | – |" in page for page in pages) for setting in SETTINGS] == [1, 2]


def test_the_page_says_what_was_aimed_at_and_whether_it_was_reached(pages: tuple[str, str]) -> None:
    page = pages[1]
    assert "| held_out, up to 8 leaves: exact | 600 | 50.0 [46.0, 54.0] | 60 | no |" in page
    assert "| specialise, books: sft, then grpo: seconds | 1 | 123 | 600 | yes |" in page
    assert "Not measured: grpo: nano-base, as no --base was given." in page


def test_tables_are_whole(pages: tuple[str, str]) -> None:
    for page in pages:
        blocks = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
        assert blocks
        for block in blocks:
            assert {line.count("|") for line in block} == {block[0].count("|")}
            assert set(block[1]) <= set("|-: ")
    assert all("None" not in page and "{" not in page for page in pages)


def test_curves_are_svg_that_names_what_it_draws(given: argparse.Namespace, pages: tuple[str, str]) -> None:
    assert all(pages)
    drawn = {file.name: file.read_text(encoding="utf-8") for file in given.page.parent.glob("*.svg")}
    assert drawn.keys() == {"nano_training.svg", "nano_grpo.svg"}
    assert all(ElementTree.fromstring(text).tag.endswith("svg") for text in drawn.values())  # noqa: S314 - our own
    assert all(
        told in drawn["nano_training.svg"] for told in ("million tokens read", "Held out: synth8", "leaf F1")
    )
    assert "nano: fields" in drawn["nano_grpo.svg"]
    card.write(given)
    assert drawn == {file.name: file.read_text(encoding="utf-8") for file in given.page.parent.glob("*.svg")}


def test_no_curve_without_points() -> None:
    with pytest.raises(ValueError, match="no curve is drawn"):
        curves.runs([])


def test_figures_of_other_weights_are_refused(given: argparse.Namespace) -> None:
    with (given.model / "model.safetensors").open("ab") as file:
        file.write(b" ")
    with pytest.raises(DataError, match="of other weights than these"):
        card.write(given)
    assert not given.card.exists()


@pytest.mark.parametrize(
    ("column", "why"),
    [pytest.param("figures", "Run measure.py first", id="figures"), pytest.param("log", "log", id="log")],
)
def test_what_is_missing_is_named(column: str, why: str, given: argparse.Namespace) -> None:
    missing = given.page.parent / "none"
    setattr(given, column, [missing] if column == "log" else missing)
    with pytest.raises(DataError, match=why):
        card.write(given)


def test_a_look_at_a_share_makes_no_card(given: argparse.Namespace) -> None:
    file = given.figures / FIGURES
    made = json.loads(file.read_text())
    made["subject"]["share"] = 0.01
    artifact.write_json(file, made)
    with pytest.raises(DataError, match="a look at a share of the rows"):
        card.write(given)
