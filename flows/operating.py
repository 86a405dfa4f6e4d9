"""Commands of `intaglio` that watch over batches, and hand on what came of them. Only `retry` writes to the ledger."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.options import PerHourOption, PerMillionInputOption, PerMillionOutputOption

FolderArgument = Annotated[Path, typer.Argument(help="The folder that `ingest` wrote to.", show_default=False)]
LedgerOption = Annotated[
    str, typer.Option(help="Database URL of the ledger, if `ingest` had one; by default SQLite in the folder.")
]


class Status(StrEnum):
    """What `--status` takes."""

    accepted = "accepted"
    review = "review"
    failed = "failed"


def status(
    folder: FolderArgument,
    ledger: LedgerOption = "",
    most: Annotated[int, typer.Option(min=0, help="Documents in review and failed ones that are named.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say how a folder's documents stand: how many are done, what to look at and why, what failed and what to do.

    Example: `intaglio status records/`

    Exit code: 0 told, 2 there is no ledger. That documents failed is in the counts.
    """
    from flows.commands.status import run

    raise typer.Exit(run(folder, ledger, most, as_json=as_json))


def retry(
    folder: FolderArgument,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    code: Annotated[
        list[str] | None,
        typer.Option(
            help="Only those that failed so, as `status` shows it: `document-timeout`; may be given several times.",
            show_default=False,
        ),
    ] = None,
    document: Annotated[
        list[str] | None,
        typer.Option(help="Only this one, by its name in `status`; may be given several times.", show_default=False),
    ] = None,
    ledger: LedgerOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Have failed documents tried again by the next run, also those that failed for good.

    Nothing is read now: it marks them in the ledger, and the same `ingest` as before does them.

    Examples: `intaglio retry records/ --failed`, `intaglio retry records/ --code document-timeout`

    Exit code: 0 marked or none failed, 2 no ledger, or no failed document of that name or code.
    """
    from flows.commands.retry import run

    raise typer.Exit(run(folder, ledger, code or (), document or (), failed=failed, as_json=as_json))


def export(
    folder: FolderArgument,
    form: Annotated[
        Literal["jsonl", "csv", "parquet"],
        typer.Option("--format", "-f", help="`jsonl`: whole records. `csv`, `parquet`: a table."),
    ] = "jsonl",
    out: Annotated[str, typer.Option("--out", "-o", help="The file; `-` is standard output.")] = "-",
    since: Annotated[
        str,
        typer.Option(help="Only records written at or after this date or time, ISO 8601, in UTC if it says no other."),
    ] = "",
    statuses: Annotated[
        list[Status] | None,
        typer.Option("--status", help="Only these documents; may be given several times.", show_default=False),
    ] = None,
    schema: Annotated[
        str,
        typer.Option(
            "--schema",
            "-s",
            help="Only records of this schema: its name or fingerprint as `status` shows it, or as for `ingest`.",
            show_default=False,
        ),
    ] = "",
    rows: Annotated[
        str,
        typer.Option("--list", help="For tables: a row for each entry of this list, `/lines`.", show_default=False),
    ] = "",
    only_data: Annotated[bool, typer.Option("--data", help="For `jsonl`: only the data, without evidence.")] = False,
    ledger: LedgerOption = "",
) -> None:
    """Write records to one file for other programs: whole, or as a table of documents or of a list's entries.

    In a CSV, text that a spreadsheet could take for a formula has an apostrophe before it.

    Examples: `intaglio export records/ --format csv --out invoices.csv`,
    `intaglio export records/ --format parquet --list /lines --status accepted --since 2026-01-31 --out lines.parquet`
    """
    from flows.commands.export import Exporting, run

    wanted = Exporting(
        folder, ledger, form, out, since, tuple(status.value for status in statuses or ()), schema, rows, only_data
    )
    raise typer.Exit(run(wanted))


def report(
    folder: FolderArgument,
    run: Annotated[
        str, typer.Option("--run", help="One run, by its name or how that begins; by default the last.")
    ] = "",
    every: Annotated[bool, typer.Option("--all", help="Every run, one a line, the last one first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON; with --all, one run a line.")] = False,
    price_per_hour: PerHourOption = 0.0,
    price_per_million_input: PerMillionInputOption = 0.0,
    price_per_million_output: PerMillionOutputOption = 0.0,
) -> None:
    """Say what the last run into a folder came to: documents, pages, times, failures, and what it cost.

    A price that is given here counts instead of those that the run was given.

    Examples: `intaglio report records/`, `intaglio report records/ --all --price-per-hour 1.20`
    """
    from flows.commands.report import run as show
    from pipeline.prices import prices_of

    prices = prices_of(price_per_hour, price_per_million_input, price_per_million_output)
    raise typer.Exit(show(folder, run, prices, every=every, as_json=as_json))
