"""`intaglio review`: what a person says of records. What a command needs it imports when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.operating import FolderArgument, LedgerOption

review = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Look through what is doubtful, approve or correct it. Every decision is a version of its record: the "
    "engine's own stays, and each can be taken back. A run may be at work meanwhile.",
)

NameArgument = Annotated[
    str, typer.Argument(help="The document, as `review list` names it: `invoice.pdf`.", show_default=False)
]
ByOption = Annotated[
    str,
    typer.Option("--by", help="Who says so; by default who is logged in.", envvar="INTAGLIO_BY", show_default=False),
]
NoteOption = Annotated[str, typer.Option(help="Why, for whoever reads the history.", show_default=False)]
DespiteOption = Annotated[
    list[str] | None,
    typer.Option(
        "--despite",
        help="Let issues of this code pass, `entries-missing`; may be given several times. It is kept who did.",
        show_default=False,
    ),
]
BaseOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="The version that you looked at. Where others have changed the same since then, nothing is done.",
        show_default=False,
    ),
]
ReviewedSchemaOption = Annotated[
    str,
    typer.Option("--schema", "-s", help="As `ingest` had it, for a schema of your own.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@review.command(name="list")
def list_(
    folder: FolderArgument,
    most: Annotated[int, typer.Option(min=1, help="Documents that are shown.")] = 20,
    order: Annotated[
        Literal["worst", "easy", "name"],
        typer.Option(
            help="`worst`: most errors first, then most wrong values to be expected (the sum of 1 - confidence). "
            "`easy`: what is least to look at first."
        ),
    ] = "worst",
    value: Annotated[
        str,
        typer.Option(help="The largest value of this field first, `/total`, then by the order.", show_default=False),
    ] = "",
    pages: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page of each document that is shown to this folder.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    ledger: LedgerOption = "",
) -> None:
    """List the documents in review: which values are doubtful, where they stand, and why.

    Example: `intaglio review list records/ --value /total --html pages/`

    Exit code: 0 told, 2 there is no ledger.
    """
    from flows.commands.review_list import run
    from pipeline.review.queue import Ordering

    raise typer.Exit(run(folder, ledger, most, Ordering(order, value), pages, as_json=as_json))


@review.command()
def approve(
    folder: FolderArgument,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Documents, as `review list` names them.", show_default=False)
    ],
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--fields",
            help="Only this field, or all under it: `/total`, `/items`; may be given several times. By default the "
            "whole record.",
            show_default=False,
        ),
    ] = None,
    despite: DespiteOption = None,
    by: ByOption = "",
    note: NoteOption = "",
    base: BaseOption = None,
    schema: ReviewedSchemaOption = "",
    as_json: JsonOption = False,
    ledger: LedgerOption = "",
) -> None:
    """Say that values are right. A record leaves the review once nothing required is doubtful and no error is left.

    Examples: `intaglio review approve records/ invoice.pdf`,
    `intaglio review approve records/ invoice.pdf --fields /total --fields /items/2`

    Exit code: 0 kept, 1 somebody else was faster, 2 wrong use.
    """
    from flows.commands.review import Saying, approve

    saying = Saying(folder, ledger, by, note, tuple(despite or ()), base, schema, as_json)
    raise typer.Exit(approve(saying, tuple(names), tuple(fields or ())))


@review.command()
def correct(
    folder: FolderArgument,
    name: NameArgument,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[POINTER=VALUE]...",
            help="`/total=12.50`, `/invoice_date=2026-01-31`, `/due_date=null`; `/items/-/amount=3` adds an entry.",
            show_default=False,
        ),
    ] = None,
    delete: Annotated[
        list[str] | None,
        typer.Option(
            "--delete",
            help="An entry of a list to remove, or a value that is not in the document; may be given several times.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--from", help="All data as it should be, as JSON; `-` is standard input.", show_default=False),
    ] = None,
    despite: DespiteOption = None,
    by: ByOption = "",
    note: NoteOption = "",
    base: BaseOption = None,
    schema: ReviewedSchemaOption = "",
    as_json: JsonOption = False,
    ledger: LedgerOption = "",
) -> None:
    """Put values right. Checks run again, and the new values are looked for on the pages.

    All pointers are about the record as `intaglio show` has it, whatever else the same command changes.

    Examples: `intaglio review correct records/ invoice.pdf /total=12.50 /items/2/quantity=3 --delete /items/4`,
    `intaglio review correct records/ invoice.pdf --from right.json`

    Exit code: 0 kept, 1 somebody else was faster, 2 wrong use.
    """
    from flows.commands.review import Saying, correct

    saying = Saying(folder, ledger, by, note, tuple(despite or ()), base, schema, as_json)
    raise typer.Exit(correct(saying, name, tuple(values or ()), tuple(delete or ()), file))


@review.command()
def undo(
    folder: FolderArgument,
    name: NameArgument,
    to: Annotated[
        int | None,
        typer.Option(min=0, help="The version to go back to, by default the one before; 0 is the engine's own."),
    ] = None,
    by: ByOption = "",
    note: NoteOption = "",
    as_json: JsonOption = False,
    ledger: LedgerOption = "",
) -> None:
    """Take an earlier version of a record up again, as a further version.

    Example: `intaglio review undo records/ invoice.pdf`
    """
    from flows.commands.review import Saying, undo

    raise typer.Exit(undo(Saying(folder, ledger, by, note, as_json=as_json), name, to))


@review.command()
def history(
    folder: FolderArgument,
    name: NameArgument,
    version: Annotated[
        int | None, typer.Option(min=0, help="Print the record of this version as JSON.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    ledger: LedgerOption = "",
) -> None:
    """Say who changed a record, when, and what; also of earlier readings of the same document.

    Examples: `intaglio review history records/ invoice.pdf`,
    `intaglio review history records/ invoice.pdf --version 0`
    """
    from flows.commands.review_history import run

    raise typer.Exit(run(folder, ledger, name, version, as_json=as_json))


@review.command()
def truth(
    folder: FolderArgument,
    to: Annotated[Path, typer.Option("--to", help="Folder for documents and their truth.", show_default=False)],
    records: Annotated[
        Path | None,
        typer.Option(
            help="Write here what the engine itself read, for `calibrate` and `evaluate` with --records.",
            show_default=False,
        ),
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Link to the documents instead of copying them.")] = False,
    boxes: Annotated[bool, typer.Option("--boxes/--no-boxes", help="Tell where the values stand, too.")] = True,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace truths that are there and say something else.")
    ] = False,
    schema: ReviewedSchemaOption = "",
    ledger: LedgerOption = "",
) -> None:
    """Write what persons said of records as truth, for `intaglio evaluate` and `intaglio calibrate`.

    Example: `intaglio review truth records/ --to truth/`, and then `intaglio evaluate truth/`

    Exit code: 0 all written, 1 some could not be, 2 wrong use or nothing to write.
    """
    from flows.commands.review_truth import run
    from pipeline.review.truth_files import Wanted

    raise typer.Exit(run(ledger, Wanted(to, folder, records, link, boxes, replace, schema)))
