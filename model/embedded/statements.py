"""Statements: tables whose columns are periods of time and whose rows are named figures, as in financial reports.

A head is a line of years or dates over which `Three Months Ended`, `December 31,` and the like may stand; a group word
over several columns speaks of all of them. What the figures are counted in stands above the head (`in millions, except
per share amounts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from model.embedded.lines import Line, Span
from model.values.dates import dates
from model.values.numbers import Mark, parse_number

HEAD_LINES = 4  # above the line of years, at most, that say which periods they are
TITLE_LINES = 8  # above a head, in which the table's title and its unit stand
PROSE_WORDS = 22  # of a label, from which a line is running text
_YEAR = r"(?:19|20)\d\d"
_DATED = re.compile(
    rf"(?:{_YEAR}|\w{{3,9}}\.? \d{{1,2}}, ?{_YEAR}|\d{{1,2}} \w{{3,9}} {_YEAR})(?: ?\([\w ]{{1,12}}\))?"
)
_COUNTS = {"three": 3, "six": 6, "nine": 9, "twelve": 12, "thirteen": 13, "twenty-six": 26, "thirty-nine": 39}
_COUNTS |= {"fifty-two": 52, "fifty-three": 53}
_DURATION = re.compile(
    rf"(?i)(?P<count>{'|'.join(_COUNTS)}|\d{{1,2}})[ -](?P<unit>months?|weeks?)|(?P<year>(?:fiscal )?years?) ended"
    r"|(?P<quarter>quarters?(?:ly)?(?: period)?) ended"
)
_WEEKS_A_MONTH = 52 / 12
_FIGURE = re.compile(r"\(?[-−–]?\(?[$€£]?\d[\d.,]*\)?%?\)?|[—–-]{1,2}")
_SCALE = re.compile(r"(?i)\bin (?:[\w$€£ ,]{0,20} )?(thousand|million|billion)s?\b|\b(?:[$€£]|usd|eur|gbp) ?'?000s?\b")
_SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Period:
    """months: how long it is; 0 for a day on which something is counted. end: its last day. text: the head over its
    column, of which `span` is the last line."""

    months: int
    end: date
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Figure:
    """value: 0 where a dash is printed; negative in brackets. span: the number."""

    period: Period
    value: Decimal
    span: Span
    percent: bool = False


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One named row. heading: the line without figures that it stands under; title: the lines over the table's head.

    scale: what the figures are counted in, 1,000 for thousands; None where nothing says so.
    """

    label: str
    heading: str
    title: str
    span: Span
    figures: tuple[Figure, ...]
    scale: int | None


@dataclass(frozen=True, slots=True)
class _Column:
    x0: float
    x1: float
    period: Period

    @property
    def middle(self) -> float:
        return (self.x0 + self.x1) / 2


def statement_rows(by_page: Mapping[int, Sequence[Line]], mark: Mark | None) -> list[StatementRow]:
    """The rows of all statements, in document order."""
    usual = _first_scale(lines for lines in by_page.values())
    return [row for lines in by_page.values() for row in _page_rows(lines, mark, usual)]


def scale_of(text: str) -> int | None:
    """What a text says that figures are counted in: 1,000 for `in thousands`."""
    found = _SCALE.search(text)
    return None if found is None else _SCALES[(found[1] or "thousand").lower()]


def duration(text: str) -> int | None:
    """How many months a text speaks of (`Three Months Ended`, `26 weeks`); None where it names no duration."""
    found = _DURATION.search(text)
    if found is None:
        return None
    if found["year"]:
        return 12
    if found["quarter"]:
        return 3
    count = _COUNTS.get(found["count"].lower()) or int(found["count"])
    return count if found["unit"].lower().startswith("month") else round(count / _WEEKS_A_MONTH)


def _first_scale(pages: Iterator[Sequence[Line]]) -> int | None:
    return next((scale for lines in pages for line in lines if (scale := scale_of(line.text))), None)


def _page_rows(lines: Sequence[Line], mark: Mark | None, usual: int | None) -> Iterator[StatementRow]:
    heads = {line.index: columns for line in lines if (columns := _columns(lines, line))}
    for first, columns in heads.items():
        following = min((other for other in heads if other > first), default=len(lines))
        above = lines[max(0, first - HEAD_LINES - TITLE_LINES) : first + 1]
        title = " ".join(line.text for line in above)
        scale = next((found for line in reversed(above) if (found := scale_of(line.text))), usual)
        yield from _rows(lines[first + 1 : following], columns, title, scale, mark)


