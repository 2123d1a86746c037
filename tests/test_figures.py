import re
from xml.etree import ElementTree

import pytest

from adhere.figures import bars, histogram, reliability, training_curves
from adhere.measure.reliability import Bin
from adhere.measure.statistics import Mean, Rate, Undefined
from adhere.records import JSON

STEPS: list[dict[str, JSON]] = [
    {
        "step": step,
        "reward": 0.1 * step,
        "parts": {"parses": 0.5, "matches": 0.05 * step},
        "zero_variance": 0.25,
        "length": 40 + step,
        "loss": -0.01 * step,
        "lr": 1e-5,
        "grad_norm": 0.5,
    }
    for step in range(1, 9)
]
SFT_STEPS: list[dict[str, JSON]] = [{"step": 1, "loss": 2.0, "lr": 1e-4, "grad_norm": 0.0, "tokens": 9}]
BEFORE: dict[str, JSON] = {
    "schema_valid": Rate(1, 4).as_json(),
    "exact": Rate(0, 4).as_json(),
    "match_parsed": Undefined().as_json(),
}
AFTER: dict[str, JSON] = {
    "schema_valid": Rate(4, 4).as_json(),
    "exact": Rate(3, 4).as_json(),
    "match_parsed": Mean.of([0.5, 0.75]).as_json(),
}


@pytest.fixture(scope="module")
def curves() -> str:
    """Curves of a reinforcement run: eight numbers a step."""
    return training_curves(STEPS)


def texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 — our own text
    return ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]


def drawn_lines(svg: str, width: str) -> list[list[tuple[float, float]]]:
    """Points of the lines of one width, each as x and y."""
    root = ElementTree.fromstring(svg)  # noqa: S314 — our own text
    paths = root.iter("{http://www.w3.org/2000/svg}path")
    chosen = [each.attrib["d"] for each in paths if f"stroke-width: {width};" in f"{each.get('style')};"]
    numbers = [[float(number) for number in re.findall(r"[\d.]+", path)] for path in chosen]
    return [list(zip(each[::2], each[1::2], strict=True)) for each in numbers]


def height(line: list[tuple[float, float]]) -> float:
    return max(y for _, y in line) - min(y for _, y in line)


def test_every_number_of_a_run_has_a_panel(curves: str) -> None:
    titles = [
        "Reward",
        "Reward: parses",
        "Reward: matches",
        "Groups without signal",
        "Completion length, tokens",
        "Loss",
        "Learning rate",
        "Gradient norm",
    ]
    assert [text for text in texts(curves) if text in titles] == titles


def test_what_a_run_does_not_log_has_no_panel() -> None:
    drawn = texts(training_curves(SFT_STEPS))
    assert {"Loss", "Learning rate", "Gradient norm"} <= set(drawn)
    assert "Reward" not in drawn


def test_a_noisy_number_is_drawn_as_it_was_and_smoothed() -> None:
    svg = training_curves([{"grad_norm": float(place % 2)} for place in range(10)])
    (thin,), (thick,) = drawn_lines(svg, "0.7"), drawn_lines(svg, "1.9")
    # 0 and 1 in turn; averaged with their neighbours they lie between 1/3 and 2/3, and 1/2 at the ends.
    assert height(thick) == pytest.approx(height(thin) / 3, rel=1e-3)


def test_the_learning_rate_is_drawn_once_as_it_was() -> None:
    svg = training_curves([{"lr": rate} for rate in (0.0, 1.0, 1.0)])
    assert drawn_lines(svg, "0.7") == []
    (line,) = drawn_lines(svg, "1.9")
    assert line[1][1] == line[2][1] != line[0][1]


def test_a_whisker_spans_the_interval() -> None:
    lines = drawn_lines(bars({"only": {"exact": Rate(1, 4).as_json()}}), "1.6")
    (whisker,) = [line for line in lines if line[0][1] == line[1][1]]
    # A quarter of 10 inches less 0.6 for names, less 0.72 beside the bars, is 100 %; 72 points an inch.
    expected = (Rate(1, 4).high - Rate(1, 4).low) * ((10 - 0.6) / 4 - 0.72) * 72
    assert whisker[1][0] - whisker[0][0] == pytest.approx(expected, rel=1e-3)


def test_a_negative_loss_stays_on_its_axis(curves: str) -> None:
    # Losses go from −0.01 to −0.08; all other numbers are positive.
    assert any(text.startswith("-0.0") for text in texts(curves))


def test_a_telephones_curves_stand_below_one_another() -> None:
    wide, narrow = (
        ElementTree.fromstring(training_curves(SFT_STEPS, columns=count)).attrib["viewBox"].split()[2:]  # noqa: S314
        for count in (3, 1)
    )
    # Three panels: one row of three, or three rows of one.
    assert float(wide[0]) > 2.5 * float(narrow[0])
    assert float(narrow[1]) == pytest.approx(3 * float(wide[1]))


def test_steps_without_a_number_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="no step holds a number"):
        training_curves([{"step": 1}])


def test_bars_name_evaluations_metrics_and_values() -> None:
    drawn = texts(bars({"before": BEFORE, "after": AFTER}))
    assert {"before", "after", "Obeys the schema", "Exactly right"} <= set(drawn)
    # Rates 1/4 and 4/4, 0/4 and 3/4; one mean of 0.625 and one of nothing.
    values = {"25.0\u00a0%", "100.0\u00a0%", "0.0\u00a0%", "75.0\u00a0%", "62.5\u00a0%", "not measured"}
    assert values <= set(drawn)


