"""The parameters of the flows, flat and bounded, so that Prefect's page shows a form that explains itself.

Prefect keeps parameters in its database and shows them, so no secret may be one. Passwords of documents come from the
environment variable INTAGLIO_PASSWORDS, credentials of stores from what their packages read, and a database's password
from PGPASSWORD, ~/.pgpass or a ledger URL in INTAGLIO_LEDGER, on the machine that does the work.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from flows.ray_cluster import Cluster
from model.engine import EMBEDDED, EngineSpec, Quantisation, Thinking
from model.registry import ENGINES
from pipeline.addresses import shown
from pipeline.confidence.trust import ESCALATIONS, PRECISION, Trust
from pipeline.job import SECONDS, Job
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits
from pipeline.prices import Prices

LEDGER = "INTAGLIO_LEDGER"
PASSWORDS = "INTAGLIO_PASSWORDS"
OFFERED = ("embedded", "gemma", "served")  # engines for documents; others are for tests and benchmarks


def _known_engine(name: str) -> str:
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}; there are {', '.join(OFFERED)}")
    return name


def _open_address(address: str) -> str:
    if shown(address) != address:
        raise ValueError(f"{shown(address)} carries credentials, and Prefect would keep them: {_ENVIRONMENT}")
    return address


_ENVIRONMENT = "give them in the environment of the worker"
Address = Annotated[str, AfterValidator(_open_address)]


class IngestParameters(BaseModel):
    """What a run of `ingest` reads, how, and where the JSON goes."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Ingest")

    places: list[Address] = Field(
        min_length=1,
        title="Places",
        description="Folders, files, globs or URLs (s3://bucket/folder, gs://…, https://…). Relative paths are those "
        "of the folder that the worker runs in.",
        examples=[["s3://bucket/invoices"]],
    )
    schemas: list[str] = Field(
        min_length=1,
        title="Schemas",
        description="What to extract: a built-in name (`intaglio schemas` lists them), package.module:Model, "
        "file.py:Model or a JSON Schema file; FOLDER=SCHEMA for mixed folders.",
        examples=[["invoice"]],
    )
    out: str = Field("out", min_length=1, title="Output folder", description="Made if need be.")
    engine: Annotated[str, AfterValidator(_known_engine)] = Field(
        EMBEDDED.name,
        title="Engine",
        description="embedded needs no GPU; gemma is Gemma 4 in the worker; served asks a server.",
        json_schema_extra={"enum": list(OFFERED)},
    )
    model: str = Field(EMBEDDED.model, title="Model", description="Empty for the engine's own default.")
    revision: str = Field(EMBEDDED.revision, title="Revision", description="Of a model that is named.")
    quantisation: Quantisation = Field(EMBEDDED.quantisation, title="Quantisation", description="For gemma.")
    thinking: Thinking = Field(EMBEDDED.thinking, title="Thinking", description="For gemma and served.")
    keep_thoughts: bool = Field(EMBEDDED.keep_thoughts, title="Keep thoughts in the records")
    output_tokens: int = Field(
        EMBEDDED.output_tokens, ge=16, le=262_144, title="Output tokens", description="The most of one reply."
    )
    url: Address = Field(
        EMBEDDED.url, title="Server", description="For served: http://host:8000/v1; its key is in INTAGLIO_API_KEY."
    )
    concurrency: int = Field(
        EMBEDDED.concurrency, ge=1, le=4096, title="Concurrency", description="For served: asks that it has at once."
    )
    precision: float = Field(
        PRECISION, ge=0.5, le=0.9999, title="Precision", description="Share of accepted values that is to be right."
    )
    calibration: str = Field("", title="Calibration", description="A file of `intaglio calibrate`.")
    escalations: int = Field(
        ESCALATIONS, ge=0, le=1000, title="Escalations", description="Closer looks that a document may take."
    )
    workers: int = Field(0, ge=0, le=1024, title="Reader processes", description="0 for one a core.")
    seconds: float = Field(SECONDS, ge=1, le=86_400, title="Seconds", description="That one document may take.")
    max_pages: int = Field(
        DEFAULT_LIMITS.pages, ge=1, le=1_000_000, title="Pages", description="That one document may have."
    )
    max_memory: int = Field(
        DEFAULT_LIMITS.memory >> 20, ge=512, le=1 << 20, title="Memory", description="MiB that one document may take."
    )
    settle: float = Field(
        0.0,
        ge=0,
        le=3600,
        title="Settle",
        description="Files that changed in the last so many seconds, and still do, are left for the next run.",
    )
    retry_failed: bool = Field(False, title="Try failed documents again")
    traces: bool = Field(True, title="Keep traces", description="What made each record, for `intaglio replay`.")
    ledger: str = Field(
        "",
        title="Ledger",
        description=f"Database URL without a password; empty for {LEDGER} of the worker's environment, else SQLite in "
        "the output folder.",
    )

    price_per_hour: float = Field(
        0.0, ge=0, le=1e6, title="Price of an hour", description="Of a machine, for the report."
    )
    price_per_million_input: float = Field(0.0, ge=0, le=1e6, title="Price of a million tokens that a server takes in")
    price_per_million_output: float = Field(
        0.0, ge=0, le=1e6, title="Price of a million tokens that a server gives out"
    )

    spread: str = Field(
        "",
        title="Spread over",
        description="The deployment of `shard` whose workers read, FLOW/NAME; empty to read in this run. They need the "
        "same output folder, and the ledger of a PostgreSQL server where they are on several machines.",
        examples=["shard/gpu"],
    )
    ray: Address = Field(
        "",
        title="Ray",
        description="Address of a Ray cluster whose actors read, HOST:6379, auto, or local for one of the run's own on "
        "its machine; empty to read without. Its machines need the same output folder, and a PostgreSQL ledger.",
        examples=["auto"],
    )
    actors: int = Field(0, ge=0, le=10_000, title="Ray actors", description="0 for as many as it has room for.")
    gpus_per_actor: float = Field(
        -1.0, ge=-1, le=64, title="GPUs of a Ray actor", description="-1 for one, where engine and cluster have it."
    )
    at_once: int = Field(8, ge=1, le=100, title="Shards at once", description="With spread: more than workers.")
    shard: int = Field(256, ge=1, le=10_000, title="Documents of a shard", description="Minutes of work.")

    @model_validator(mode="after")
    def _one_way(self) -> IngestParameters:
        if self.spread and self.ray:
            raise ValueError("either spread over a deployment, or over Ray")
        return self

    @field_validator("ledger")
    @classmethod
    def _ledger_without_password(cls, ledger: str) -> str:
        if ledger and _without_password(ledger) != ledger:
            raise ValueError(f"the ledger's URL holds a password, and Prefect would keep it: {_ENVIRONMENT}")
        return ledger

    @classmethod
    def of(cls, job: Job) -> IngestParameters:
        """A job as it may be kept and shown, its secrets left out."""
        engine, trust = job.engine, job.trust
        return cls(
            places=[shown(place) for place in job.places],
            schemas=list(job.schemas),
            out=str(job.out),
            engine=engine.name,
            model=engine.model,
            revision=engine.revision,
            quantisation=engine.quantisation,
            thinking=engine.thinking,
            keep_thoughts=engine.keep_thoughts,
            output_tokens=engine.output_tokens,
            url=shown(engine.url),
            concurrency=engine.concurrency,
            precision=trust.precision,
            calibration=trust.calibration,
            escalations=trust.escalations,
            workers=job.workers or 0,
            seconds=job.seconds,
            max_pages=job.limits.pages,
            max_memory=job.limits.memory >> 20,
            settle=job.settle,
            retry_failed=job.retry_failed,
            traces=job.traces,
            price_per_hour=job.prices.per_hour,
            price_per_million_input=job.prices.per_million_input,
            price_per_million_output=job.prices.per_million_output,
            ledger=_without_password(job.ledger) if job.ledger else "",
        )

    def job(self) -> Job:
        """The job, its secrets from the environment of this process."""
        return Job(
            places=tuple(self.places),
            schemas=tuple(self.schemas),
            out=Path(self.out),
            engine=EngineSpec(
                self.engine,
                self.model,
                self.revision,
                self.quantisation,
                self.thinking,
                self.keep_thoughts,
                self.output_tokens,
                self.url,
                self.concurrency,
            ),
            ledger=self.ledger or os.environ.get(LEDGER, ""),
            passwords=tuple(os.environ.get(PASSWORDS, "").split()),
            workers=self.workers or None,
            seconds=self.seconds,
            retry_failed=self.retry_failed,
            trust=Trust(self.precision, self.calibration, self.escalations),
            traces=self.traces,
            settle=self.settle,
            limits=DocumentLimits(memory=self.max_memory << 20, pages=self.max_pages),
            prices=Prices(
                per_hour=self.price_per_hour,
                per_million_input=self.price_per_million_input,
                per_million_output=self.price_per_million_output,
            ),
        )

    @property
    def cluster(self) -> Cluster | None:
        """The Ray cluster that is to read, if one is."""
        gpus = None if self.gpus_per_actor < 0 else self.gpus_per_actor
        return Cluster(self.ray, self.actors, gpus) if self.ray else None

    def on(self, cluster: Cluster | None) -> IngestParameters:
        """The same, read by a Ray cluster."""
        if cluster is None:
            return self
        gpus = -1.0 if cluster.gpus is None else cluster.gpus
        update = {"ray": cluster.address, "actors": cluster.actors, "gpus_per_actor": gpus}
        return self.model_copy(update=update)

    @property
    def title(self) -> str:
        """Source and schema in a few words, as runs are named."""
        first = shown(self.places[0]).rstrip("/").rpartition("/")[2] or self.places[0]
        more = f" and {len(self.places) - 1} more" if len(self.places) > 1 else ""
        return f"{first}{more} · {', '.join(self.schemas)}"


def _without_password(ledger: str) -> str:
    """An URL that cannot be understood is told by the ledger, and not kept."""
    try:
        url = make_url(ledger)
    except ArgumentError:
        return ""
    if url.password is None and "password" not in url.query:
        return ledger
    query = url.difference_update_query(["password"]).query
    open_url = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, query)
    return open_url.render_as_string()