def _columns(lines: Sequence[Line], line: Line) -> list[_Column]:
    """The columns of the head that ends with a line of years or dates; none where it is no such line."""
    cells = [segment for segment in line.segments if not segment.text.strip().startswith("$")]
    if cells and not _DATED.fullmatch(cells[0].text.strip()):
        cells = cells[1:]  # the title of the column of labels
    if not cells or not all(_DATED.fullmatch(cell.text.strip()) for cell in cells):
        return []
    texts = [[cell.text.strip()] for cell in cells]
    for above in reversed(lines[max(0, line.index - HEAD_LINES) : line.index]):
        groups = [segment for segment in above.segments if _speaks_of_time(segment.text)]
        if not groups or len(groups) > len(cells) or len(groups) < len(above.segments) - 1:
            break
        for number, cell in enumerate(cells):
            texts[number].insert(0, _over(groups, cells, number, cell).text.strip())
    said = " ".join(above.text for above in lines[max(0, line.index - HEAD_LINES) : line.index])
    periods = [_period(" ".join(parts), said, cell) for parts, cell in zip(texts, cells, strict=True)]
    return [_Column(cell.x0, cell.x1, period) for cell, period in zip(cells, periods, strict=True) if period]


def _speaks_of_time(text: str) -> bool:
    return duration(text) is not None or bool(
        re.fullmatch(r"\W*(?:as of |at )?[^\W\d_]{3,9}\.? \d{1,2},?\W*", text.strip(), re.I)
    )


def _over(groups: Sequence[Span], cells: Sequence[Span], number: int, cell: Span) -> Span:
    """The word over a column: of as many words for as many columns each, by order, else the nearest."""
    if len(cells) % len(groups) == 0:
        return groups[number * len(groups) // len(cells)]
    return min(groups, key=lambda group: abs(group.x0 + group.x1 - cell.x0 - cell.x1))


def _period(text: str, title: str, cell: Span) -> Period | None:
    """The period that a column's words name, with what the title says where they name no duration."""
    text = " ".join(text.split())
    days = dates(text.replace(",", ", "))
    if len(days) != 1:
        return None
    months = duration(text)
    return Period(duration(title) or 0 if months is None else months, days[0].value, text, cell)


def _rows(
    lines: Sequence[Line], columns: Sequence[_Column], title: str, scale: int | None, mark: Mark | None
) -> Iterator[StatementRow]:
    middles = [column.middle for column in columns]
    spacing = min((right - left for left, right in pairwise(middles)), default=80.0)
    heading: Line | None = None
    begun: Line | None = None
    for line in lines:
        first = _first_figure(line, columns[0].middle - 0.75 * spacing)
        label = Span(line, 0, first).text.strip(" \t$") if first else line.text.strip()
        figures = _figures(line, first, columns, spacing, mark) if first is not None else ()
        if not any(map(str.isalpha, label)) or label.count(" ") >= PROSE_WORDS:
            continue
        if not figures:
            heading = line if label.endswith(":") or heading is None or line.x0 <= heading.x0 else heading
            begun = line
            continue
        if heading is not None and line.x0 <= heading.x0 + 1:
            heading = None
        if (
            begun is not None
            and begun.index == line.index - 1
            and (label[:1].islower() or begun.text.rstrip().endswith(","))
        ):
            label = f"{begun.text.strip()} {label}"
        span = Span(line, 0, max(1, len(line.text[: first or 0].rstrip(" \t$"))))
        yield StatementRow(label, heading.text if heading else "", title, span, figures, scale)
        begun = None


def _first_figure(line: Line, left: float) -> int | None:
    """The character at which a line's figures begin, right of where the labels stand."""
    for number, word in enumerate(line.words):
        middle = (line.edges[number][0] + line.edges[number][1]) / 2
        if number and middle > left and (_FIGURE.fullmatch(word.text) or word.text in "$€£"):
            return line.starts[number]
    return None


def _figures(
    line: Line, first: int, columns: Sequence[_Column], spacing: float, mark: Mark | None
) -> tuple[Figure, ...]:
    """The figures of a row, each in its column: by order where there is one for each, else by place."""
    spans = [
        Span(line, start, start + len(word.text))
        for word, start in zip(line.words, line.starts, strict=True)
        if start >= first and _FIGURE.fullmatch(word.text)
    ]
    if len(spans) == len(columns):
        placed = list(zip(columns, spans, strict=True))
    else:
        placed = []
        for column in columns:
            near = [span for span in spans if abs(column.middle - (span.x0 + span.x1) / 2) < 0.5 * spacing]
            if len(near) == 1:
                placed.append((column, near[0]))
    read = [(column, span, _value(span.text, mark)) for column, span in placed]
    return tuple(
        Figure(column.period, value, span, _is_percent(line, span)) for column, span, value in read if value is not None
    )


def _is_percent(line: Line, span: Span) -> bool:
    return "%" in span.text or line.text[span.end :].lstrip(" \t)").startswith("%")


def _value(text: str, mark: Mark | None) -> Decimal | None:
    digits = re.search(r"\d[\d.,]*", text)
    if digits is None:
        return Decimal(0)
    value = parse_number(digits[0].rstrip(".,"), mark)
    if value is None:
        return None
    return -value if re.match(r"[-−–(]", text) else value
