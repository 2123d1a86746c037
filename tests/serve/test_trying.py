"""The page to try a server, clicked through in a browser without a window."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.served import Served, served

from adhere.cli import main

pytestmark = pytest.mark.browser

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect  # noqa: E402

NESTED = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"type": "object", "properties": {"a/b": {"const": "<b>"}},
                  "required": ["a/b"], "additionalProperties": False}, "minItems": 2, "maxItems": 2},
        "none": {"type": "null"},
    },
    "required": ["lines", "none"],
    "additionalProperties": False,
}  # fmt: skip


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


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """The page of a running server; nothing may be complained of in it, and nothing asked of another."""
    yield from _opened(browser, server.url)


def _opened(browser: Browser, url: str, *, told: tuple[str, ...] = (), width: int = 1280) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda asked: None if asked.url.startswith(url) else complaints.append(asked.url))
    page.goto(f"{url}/")
    yield page
    context.close()
    assert [each for each in complaints if not each.startswith(told or ("\0",))] == []


def ask(page: Page) -> None:
    page.get_by_role("button", name="Ask").click()


def test_an_answer_stands_beside_the_text_that_says_it(page: Page) -> None:
    page.get_by_role("button", name="a slip").click()
    ask(page)
    lines = page.locator("button.line")
    expect(lines).to_have_count(4)
    expect(lines.nth(0).locator("code")).to_have_text('"vendor": "Quinn Hardware",')
    expect(page.locator("mark")).to_have_text(["Quinn Hardware", "September 24, 2017", "$", "671.00"])
    lines.nth(1).hover()
    expect(page.locator("mark.lit")).to_have_text("September 24, 2017")
    expect(page.locator("#said")).to_contain_text("/date September 24, 2017 as a date, raw 0.")


def test_a_click_holds_a_leaf_and_a_click_in_the_text_finds_one(page: Page) -> None:
    page.get_by_role("button", name="a slip").click()
    ask(page)
    first, second = page.locator("button.line").nth(0), page.locator("button.line").nth(1)
    first.click()
    second.hover()
    expect(page.locator("mark.lit")).to_have_text("Quinn Hardware")
    expect(first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator("mark.lit")).to_have_count(0)
    page.locator("#text").evaluate("(area) => { area.focus(); area.setSelectionRange(40, 40); }")
    page.locator("#text").dispatch_event("click")
    expect(second).to_have_attribute("aria-pressed", "true")


def test_marks_are_gone_when_the_text_is_changed(page: Page) -> None:
    ask(page)
    expect(page.locator("mark").first).to_be_attached()
    page.locator("#text").press_sequentially("!")
    expect(page.locator("mark")).to_have_count(0)


def test_marks_lie_under_the_words_though_some_characters_count_twice(page: Page) -> None:
    page.locator("#text").fill(
        "\U0001f600\U0001f600 Vendor: Quinn Hardware\nDate: May 3, 2026\nAmount: $ 671.00"
    )
    ask(page)
    expect(page.locator("mark").first).to_have_text("Quinn Hardware")
    sizes = "(of) => [getComputedStyle(of).font, of.getBoundingClientRect().width]"
    assert page.locator("#text").evaluate(sizes) == page.locator("#behind").evaluate(sizes)


def test_the_threshold_decides_what_is_undecided(page: Page) -> None:
    page.get_by_role("button", name="a slip").click()
    page.get_by_label("Undecided below").fill("100")
    ask(page)
    expect(page.locator("#verdict")).to_have_text("Undecided: a person should look at 4 fields")
    expect(page.locator("button.line.doubtful")).to_have_count(4)
    page.get_by_label("Undecided below").fill("0")
    ask(page)
    expect(page.locator("#verdict")).to_have_text("Obeys the schema")


def test_lists_objects_and_keys_are_spelled_as_they_are(page: Page) -> None:
    page.locator("#schema").fill(json.dumps(NESTED))
    page.locator("#text").press("Control+Enter")
    expect(page.locator("button.line")).to_have_count(3)
    shown = "".join(page.locator(".line code").all_text_contents())
    assert json.loads(shown) == {"lines": [{"a/b": "<b>"}, {"a/b": "<b>"}], "none": None}
    page.locator("button.line").last.hover()
    expect(page.locator("#said")).to_contain_text("/none needs no place in the text")


def test_without_a_schema_the_text_stands_as_it_is_written(page: Page) -> None:
    page.locator("#schema").fill("")
    ask(page)
    expect(page.locator(".raw-text")).to_be_visible()


def test_a_schema_that_is_no_json_is_told_beside_it(page: Page) -> None:
    page.locator("#schema").fill("{")
    ask(page)
    expect(page.locator("#schema-fault")).to_contain_text("It is no JSON")


def test_the_request_is_shown_for_a_terminal(page: Page) -> None:
    ask(page)
    page.get_by_text("The same request in a terminal").click()
    expect(page.locator("#command")).to_contain_text(
        "/v1/chat/completions -H 'content-type: application/json' -d"
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(browser: Browser, server: Served, width: int) -> None:
    for page in _opened(browser, server.url, width=width):
        page.locator("#text").fill("y" * 90)
        # Nothing is left to the model, so that it is done at once.
        long = {"type": "object", "properties": {"x" * 80: {"const": "y" * 90}}, "required": ["x" * 80]}
        page.locator("#schema").fill(json.dumps({**long, "additionalProperties": False}))
        ask(page)
        expect(page.locator("button.line").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_the_server_refuses_is_told_in_its_words(browser: Browser, server: Served) -> None:
    for page in _opened(browser, server.url, told=("Failed to load resource",)):
        page.locator("#schema").fill('{"type": "no such type"}')
        ask(page)
        expect(page.locator("#verdict")).to_contain_text("no such type")
        expect(page.locator("#lines")).to_be_hidden()


@pytest.mark.slow
def test_a_server_with_keys_is_asked_with_one(
    browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = str(tmp_path / "keys.json")
    assert main(["key", "add", "--name", "me", "--keys", keys, "--json"]) == 0
    (key,) = re.findall(r"adh_[0-9a-f]{8}_[\w-]+", capsys.readouterr().out)
    with served("--keys", keys, "--workers", "1") as running:
        for page in _opened(browser, running.url, told=("Failed to load resource",)):
            expect(page.get_by_text("Give a key")).to_be_visible()
            page.get_by_label("Key").fill(key)
            ask(page)
            expect(page.locator("button.line")).to_have_count(4)
            expect(page.locator("#server")).to_have_text("nano")
            expect(page.locator("#command")).not_to_contain_text(key)
