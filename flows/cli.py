"""The command line `intaglio`. Only light imports here: what a command needs it imports when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.options import (
    ConcurrencyOption,
    EngineOption,
    EvaluatedSchemaOption,
    KeepThoughtsOption,
    ModelOption,
    OutputTokensOption,
    PasswordOption,
    QuantisationOption,
    RevisionOption,
    SchemaOption,
    ThinkingOption,
    TimeoutOption,
    UrlOption,
)

app = typer.Typer(
    name="intaglio",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Folders of PDFs and scans to JSON that a program can act on: values typed, checked, and tied to the page.",
)


@app.command()
def ingest(
    sources: Annotated[list[str], typer.Argument(help="Folders, files, globs in quotes, or URLs.", show_default=False)],
    schema: SchemaOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the JSON; made if need be.")] = Path("out"),
    engine: EngineOption = "embedded",
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: QuantisationOption = "nf4",
    thinking: ThinkingOption = "asked",
    keep_thoughts: KeepThoughtsOption = False,
    output_tokens: OutputTokensOption = 8192,
    url: UrlOption = "",
    concurrency: ConcurrencyOption = 16,
    workers: Annotated[int | None, typer.Option(min=1, help="Reader processes; by default one a core.")] = None,
    timeout: TimeoutOption = 300.0,
    password: PasswordOption = None,
    ledger: Annotated[
        str, typer.Option(help="Database URL of the ledger; by default SQLite in the output folder.")
    ] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed documents again.")] = False,
    direct: Annotated[bool, typer.Option("--direct", help="Run without Prefect.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Read every document of a folder and write one JSON for each.

    What was done before is not done again: the same command after a crash, or tomorrow, does only what is left.

    Example: `intaglio ingest invoices/ --schema invoice --out records/`

    Exit code: 0 all accepted or in review, 1 some failed, 2 wrong use, 130 interrupted.
    """
    from flows.commands.ingest import run
    from model.engine import EngineSpec
    from pipeline.job import Job

    job = Job(
        places=tuple(sources),
        schemas=tuple(schema),
        out=out,
        engine=EngineSpec(
            engine, model, revision, quantisation, thinking, keep_thoughts, output_tokens, url, concurrency
        ),
        ledger=ledger,
        passwords=tuple(password or ()),
        workers=workers,
        seconds=timeout,
        retry_failed=retry_failed,
    )
    raise typer.Exit(run(job, direct=direct, quiet=quiet, as_json=as_json))


@app.command()
def extract(
    file: Annotated[str, typer.Argument(help="A document, or its URL.", show_default=False)],
    schema: SchemaOption,
    engine: EngineOption = "embedded",
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: QuantisationOption = "nf4",
    thinking: ThinkingOption = "asked",
    keep_thoughts: KeepThoughtsOption = False,
    output_tokens: OutputTokensOption = 8192,
    url: UrlOption = "",
    concurrency: ConcurrencyOption = 16,
    password: PasswordOption = None,
    timeout: TimeoutOption = 300.0,
    data: Annotated[bool, typer.Option("--data", help="Only the data, without evidence.")] = False,
) -> None:
    """Read one document and print its record as JSON.

    Example: `intaglio extract invoice.pdf --schema invoice --data`
    """
    from flows.commands.extract import run
    from model.engine import EngineSpec

    spec = EngineSpec(engine, model, revision, quantisation, thinking, keep_thoughts, output_tokens, url, concurrency)
    raise typer.Exit(run(file, schema, spec, tuple(password or ()), timeout, only_data=data))


