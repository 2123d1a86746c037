"""A report, clicked through in a browser without a window."""

import json
import re
import shutil
from collections.abc import Callable, Iterator

import pytest

from adhere.evaluate.compare import comparisons
from adhere.evaluate.evaluation import Evaluation
from adhere.evaluate.report import render
from adhere.records import Example

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Locator, Page, expect  # noqa: E402

pytestmark = pytest.mark.browser

Evaluated = Callable[..., Evaluation]

EXAMPLES = [
    Example(id="pot/1", text="one pot, \U0001f600!", schema="order", target={"item": "pot", "count": 1}),
    Example(id="mugs 2", text="Three days ago: 2 mug", schema="order", target={"item": "mug", "count": 2}),
    Example(id="<b>x</b>", text="</script><b>4 jug</b>", schema="order", target={"item": "jug", "count": 4}),
]
FREE = ['{"item": "pot", "count": 1}', '{"item": "mug", "count": 3}', "no idea"]
HELD = ['{"item": "pot", "count": 1}', '{"item": "mug", "count": 2}', '{"item": "jug", "count": 4, "x": 1}']


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, evaluated: Evaluated) -> str:
    """Return where a report of two models on three rows lies: all fit, and a few more to move through."""
    more = [
        Example(id=f"row {at}", text=f"{at} pots", schema="order", target={"item": "pot", "count": at})
        for at in range(1, 31)
    ]
    right = [json.dumps(each.target) for each in more]
    evaluations = {
        "free": evaluated([*EXAMPLES, *more], [*FREE, *right]),
        "held": evaluated([*EXAMPLES, *more], [*HELD, *right], constrained=True),
    }
    made = comparisons({name: [each.row for each in e.predictions] for name, e in evaluations.items()})
    steps = [{"loss": 1.0 / step} for step in range(1, 9)]
    path = tmp_path_factory.mktemp("report") / "report.html"
    html = render("A report", evaluations, comparisons=made, training={"sft": steps}, meta={"by": "x" * 300})
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


class Opened:
    """A page, with what it complained of and what it asked for."""

    def __init__(self, browser: Browser, address: str, *, dark: bool) -> None:
        self.context = browser.new_context(
            viewport={"width": 1280, "height": 900}, color_scheme="dark" if dark else "light"
        )
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)

    def overflow(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def kept(browser: Browser, address: str) -> Iterator[Page]:
    """Open the report once for all that leave it as it was."""
    made = Opened(browser, address, dark=False)
    yield made.page
    assert made.faults == []
    made.context.close()


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Open]:
    """Open the report, and see that it never complained and asked for nothing but itself."""
    made: list[Opened] = []

    def of(fragment: str = "", *, dark: bool = False) -> Opened:
        made.append(Opened(browser, address + fragment, dark=dark))
        return made[-1]

    yield of
    for each in made:
        assert each.faults == []
        assert [url.partition("#")[0] for url in each.asked] == [address]
        each.context.close()


def listed(page: Page) -> list[str]:
    return page.locator("#row-list .id").all_text_contents()


def chosen(page: Page) -> str:
    return page.locator("#row h3").inner_text()


def with_text(page: Page, selector: str, text: str) -> Locator:
    return page.locator(selector).filter(has_text=re.compile(text)).first


def test_the_worst_row_is_shown_first(opened: Open) -> None:
    page = opened().page
    assert listed(page)[:3] == ["<b>x</b>", "mugs 2", "pot/1"]
    assert chosen(page) == "<b>x</b>"
    expect(page.locator("#row-count")).to_have_text("33 of 33 rows")
    expect(page.locator("#row .text")).to_have_text("</script><b>4 jug</b>")


