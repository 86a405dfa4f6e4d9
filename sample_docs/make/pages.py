"""Three pages to transcribe: two columns, a chart, and a letter by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sample_docs.make.paper import GREY, Paper, Type, Value
from sample_docs.make.pen import Pen
from sample_docs.make.sample import Sample, printed
from sample_docs.make.scan import Look, photo

TEXT = "/pages/0/markdown"
SERIF = Type("serif", 10)
SANS = Type("sans", 9.5)

HARBOUR = (
    (
        "The slow gate",
        "Every spring the lower gate of the model harbour at Testborough sticks. For years it was blamed on silt. "
        "Divers who went down last May found the sill clean and the hinges bright.",
        "The cause was higher up. When the upper basin was raised by eleven centimetres, the gate began to carry a "
        "load for which its counterweight had never been made.",
    ),
    (
        "What was measured",
        "Two gauges were fixed to the frame and read each hour for ninety days. The force at the hinge followed the "
        "level in the upper basin and not the tide, with a delay of about forty minutes.",
        "On three nights of frost the force doubled. Ice had closed the drain behind the wall, and the water stood "
        "there until noon.",
    ),
    (
        "What will be done",
        "The counterweight gains two plates of sixty kilograms. The drain is laid deeper and gets a cover that can be "
        "lifted by one person.",
        "The work begins in October, after the last regatta, and should take nine working days. Until then the gate is "
        "opened by hand on mornings of frost.",
    ),
)
PARCELS = (("Mon", 412), ("Tue", 388), ("Wed", 455), ("Thu", 530), ("Fri", 617), ("Sat", 204))
LETTER = (
    ("Sampleton, 3 March",),
    ("Dear Aunt Ida,",),
    (
        "thank you for the parcel. The blue jar came",
        "whole, only the lid has a crack. I have put",
        "24 bulbs in the box by the window and water",
        "them on Mondays.",
    ),
    (
        "The cat is well and sleeps on your letters.",
        "Could you send the recipe for plum cake? I",
        "need it before Sunday, we are nine at table.",
    ),
    ("With love from all of us,",),
    ("Your Robin",),
)


def transcript(markdown: str) -> dict[str, Any]:
    """A document of one page in the shape of the schema `transcript`."""
    return {"pages": [{"page": 1, "markdown": markdown}]}


def _two_columns() -> Sample:
    title, byline = "Why the harbour gate sticks", "From the notes of the Testborough Model Works"
    parts = [f"# {title}", byline]
    paper = Paper()
    paper.write(297, 80, Value(title, TEXT), type=SERIF.bold().sized(22), align="center")
    paper.write(297, 100, Value(byline, TEXT), type=Type("serif-italic", 11, GREY), align="center")
    x, y = 56.0, 140.0
    for heading, *paragraphs in HARBOUR:
        if heading == HARBOUR[-1][0]:
            x, y = 308.0, 140.0
        parts.append(f"## {heading}")
        paper.write(x, y, Value(heading, TEXT), type=SERIF.bold().sized(13))
        y += 19
        for paragraph in paragraphs:
            parts.append(paragraph)
            y = paper.paragraph(x, y, Value(paragraph, TEXT), 231, SERIF, step=14) + 7
        y += 8
    return printed("transcript", transcript("\n\n".join(parts)), paper)


def _chart() -> Sample:
    title, caption = "Parcels per weekday", "Average of the weeks 12 to 20; no deliveries on Sundays."
    intro = (
        "Friday brings half as many parcels again as Tuesday. The depot therefore starts the second belt at noon "
        "on Thursdays and Fridays only."
    )
    rows = [f"| {day} | {count} |" for day, count in PARCELS]
    table = "\n".join(("| Day | Parcels |", "| --- | --- |", *rows))
    paper = Paper()
    paper.write(60, 86, Value(title, TEXT), type=SANS.bold().sized(18))
    paper.paragraph(60, 112, Value(intro, TEXT), 475, SANS, step=14)
    left, foot, scale = 100.0, 440.0, 0.4
    for level in range(0, 701, 100):
        y = foot - level * scale
        paper.rule(left, y, 535, y, weight=0.3, ink=GREY)
        paper.write(left - 8, y + 3, str(level), type=SANS.sized(8).inked(GREY), align="right")
    for number, (day, count) in enumerate(PARCELS):
        x, top = left + 24 + 70 * number, foot - count * scale
        paper.box((x, top, x + 42, foot), fill=(0.25, 0.45, 0.7) if count < 600 else (0.85, 0.45, 0.15))
        paper.write(x + 21, top - 5, Value(str(count), TEXT), type=SANS.bold(), align="center")
        paper.write(x + 21, foot + 15, Value(day, TEXT), type=SANS, align="center")
    paper.rule(left, foot, 535, foot, weight=1)
    paper.write(297, 486, Value(caption, TEXT), type=Type("sans-italic", 9), align="center")
    return printed("transcript", transcript("\n\n".join((f"# {title}", intro, table, caption))), paper)


def _letter() -> Sample:
    """On ruled paper, photographed."""
    paper = Paper()
    for line in range(110, 800, 28):
        paper.rule(40, line, 560, line, weight=0.4, ink=(0.65, 0.75, 0.88))
    pen, y = Pen(paper, seed=7, size=24, ink=(0.08, 0.1, 0.25)), 134.0
    for paragraph in LETTER:
        for words in paragraph:
            pen.write(330 if words == LETTER[0][0] else 62, y, Value(words, TEXT))
            y += 28
        y += 28
    markdown = "\n\n".join("\n".join(paragraph) for paragraph in LETTER)
    look = Look(seed=51, dpi=130, skew=0.9, blur=0.6, noise=5, shade=0.15)
    return photo("transcript", transcript(markdown), paper, look)


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "pages/two-columns-en.pdf": _two_columns,
    "pages/chart-en.pdf": _chart,
    "pages/letter-en-by-hand.jpg": _letter,
}
