"""Options that several commands of `intaglio` have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

SchemaOption = Annotated[
    list[str],
    typer.Option(
        "--schema",
        "-s",
        help="What to extract: a built-in name (see `intaglio schemas`), `package.module:Model`, `file.py:Model` or a "
        "JSON Schema file. For mixed folders give several, each for a folder or glob: `--schema invoices=invoice`.",
        show_default=False,
    ),
]
EvaluatedSchemaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--schema",
        "-s",
        help="What is extracted, as for `ingest`; by default what each truth names, else `schema.json` in its folder.",
        show_default=False,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        "-e",
        help="Who reads: `embedded` needs no GPU; `gemma` is Gemma 4 in this process; `served` asks a server.",
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        help="For `gemma`: a model's name or its local folder; by default Gemma 4 26B A4B. For `served`: its "
        "name there; by default the only one.",
        envvar="INTAGLIO_MODEL",
    ),
]
RevisionOption = Annotated[str, typer.Option(help="For `gemma` and `served`: the revision of a model that is named.")]
QuantisationOption = Annotated[
    Literal["nf4", "int8", "none"], typer.Option(help="For `gemma`: how the weights are held: 4 bit, 8 bit or bf16.")
]
ThinkingOption = Annotated[
    Literal["off", "on", "asked"],
    typer.Option(help="For `gemma` and `served`: think before an answer never, always, or in doubt."),
]
KeepThoughtsOption = Annotated[
    bool, typer.Option("--keep-thoughts", help="For `gemma` and `served`: write what was thought into the record.")
]
OutputTokensOption = Annotated[
    int, typer.Option(min=16, help="For `gemma` and `served`: the most that one reply may take.")
]
UrlOption = Annotated[
    str,
    typer.Option(
        help="For `served`: where the server is, `http://host:8000/v1`. Its key, if it wants one, is taken from "
        "INTAGLIO_API_KEY or OPENAI_API_KEY.",
        envvar="INTAGLIO_URL",
        show_default=False,
    ),
]
ConcurrencyOption = Annotated[
    int, typer.Option(min=1, help="For `served`: how many asks of each worker the server has at once.")
]
PasswordOption = Annotated[
    list[str] | None,
    typer.Option(
        "--password",
        envvar="INTAGLIO_PASSWORDS",
        help="For encrypted PDFs; may be given several times. In the environment, separated by spaces, none sees it.",
        show_default=False,
    ),
]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, help="Seconds that one document may take.")]
MaxPagesOption = Annotated[int, typer.Option(min=1, help="Pages that one document may have.")]
MaxMemoryOption = Annotated[
    int, typer.Option(min=512, help="MiB of memory that reading one document may take, the reader's own included.")
]
RedactOption = Annotated[
    list[str] | None,
    typer.Option(
        "--redact",
        metavar="PATTERN",
        help="Blot out in all that is shown: `iban`, `card`, `email`, or a regular expression; may be given several "
        "times. Records keep everything.",
        show_default=False,
    ),
]
PrecisionOption = Annotated[
    float,
    typer.Option(
        min=0.5,
        max=0.9999,
        help="The share of accepted values that is to be right. Higher accepts less; the rest goes to review.",
    ),
]
EscalationsOption = Annotated[
    int,
    typer.Option(
        min=0,
        help="For `gemma` and `served`: how many closer looks a document may take for doubtful values, and a quarter "
        "as many with thinking; 0 for none.",
    ),
]
CalibrationOption = Annotated[
    str,
    typer.Option(
        help="A file that `intaglio calibrate` made of documents like yours; by default the engine's own.",
        show_default=False,
    ),
]
PerHourOption = Annotated[
    float,
    typer.Option(
        "--price-per-hour",
        min=0,
        envvar="INTAGLIO_PRICE_PER_HOUR",
        help="What an hour of this machine costs, in your currency: the report of a run then says what it cost.",
        show_default=False,
    ),
]
PerMillionInputOption = Annotated[
    float,
    typer.Option(
        "--price-per-million-input",
        min=0,
        envvar="INTAGLIO_PRICE_PER_MILLION_INPUT",
        help="The same of a million tokens that a server takes in.",
        show_default=False,
    ),
]
PerMillionOutputOption = Annotated[
    float,
    typer.Option(
        "--price-per-million-output",
        min=0,
        envvar="INTAGLIO_PRICE_PER_MILLION_OUTPUT",
        help="The same of a million tokens that it gives out.",
        show_default=False,
    ),
]
MetricsOption = Annotated[
    str,
    typer.Option(
        envvar="INTAGLIO_METRICS",
        help="Serve metrics for Prometheus while it runs, at `:9464` on this machine alone or at `HOST:PORT`; or `otlp`"
        " to send them to OpenTelemetry's collector.",
        show_default=False,
    ),
]
LogOption = Annotated[
    Literal["off", "text", "json"],
    typer.Option(envvar="INTAGLIO_LOG", help="One line a document, without its values, to standard error."),
]
LogFileOption = Annotated[
    Path | None, typer.Option(envvar="INTAGLIO_LOG_FILE", help="Append the log to this file.", show_default=False)
]
RunnerOption = Annotated[
    Literal["here", "ray"],
    typer.Option(help="Who has the readers: this process, or resident actors of a Ray cluster (`intaglio[ray]`)."),
]
AddressOption = Annotated[
    str,
    typer.Option(
        envvar="RAY_ADDRESS",
        help="With `--runner ray`: the cluster, `HOST:6379` as `ray start --head` prints it, or `auto` on one of its "
        "machines; `local` starts one on this machine for this run.",
    ),
]
ActorsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="With `--runner ray`: how many, each with its own engine; by default one for each GPU, or each machine.",
        show_default=False,
    ),
]
GpusPerActorOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="With `--runner ray`: by default 1 for an engine that needs it where the cluster has any, else 0.",
        show_default=False,
    ),
]
