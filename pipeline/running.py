"""A run while it lasts: its clock and its counts, of which the report is made at its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pipeline.discover import Routes
from pipeline.intake import Reader
from pipeline.job import Job, Summary
from pipeline.run_report import Documents, RunReport, SchemaUsed, State, figures, run_name, shown_source, write_report
from pipeline.serving import contract_of, engine_of
from pipeline.tally import Tally
from schemas.errors import IntaglioError


class Run:
    """A run that begins now. `tally` is to hear all that its batch tells. report: once it has ended."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.tally = Tally()
        self.report: RunReport | None = None
        self._started = datetime.now(UTC)
        self._begun = time.monotonic()
        self._workers = 0
        self._reading_seconds = 0.0
        self._error = ""

    @contextmanager
    def reading(self, workers: int) -> Iterator[None]:
        """Around the work of so many readers; again where there are more documents later."""
        self._workers = max(self._workers, workers)
        begun = time.monotonic()
        try:
            yield
        finally:
            self._reading_seconds += time.monotonic() - begun

    @contextmanager
    def noticed(self) -> Iterator[None]:
        """Around the whole of it: an error that ends it is told in the report, by its code alone."""
        try:
            yield
        except Exception as error:
            from pipeline.extract import error_code

            self._error = error_code(error) if isinstance(error, IntaglioError) else type(error).__name__
            raise

    def end(self, summary: Summary, reader: Reader) -> None:
        """Makes the run's report, and puts it into the output folder. Raises OutputUnwritable.

        A run that had nothing to read has none: one that looks into a folder every minute would leave nothing else.
        """
        if self._workers:
            self.report = self._made(summary, reader)
            write_report(self.job.out, self.report)

    def _made(self, summary: Summary, reader: Reader) -> RunReport:
        totals = self.tally.totals()
        report = RunReport.model_validate(
            {
                "run": run_name(self._started),
                "state": self._state(summary),
                "error": self._error,
                "started": self._started,
                "ended": datetime.now(UTC),
                "sources": tuple(map(shown_source, self.job.places)),
                "schemas": self._schemas(),
                "engine": engine_of(self.job.engine).info,
                "reader": reader.fingerprint,
                "workers": self._workers,
                "documents": Documents(
                    found=summary.documents,
                    same=len(summary.same),
                    done_before=summary.statuses.total() - summary.read - summary.elsewhere,
                    elsewhere=summary.elsewhere,
                    read=summary.read,
                    left=summary.left,
                    accepted=totals.statuses["accepted"],
                    review=totals.statuses["review"],
                    failed=totals.statuses["failed"],
                ),
                **figures(totals, time.monotonic() - self._begun, self._reading_seconds, self._workers),
                "prices": self.job.prices,
            }
        )
        return report.priced(self.job.prices)

    def _state(self, summary: Summary) -> State:
        if self._error:
            return "failed"
        return "interrupted" if summary.interrupted else "completed"

    def _schemas(self) -> tuple[SchemaUsed, ...]:
        contracts = {schema: contract_of(schema) for schema in Routes.of(self.job.schemas).schemas}
        return tuple(
            SchemaUsed(given=schema, name=contract.name, fingerprint=contract.fingerprint)
            for schema, contract in contracts.items()
        )
