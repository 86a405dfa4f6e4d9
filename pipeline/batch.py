"""A batch: many documents, each done once. The ledger says what is done; this does the rest, and loses nothing.

Runs over the same documents share them: a run claims a few at a time, as it hands them out, and what another has in
hand it leaves to that one, or takes over when that one's lease ends (`pipeline.claims`).

Order of writing, for every document: its trace, the ledger's row, its JSON file, each whole or not at all. A run that
dies before the row does that document again; after it, the next run writes the file without any work.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from pipeline.claims import LEASE_SECONDS, Key, Lease
from pipeline.discover import Routes, discover
from pipeline.engine_process import EngineLoad
from pipeline.finishing import restore_files, write_jsonl, write_record
from pipeline.intake import Document, Plan, Policy, take_in
from pipeline.job import Job, Note, Planned, Row, Summary, Watch, row_of
from pipeline.ledger import Claimed, Entry, Ledger
from pipeline.logs import log
from pipeline.preparing import checked_contracts, earlier, free_dead, reader_of, readers_of
from pipeline.running import Run
from pipeline.runs import at_work, in_turn
from pipeline.serving import Assignment, Outcome
from pipeline.settle import settled
from pipeline.sinks import write_bytes
from pipeline.trace_file import trace_path
from pipeline.workers import Workers, how_many
from schemas.record import Record

BLOCK_SECONDS = 0.5  # of work that is claimed at once: the most that a run can be late for another to share in
MOST_BLOCK = 64  # documents
LOOK_SECONDS = 1.0  # between looks at what other runs have in hand


def run_batch(job: Job, watch: Watch | None = None) -> Summary:
    """Does a whole job. Raises UsageError, before any work, for what is wrong with it.

    It starts processes: a program of your own calls it under `if __name__ == "__main__":`.
    """
    with open_batch(job, watch) as batch:
        for _ in batch.read():
            pass
    return batch.summary


class Batch:
    """A job under way. `plan` says what there is to do, `read` does it; `summary` counts at any time.

    pool: of readers that outlives the batch; by default it starts readers of its own, and ends them.
    """

    def __init__(
        self,
        job: Job,
        plan: Plan,
        ledger: Ledger,
        watch: Watch,
        owner: str,
        run: Run,
        pool: Workers | None = None,
    ) -> None:
        self.job = job
        self.plan = plan
        self._run = run
        self.ledger = ledger
        self._watch = watch
        self._pool = pool
        self._lease = Lease(ledger, owner, LEASE_SECONDS)
        self._statuses = Counter(done.entry.status for done in plan.done)
        self._delegated = False  # whether others read for this run
        self._read = 0
        self._others = 0
        self._pages = 0
        self._left = deque(plan.todo)  # neither done nor in our hands
        self._over: set[str] = set()  # names of those that are done, by us or by others
        self._begun = 0.0  # when the first document was done
        self._elsewhere: deque[Row] = deque()  # done by others, and not told yet
        self._written: list[tuple[str, int | None]] = []  # files that the ledger has not heard of

    def read(self) -> Generator[Row, None, None]:
        """Does what is left, and gives out a document once its record is in the ledger and in its file.

        Documents that other runs have in hand are waited for, and read here where those runs end without them.
        """
        if not self._left:
            return
        with self._lease:
            while self._left and not self._stopped:
                yield from self._read_free()
                yield from self._told()
                if self._left and not self._stopped:
                    self.note(f"waiting for {len(self._left)} with other runs")
                    self._watch.stop.wait(LOOK_SECONDS)
                    free_dead(self.job, self.ledger)

    def collect(self) -> list[Row]:
        """Takes in what other runs have done of the plan by now, without waiting or reading anything."""
        if self._left:
            entries = self.ledger.entries([document.key for document in self._left])
            self._take_over(
                [document for document in self._left if document.is_done(entries.get(document.key))], entries
            )
            self._left = deque(document for document in self._left if not document.is_done(entries.get(document.key)))
        return list(self._told())

    def note(self, text: str) -> None:
        """Tells whoever watches what is going on."""
        self._watch.listen(Note(text))

    @contextmanager
    def delegated(self, readers: int) -> Iterator[None]:
        """Around the time in which others read for this run, with so many reader processes in all: what `collect` takes
        in then counts as read by this run, which alone reports of it."""
        self._delegated = True
        try:
            with self._run.reading(readers):
                yield
        finally:
            self._delegated = False

    @property
    def engine_load(self) -> EngineLoad | None:
        """How busy an engine in a process of its own was so far."""
        return self._run.engine_load

    @engine_load.setter
    def engine_load(self, load: EngineLoad | None) -> None:
        self._run.engine_load = load

    @property
    def summary(self) -> Summary:
        left = self.plan.documents - self._statuses.total()
        return Summary(
            documents=self.plan.documents,
            read=self._read,
            pages=self._pages,
            statuses=Counter(self._statuses),
            same=self.plan.same,
            interrupted=left > 0,
            elsewhere=self._others,
            report=self._run.report,
        )

    def close(self) -> None:
        """Has the ledger know of every file."""
        self.ledger.wrote(self._written)
        self._written = []

    @property
    def _stopped(self) -> bool:
        return self._watch.stop.is_set()

    def _read_free(self) -> Iterator[Row]:
        """Reads all that is in nobody's hand. What is, or was not read for an error, stays in `_left`."""
        documents: dict[int, Document] = {}
        before = list(self._left)
        try:
            with self._readers() as workers, self._run.reading(workers.count):
                for outcome in workers.read(self._handed(documents), self._watch.stop):
                    document = documents.pop(id(outcome.assignment))
                    row = self._keep(document, outcome)
                    self._over.add(document.name)
                    self._run.engine_load = workers.load
                    if row is not None:
                        self._count(row)
                        self._begun = self._begun or time.monotonic()
                        yield row
                    yield from self._told()
        finally:
            self._left = deque(document for document in before if document.name not in self._over)

    def _readers(self) -> AbstractContextManager[Workers]:
        if self._pool is not None:
            return nullcontext(self._pool)
        return readers_of(self.job, how_many(self.job.engine, len(self._left), self.job.workers))

    def _handed(self, documents: dict[int, Document]) -> Iterator[Assignment]:
        """Claims documents as they are wanted. `documents`: is told of each, by the id of its assignment."""
        while self._left:
            block = [self._left.popleft() for _ in range(min(self._block, len(self._left)))]
            for document in self._claim(block):
                documents[id(document.assignment)] = document
                yield document.assignment

    @property
    def _block(self) -> int:
        """How many documents to claim at once, by how long those behind the first have taken."""
        if self._read < 2:
            return 1
        rate = (self._read - 1) / max(time.monotonic() - self._begun, 1e-3)
        return max(1, min(MOST_BLOCK, int(rate * BLOCK_SECONDS)))

    def _claim(self, block: Sequence[Document]) -> list[Document]:
        """Those of the documents that are ours to read."""
        mine = self._lease.claim([document.key for document in block])
        entries = self.ledger.entries(mine)
        done = [document for document in block if document.is_done(entries.get(document.key))]
        if done:  # between our plan and our claim
            self._take_over(done, entries)
            self._over.update(document.name for document in done)
            self._lease.release([document.key for document in done])
        return [document for document in block if document.key in mine and document not in done]

    def _take_over(self, documents: Sequence[Document], entries: dict[Key, Entry]) -> None:
        """Makes what other runs did ours too."""
        by_id = {entries[document.key].id: document for document in documents}
        self.ledger.adopt([(number, document.copies) for number, document in by_id.items()])
        for number, text in self.ledger.records(by_id):
            document = by_id[number]
            record = Record.model_validate_json(text)
            row = row_of(document.name, document.assignment.schema, record, elsewhere=not self._delegated)
            self._elsewhere.append(row)

    def _told(self) -> Iterator[Row]:
        """Rows of what others did."""
        while self._elsewhere:
            row = self._elsewhere.popleft()
            self._count(row)
            yield row

    def _count(self, row: Row) -> None:
        self._statuses[row.status] += 1
        if row.elsewhere:
            self._others += 1
        else:
            self._read += 1
            self._pages += row.pages
        self._watch.listen(row)

    def _keep(self, document: Document, outcome: Outcome) -> Row | None:
        """The document's row, once its record is safe; None where another run was faster, as `_told` says then."""
        record = outcome.record
        if outcome.trace:
            write_bytes(trace_path(self.job.out, record), [outcome.trace], self.job.out)
        key = document.key
        if record.document.sha256:  # it may have changed since it was planned
            key = key._replace(sha256=record.document.sha256)
        saved = self.ledger.save(
            key,
            record.model_dump_json(),
            record.status,
            outcome.code,
            outcome.retryable,
            document.copies,
            claimed=Claimed(document.key, self._lease.owner, document.attempts),
            wrote=self._written,
        )
        self._written = []
        if not saved.ours:
            entries = self.ledger.entries([key])
            self._take_over([replace(document, key=key)], entries)
            return None
        write_record(self.job, document.name, record)
        self._written.append((document.copies[0], saved.id))
        return row_of(document.name, document.assignment.schema, record)


