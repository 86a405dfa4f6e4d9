"""The page of a record in a real browser: Debian's Chromium, without a window, driven by Playwright.

Where a machine has no Chromium these tests say so and are skipped. INTAGLIO_SCREENSHOT names a PNG to write the picture
of the page to, that of docs/ by `make screenshot`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from model.registry import load_engine
from pipeline.extract import extract
from schemas.page import Box
from schemas.record import Issue, Record
from schemas.registry import load_contract
from tests.papers import write_invoice
from tests.reviewed import field, record_of, saved

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[dev]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("there is no browser to look with; on Debian: apt-get install chromium", allow_module_level=True)

ROOT = Path(__file__).parent.parent
SCREENSHOT = os.environ.get("INTAGLIO_SCREENSHOT", "")
A4_WIDTH = 680  # CSS pixels between margins of 15 mm
RATIO = 0.001  # of a page's size: how far a box may lie from where the evidence says


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Opened:
    """A page, and all that it did beside being seen."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.page = browser.new_page(viewport={"width": 1280, "height": 800}, **context)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.messages.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def lit(self) -> set[str]:
        return set(self.page.evaluate("[...document.querySelectorAll('.lit')].map(element => element.id)"))

    def rectangle(self, selector: str) -> Box:
        """In pixels of the window."""
        corners = "element => (at => [at.left, at.top, at.right, at.bottom])(element.getBoundingClientRect())"
        return Box(*self.page.eval_on_selector(selector, corners))

    def is_seen(self, selector: str) -> bool:
        x0, y0, x1, y1 = self.rectangle(selector)
        return x0 >= 0 and y0 >= 0 and x1 <= 1280 and y1 <= 800

    def focused(self) -> str:
        """The id of the box or field that has the focus."""
        return str(self.page.evaluate("document.activeElement.closest('[data-links]')?.id ?? ''"))


def shown_page(record: Record, folder: Path) -> Path:
    result = CliRunner().invoke(app, ["show", str(saved(record, folder / "record.json")), "--html"])
    assert result.exit_code == 0, result.output
    return folder / "record.html"


@pytest.fixture(scope="module")
def invoice() -> Record:
    """Of three pages: read by the embedded engine, with an issue and fields in review."""
    name = "sample_docs/invoices/testwaren-de-3-pages.pdf"
    return extract(ROOT / name, load_contract("invoice"), load_engine("embedded"), name=name)


@pytest.fixture(scope="module")
def invoice_page(invoice: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.chdir(ROOT)
    try:
        return shown_page(invoice, tmp_path_factory.mktemp("invoice"))
    finally:
        monkeypatch.undo()


@pytest.fixture
def opened(browser: Any, invoice_page: Path) -> Iterator[Opened]:
    """Closes with nothing said to the console, and nothing asked for but the file."""
    page = Opened(browser, invoice_page)
    yield page
    assert page.messages == [] and page.requests == [invoice_page.as_uri()]
    page.page.close()


def place_of(record: Record, pointer: str) -> str:
    """The id of the field on the page: its number in the order of the data."""
    return f"f{list(record.fields).index(pointer)}"


def test_a_click_on_a_field_shows_its_box_where_the_evidence_is(opened: Opened, invoice: Record) -> None:
    for pointer in ("/invoice_number", "/total", "/lines/40/amount"):
        name, evidence = place_of(invoice, pointer), invoice.fields[pointer].evidence[0]
        opened.page.click(f"#{name} a")
        [box] = [each for each in opened.lit() if each.startswith("b")]
        assert opened.focused() == box and opened.is_seen(f"#{box} rect")
        drawn, paper = opened.rectangle(f"#{box} rect"), opened.rectangle(f"#page-{evidence.page} image")
        assert [(drawn.x0 - paper.x0) / paper.width, (drawn.x1 - paper.x0) / paper.width] == pytest.approx(
            [evidence.box.x0, evidence.box.x1], abs=RATIO
        )
        assert [(drawn.y0 - paper.y0) / paper.height, (drawn.y1 - paper.y0) / paper.height] == pytest.approx(
            [evidence.box.y0, evidence.box.y1], abs=RATIO
        )
    if SCREENSHOT:
        opened.page.click(f"#{place_of(invoice, '/total')} a")
        opened.page.evaluate("document.querySelector('main').scrollTop = 0")
        picture = Image.open(BytesIO(opened.page.screenshot())).convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(SCREENSHOT, optimize=True)


def test_fields_and_pages_scroll_by_themselves(opened: Opened) -> None:
    assert opened.page.evaluate("document.documentElement.scrollHeight") == 800
    assert all(opened.page.eval_on_selector_all(".pane", "panes => panes.map(pane => pane.scrollHeight > 800)"))


def grains(picture: Image.Image) -> bytes:
    """What is inside the box, coarsely."""
    return picture.crop((4, 4, picture.width - 4, picture.height - 4)).resize((24, 6)).tobytes()


def test_the_picture_under_a_box_is_what_the_evidence_says(opened: Opened, invoice: Record) -> None:
    """The pixels that a person sees there are those of the PDF."""
    evidence = invoice.fields["/invoice_number"].evidence[0]
    paper = opened.rectangle(f"#page-{evidence.page} image")
    x0, y0, x1, y1 = evidence.box
    around = {"x": paper.x0 + x0 * paper.width, "y": paper.y0 + y0 * paper.height}
    size = {"width": (x1 - x0) * paper.width, "height": (y1 - y0) * paper.height}
    seen = Image.open(BytesIO(opened.page.screenshot(clip={**around, **size}))).convert("L")
    page = pymupdf.open(ROOT / invoice.document.uri)[evidence.page - 1]
    clip = pymupdf.Rect(x0 * page.rect.width, y0 * page.rect.height, x1 * page.rect.width, y1 * page.rect.height)
    pixmap = page.get_pixmap(clip=clip, dpi=100, colorspace=pymupdf.csGRAY)
    printed = Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples).resize(seen.size)
    inner = [grains(picture) for picture in (seen, printed)]
    apart = [abs(one - other) for one, other in zip(*inner, strict=True)]
    assert sum(apart) / len(apart) < 20 and max(inner[1]) - min(inner[1]) > 80


