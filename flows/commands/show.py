"""`intaglio show`: a record as a table, or as a page of HTML."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from flows.terminal import COLOURS, console, plain
from pipeline.records import how, read_record
from pipeline.redaction import NOTHING, Redaction
from schemas.record import FieldResult, Record

LONGEST = 200  # characters of a value that are shown


def run(path: Path, redaction: Redaction = NOTHING) -> int:
    """Prints the table; returns the exit code."""
    record = redaction.record(read_record(path))
    screen = console()
    screen.print(_heading(record))
    if record.fields:
        screen.print(_table(record))
    for issue in record.issues:
        colour = "red" if issue.severity == "error" else "yellow"
        passed = f" (let pass by {plain(issue.despite)})" if issue.despite else ""
        screen.print(Text(f"{issue.severity}: {plain(issue.message)}{passed}", style="dim" if passed else colour))
    return 0


def _heading(record: Record) -> Text:
    pages = len(record.document.pages)
    heading = Text(f"{plain(record.document.uri)}  {pages} page{'' if pages == 1 else 's'}  ")
    heading.append(f"{record.contract.name} by {record.engine.name}  ")
    heading.append(record.status, style=COLOURS[record.status])
    return heading.append(f"  version {record.version}") if record.version else heading


def _table(record: Record) -> Table:
    table = Table(box=None, pad_edge=False)
    told = any(how(field) for field in record.fields.values() if field.status != "absent")
    for title in ("field", "value", "confidence", "page", "status", *(("how",) if told else ())):
        table.add_column(title, justify="right" if title in ("confidence", "page") else "left", overflow="fold")
    for pointer, field in record.fields.items():
        if field.status != "absent":
            table.add_row(*_row(pointer, field), *((Text(plain(how(field))),) if told else ()))
    absent = sum(field.status == "absent" for field in record.fields.values())
    if absent:
        table.caption = f"{absent} more field{'' if absent == 1 else 's'} not in the document"
    return table


def _row(pointer: str, field: FieldResult) -> tuple[Text, ...]:
    pages = sorted({evidence.page for evidence in field.evidence})
    cells = dict.fromkeys(evidence.cell for evidence in field.evidence if evidence.cell)
    return (
        Text(plain(pointer)),
        Text(plain(field.value or "")[:LONGEST]),
        Text(f"{field.confidence:.2f}"),
        Text(" ".join([", ".join(map(str, pages)) or "–", *map(plain, cells)])),
        Text(field.status, style=COLOURS[field.status]),
    )
