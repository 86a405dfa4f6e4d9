"""Commands of `intaglio` that read documents, or plan to. What one needs it imports when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.options import (
    ActorsOption,
    AddressOption,
    CalibrationOption,
    ConcurrencyOption,
    EngineOption,
    EscalationsOption,
    GpusPerActorOption,
    KeepThoughtsOption,
    LogFileOption,
    LogOption,
    MaxMemoryOption,
    MaxPagesOption,
    MetricsOption,
    ModelOption,
    OutputTokensOption,
    PasswordOption,
    PerHourOption,
    PerMillionInputOption,
    PerMillionOutputOption,
    PrecisionOption,
    QuantisationOption,
    RedactOption,
    RevisionOption,
    RunnerOption,
    SchemaOption,
    ThinkingOption,
    TimeoutOption,
    UrlOption,
)


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
    precision: PrecisionOption = 0.99,
    calibration: CalibrationOption = "",
    escalations: EscalationsOption = 8,
    workers: Annotated[int | None, typer.Option(min=1, help="Reader processes; by default one a core.")] = None,
    timeout: TimeoutOption = 300.0,
    max_pages: MaxPagesOption = 10_000,
    max_memory: MaxMemoryOption = 4096,
    password: PasswordOption = None,
    ledger: Annotated[
        str, typer.Option(help="Database URL of the ledger; by default SQLite in the output folder.")
    ] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed documents again.")] = False,
    trace: Annotated[
        bool,
        typer.Option(
            "--trace/--no-trace", help="Keep what made each record, words of the document included, for `replay`."
        ),
    ] = True,
    redact: RedactOption = None,
    runner: RunnerOption = "here",
    address: AddressOption = "local",
    actors: ActorsOption = None,
    gpus_per_actor: GpusPerActorOption = None,
    direct: Annotated[bool, typer.Option("--direct", help="Run without Prefect.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    log: LogOption = "off",
    log_file: LogFileOption = None,
    metrics: MetricsOption = "",
    price_per_hour: PerHourOption = 0.0,
    price_per_million_input: PerMillionInputOption = 0.0,
    price_per_million_output: PerMillionOutputOption = 0.0,
) -> None:
    """Read every document of a folder and write one JSON for each.

    What was done before is not done again: the same command after a crash, or tomorrow, does only what is left.

    Example: `intaglio ingest invoices/ --schema invoice --out records/`

    On a Ray cluster: `intaglio ingest /shared/invoices --schema invoice --out /shared/records --runner ray
    --address auto --ledger postgresql+psycopg://reader@db.test/intaglio`

    Exit code: 0 all accepted or in review, 1 some failed, 2 wrong use, 3 the ledger's database went away, 130
    interrupted.
    """
    from flows.commands.ingest import Telling, run
    from flows.ray_cluster import Cluster
    from model.engine import EngineSpec
    from pipeline.confidence.trust import Trust
    from pipeline.job import Job
    from pipeline.limits import DocumentLimits
    from pipeline.prices import prices_of
    from pipeline.redaction import Redaction

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
        trust=Trust(precision, calibration, escalations),
        traces=trace,
        prices=prices_of(price_per_hour, price_per_million_input, price_per_million_output),
        limits=DocumentLimits(memory=max_memory << 20, pages=max_pages),
    )
    telling = Telling(quiet, as_json, log, log_file, metrics, Redaction.of(redact or ()))
    cluster = Cluster(address, actors or 0, gpus_per_actor) if runner == "ray" else None
    raise typer.Exit(run(job, telling, direct=direct, cluster=cluster))


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
    precision: PrecisionOption = 0.99,
    calibration: CalibrationOption = "",
    escalations: EscalationsOption = 8,
    password: PasswordOption = None,
    timeout: TimeoutOption = 300.0,
    max_pages: MaxPagesOption = 10_000,
    max_memory: MaxMemoryOption = 4096,
    data: Annotated[bool, typer.Option("--data", help="Only the data, without evidence.")] = False,
    trace: Annotated[
        Path | None,
        typer.Option(
            help="Write here what made the record, words of the document included, for `replay`.", show_default=False
        ),
    ] = None,
) -> None:
    """Read one document and print its record as JSON.

    Examples: `intaglio extract invoice.pdf --schema invoice --data`,
    `intaglio extract invoice.pdf --schema invoice --trace invoice.trace.gz > invoice.json`, and then
    `intaglio replay invoice.json --trace invoice.trace.gz`
    """
    from flows.commands.extract import run
    from model.engine import EngineSpec
    from pipeline.confidence.trust import Trust
    from pipeline.limits import DocumentLimits

    spec = EngineSpec(engine, model, revision, quantisation, thinking, keep_thoughts, output_tokens, url, concurrency)
    trust = Trust(precision, calibration, escalations)
    limits = DocumentLimits(memory=max_memory << 20, pages=max_pages)
    raise typer.Exit(run(file, schema, spec, tuple(password or ()), timeout, trust, trace, limits, only_data=data))


def plan(
    file: Annotated[str, typer.Argument(help="A document, or its URL.", show_default=False)],
    schema: SchemaOption,
    engine: EngineOption = "gemma",
    model: ModelOption = "",
    revision: RevisionOption = "",
    quantisation: QuantisationOption = "nf4",
    output_tokens: OutputTokensOption = 8192,
    url: UrlOption = "",
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

    spec = EngineSpec(engine, model, revision, quantisation, output_tokens=output_tokens, url=url)
    raise typer.Exit(run(file, schema, spec, tuple(password or ()), as_json=as_json))


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