def test_a_click_on_a_box_shows_its_field(opened: Opened, invoice: Record) -> None:
    name = place_of(invoice, "/lines/60/description")
    box = opened.page.get_attribute(f"#{name}", "data-links").split()[0]
    assert not opened.is_seen(f"#{name}")
    opened.page.click(f"#{box} rect")
    assert {name, box} <= opened.lit() and opened.is_seen(f"#{name}") and opened.focused() == name


def test_pointing_at_one_lights_both_and_moving_away_ends_it(opened: Opened, invoice: Record) -> None:
    name = place_of(invoice, "/invoice_date")
    box = opened.page.get_attribute(f"#{name}", "data-links")
    opened.page.hover(f"#{name} dt")
    assert opened.lit() == {name, box}
    opened.page.hover("h1")
    assert opened.lit() == set()
    opened.page.hover(f"#{box} rect")
    assert opened.lit() == {name, box}


def test_the_keyboard_does_the_same(opened: Opened, invoice: Record) -> None:
    name = place_of(invoice, "/total")
    box = opened.page.get_attribute(f"#{name}", "data-links")
    opened.page.focus(f"#{name} a")
    assert opened.lit() == {name, box} and opened.is_seen(f"#{box} rect"), "the box of a field with the focus is seen"
    opened.page.keyboard.press("Enter")
    assert opened.focused() == box
    opened.page.keyboard.press("Enter")
    assert opened.focused() == name
    opened.page.keyboard.press("Escape")
    assert opened.lit() == set()
    opened.page.keyboard.press("Tab")
    assert opened.focused() != "" and opened.lit() != set()


def test_issues_and_what_is_to_check_lead_to_their_fields(opened: Opened, invoice: Record) -> None:
    name = place_of(invoice, "/total_tax")
    for link in (f"section:has(#issues) a[href='#{name}']", f"section:has(#doubtful) a[href='#{name}']"):
        opened.page.click(link)
        assert name in opened.lit() and opened.is_seen(f"#{name}") and opened.focused() == name
        opened.page.keyboard.press("Escape")


def test_the_first_link_leads_past_the_fields(opened: Opened) -> None:
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.press("Tab")
    assert opened.focused().startswith("b")


def test_without_its_script_links_still_lead_there(browser: Any, invoice_page: Path, invoice: Record) -> None:
    page = Opened(browser, invoice_page, java_script_enabled=False).page
    page.click(f"#{place_of(invoice, '/total')} a")
    box = page.url.partition("#")[2]
    assert page.locator(f"#{box}:target").count() == 1 and page.locator(f"#{box} rect").is_visible()
    page.close()


