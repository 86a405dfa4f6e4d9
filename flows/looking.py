"""Commands of `intaglio` that look at what was read, and at what there is to read with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.options import (
    CalibrationOption,
    ConcurrencyOption,
    EngineOption,
    EscalationsOption,
    EvaluatedSchemaOption,
    ModelOption,
    OutputTokensOption,
    PasswordOption,
    PrecisionOption,
    QuantisationOption,
    RedactOption,
    RevisionOption,
    ThinkingOption,
    TimeoutOption,
    UrlOption,
)


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
    url: UrlOption = "",
    concurrency: ConcurrencyOption = 16,
    precision: PrecisionOption = 0.99,
    calibration: CalibrationOption = "",
    escalations: EscalationsOption = 8,
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
    from pipeline.confidence.trust import Trust

    job = Evaluating(
        folder=folder,
        schemas=tuple(schema or ()),
        engine=EngineSpec(
            engine,
            model,
            revision,
            quantisation,
            thinking,
            output_tokens=output_tokens,
            url=url,
            concurrency=concurrency,
        ),
        records=records,
        json=json_file,
        html=html_file,
        compare=compare,
        workers=workers,
        seconds=timeout,
        passwords=tuple(password or ()),
        trust=Trust(precision, calibration, escalations),
    )
    raise typer.Exit(run(job, quiet=quiet))


def calibrate(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders of documents with their `x.truth.json` beside them.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.", show_default=False)],
    schema: EvaluatedSchemaOption = None,
    engine: EngineOption = "embedded",
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: QuantisationOption = "nf4",
    thinking: ThinkingOption = "asked",
    output_tokens: OutputTokensOption = 8192,
    url: UrlOption = "",
    concurrency: ConcurrencyOption = 16,
    records: Annotated[
        Path | None,
        typer.Option(help="Take the records that `ingest` wrote to this folder; no engine runs.", show_default=False),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Reader processes; by default one a core.")] = None,
    timeout: TimeoutOption = 300.0,
    password: PasswordOption = None,
) -> None:
    """Fit an engine's confidence to documents like yours, of which you know what is right.

    Each folder is left out in turn, to measure what the fit is worth on documents that it does not know; of one folder
    a fifth of the documents. Use the file with `--calibration`.

    Example: `intaglio calibrate invoices/ claims/ --engine gemma --records records/ --out mine.json`

    Exit code: 0 written, 1 written without some that could not be taken, 2 wrong use or too few documents.
    """
    from flows.commands.calibrate import Calibrating, run
    from model.engine import EngineSpec

    spec = EngineSpec(
        engine, model, revision, quantisation, thinking, output_tokens=output_tokens, url=url, concurrency=concurrency
    )
    job = Calibrating(tuple(folders), out, tuple(schema or ()), spec, records, workers, timeout, tuple(password or ()))
    raise typer.Exit(run(job))


def show(
    record: Annotated[Path, typer.Argument(help="A record's JSON file.", show_default=False)],
    html: Annotated[bool, typer.Option("--html", help="Write one page of HTML: fields beside pages, linked.")] = False,
    file: Annotated[
        Path | None, typer.Argument(help="With --html: where to; by default beside the record.", show_default=False)
    ] = None,
    document: Annotated[
        str, typer.Option(help="With --html: where the document is now, if not where the record says; may be a URL.")
    ] = "",
    all_pages: Annotated[
        bool, typer.Option("--all-pages", help="With --html: also pages of a long document that state nothing.")
    ] = False,
    password: PasswordOption = None,
    timeout: TimeoutOption = 300.0,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="With --html: with or without pictures of the pages.")
    ] = True,
    redact: RedactOption = None,
) -> None:
    """Show a record: every field with its value, confidence, page and status.

    With `--html` as a page for a browser and for print, in one file: the document's pages with the evidence drawn on
    them, and the fields, each leading to its place and back. A picture would show what `--redact` blots
    out: with it there are none.

    Examples: `intaglio show records/invoice.pdf.json`, `intaglio show records/invoice.pdf.json --html invoice.html`
    """
    from pipeline.redaction import Redaction

    redaction = Redaction.of(redact or ())
    if html:
        from flows.commands.review_page import run as write

        passwords = tuple(password or ())
        raise typer.Exit(
            write(record, file, document, passwords, timeout, redaction, every=all_pages, with_images=images)
        )
    from flows.commands.show import run
    from schemas.errors import UsageError

    if file or document or all_pages or not images:
        raise UsageError(
            "a file to write, --document, --all-pages and --no-images are for a page of HTML.", remedy="Add --html."
        )
    raise typer.Exit(run(record, redaction))


def replay(
    record: Annotated[Path, typer.Argument(help="A record's JSON file, as `ingest` wrote it.", show_default=False)],
    schema: Annotated[
        str,
        typer.Option(
            "--schema", "-s", help="Another schema, as for `ingest`: its fields are filled from the same replies."
        ),
    ] = "",
    trace: Annotated[
        Path | None,
        typer.Option(help="Where its trace is, if the record was moved out of its folder.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the new record to this new file.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what changed as JSON.")] = False,
) -> None:
    """Make a record again from what its engine said, without engine or document, and say what is different.

    Joining, grounding and checks are those of the Intaglio at hand: so what an update, or a change to a schema, does to
    records is known before anything is read again. The record itself stays as it is.

    Examples: `intaglio replay records/invoice.pdf.json`,
    `intaglio replay records/invoice.pdf.json --schema bill.py:Bill --out new.json`

    Exit code: 0 nothing changed, 1 something did, 2 wrong use.
    """
    from flows.commands.replay import run

    raise typer.Exit(run(record, schema, trace, out, as_json=as_json))


def schemas(
    name: Annotated[str | None, typer.Argument(help="A schema, to list its fields.", show_default=False)] = None,
) -> None:
    """List the built-in schemas, or the fields of one (built in or yours).

    Example: `intaglio schemas invoice`
    """
    from flows.commands.schemas import run

    raise typer.Exit(run(name))


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