@contextmanager
def open_batch(job: Job, watch: Watch | None = None) -> Iterator[Batch]:
    """Plans a job; on the way out, also after an error, what was done is all in place.

    Raises UsageError before any work: a source or schema that does not exist, an engine that cannot do what a schema
    needs, an output that cannot be written. LedgerLost: its database went away and did not come back in time.
    """
    run = Run(job)
    watch = (watch or Watch()).also(run.tally.hear, log)
    routes = Routes.of(job.schemas)
    contracts = checked_contracts(job, routes.schemas)
    reader = reader_of(job)
    routed = routes.assign(settled(discover(job.places), job.settle))

    def note(text: str) -> None:
        watch.listen(Note(text))

    with at_work(job.out) as owner, Ledger(job.ledger_url, job.ledger_output, note) as ledger:
        with in_turn(job.out, lambda: note("waiting for another run to plan or finish")):
            plan = take_in(routed, contracts, reader, Policy(job.retry_failed, job.passwords), ledger)
            restored = restore_files(job, ledger)
        free_dead(job, ledger)
        watch.listen(Planned(plan.documents, len(plan.todo), earlier(plan, ledger), restored))
        batch = Batch(job, plan, ledger, watch, owner, run)
        before = batch.summary.statuses.total()
        try:
            with run.noticed():
                yield batch
        finally:
            batch.close()
            with in_turn(job.out, lambda: note("waiting for another run to finish")):
                if batch.summary.statuses.total() > before:
                    restore_files(job, ledger)
                write_jsonl(job, ledger)
            run.end(batch.summary, reader)
            watch.listen(batch.summary)