def test_in_print_boxes_stand_on_their_pages_and_nothing_is_cut_off(opened: Opened, invoice: Record) -> None:
    printed = pymupdf.open(stream=opened.page.pdf(format="A4", prefer_css_page_size=True), filetype="pdf")
    text = " ".join(page.get_text() for page in printed)
    assert all((field.value or "")[:12] in " ".join(text.split()) for field in invoice.fields.values())
    green, orange = (0x14 / 255, 0x80 / 255, 0x3A / 255), (0xB4 / 255, 0x52 / 255, 0)
    pages = [[drawing["color"] or drawing["fill"] for drawing in page.get_drawings()] for page in printed][-3:]
    boxes = {(e.page, e.box, f.status) for f in invoice.fields.values() for e in f.evidence}
    for number, drawn in enumerate(pages, 1):
        for colour, status in ((green, "accepted"), (orange, "review")):
            there = sum(1 for one in drawn if one == pytest.approx(colour, abs=0.01))
            wanted = sum(1 for page, _, of in boxes if page == number and of == status)
            assert there == wanted, (number, status)
    assert all(len(page.get_images()) == 1 for page in list(printed)[-3:])


def test_a_table_is_no_wider_than_the_sheet_it_is_printed_on(browser: Any, tmp_path: Path) -> None:
    row = {f"a_rather_long_name_{column}": "1,234,567.89 incomprehensibilities" for column in range(12)}
    path = shown_page(
        record_of(write_invoice(tmp_path / "a.pdf")).model_copy(update={"data": {"rows": [row] * 3}}), tmp_path
    )
    opened = Opened(browser, path)
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size({"width": A4_WIDTH, "height": 1000})
    assert opened.page.locator("td").count() == 36
    assert opened.rectangle("table").x1 <= A4_WIDTH
    opened.page.close()


HOSTILE = (
    "<script>window.owned = 1</script>",
    "</script><script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 1'><svg onload='window.owned = 1'>",
    "'\" onmouseover='window.owned = 1' x='",
    "<a href='javascript:window.owned = 1'>click</a>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css><iframe src=http://127.0.0.1:9/>",
    "100 \u202e€ 999\u202c \u2066x\u2069",
    "bell\x07 null\x00 escape\x1b[31m",
    "long" * 5000,
    "<!-- ]]> {{ 7 * 7 }} -->",
)


def test_hostile_text_is_text(browser: Any, tmp_path: Path) -> None:
    data = {text: {"value": text, "rows": [{text: text}]} for text in HOSTILE}
    fields = {}
    for row, text in enumerate(HOSTILE):
        key = text.replace("~", "~0").replace("/", "~1")
        box = Box(0.1, 0.05 + row * 0.09, 0.4, 0.1 + row * 0.09)
        fields[f"/{key}/value"] = field(text, box, status="review")
        fields[f"/{key}/rows/0/{key}"] = field(text)
    told = record_of(write_invoice(tmp_path / "a.pdf"))
    issues = tuple(Issue(code=text[:20], message=text, pointers=tuple(fields), page=1) for text in HOSTILE)
    path = shown_page(told.model_copy(update={"data": data, "fields": fields, "issues": issues}), tmp_path)
    opened = Opened(browser, path)
    for row in range(len(HOSTILE)):
        value = opened.page.locator(f"#f{2 * row}")
        value.locator("a").first.click()
        value.hover()
        opened.page.hover(f"#b{row} rect")
    text = opened.page.inner_text("main")
    for hostile in HOSTILE[:6]:
        assert hostile in text
    assert "100 U+202E€ 999U+202C" in text.replace("\n", "") and "nullU+0000" in text
    assert not set(text) & set("\u202e\u202c\u2066\u2069\x00\x07\x1b")
    assert opened.page.evaluate("window.owned") is None
    assert opened.messages == [] and opened.requests == [path.as_uri()]
    assert opened.page.evaluate("document.querySelectorAll('iframe, img, script').length") == 1
    width = opened.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 1280 and "15000 more characters" in text, "the longest value is cut, and does not widen the page"
    opened.page.close()


def test_the_browser_refuses_whatever_else_the_page_might_be_brought_to_do(browser: Any, invoice_page: Path) -> None:
    opened = Opened(browser, invoice_page)
    opened.page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.owned = 1";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<img src='http://127.0.0.1:9/x.png' onerror='window.owned = 2'>");
      document.body.insertAdjacentHTML("beforeend", "<iframe src='http://127.0.0.1:9/'></iframe>");
    }""")
    opened.page.wait_for_timeout(200)
    assert opened.page.evaluate("window.owned") is None
    refused = [message for message in opened.messages if "Content Security Policy" in message]
    assert len(refused) >= 3, opened.messages
    opened.page.close()
