"""From a ledger of any earlier version to today's, in place, when it is opened; a newer one is left alone.

A ledger without a table `ledger` is of version 1 if it has tables, else new. A new table or column is a new step at the
end of `STEPS`; a step that was published never changes. All steps are one transaction, so that a ledger is never
between two versions, and processes that open it at once come one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Column, Connection, MetaData, Table, delete, insert, inspect, select, text
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from pipeline.database import POSTGRESQL, Database
from pipeline.ledger_tables import CLAIMS, DOCUMENTS, LEDGER, OUTPUTS, SOURCES, VERSIONS
from schemas.errors import OutputUnwritable

Step = Callable[[Connection], None]
_LOCK = 0x1A7A6110  # any number that nobody else locks in this database


def add_table(table: Table) -> Step:
    """A step that makes a table, its indexes included."""

    def step(connection: Connection) -> None:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))

    return step


def add_column(table: Table, name: str) -> Step:
    """A step that adds a column, which has a default of the server or may be null."""

    def step(connection: Connection) -> None:
        column = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
        quoted = connection.dialect.identifier_preparer.format_table(table)
        connection.execute(text(f"ALTER TABLE {quoted} ADD COLUMN {column}"))

    return step


def _first_tables(connection: Connection) -> None:
    """Those of version 1, which had no step of their own then: each if it is missing."""
    there = set(inspect(connection).get_table_names())
    for table, later in ((DOCUMENTS, ()), (SOURCES, ()), (OUTPUTS, ("holds",))):
        if table.name not in there:
            add_table(_without(table, later))(connection)


def _without(table: Table, columns: Sequence[str]) -> Table:
    """The table as it was before it had these columns."""
    if not columns:
        return table
    kept: list[Column[object]] = [column._copy() for column in table.c if column.name not in columns]
    return Table(table.name, MetaData(), *kept)


# The place of a step in the list, from 1, and the version that it leads to are the same number; version 2 took several.
STEPS: tuple[tuple[Step, ...], ...] = (
    (_first_tables,),
    (add_table(CLAIMS), add_column(OUTPUTS, "holds")),
    (add_table(VERSIONS),),
)
VERSION = len(STEPS)


def upgrade(database: Database) -> None:
    """Makes the ledger one of today's version. Raises OutputUnwritable where it is of a newer one."""
    if database.read(version_of) != VERSION:
        database.write(_upgrade)


def version_of(connection: Connection) -> int:
    """Of a ledger; 0 where there is none, or where not even version 1 is whole."""
    looking = inspect(connection)
    if looking.has_table(LEDGER.name):
        found = connection.execute(select(LEDGER.c.version)).scalar()
        return int(found or 0)
    return int(all(looking.has_table(table.name) for table in (DOCUMENTS, SOURCES, OUTPUTS)))


def too_new(version: int) -> str:
    """Says that a ledger is of a version that this Intaglio does not know."""
    return f"the ledger is of version {version}, and this Intaglio knows those up to {VERSION}"


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == POSTGRESQL:  # SQLite lets only one write anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    version = version_of(connection)
    if version > VERSION:
        raise OutputUnwritable(f"{too_new(version)}.", remedy="Update Intaglio, or give another ledger with --ledger.")
    for steps in STEPS[version:]:
        for step in steps:
            step(connection)
    if not inspect(connection).has_table(LEDGER.name):
        connection.execute(CreateTable(LEDGER))
    connection.execute(delete(LEDGER))
    connection.execute(insert(LEDGER).values(version=VERSION))
