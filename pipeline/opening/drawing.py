"""A laid out page drawn, for engines that look at pictures and for the review page."""

from __future__ import annotations

from typing import Any

from pipeline.opening.setting import HIGH, Laid
from pipeline.opening.widths import text_width
from schemas.page import Word

ASCENT = 0.93  # of the size: from the top of a word's box to the line that its letters stand on
GREY = (0.75, 0.75, 0.75)


def drawn(laid: Laid) -> Any:
    """A PyMuPDF document of this one page. Latin letters are set in Helvetica, others in what MuPDF has for them."""
    import pymupdf

    document = pymupdf.open()
    page = document.new_page(width=laid.width, height=laid.height)
    for rule in laid.rules:
        ends = ((rule.x0 * laid.width, rule.y0 * laid.height), (rule.x1 * laid.width, rule.y1 * laid.height))
        page.draw_line(*ends, color=GREY, width=0.5)
    writer = pymupdf.TextWriter(page.rect)
    font = pymupdf.Font("helv")
    for word in laid.words:
        if all(letter < "\u0100" and font.has_glyph(ord(letter)) for letter in word.text):
            _write(writer, word, laid, font)
        else:
            _set_in_any_script(page, word, laid)
    writer.write_text(page)
    return document


def _write(writer: Any, word: Word, laid: Laid, font: Any) -> None:
    """As large as its box is high, and smaller where it is wider than that."""
    high = word.box.height * laid.height / HIGH
    wide = max(text_width(word.text), font.text_length(word.text, 1.0))
    size = min(high, word.box.width * laid.width / wide * 1.02 if wide else high)
    writer.append((word.box.x0 * laid.width, word.box.y0 * laid.height + ASCENT * high), word.text, font, max(size, 1))


def _set_in_any_script(page: Any, word: Word, laid: Laid) -> None:
    """Shaped and joined as the script wants it, with the fonts that MuPDF has built in."""
    import html

    import pymupdf

    box = word.box
    size = box.height * laid.height / HIGH
    room = pymupdf.Rect(
        box.x0 * laid.width, box.y0 * laid.height, box.x1 * laid.width + 1.0, box.y1 * laid.height + 0.2 * size
    )
    style = f"font-size:{size:.1f}px;line-height:1;margin:0;white-space:nowrap;font-family:sans-serif"
    page.insert_htmlbox(room, f'<p style="{style}">{html.escape(word.text)}</p>', scale_low=0)
