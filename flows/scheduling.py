"""Commands of `intaglio` that leave work to Prefect. What one needs it imports when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.options import (
    CalibrationOption,
    ConcurrencyOption,
    EngineOption,
    EscalationsOption,
    KeepThoughtsOption,
    ModelOption,
    OutputTokensOption,
    PrecisionOption,
    QuantisationOption,
    RevisionOption,
    SchemaOption,
    ThinkingOption,
    TimeoutOption,
    UrlOption,
)


def deploy(
    sources: Annotated[list[str], typer.Argument(help="Folders, files, globs in quotes, or URLs.", show_default=False)],
    schema: SchemaOption,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the JSON; made if need be.")] = Path("out"),
    name: Annotated[str, typer.Option("--name", "-n", help="Of the deployment.")] = "documents",
    cron: Annotated[
        str, typer.Option(help="When to run, as a cron expression in UTC: `0 3 * * *`.", show_default=False)
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Run when there are new files.")] = False,
    every: Annotated[float, typer.Option(min=5, help="With --watch: seconds from one look to the next.")] = 60.0,
    pool: Annotated[str, typer.Option(help="Work pool of the machines that read; made if need be.")] = "intaglio",
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
    ledger: Annotated[
        str, typer.Option(help="Database URL of the ledger, without a password; by default SQLite in the folder.")
    ] = "",
) -> None:
    """Leave a job with your Prefect server, to be run by the clock, for new files, or from its page.

    It prints the commands that come next. The same name again replaces what was deployed.

    Examples: `intaglio deploy invoices/ -s invoice -o records/ -n bills --cron "0 3 * * *"`,
    `intaglio deploy s3://bucket/inbox -s invoice -o records/ -n inbox --watch`
    """
    from flows.commands.deploy import When, run
    from model.engine import EngineSpec
    from pipeline.confidence.trust import Trust
    from pipeline.job import Job

    job = Job(
        places=tuple(sources),
        schemas=tuple(schema),
        out=out,
        engine=EngineSpec(
            engine, model, revision, quantisation, thinking, keep_thoughts, output_tokens, url, concurrency
        ),
        ledger=ledger,
        workers=workers,
        seconds=timeout,
        trust=Trust(precision, calibration, escalations),
    )
    raise typer.Exit(run(job, name, When(cron, watch, every), pool))
