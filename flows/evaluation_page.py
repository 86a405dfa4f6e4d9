"""An evaluation as one HTML page: the worst fields first, each with its faults; works from a file and in print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.evaluation_report import (
    CONFIDENCE,
    Section,
    comparison_sections,
    fault_section,
    faults,
    sections,
)
from flows.evaluation_words import headline, warnings
from flows.markup import Markup, element, page
from pipeline.comparison import Comparison
from pipeline.evaluate import Evaluation
from pipeline.scoring.calibration import Bin
from pipeline.scoring.figures import reliability_of

MOST_FAULTS = 100  # of one field
MOST_FLIPS = 200
MOST_DOCUMENTS = 1000
MOST_WARNINGS = 50
SIDE = 240  # of the diagram, in its own units

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 2rem auto; max-width: 76rem;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; }
th, td { padding: .22rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid #dfe4ea; }
th { white-space: nowrap; color: #51606f; font-weight: 600; }
td { overflow-wrap: anywhere; min-width: 6.5rem; unicode-bidi: isolate; }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; min-width: 0; }
.warnings { border-left: 4px solid #b7791f; padding: .4rem 1rem; background: #fdf6e7; }
.note { color: #51606f; }
svg { display: block; margin: .6rem 0; width: 20rem; height: 20rem; }
.ideal { stroke: #8a97a5; stroke-dasharray: 4 4; } .frame { fill: none; stroke: #8a97a5; } .bar { fill: #3b6ea8; }
@page { size: landscape; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } .wide { overflow: visible; }
  table { font-size: 8pt; } th, td { padding: .1rem .35rem; } svg { width: 14rem; height: 14rem; }
  thead { display: table-header-group; } tr { break-inside: avoid; } h2, h3 { break-after: avoid; } }
"""


def evaluation_page(evaluation: Evaluation, comparison: Comparison | None = None) -> str:
    """The whole page. Every text of a document is escaped, its control characters made visible."""
    parts: list[Markup] = [element("h1", "Evaluation"), *(element("p", line) for line in headline(evaluation))]
    engines = sorted({document.engine for document in evaluation.documents})
    parts.append(element("p", f"Read by {', '.join(engines)}.", class_="note"))
    if said := warnings(evaluation, MOST_WARNINGS):
        parts.append(
            element("div", element("h2", "To look at"), *(element("p", line) for line in said), class_="warnings")
        )
    if comparison is not None:
        parts.extend(_laid_out(comparison_sections(comparison, MOST_FLIPS)))
    for section in sections(evaluation, MOST_DOCUMENTS):
        parts.extend(_laid_out([section]))
        if section.title == CONFIDENCE:
            parts.append(_diagram(reliability_of(evaluation.score)))
    parts.extend(_faults(evaluation))
    return page("Evaluation", STYLE, *parts)


def _laid_out(tables: Sequence[Section]) -> Iterator[Markup]:
    for section in tables:
        yield element("h2", section.title)
        yield from _table(section)


def _table(section: Section) -> Iterator[Markup]:
    """The table, and what is to be said under it."""
    head = element("thead", element("tr", *_cells("th", section.head, section.texts)))
    body = element("tbody", *(element("tr", *_cells("td", row, section.texts)) for row in section.rows))
    yield element("div", element("table", head, body), class_="wide")
    if section.note:
        yield element("p", section.note, class_="note")


def _cells(tag: str, texts: Sequence[str], left: int) -> Iterator[Markup]:
    for number, cell in enumerate(texts):
        yield element(tag, cell, class_="figure") if number >= left else element(tag, cell, dir="auto")


def _faults(evaluation: Evaluation) -> Iterator[Markup]:
    found = faults(evaluation)
    if found:
        yield element("h2", "What is not right, the worst fields first")
    for name, inside in found.items():
        yield element("h3", f"{name}: {len(inside)}")
        yield from _table(fault_section(name, inside, MOST_FAULTS))


def _diagram(bins: Sequence[Bin]) -> Markup:
    """The reliability diagram: the share that is right over the confidence; on the dashed line the two agree."""
    bars = [
        element(
            "rect",
            element("title", f"{each.leaves} values of {each.low:.1f} to {each.high:.1f}: {each.precision:.3f} right"),
            x=round(each.low * SIDE, 2),
            y=round((1 - each.precision) * SIDE, 2),
            width=round((each.high - each.low) * SIDE - 1, 2),
            height=round(each.precision * SIDE, 2),
            class_="bar",
        )
        for each in bins
    ]
    frame = element("rect", x=0, y=0, width=SIDE, height=SIDE, class_="frame")
    ideal = element("line", x1=0, y1=SIDE, x2=SIDE, y2=0, class_="ideal")
    label = "Share of right values by confidence, from 0 to 1 on both axes"
    return element("svg", *bars, frame, ideal, viewBox=f"-2 -2 {SIDE + 4} {SIDE + 4}", role="img", aria_label=label)