@pytest.mark.parametrize(
    ("choose", "expected"),
    [
        pytest.param({"outcome": "no_output"}, ["<b>x</b>"], id="by outcome"),
        pytest.param({"outcome": "malformed"}, [], id="an outcome that no answer has"),
        pytest.param({"field": "/count (2)"}, ["<b>x</b>", "mugs 2"], id="by wrong field"),
        pytest.param({"field": "not in the right answer (1)"}, ["<b>x</b>"], id="by what is invented"),
        pytest.param({"model": "held", "field": "/count (2)"}, [], id="by model and wrong field"),
        pytest.param({"query": "THREE days"}, ["mugs 2"], id="by words of the text"),
        pytest.param({"query": "pot/"}, ["pot/1"], id="by id"),
        pytest.param({"differ": "on"}, ["<b>x</b>", "mugs 2"], id="where models disagree"),
        pytest.param({"differ": "on", "order": "data"}, ["mugs 2", "<b>x</b>"], id="as in the data"),
    ],
)
def test_rows_are_filtered(choose: dict[str, str], expected: list[str], kept: Page) -> None:
    page = kept
    for name, value in choose.items():
        field = page.locator(f"#filters [name={name}]")
        if name == "query":
            field.fill(value)
        elif name == "differ":
            field.check()
        elif name in {"field", "model"}:
            field.select_option(label=value)
        else:
            field.select_option(value)
    assert listed(page) == expected
    said = f"{len(expected)} of 33 rows" if expected else "No row is like that. Take a filter away."
    expect(page.locator("#row-count")).to_have_text(said)
    if expected:
        assert chosen(page) in expected
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#row-count")).to_have_text("33 of 33 rows")


def test_the_worst_answers_of_a_model_that_is_chosen_come_first(opened: Open) -> None:
    page = opened().page
    page.locator("[name=model]").select_option(label="held")
    # Its three answers to hard rows are right but for a leaf that the third row has not.
    assert listed(page)[0] == "<b>x</b>"
    assert listed(page)[-1].startswith("row ")


def test_keys_move_through_the_rows(opened: Open) -> None:
    page = opened().page
    page.keyboard.press("j")
    assert chosen(page) == "mugs 2"
    assert page.url.endswith("#row=mugs%202")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert chosen(page) == "mugs 2"
    expect(page.locator(".place")).to_have_text("2 of 33")
    page.keyboard.press("/")
    page.keyboard.type("jk")
    # They are written into the search, and move nothing.
    expect(page.locator("[name=query]")).to_have_value("jk")
    page.keyboard.press("Escape")
    assert listed(page) == []


def test_the_list_is_one_stop_and_arrows_move_in_it(opened: Open) -> None:
    page = opened().page
    assert page.locator("#row-list [tabindex='0']").count() == 1
    page.locator("#row-list [aria-current]").focus()
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    expect(page.locator("#row-list [aria-current]")).to_be_focused()
    # The one that is chosen is in sight.
    expect(page.locator("#row-list [aria-current]")).to_be_in_viewport()


@pytest.mark.parametrize(
    ("fragment", "row"),
    [("#row=pot%2F1", "pot/1"), ("#row=%3Cb%3Ex%3C%2Fb%3E", "<b>x</b>"), ("#row=row%2017", "row 17")],
)
def test_an_address_names_a_row(fragment: str, row: str, opened: Open) -> None:
    page = opened(fragment).page
    assert chosen(page) == row
    expect(page.locator("#row")).to_be_in_viewport()
    assert page.locator("#row h3 a").get_attribute("href") == fragment


@pytest.mark.parametrize("fragment", ["#row=gone", "#row=%zz"])
def test_an_address_of_no_row_is_told(fragment: str, opened: Open) -> None:
    page = opened(fragment).page
    expect(page.locator("#row-count")).to_contain_text("is not on this page")
    assert chosen(page) == "<b>x</b>"


