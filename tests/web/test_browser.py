"""The page in a real browser, served by the command: keyboard, phone, hostile text. Needs chromium; CI has it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from anzan.reader.reader import Reader

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None and os.environ.get("ANZAN_BROWSER") != "required":
    pytest.skip("no chromium on the path: apt-get install chromium", allow_module_level=True)

PASSAGE, QUESTION = "Anna has 5 pens. Carl has 9 pens. Zoë has 1,200 pens.", "Who has more pens: Anna or Carl?"


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """`anzan serve` on a free port, ended by Ctrl-C."""
    command = [sys.executable, "-m", "anzan", "serve", str(folder), "--port", "0", *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    lines: list[str] = []
    while not (found := re.match(r"http://[\d.]+:\d+", lines[-1] if lines else "")):
        lines.append(server.stderr.readline())
        assert lines[-1], lines
    yield found[0]
    server.send_signal(signal.SIGINT)
    assert server.wait(20) == 0
    assert server.stderr.read() == ""


@pytest.fixture(scope="module")
def address(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    reader.save(folder)
    with served(folder) as there:
        yield there


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A phone's width. Nothing may be asked of another site, and the console stays empty but for statuses."""
    page = browser.new_page(viewport={"width": 360, "height": 740})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    yield page
    assert all(url.startswith(address) for url in asked)
    assert not [line for line in said if not line.startswith("Failed to load resource")]
    page.close()


def test_by_keyboard_alone(page: Page, reader: Reader) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "passage"
    page.keyboard.type(PASSAGE)
    page.keyboard.press("Tab")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    answer = page.locator(".big")
    assert answer.inner_text() == reader.ask(PASSAGE, QUESTION).answer
    assert answer.is_visible() and page.evaluate("window.scrollY") > 0  # the answer is in view, and next to be read
    assert answer.inner_text() in page.title()
    numbers = page.get_by_label(re.compile("^number 2, 9"))
    numbers.focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    page.get_by_text("Changed: 9 → 4.").wait_for()
    changed = PASSAGE.replace("9 pens", "4 pens")
    assert page.locator("#passage").input_value() == changed
    assert page.locator(".big").inner_text() == reader.ask(changed, QUESTION).answer


def test_an_example_is_a_click_away_and_fits_a_phone(page: Page) -> None:
    page.get_by_role("button", name="Example 1").click()
    page.locator(".big").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".text .used").count() == 2
    shades = page.locator("details span").evaluate_all("all => all.map(s => getComputedStyle(s).backgroundColor)")
    assert len(set(shades)) > 2 and page.locator("details span[title]").first.get_attribute("title")


def test_hostile_text_stays_text(page: Page) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message) if isinstance(dialog, Dialog) else None)
    nasty = '\n</textarea><script>alert(1)</script><img src=x onerror=alert(2)> 5 & 7 &amp; "12"'
    page.fill("#passage", nasty)
    page.fill("#question", '"><svg onload=alert(3)> 1?')
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".big, .fault").wait_for()
    assert page.locator("#passage").input_value() == nasty
    assert page.locator("#question").input_value() == '"><svg onload=alert(3)> 1?'
    assert page.locator("script, img, svg").count() == 0


def test_a_fault_is_told_and_nothing_is_lost(page: Page) -> None:
    page.fill("#passage", "5 " * 61)
    page.fill("#question", "How many?")
    page.get_by_role("button", name="Ask", exact=True).click()
    assert "61 numbers" in page.get_by_role("alert").inner_text()
    assert page.locator("#passage").input_value() == "5 " * 61


def test_going_back_finds_what_was_typed(page: Page) -> None:
    for passage in (PASSAGE, PASSAGE.replace("9", "8")):
        page.fill("#passage", passage)
        page.fill("#question", QUESTION)
        with page.expect_navigation():
            page.get_by_role("button", name="Ask", exact=True).click()
    page.go_back()
    assert page.locator(".big").is_visible()  # the first answer, and above it what was typed there for the second
    assert page.locator("#passage").input_value() == PASSAGE.replace("9", "8")


def test_a_long_number_fits_a_phone(page: Page) -> None:
    page.fill("#passage", f"Anna has {'7' * 60} pens.\nCarl has 5 pens.")
    page.fill("#question", QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".big").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".text").first.evaluate("e => e.getBoundingClientRect().height") > 50  # two lines at least


def test_beyond_loopback_the_form_is_the_pages_own(reader: Reader, browser: Browser, tmp_path: Path) -> None:
    """Over plain http from another address a browser says less of where a form comes from."""
    addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    if not addresses:
        pytest.skip("this machine has loopback alone")
    reader.save(tmp_path)
    with served(tmp_path, "--host", addresses[0]) as address:
        page = browser.new_page()
        page.goto(address)
        page.get_by_role("button", name="Example 1").click()
        page.locator(".big").wait_for()
        page.close()
