"""The tables of the ledger, in SQLAlchemy Core, so that SQLite and PostgreSQL read the same code.

`documents`: every record, by the bytes it was read from, the contract and the engine. `sources`: every file seen, with
the hash of its bytes while it does not change, the name of its output, and its document. `outputs`: whether an output
folder's JSONL lacks something. `versions`: what persons have made of records; see `pipeline.versions`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

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
OUTPUTS = Table(
    "outputs",
    METADATA,
    Column("output", String(512), primary_key=True),
    Column("complete", Boolean, nullable=False),
)
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


def make_tables(engine: Engine) -> None:
    """Those that are missing. Not by create_all, which two processes at once do not survive."""
    for table in METADATA.sorted_tables:
        try:
            with engine.begin() as connection:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
        except SQLAlchemyError:
            if not inspect(engine).has_table(table.name):  # it is there where another process made it first
                raise