def test_a_leaf_under_the_pointer_lights_up_where_the_text_states_it(opened: Open) -> None:
    page = opened("#row=mugs%202").page
    wrong = page.locator(".answers .leaf.wrong")
    expect(wrong).to_have_text(re.compile('"count": 3'))
    expect(page.locator(".instead")).to_have_text(" right: 2")
    wrong.hover()
    # It took the three days for the count of mugs, which stands elsewhere.
    expect(page.locator("mark.taken.lit")).to_have_text("Three")
    expect(page.locator("mark.stated.lit")).to_have_text("2")
    expect(page.locator(".said")).to_have_text("/count · free · wrong")
    page.mouse.move(5, 5)
    expect(page.locator(".lit")).to_have_count(0)


def test_a_stretch_of_the_text_under_the_pointer_lights_up_its_leaves(opened: Open) -> None:
    page = opened("#row=pot%2F1").page
    page.locator("mark", has_text="pot").hover()
    # In the right answer and in both models'.
    expect(page.locator(".leaf.lit")).to_have_count(3)
    # The smiling face is one character, as spans count it.
    expect(page.locator("#row .text")).to_have_text("one pot, \U0001f600!")


def test_a_leaf_is_reached_and_held_by_keyboard(opened: Open) -> None:
    page = opened("#row=mugs%202").page
    page.locator(".answers .leaf").first.focus()
    expect(page.locator("mark.lit")).to_have_text("mug")
    page.keyboard.press("Enter")
    page.locator(".answers .leaf.wrong").hover()
    expect(page.locator("mark.lit")).to_have_text("mug")
    page.keyboard.press("Escape")
    expect(page.locator(".lit")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_stands_out_at_the_side(opened: Open, *, dark: bool) -> None:
    made = opened("#row=mugs%202", dark=dark)
    for width in (390, 768, 1280):
        made.page.set_viewport_size({"width": width, "height": 900})
        assert made.overflow() == 0, width


def brightness(page: Page) -> tuple[int, int]:
    """Sums of red, green and blue of the ground and of the text."""
    shades = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    ground, text = (sum(map(int, re.findall(r"\d+", shade)[:3])) for shade in shades)
    return ground, text


def test_a_dark_page_is_dark(opened: Open) -> None:
    ground, text = brightness(opened(dark=True).page)
    assert ground < 150 < 600 < text
    ground, text = brightness(opened().page)
    assert text < 150 < 600 < ground


def test_text_stands_out_from_its_ground(opened: Open) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    measure = """() => {
      const light = (shade) => shade.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
      const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
          const shade = getComputedStyle(each).backgroundColor;
          if (!/, 0\\)$|transparent/.test(shade)) return shade;
        }
        return "rgb(255, 255, 255)";
      };
      const low = [];
      for (const each of document.querySelectorAll("main *, header *, footer *")) {
        const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || each.closest("svg, .unseen, option, noscript") || !each.getClientRects().length) continue;
        const shades = [light(getComputedStyle(each).color), light(ground(each))].sort((a, b) => b - a);
        const ratio = (shades[0] + 0.05) / (shades[1] + 0.05);
        if (ratio < 4.5) low.push(`${each.className} ${each.textContent} ${ratio.toFixed(2)}`);
      }
      return low;
    }"""
    for dark in (False, True):
        page = opened(dark=dark).page
        assert page.evaluate(measure) == []
        page.keyboard.press("j")
        assert page.evaluate(measure) == []


def test_every_control_has_a_name_and_the_page_its_landmarks(opened: Open) -> None:
    page = opened().page
    for role in ("main", "banner", "contentinfo", "search"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search", exact=True)).to_have_count(1)
    expect(page.get_by_role("checkbox", name="Models disagree", exact=True)).to_have_count(1)
    for name in ("Model", "Outcome", "Field wrong", "Order"):
        expect(page.get_by_role("combobox", name=name, exact=True)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Contents")).to_have_count(1)
    expect(page.get_by_role("navigation", name="Rows")).to_have_count(1)
    assert page.evaluate("[...document.querySelectorAll('[id]')].length") == page.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map((each) => each.id)).size"
    )


def test_a_printed_page_has_no_controls(opened: Open) -> None:
    page = opened().page
    page.emulate_media(media="print")
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator("#row .text")).to_be_visible()
