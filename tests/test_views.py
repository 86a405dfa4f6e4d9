"""How pages are shown to an engine that sees: as cheaply as their print allows, and as pictures only when asked for."""

from __future__ import annotations

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine import VISUAL_TOKENS, Limits
from pipeline.document import open_document
from pipeline.plan import views, visual_tokens
from pipeline.planning.budget import LEGIBLE, picture_height
from pipeline.read import read_pages
from schemas.page import Box, PageText, Word
from tests.prints import letter, pdf


def page_of(height: float, words: int = 30, width: float = 595, tall: float = 842) -> PageText:
    """Words that are `height` high, as a fraction of the page."""
    printed = tuple(Word("word", Box(0.1, 0.03 * row, 0.2, 0.03 * row + height)) for row in range(words))
    return PageText(1, width, tall, printed)


@given(st.floats(0.001, 0.2), st.floats(100, 3000), st.floats(100, 3000))
def test_the_budget_is_the_least_at_which_small_print_can_be_read(height: float, width: float, tall: float) -> None:
    page = page_of(height, width=width, tall=tall)
    budget = visual_tokens(page)
    legible = [tokens for tokens in VISUAL_TOKENS if height * picture_height(width, tall, tokens) >= LEGIBLE * 1.0001]
    assert budget <= legible[0] if legible else budget == VISUAL_TOKENS[-1]
    if budget != VISUAL_TOKENS[-1]:
        assert height * picture_height(width, tall, budget) >= LEGIBLE * 0.9999


def test_one_small_mark_does_not_make_a_page_dear() -> None:
    large = page_of(0.05)
    speck = Word("°", Box(0.5, 0.5, 0.51, 0.502))
    assert visual_tokens(PageText(1, 595, 842, (*large.words, speck))) == visual_tokens(large)


def test_a_blank_page_costs_the_least_and_a_drawing_the_most() -> None:
    def drawing(page: pymupdf.Page) -> None:
        page.draw_circle((200, 150), 80, width=4)

    def blank(page: pymupdf.Page) -> None:
        """Nothing."""

    with open_document(pdf(blank, drawing)) as document:
        shown = views(document, list(read_pages(document)), Limits(sees_images=True))
    assert [view.visual_tokens for view in shown] == [VISUAL_TOKENS[0], VISUAL_TOKENS[-1]]


@pytest.mark.parametrize("sees", [True, False])
def test_pictures_are_for_engines_that_see_and_words_are_said_where_the_file_has_them(sees: bool) -> None:
    with open_document(pdf(letter)) as document:
        [view] = views(document, list(read_pages(document)), Limits(sees_images=sees))
        assert view.with_words
        assert (view.image is not None) is sees
        if view.image:
            picture = view.image(600, Box(0, 0, 1, 1))
            assert max(picture.size) == 600
    scanned = PageText(1, 10, 10, (Word("x", Box(0, 0, 1, 1), 0.9, "ocr"),), source="ocr")
    with open_document(pdf(letter)) as document:
        [view] = views(document, [scanned], Limits(sees_images=sees))
        assert view.with_words is not sees  # what OCR read may be wrong, but is all that an engine without sight has
