"""The tables of the ledger, in SQLAlchemy Core, so that SQLite and PostgreSQL read the same code.

`documents`: every record, by the bytes it was read from, the contract and the engine. `sources`: every file seen, with
the hash of its bytes while it does not change, the name of its output, and its document. `outputs`: what an output
folder's JSONL holds. `claims`: the documents that runs have in hand, each with a lease. `versions`: what persons have
made of records (`pipeline.versions`). `ledger`: one row, its version. Tables and columns are made and changed by
the steps of `pipeline.migrations`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()
DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("contract", String(64), nullable=False),
    Column("engine", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("retryable", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("updated", Float, nullable=False),
    Column("record", LargeBinary, nullable=False),
    UniqueConstraint("sha256", "contract", "engine"),
)
SOURCES = Table(
    "sources",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("output", String(512), nullable=False),
    Column("place", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("document", Integer, index=True),
    Column("written", Integer),
    UniqueConstraint("output", "place"),
    UniqueConstraint("output", "name"),
)
# complete: false where the JSONL is to be written anew, whatever it holds. holds: a digest of the records it holds.
OUTPUTS = Table(
    "outputs",
    METADATA,
    Column("output", String(512), primary_key=True),
    Column("complete", Boolean, nullable=False),
    Column("holds", String(64), nullable=False, server_default=""),
)
# renewed, until: seconds since 1970 by the database's clock.
CLAIMS = Table(
    "claims",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("contract", String(64), primary_key=True),
    Column("engine", String(128), primary_key=True),
    Column("owner", String(128), nullable=False, index=True),
    Column("renewed", Float, nullable=False),
    Column("until", Float, nullable=False),
)
LEDGER = Table("ledger", METADATA, Column("version", Integer, nullable=False))
VERSIONS = Table(
    "versions",
    METADATA,
    Column("document", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("record", LargeBinary, nullable=False),
)
