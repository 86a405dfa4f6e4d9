"""The page that shows a record: what stands on it and where it leads, and that no text of a document becomes markup."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.review_page.boxes import on_page, outlines
from pipeline.review_page.characters import is_unseen, marked, plain
from pipeline.review_page.choosing import FEW_PAGES, Chosen, choose_pages, ranges
from pipeline.review_page.fields import MOST_ROWS, Group, Leaf, Table, blocks, listed
from pipeline.review_page.page import MOST_CHARACTERS, MOST_DOUBTFUL, review_page
from pipeline.review_page.pictures import Picture
from schemas.page import Box
from schemas.pointer import leaves
from schemas.record import SCHEMA_VERSION, Issue, PageInfo, Record
from tests.reviewed import Parsed, field
from tests.test_record import record

LINES = [{"item": "pens", "price": 3.5}, {"item": "ink", "price": 7, "note": None}]
DATA = {"number": "A-7", "paid": True, "seller": {"name": "Muster"}, "lines": LINES, "tags": ["x", "y"]}
FIELDS = {
    "/number": field("A-7", Box(0.5, 0.1, 0.7, 0.15)),
    "/paid": field("true", status="review", confidence=0.3),
    "/seller/name": field(
        "Muster", Box(0.1, 0.1, 0.3, 0.12), Box(0.1, 0.12, 0.2, 0.14), status="review", confidence=0.6
    ),
    "/lines/0/item": field("pens", Box(0.1, 0.5, 0.2, 0.55)),
    "/lines/0/price": field("3.5", Box(0.8, 0.5, 0.9, 0.55)),
    "/lines/1/item": field("ink", Box(0.1, 0.6, 0.2, 0.65)),
    "/lines/1/price": field("7", Box(0.8, 0.6, 0.9, 0.65)),
    "/lines/1/note": field(None, status="absent", confidence=0.8),
    "/tags/0": field("x", Box(0.1, 0.8, 0.2, 0.85)),
    "/tags/1": field("y", Box(0.1, 0.8, 0.2, 0.85), status="review", confidence=0.5),
}
PICTURE = Picture(b"RIFF", 700, 990)


def html_of(shown: Record, pictures: Mapping[int, Picture] | None = None, every: bool = False, **more: Any) -> str:
    return review_page(shown, choose_pages(shown, every), {1: PICTURE} if pictures is None else pictures, **more)


def parsed(**more: Any) -> Parsed:
    return Parsed(html_of(record(**{"data": DATA, "fields": FIELDS, **more})))


def test_every_field_and_every_box_lead_to_each_other() -> None:
    page = parsed()
    fields = {name: at for name, (_, at) in page.by_id.items() if re.fullmatch(r"f\d+", name)}
    boxes = {name: at for name, (_, at) in page.by_id.items() if re.fullmatch(r"b\d+", name)}
    assert len(fields) == len(FIELDS) and len(boxes) == 8, "one box is that of two fields"
    for name, at in fields.items():
        assert all(name in (boxes[box]["data-links"] or "").split() for box in (at["data-links"] or "").split())
    for name, at in boxes.items():
        assert all(name in (fields[to]["data-links"] or "").split() for to in (at["data-links"] or "").split())
        assert (at["href"] or "")[1:] in (at["data-links"] or "")
    links = [at["href"] for tag, at in page.elements if tag == "a"]
    assert all(link and link.startswith("#") and link[1:] in page.by_id for link in links)


def test_a_box_is_drawn_where_the_evidence_says() -> None:
    page = parsed()
    [(_, paper)] = [element for element in page.elements if element[0] == "svg"]
    width, height = map(float, (paper["viewbox"] or "").split()[2:])
    assert height / width == pytest.approx(990 / 700)
    drawn = {
        tuple(
            round(float(at[key] or 0) / size, 4)
            for key, size in zip(("x", "y", "width", "height"), (width, height) * 2, strict=True)
        )
        for tag, at in page.elements
        if tag == "rect"
    }
    wanted = {
        tuple(round(value, 4) for value in (item.box.x0, item.box.y0, item.box.width, item.box.height))
        for result in FIELDS.values()
        for item in result.evidence
    }
    assert drawn == wanted


def test_status_is_told_in_words_and_signs_and_confidence_as_a_number() -> None:
    text = parsed().said
    assert "number A-7 ✓ accepted confidence 0.90 p. 1" in text
    assert "paid true ? review confidence 0.30" in text
    assert "2 ink ✓ accepted confidence 0.90 7 ✓ accepted confidence 0.90 – absent" in text
    alone = parsed(data={"due": None}, fields={"/due": FIELDS["/lines/1/note"]}).said
    assert "due not in the document – absent" in alone
    assert "✓ accepted 6 ? review 3 – absent 1" in text


def test_the_least_sure_and_the_issues_come_first() -> None:
    issue = Issue(code="check-failed", message="7 is not 8.", pointers=("/lines/1/price", "/gone"), page=1)
    text = parsed(issues=(issue,)).said
    assert "warning: 7 is not 8. /lines/1/price page 1 " in text
    assert "1. " not in text and "/paid 0.30 /tags/1 0.50 /seller/name 0.60 Fields" in text
    assert text.index("7 is not 8.") < text.index("/paid 0.30") < text.index("A-7 ✓")
    many = {f"/rows/{number}": field("v", status="review") for number in range(MOST_DOUBTFUL + 9)}
    assert "9 more are marked below." in parsed(data={"rows": ["v"] * len(many)}, fields=many).said


def leaf_at(pointer: str) -> Leaf:
    return Leaf(pointer, pointer, "v", None, None, ())


def shape(data: Any) -> list[Any]:
    """Of each group its heading and names, of each table its heading, columns and number of rows."""
    return [
        (block.heading, [name for name, _ in block.rows])
        if isinstance(block, Group)
        else (block.heading, block.columns, len(block.rows))
        for block in blocks(data, leaf_at)
    ]


def test_fields_are_grouped_as_in_the_data_and_lists_of_objects_are_tables() -> None:
    assert shape(DATA) == [
        ((), ["number", "paid"]),
        (("seller",), ["name"]),
        (("lines",), ("item", "price", "note"), 2),
        (("tags",), ["1", "2"]),
    ]
    assert shape({"a": [{"b": {"c/d": 1}}], "e": [], "f": {}}) == [
        (("a",), ("b › c/d",), 1),
        (("e",), []),
        (("f",), []),
    ]
    assert shape([{"a": [1, {"b": 2}]}, 3]) == [
        ((), ["2"]),
        (("1", "a"), ["1"]),
        (("1", "a", "2"), ["b"]),
    ]
    assert shape("alone") == [((), [""])]
    assert shape({"a": {"b": {"c": {"d": {"e": {"f": [0, {"g": 1}]}}}}}}) == [(tuple("abcde"), ["/f/0", "/f/1/g"])]
    rows = [{"a": 1}] * (MOST_ROWS + 1)
    assert shape({"rows": rows}) == [
        (("rows", f"1–{MOST_ROWS}"), ("a",), MOST_ROWS),
        (("rows", f"{MOST_ROWS + 1}–{MOST_ROWS + 1}"), ("a",), 1),
    ]


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=25,
)


@settings(deadline=None, max_examples=50)
@given(json_data)
def test_every_leaf_stands_in_one_place_and_none_is_lost(data: Any) -> None:
    shown = [
        leaf.pointer
        for block in blocks(data, leaf_at)
        for row in block.rows
        for leaf in (row[1] if isinstance(block, Table) else (row[1],))
        if isinstance(leaf, Leaf)
    ]
    there = Counter(pointer for pointer, _ in leaves(data))
    assert Counter(pointer for pointer in shown if pointer in there) == there
    assert len(set(shown)) == len(shown), "cells of entries without that field are no leaves of the data"


def test_data_of_any_depth_is_shown() -> None:
    deep: Any = "bottom"
    for _ in range(150):
        deep = {"k": [deep]}
    assert "bottom" in Parsed(html_of(record(data=deep))).said


def test_fields_that_the_data_leaves_out_are_listed_too() -> None:
    text = parsed(
        data={"number": "A-7"}, fields={"/due": field(None, status="absent"), "/number": FIELDS["/number"]}
    ).said
    assert "left out of the data /due not in the document" in text
    assert "The record has no data." in parsed(data=None, fields={}, status="failed").said


def test_of_too_many_fields_those_in_review_are_listed() -> None:
    shown = listed(record(data=DATA, fields=FIELDS), most=4)
    assert {"/paid", "/seller/name", "/tags/1"} < set(shown.values) and len(shown.values) == 4
    assert shown.left_out == len(FIELDS) - 4


def test_a_long_value_is_cut_and_says_so() -> None:
    text = parsed(data={"number": "7"}, fields={"/number": field("x" * (MOST_CHARACTERS + 12))}).said
    assert "x" * MOST_CHARACTERS + " … 12 more characters" in text


PAGES = tuple(PageInfo(number=number, width=595, height=842, source="text", words=9) for number in range(1, 31))


def long_record(**more: Any) -> Record:
    made = record(**more)
    return made.model_copy(update={"document": made.document.model_copy(update={"pages": PAGES})})


def test_a_long_document_shows_the_pages_that_matter_the_doubtful_first() -> None:
    fields = {"/a": field("a", Box(0, 0, 1, 1), page=4), "/b": field("b", Box(0, 0, 1, 1), page=9, status="review")}
    shown = long_record(data={"a": "a", "b": "b"}, fields=fields, issues=(Issue(code="x", message="m", page=20),))
    chosen = choose_pages(shown)
    assert chosen.shown == (9, 20, 4)
    assert (
        "Not shown, since no field and no issue is about them: pages 1–3, 5–8, 10–19, 21–30."
        in Parsed(html_of(shown)).said
    )
    assert choose_pages(shown, every=True).shown[:4] == (9, 20, 4, 1) and not choose_pages(shown, every=True).left_out
    assert 'id="page-30"' in html_of(shown, every=True) and 'id="page-30"' not in html_of(shown)


def test_a_short_document_is_shown_whole() -> None:
    assert choose_pages(record()).shown == (1,) and len(PAGES) > FEW_PAGES
    assert choose_pages(record()) == Chosen((1,), ())


@given(st.sets(st.integers(1, 60)))
def test_ranges_say_which_pages(pages: set[int]) -> None:
    told = [part.split("–") for part in ranges(pages).split(", ") if part]
    assert [page for part in told for page in range(int(part[0]), int(part[-1]) + 1)] == sorted(pages)


def test_a_page_without_words_or_picture_is_drawn_all_the_same() -> None:
    shown = record(data=DATA, fields=FIELDS)
    blank = shown.document.model_copy(
        update={"pages": (PageInfo(number=1, width=500, height=250, source="none", reason="blank page"),)}
    )
    page = Parsed(html_of(shown.model_copy(update={"document": blank}), {}, missing={1: "it is gone"}))
    assert "No word was read in the document." in page.said and "Without a picture: page 1: it is gone." in page.said
    assert "Page 1: blank page, no words; no picture" in page.said and "printed A-7" in page.said
    [paper] = [at for tag, at in page.elements if tag == "svg"]
    assert (paper["viewbox"], paper["height"]) == ("0 0 1000.0 500.0", "500.0")


def test_a_failed_record_is_a_page_too() -> None:
    shown = record(
        status="failed", issues=(Issue(code="encrypted-document", message="it needs a password.", severity="error"),)
    )
    none = shown.model_copy(update={"document": shown.document.model_copy(update={"pages": ()})})
    text = Parsed(html_of(none, {})).said
    assert "error: it needs a password." in text and "No page of the document was read." in text


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.floats()] * 4))
def test_whatever_numbers_a_box_has_it_lies_on_its_page(corners: tuple[float, float, float, float]) -> None:
    box = on_page(Box(*corners))
    assert 0 <= box.x0 <= box.x1 <= 1 and 0 <= box.y0 <= box.y1 <= 1
    page = Parsed(html_of(record(data={"a": "v"}, fields={"/a": field("v", Box(*corners))})))
    [rect] = [at for tag, at in page.elements if tag == "rect"]
    x, y, width, height = (float(rect[key] or "nan") for key in ("x", "y", "width", "height"))
    assert x >= 0 and y >= 0 and width >= 4 and height >= 4 and x + width <= 1000.001 and y + height <= 1415


def test_a_box_of_two_fields_is_drawn_once_and_doubtful_if_one_is() -> None:
    [*_, last] = outlines(FIELDS)
    assert last.pointers == ("/tags/0", "/tags/1") and last.status == "review"


def test_boxes_come_in_reading_order() -> None:
    assert [outline.pointers[0] for outline in outlines(FIELDS)][:4] == [
        "/seller/name",
        "/number",
        "/seller/name",
        "/lines/0/item",
    ]


@pytest.mark.parametrize("size", [(0, 0), (float("nan"), 5), (float("inf"), 5), (-3, 5), (1, 1e300)])
def test_a_page_of_impossible_size_is_drawn(size: tuple[float, float]) -> None:
    shown = record(data=DATA, fields=FIELDS)
    odd = PageInfo(number=1, width=size[0], height=size[1], source="text", words=1)
    page = Parsed(
        html_of(shown.model_copy(update={"document": shown.document.model_copy(update={"pages": (odd,)})}), {})
    )
    [paper] = [at for tag, at in page.elements if tag == "svg"]
    assert 100 <= float(paper["height"] or 0) <= 10_000


# What a document may hold

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style></title></textarea><svg onload=alert(1)>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}{# #}",
    "<!--",
    "]]>",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "\u202eevil\u2066\u2069\u200f",
    "\x00\x08\x1b[2J\x7f\x9b",
    "a\r\nb\tc",
    "\ufeff\u2028\U000e0041\ufffe",
    "x" * 9000,
]
texts = st.sampled_from(HOSTILE) | st.text(
    st.sampled_from("<>&\"'`=/{}%#-!;\\ \n") | st.characters(exclude_categories=["Cs"]), max_size=20
)


def filled(value: str, key: str, number: int = 3) -> Record:
    """A record with this text wherever a record has text."""
    data = {f"{key}{index}": {f"{key}a": value, f"{key}b": [{key: value}]} for index in range(number)}
    results = {pointer: field(value, Box(0, 0, 0.5, 0.5), status="review") for pointer, _ in leaves(data)}
    made = record(data=data, fields=results, issues=(Issue(code=key, message=value, pointers=tuple(results), page=1),))
    page = PageInfo(number=1, width=5, height=5, source="text", reason=value, words=1)
    return made.model_copy(
        update={
            "document": made.document.model_copy(update={"uri": value, "pages": (page,)}),
            "contract": made.contract.model_copy(update={"name": value}),
            "engine": made.engine.model_copy(update={"name": value}),
        }
    )


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.booleans())
def test_no_text_of_a_record_ever_becomes_markup(value: str, key: str, pictured: bool) -> None:
    """The elements and attributes are the same whatever the texts are, and the texts can be read."""
    pictures = {1: PICTURE} if pictured else {}
    html = html_of(filled(value, key), pictures)
    page, harmless = Parsed(html), Parsed(html_of(filled("v" * len(value), "k" * len(key)), pictures))
    assert page.skeleton == harmless.skeleton
    assert page.raw == harmless.raw
    assert not any(is_unseen(char) for char in html)
    spelled = "".join(f"U+{ord(char):04X}" if is_unseen(char) else char for char in value[:MOST_CHARACTERS])
    assert spelled in "".join(page.text)
    for attributes in (at for _, at in page.elements):
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert all((attributes.get(name) or "#").startswith(("#", "data:")) for name in ("href", "src"))


def test_its_own_style_and_script_are_all_that_may_run() -> None:
    page = parsed()
    [policy] = [at["content"] or "" for tag, at in page.elements if at.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:" and "unsafe" not in policy
    for part in ("style", "script"):
        digest = b64encode(sha256(page.raw[part].encode()).digest()).decode()
        assert rules[f"{part}-src"] == f"'sha256-{digest}'"


def test_unseen_characters_are_spelled_out_and_words_of_all_scripts_stay() -> None:
    assert plain("a\u202eb\x00") == "a[U+202E]b[U+0000]"
    assert "right-to-left override" in marked("\u202e") and "U+202E" in marked("\u202e")
    for text in ("Größe 値段 مبلغ", "می\u200cخواهم", "👩\u200d🔧", "two\nlines\tand a tab"):
        assert plain(text) == text and marked(text) == text
    assert marked("\ud800<") == marked("\ud800") + marked("<")


def test_an_older_record_says_so() -> None:
    assert "The record is of version 0" in parsed(schema_version=0).said
    assert "version" not in parsed(schema_version=SCHEMA_VERSION).said


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_from_its_ground_in_light_and_dark() -> None:
    style = resources.files("pipeline.review_page").joinpath("page.css").read_text(encoding="utf-8")
    schemes = [dict(re.findall(r"--(\w+): #(\w+);", rule)) for rule in re.findall(r":root \{(.*?)\}", style, re.DOTALL)]
    light, dark = schemes[:2]
    for scheme in (light, {**light, **dark}):
        for text in ("ink", "faint", "accepted", "review", "failed"):
            for ground in ("paper", "lit") + (("ground",) if text == "faint" else ()):
                bright, dim = sorted((luminance(scheme[text]), luminance(scheme[ground])), reverse=True)
                assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, ground)
