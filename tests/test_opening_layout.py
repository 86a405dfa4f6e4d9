"""Pages that are laid out: every word once, where it is drawn, in reading order."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.document import open_document
from pipeline.opening.blocks import Block, Cell, Line, NewPage, Section, Table
from pipeline.opening.setting import Laid, laid_out
from pipeline.read import read_pages
from pipeline.render import render_page
from sample_docs.make import files
from schemas.page import Box

WORD = st.text("abcdefgh0123.,-ÄßЖ漢字", min_size=1, max_size=30)
TEXT = st.lists(WORD, max_size=40).map(" ".join)
LINES = st.builds(Line, TEXT, st.sampled_from((9.0, 10.0, 18.0)), st.sampled_from((0.0, 36.0)))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    cells, taken = [], set()
    for row in range(rows):
        for column in range(columns):
            across, down = draw(st.integers(1, columns - column)), draw(st.integers(1, rows - row))
            area = {(row + y, column + x) for y in range(down) for x in range(across)}
            if not area & taken and draw(st.booleans()):
                taken |= area
                cells.append(Cell(row, column, draw(TEXT), f"{row},{column}", across, down))
    return Table(tuple(cells), sheet=draw(st.booleans()))


def pages(blocks: list[Block]) -> list[Laid]:
    return [page for page in laid_out(Section(tuple(blocks), "text")) if isinstance(page, Laid)]


@given(st.lists(st.one_of(LINES, tables(), st.just(NewPage())), max_size=6))
@settings(max_examples=80, deadline=None)
def test_every_word_is_on_a_page_once_and_as_it_was_written(blocks: list[Block]) -> None:
    wanted = ""
    for block in blocks:
        if isinstance(block, Line):
            wanted += block.text
        elif isinstance(block, Table):
            wanted += "".join(cell.text for cell in block.cells)
    laid = pages(blocks)
    found = "".join(word.text for page in laid for word in page.words)
    assert sorted(found) == sorted("".join(wanted.split()))
    for page in laid:
        assert page.words
        for word in page.words:
            assert 0 <= word.box.x0 < word.box.x1 <= 1.0001 and 0 <= word.box.y0 < word.box.y1 <= 1.0001


def test_cells_never_overlap_and_keep_their_order() -> None:
    rows = [["Item", "Price"], ["A very long description " * 8, "1,234.00"], ["short", "2.00"]]
    table = Table(tuple(Cell(y, x, text, f"{y},{x}") for y, row in enumerate(rows) for x, text in enumerate(row)))
    (page,) = pages([table])
    boxes: dict[str, list[Box]] = {}
    for word in page.words:
        boxes.setdefault(str(word.cell), []).append(word.box)
    right = max(box.x1 for box in boxes["1,0"])
    prices = [boxes[f"{row},1"][0] for row in range(3)]
    assert right < min(box.x0 for box in prices)
    assert max(box.x1 for box in prices) - min(box.x1 for box in prices) < 1e-9  # numbers end at one edge
    assert max(box.y1 for box in boxes["1,0"]) < prices[2].y0


def test_a_page_is_drawn_where_its_words_are() -> None:
    content = files.SAMPLES["files/page-en.html"]().content.replace(b"Customs", "Żółć 漢字 Ελλάδα".encode())
    with open_document(content, name="page.html") as document:
        (page,) = read_pages(document)
        picture = np.asarray(render_page(document, 1, 1600).convert("L"))
        crop = render_page(document, 1, 400, page.words[0].box)
    high, wide = picture.shape
    dark = picture < 128
    for word in page.words:
        x0, y0, x1, y1 = word.box
        inside = dark[int(y0 * high) : int(y1 * high) + 1, int(x0 * wide) : int(x1 * wide) + 1]
        assert inside.any(), word.text
        dark[int(y0 * high) - 2 : int(y1 * high) + 3, int(x0 * wide) - 2 : int(x1 * wide) + 3] = False
    assert not dark.any()  # nothing is drawn beside them
    assert abs(crop.width - 400) <= 1


def test_the_same_file_is_the_same_pages_each_time() -> None:
    for path in ("files/workbook-en.xlsx", "files/letter-en.docx"):
        content = files.SAMPLES[path]().content
        with open_document(content) as one, open_document(io.BytesIO(content).getvalue()) as other:
            assert list(read_pages(one)) == list(read_pages(other))
