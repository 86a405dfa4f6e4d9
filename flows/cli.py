"""The command line `intaglio`. Only light imports here: what a command needs it imports when it runs."""

from __future__ import annotations

import sys

import typer

from flows.looking import calibrate, doctor, evaluate, quantise, replay, schemas, show
from flows.operating import export, report, retry, status
from flows.reading import ask, extract, ingest, plan

app = typer.Typer(
    name="intaglio",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Folders of PDFs and scans to JSON that a program can act on: values typed, checked, and tied to the page.",
)

COMMANDS = (
    ingest,
    status,
    report,
    retry,
    export,
    extract,
    plan,
    ask,
    evaluate,
    calibrate,
    show,
    replay,
    schemas,
    quantise,
    doctor,
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """The console script: an error of ours is one clear line and its exit code, never a traceback."""
    try:
        app()
    except Exception as error:
        from schemas.errors import IntaglioError

        if not isinstance(error, IntaglioError):
            raise
        print(f"intaglio: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
