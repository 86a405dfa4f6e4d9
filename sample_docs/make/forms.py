"""Three forms: printed and ticked by machine, fillable (AcroForm), and filled in by hand and scanned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pymupdf

from sample_docs.make.paper import BLACK, GREY, LETTER, Paper, Type, Value
from sample_docs.make.pen import Pen
from sample_docs.make.sample import Sample, pdf_bytes, printed, truth
from sample_docs.make.scan import Look, photo

BODY = Type("sans", 9.5)


def form(title: str, entries: Sequence[tuple[str, str]], boxes: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    """A form in the shape of the schema `form`; an entry that was left empty has no value."""
    return {
        "title": title,
        "entries": [{"label": label, "value": value or None} for label, value in entries],
        "checkboxes": [{"label": label, "checked": checked} for label, checked in boxes],
    }


def _label(index: int, text: str) -> Value:
    return Value(text, f"/entries/{index}/label")


def _value(index: int, text: str) -> Value:
    return Value(text, f"/entries/{index}/value")


def _square(paper: Paper, index: int, x: float, y: float, label: str, side: float = 10) -> tuple[float, ...]:
    """An empty square whose foot is the baseline `y`, its label behind it; gives the square."""
    square = (x, y - side + 1, x + side, y + 1)
    paper.box(square, ink=BLACK, weight=0.8)
    paper.mark(f"/checkboxes/{index}/checked", square)
    paper.write(x + side + 6, y, Value(label, f"/checkboxes/{index}/label"), type=BODY)
    return square


def _membership() -> Sample:
    """Labels before their values on a line, then over their values in boxes; squares crossed and ticked."""
    data = form(
        "Application for Membership",
        (
            ("Surname", "Specimen"),
            ("First names", "Ida Placeholder"),
            ("Date of birth", "14 February 1987"),
            ("Maiden name", ""),
            ("Street and number", "22 Dummy Street"),
            ("Postcode", "TB9 9ZZ"),
            ("Town", "Testborough"),
            ("E-mail", "ida.specimen@example.org"),
            ("Telephone", "01632 960 188"),
        ),
        (
            *(("Full member", False), ("Student member", True), ("Supporting member", False)),
            *(("Rowing", True), ("Sailing", False), ("Canoeing", True), ("I have read the rules of the club", True)),
            ("Send me the newsletter by post", False),
        ),
    )
    paper = Paper()
    paper.write(297, 70, "Model Harbour Boating Club", type=BODY.inked(GREY), align="center")
    paper.write(297, 94, Value(data["title"], "/title"), type=Type("serif-bold", 20), align="center")
    y = 140.0
    for index, entry in enumerate(data["entries"][:4]):
        paper.write(60, y, _label(index, entry["label"]), ":", type=BODY)
        paper.rule(160, y + 3, 535, y + 3, weight=0.4, ink=GREY)
        paper.write(166, y, _value(index, entry["value"] or ""), type=Type("mono", 10.5))
        y += 26
    for index, (x, top, width) in enumerate(
        ((60, 250, 230), (306, 250, 80), (402, 250, 133), (60, 296, 230), (306, 296, 229)), start=4
    ):
        entry = data["entries"][index]
        paper.box((x, top, x + width, top + 34), ink=GREY)
        paper.write(x + 4, top + 10, _label(index, entry["label"]), type=BODY.sized(7))
        paper.write(x + 6, top + 26, _value(index, entry["value"]), type=Type("mono", 10.5))
    paper.write(60, 366, "Kind of membership (one only)", type=BODY.bold())
    paper.write(60, 424, "Activities", type=BODY.bold())
    places = ((60, 386), (200, 386), (350, 386), (60, 444), (200, 444), (350, 444), (60, 490), (60, 512))
    for index, ((x, y), box) in enumerate(zip(places, data["checkboxes"], strict=True)):
        x0, y0, x1, y1 = _square(paper, index, x, y, box["label"])
        if box["checked"] and index < 3:
            paper.curve([(x0 + 2, y0 + 2), (x1 - 2, y1 - 2)], 1.2)
            paper.curve([(x0 + 2, y1 - 2), (x1 - 2, y0 + 2)], 1.2)
        elif box["checked"]:
            paper.curve([(x0 + 2, y0 + 5), (x0 + 4.5, y1 - 2), (x1 - 1.5, y0 + 1.5)], 1.4)
    paper.rule(60, 600, 250, 600, weight=0.4)
    paper.write(60, 612, "Signature", type=BODY.sized(7))
    return printed("form", data, paper)


def _acroform() -> Sample:
    """Text fields and checkboxes as widgets, with their appearances."""
    data = form(
        "Notice of Change of Address",
        (
            ("Policy number", "HX-440 218"),
            ("Policyholder", "Tess Sample"),
            ("Old address", "9 Former Lane, Oldtown, OH 00002"),
            ("New address", "31 Upcoming Drive, Newville, OH 00003"),
            ("Effective from", "07/01/2024"),
            ("Daytime phone", ""),
        ),
        (("Home insurance", True), ("Motor insurance", False), ("Travel insurance", True), ("Paperless mail", False)),
    )
    paper = Paper(LETTER)
    paper.write(60, 70, "Placeholder Mutual Insurance", type=BODY.bold().inked((0.35, 0.1, 0.4)))
    paper.write(60, 104, Value(data["title"], "/title"), type=BODY.bold().sized(17))
    fields: list[tuple[str, str | bool, tuple[float, float, float, float]]] = []
    for index, entry in enumerate(data["entries"]):
        y = 150 + 34.0 * index
        paper.write(60, y, _label(index, entry["label"]), type=BODY)
        rect = (180.0, y - 13, 520.0, y + 6)
        fields.append((entry["label"], entry["value"] or "", rect))
        if entry["value"]:
            paper.mark(f"/entries/{index}/value", (183, y - 10, 183 + BODY.width(entry["value"]), y + 2))
    paper.write(60, 372, "This notice concerns", type=BODY.bold())
    for index, box in enumerate(data["checkboxes"]):
        y = 396 + 22.0 * index
        square = (60.0, y - 11, 72.0, y + 1)
        paper.write(80, y, Value(box["label"], f"/checkboxes/{index}/label"), type=BODY)
        paper.mark(f"/checkboxes/{index}/checked", square)
        fields.append((box["label"], box["checked"], square))
    document = paper.finished()
    for name, value, rect in fields:
        document[0].add_widget(_widget(name, value, rect))
    content = pdf_bytes(document)
    return Sample(content, truth("form", data, paper.marks, LETTER))


def _widget(name: str, value: str | bool, rect: tuple[float, float, float, float]) -> pymupdf.Widget:
    widget = pymupdf.Widget()
    widget.field_name, widget.field_value, widget.rect = name, value, pymupdf.Rect(rect)
    widget.border_color, widget.border_width = (0.4, 0.4, 0.4), 0.7
    if isinstance(value, bool):
        widget.field_type = pymupdf.PDF_WIDGET_TYPE_CHECKBOX
    else:
        widget.field_type, widget.text_font, widget.text_fontsize = pymupdf.PDF_WIDGET_TYPE_TEXT, "Helv", BODY.size
    return widget


def _registration() -> Sample:
    """Printed labels, handwritten values, squares ticked with a pen; scanned a little crooked."""
    data = form(
        "Anmeldung zum Werkkurs",
        (
            ("Name", "Paula Probe"),
            ("Geburtsdatum", "3. Mai 1994"),
            ("Anschrift", "Am Blindtext 7, 00456 Dingsda"),
            ("Telefon", "0900 5550 163"),
            ("Kurs", "Holz 2, Montag"),
            ("Bemerkungen", ""),
        ),
        (("Anfänger", False), ("Fortgeschritten", True), ("Werkzeug wird gestellt", True), ("Ermäßigung", False)),
    )
    paper, body = Paper(), Type("sans", 11)
    pen = Pen(paper, seed=5, size=19)
    paper.write(60, 90, Value(data["title"], "/title"), type=body.bold().sized(20))
    paper.write(60, 110, "Volkshochschule Musterstadt", type=body.inked(GREY))
    for index, entry in enumerate(data["entries"]):
        y = 170 + 44.0 * index
        paper.write(60, y, _label(index, entry["label"]), ":", type=body)
        paper.rule(160, y + 4, 530, y + 4, weight=0.5)
        if entry["value"]:
            pen.write(172, y, _value(index, entry["value"]))
    for index, (box, (x, y)) in enumerate(
        zip(data["checkboxes"], ((60, 452), (230, 452), (60, 484), (230, 484)), strict=True)
    ):
        x0, y0, x1, y1 = _square(paper, index, x, y, box["label"], side=12)
        if box["checked"]:
            pen.stroke((x0 + 1, y0 + 5), (x0 + 5, y1 - 1), (x0 + 6, y1 - 2), (x1 + 4, y0 - 5))
    paper.rule(60, 590, 260, 590, weight=0.5)
    paper.write(60, 604, "Datum, Unterschrift", type=body.sized(8))
    pen.write(70, 584, "12.9.24  P. Probe")
    return photo("form", data, paper, Look(seed=41, dpi=130, skew=-1.3, blur=0.5, noise=6, shade=0.1))


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "forms/membership-en.pdf": _membership,
    "forms/address-change-en-fillable.pdf": _acroform,
    "forms/anmeldung-de-by-hand.jpg": _registration,
}