def test_a_metric_of_which_less_is_better_points_down() -> None:
    assert {"No output ↓", "Is JSON"} <= set(
        texts(bars({"only": {"no_output": Rate(1, 4).as_json(), "valid_json": Rate(1, 4).as_json()}}))
    )


def test_a_telephones_bars_stand_below_one_another_and_a_long_name_is_cut() -> None:
    wide, narrow = (
        ElementTree.fromstring(bars({"a name of thirty-two characters!": AFTER}, width=width))  # noqa: S314
        for width in (10.0, 3.8)
    )
    heights = [float(each.attrib["viewBox"].split()[3]) for each in (wide, narrow)]
    # Three metrics: side by side, or each below the last.
    assert heights[1] == pytest.approx(3 * heights[0])
    assert "a name of thirty-two c…" in "".join(narrow.itertext())


def test_a_metric_that_no_evaluation_has_gets_no_bars() -> None:
    assert "Noise" not in texts(bars({"before": BEFORE}))


def test_summaries_without_metrics_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="no evaluation holds a metric"):
        bars({"before": {"rows": 4}})


@pytest.mark.parametrize("name", ["<script>f()</script>", "a & b", "$x^2$", '"quoted"'])
def test_a_hostile_name_is_text(name: str) -> None:
    svg = bars({name: BEFORE})
    assert name in texts(svg)
    assert "<script" not in svg
    assert name in ElementTree.fromstring(svg).attrib["aria-label"]  # noqa: S314 — our own text


@pytest.mark.parametrize("drawn", ["curves", "bars"])
def test_a_figure_is_one_svg_element_that_needs_nothing_else(drawn: str, curves: str) -> None:
    svg = curves if drawn == "curves" else bars({"before": BEFORE, "after": AFTER})
    assert svg.startswith("<svg role=")
    assert svg.endswith("</svg>")
    addresses = set(re.findall(r"https?://[^\"']+", svg))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "var(--figure-ink, #" in svg


def test_the_same_numbers_give_the_same_bytes(curves: str) -> None:
    assert training_curves(STEPS) == curves


def names(svg: str) -> set[str]:
    return set(re.findall(r' id="([^"]+)"', svg))


def test_figures_of_one_page_share_no_names() -> None:
    figures = [
        training_curves(SFT_STEPS),
        training_curves(SFT_STEPS, columns=1),
        training_curves([*SFT_STEPS, *SFT_STEPS]),
        bars({"before": BEFORE}),
    ]
    found = [name for figure in figures for name in names(figure)]
    assert len(found) == len(set(found))
    assert found


BINS = [(100, 120, 3), (120, 140, 9), (140, 160, 0), (160, 180, 1)]


@pytest.mark.parametrize(
    ("limit", "is_drawn"),
    [pytest.param(200, True, id="a limit near"), pytest.param(32768, False, id="a limit far away")],
)
def test_a_histogram_has_a_bar_for_each_bin_and_the_limit_where_rows_come_near(
    limit: int,
    is_drawn: bool,  # noqa: FBT001
) -> None:
    svg = histogram(BINS, quantity="tokens", limit=limit)
    assert "Histogram of tokens over 13 rows, from 100 to below 180" in svg
    assert {"tokens", "rows"} <= set(texts(svg))
    assert (f"limit {limit:,}" in texts(svg)) == is_drawn
    bars_drawn = [path for path in re.findall(r'<path d="([^"]+)"', svg) if path.rstrip().endswith("z")]
    assert len(bars_drawn) >= len(BINS)


@pytest.mark.parametrize(("limit", "anchor"), [(105, "start"), (175, "end")])
def test_the_limit_is_named_on_the_side_that_has_room(limit: int, anchor: str) -> None:
    svg = histogram(BINS, quantity="tokens", limit=limit)
    (label,) = (tag for tag in re.findall(r"<text [^>]*>[^<]*", svg) if f"limit {limit}" in tag)
    assert ("text-anchor: end" in label) == (anchor == "end")


def test_a_histogram_is_the_same_every_time() -> None:
    assert histogram(BINS, quantity="tokens", limit=200) == histogram(BINS, quantity="tokens", limit=200)


def test_a_histogram_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no bin"):
        histogram([], quantity="tokens", limit=200)


SURE = [
    Bin(confidence=0.2, right=Mean(mean=0.1, low=0.05, high=0.2, n=40)),
    Bin(confidence=0.9, right=Mean(mean=0.8, low=0.7, high=0.9, n=60)),
]


def test_reliability_is_drawn_as_a_point_with_a_whisker_for_each_bin() -> None:
    svg = reliability({"raw": SURE, "calibrated": SURE[:1], "none": []})
    assert "Share of right leaves against confidence: raw, 100 leaves; calibrated, 40 leaves" in svg
    assert {"raw", "calibrated", "none", "confidence", "leaves right"} <= set(texts(svg))
    first, second, *_ = drawn_lines(svg, "1.4")
    # 4.6 inches less margins of 0.8, 72 points each, hold 104 %.
    scale = 3.8 / 1.04 * 72
    assert height(first) == pytest.approx(0.15 * scale, rel=1e-3)
    assert height(second) == pytest.approx(0.2 * scale, rel=1e-3)
    assert second[0][0] - first[0][0] == pytest.approx(0.7 * scale, rel=1e-3)


def test_reliability_is_the_same_every_time() -> None:
    assert reliability({"raw": SURE}) == reliability({"raw": SURE})


def test_reliability_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no bin"):
        reliability({"raw": []})
