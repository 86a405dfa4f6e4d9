"""Where decisions are kept: each as a version in the ledger, then in the files of its folder. A run may be at work."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from pipeline.finishing import write_jsonl, write_record
from pipeline.job import Job
from pipeline.ledger import Ledger
from pipeline.ledger_view import open_view
from pipeline.review.basis import basis_of
from pipeline.review.deciding import Decision, decided, is_within
from pipeline.runs import in_turn
from pipeline.versions import (
    Change,
    Reading,
    Version,
    add_version,
    names_like,
    newest,
    reading_of,
    record_at,
    versions_of,
)
from schemas.errors import LedgerUnreadable, RecordChanged, UsageError
from schemas.record import Record

MOST_TRIES = 5  # at a record that somebody else changes at the same moment, from another folder or machine
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision that is kept: the record before and after, and what was changed."""

    name: str
    before: Record
    after: Record
    change: Change


class Desk:
    """Takes decisions on the records of one output folder. Made by `open_desk`, whose errors it shares."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._job, self._ledger = job, ledger
        self._stale = False

    def look(self, name: str) -> Reading:
        """The newest reading of a document. Raises UsageError for a name that is none."""
        return self._asked(lambda connection: find(connection, self._job.ledger_output, name))

    def decide(self, name: str, decision: Decision, base: int | None = None, schema: str = "") -> Kept:
        """Keeps a decision as the record's next version, and writes its JSON file.

        base: the version that the person looked at, by default the newest. What others have changed since then stays;
        RecordChanged is raised where both speak of the same. schema: as for `basis_of`, whose and `decided`'s errors
        are raised too.
        """

        def make(reading: Reading) -> tuple[Record, Change]:
            record = Record.model_validate_json(reading.record)
            basis = basis_of(record, self._job.out, schema)
            if base is not None and base != reading.number:
                self._check_base(reading, base)
                seen = Record.model_validate_json(self._record_at(reading, base))
                self._check_apart(reading, base, decided(seen, decision, basis)[1])
            return decided(record, decision, basis)

        return self._keep(name, decision.who, make)

    def undo(self, name: str, who: str, number: int | None = None, note: str = "") -> Kept:
        """Takes an earlier version up again, as a further one. number: by default the one before the newest."""

        def make(reading: Reading) -> tuple[Record, Change]:
            if reading.number == 0:
                raise UsageError(f"nobody has changed the record of {name}.", remedy="There is nothing to undo.")
            back_to = reading.number - 1 if number is None else number
            self._check_base(reading, back_to)
            if back_to == reading.number:
                raise UsageError(f"version {back_to} is the newest of {name}.", remedy="Name an earlier one.")
            old = Record.model_validate_json(self._record_at(reading, back_to))
            change = Change(kind="undo", back_to=back_to, confirmed=("",), note=note)
            return old.model_copy(update={"version": reading.number + 1}), change

        return self._keep(name, who, make)

    def finish(self) -> None:
        """Writes the file of all records, where a decision was kept."""
        if self._stale:
            with in_turn(self._job.out):
                write_jsonl(self._job, self._ledger)
            self._stale = False

    def _keep(self, name: str, who: str, make: Callable[[Reading], tuple[Record, Change]]) -> Kept:
        for _ in range(MOST_TRIES):
            with in_turn(self._job.out):
                reading = self.look(name)
                after, change = make(reading)
                if not self._added(reading, after, who, change):
                    continue
                self._stale = True
                holder = self._ledger.holders().get(reading.document)
                if holder is not None:
                    write_record(self._job, holder.name, after)
                    self._ledger.wrote([(holder.place, reading.document)])
                return Kept(reading.name, Record.model_validate_json(reading.record), after, change)
        raise RecordChanged(f"others keep changing the record of {name}.", remedy="Try it again.")

    def _added(self, reading: Reading, record: Record, who: str, change: Change) -> bool:
        with self._ledger.begin() as connection:
            added = add_version(connection, reading, record, who, change)
            if not added:
                connection.rollback()
            return added

    def _check_base(self, reading: Reading, number: int) -> None:
        if not 0 <= number <= reading.number:
            raise UsageError(
                f"there is no version {number} of {reading.name}.", remedy=f"The newest is {reading.number}."
            )

    def _check_apart(self, reading: Reading, base: int, mine: Change) -> None:
        """Raises RecordChanged where somebody has changed what this change is about."""
        for version in self._asked(lambda connection: versions_of(connection, reading.document))[base + 1 :]:
            pairs = ((at, other) for at in mine.pointers for other in version.change.pointers)
            both = next((max(pair, key=len) for pair in pairs if is_within(*pair) or is_within(*pair[::-1])), None)
            if both is not None:
                raise RecordChanged(
                    f"{version.who} has changed {both or 'the record'} since version {base}, in version "
                    f"{version.number}.",
                    document=reading.name,
                    remedy=f"Look at it with `intaglio review history`, and give --base {reading.number}.",
                )

    def _record_at(self, reading: Reading, number: int) -> str:
        text = self._asked(lambda connection: record_at(connection, reading.document, number))
        assert text is not None  # the number was checked
        return text

    def _asked(self, query: Callable[[Connection], _Given]) -> _Given:
        with self._ledger.begin() as connection:
            return query(connection)


@contextmanager
def open_desk(job: Job) -> Iterator[Desk]:
    """On the way out, also after an error, the file of all records has what was kept.

    job: of the folder, and its ledger. Raises LedgerUnreadable and OutputUnwritable.
    """
    with open_view(job.ledger_url, job.ledger_output):
        pass  # that it is there, and knows the folder: a `Ledger` would be made anew
    with Ledger(job.ledger_url, job.ledger_output) as ledger:
        desk = Desk(job, ledger)
        try:
            yield desk
        except (SQLAlchemyError, zlib.error, ValidationError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")
            raise LedgerUnreadable(f"the ledger cannot be used: {reason}.", remedy="Try it again.") from error
        finally:
            desk.finish()


def find(connection: Connection, output: str, name: str) -> Reading:
    """The newest reading of a document by its name, with `.json` behind it or not. Raises UsageError."""
    for known in dict.fromkeys((name, name.removesuffix(".json"))):
        if (reading := reading_of(connection, output, known)) is not None:
            return reading
    names = names_like(connection, output)
    near = difflib.get_close_matches(name, names, n=3) or [known for known in names if known.endswith(f"/{name}")][:3]
    remedy = f"Did you mean {' or '.join(near)}?" if near else "Names are those that `intaglio review list` shows."
    raise UsageError(f"there is no document {name} here.", remedy=remedy)


def history(connection: Connection, reading: Reading) -> list[Version]:
    """All versions of a reading; of one that nobody has changed, that which its engine made."""
    found = versions_of(connection, reading.document)
    if found or newest(connection, reading.document):
        return found
    status = Record.model_validate_json(reading.record).status
    return [Version(0, reading.updated, "", Change(kind="read"), status)]