@app.command()
def plan(
    file: Annotated[str, typer.Argument(help="A document, or its URL.", show_default=False)],
    schema: SchemaOption,
    engine: EngineOption = "gemma",
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: QuantisationOption = "nf4",
    output_tokens: OutputTokensOption = 8192,
    password: PasswordOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say how an engine would be asked about a document: how large its pictures are, what is asked, what it costs.

    It is for `gemma` if nothing else is said, and needs neither its weights nor a graphics card: `embedded` has no
    context to fill and no reply to cut, and is asked for everything at once.

    Example: `intaglio plan statement.pdf --schema bank_statement`
    """
    from flows.commands.plan import run
    from model.engine import EngineSpec

    spec = EngineSpec(engine, model, revision, quantisation, output_tokens=output_tokens)
    raise typer.Exit(run(file, schema, spec, tuple(password or ()), as_json=as_json))


@app.command()
def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE... QUESTION",
            help="Documents, folders, globs in quotes, or URLs; last, in quotes, the question.",
            show_default=False,
        ),
    ],
    engine: EngineOption = "gemma",
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: QuantisationOption = "nf4",
    thinking: ThinkingOption = "asked",
    url: UrlOption = "",
    password: PasswordOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer and its citations as JSON.")] = False,
) -> None:
    """Answer a question from one or several documents, with the passages that the answer rests on.

    Every passage is looked up on the page that it is said to be from; one that does not stand there is marked.

    Example: `intaglio ask contract.pdf annex.pdf "When can the tenant give notice?"`
    """
    from flows.commands.ask import run
    from model.engine import EngineSpec

    spec = EngineSpec(engine, model, revision, quantisation, thinking, url=url)
    raise typer.Exit(run(words, spec, tuple(password or ()), as_json))


@app.command()
def evaluate(
    folder: Annotated[
        Path, typer.Argument(help="Folder of documents with their `x.truth.json` beside them.", show_default=False)
    ],
    schema: EvaluatedSchemaOption = None,
    engine: EngineOption = "embedded",
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: QuantisationOption = "nf4",
    thinking: ThinkingOption = "asked",
    output_tokens: OutputTokensOption = 8192,
    records: Annotated[
        Path | None,
        typer.Option(help="Take the records that `ingest` wrote to this folder; no engine runs.", show_default=False),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures and every value here.", show_default=False)
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write one page here, the worst fields first.", show_default=False)
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(help="An earlier --json file: say what got better and worse.", show_default=False),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Reader processes; by default one a core.")] = None,
    timeout: TimeoutOption = 300.0,
    password: PasswordOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")] = False,
) -> None:
    """Measure how good the values are, how far confidence can be trusted, and what to look at first.

    A truth is the data as it should be, in the schema's shape; a field that it leaves out is not scored.

    Example: `intaglio evaluate invoices/ --schema invoice --json now.json --html now.html --compare before.json`

    Exit code: 0 all documents judged, 1 some failed or could not be judged, 2 wrong use, 130 interrupted.
    """
    from flows.commands.evaluate import Evaluating, run
    from model.engine import EngineSpec

    job = Evaluating(
        folder=folder,
        schemas=tuple(schema or ()),
        engine=EngineSpec(engine, model, revision, quantisation, thinking, output_tokens=output_tokens),
        records=records,
        json=json_file,
        html=html_file,
        compare=compare,
        workers=workers,
        seconds=timeout,
        passwords=tuple(password or ()),
    )
    raise typer.Exit(run(job, quiet=quiet))


@app.command()
def show(
    record: Annotated[Path, typer.Argument(help="A record's JSON file.", show_default=False)],
) -> None:
    """Show a record: every field with its value, confidence, page and status.

    Example: `intaglio show records/invoice.pdf.json`
    """
    from flows.commands.show import run

    raise typer.Exit(run(record))


@app.command()
def schemas(
    name: Annotated[str | None, typer.Argument(help="A schema, to list its fields.", show_default=False)] = None,
) -> None:
    """List the built-in schemas, or the fields of one (built in or yours).

    Example: `intaglio schemas invoice`
    """
    from flows.commands.schemas import run

    raise typer.Exit(run(name))


@app.command()
def quantise(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the packed checkpoint.", show_default=False)],
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: Annotated[Literal["nf4", "int8"], typer.Option(help="4 bit or 8 bit.")] = "nf4",
) -> None:
    """Pack the weights of a Gemma 4 once, so that it loads in a fraction of the time.

    Example: `intaglio quantise --out gemma-nf4`, and then `intaglio ingest … --engine gemma --model gemma-nf4`
    """
    from flows.commands.quantise import run
    from model.engine import EngineSpec

    raise typer.Exit(run(EngineSpec("gemma", model, revision, quantisation), out))


@app.command()
def doctor(
    model: Annotated[
        str, typer.Option("--model", "-m", help="A Gemma 4: its name on the hub, or its folder.")
    ] = "google/gemma-4-26B-A4B-it",
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON, all sizes in bytes.")] = False,
    bench: Annotated[
        bool, typer.Option("--bench", help="Build the model in 4 bit with random weights, and measure it here.")
    ] = False,
    bench_context: Annotated[
        list[int] | None,
        typer.Option(min=2, help="Tokens of a document; may be given several times.", show_default="8192 65536 262144"),
    ] = None,
    bench_batch: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Replies at once; may be given several times.", show_default="1 8 32"),
    ] = None,
) -> None:
    """Say what this machine has, which engines work here, and what of Gemma 4 fits, before any download.

    Example: `intaglio doctor`
    """
    from flows.commands.doctor import Bench, run
    from schemas.errors import UsageError

    if (bench_context or bench_batch) and not bench:
        raise UsageError("there are sizes to measure, but nothing is to be measured.", remedy="Add --bench.")
    chosen = {"contexts": tuple(bench_context or ()), "replies": tuple(bench_batch or ())}
    what = Bench(**{name: sizes for name, sizes in chosen.items() if sizes}) if bench else None
    raise typer.Exit(run(model, what, as_json=as_json))


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
