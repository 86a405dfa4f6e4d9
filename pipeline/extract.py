"""One document's way from bytes to record. Read this first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from model.engine import Engine, PageView
from model.needs import check_needs
from pipeline.assemble import Assembly, check_answered
from pipeline.check import check_fields, record_status
from pipeline.complete import Asker, asks_for, asks_for_tables, left_open, tables_left, unproved, unread_tables
from pipeline.confidence.model import Judge
from pipeline.confidence.trust import DEFAULT, ESCALATIONS, Trust
from pipeline.copies import copy_issues
from pipeline.document import Document, open_document
from pipeline.escalate import Ladder, may_escalate
from pipeline.escalation.doubts import Known
from pipeline.ground import grounded
from pipeline.grounding.index import WordIndex
from pipeline.joining.gaps import Listed, gaps, listed
from pipeline.joining.lines import Line, Pages
from pipeline.limits import DEFAULT_LIMITS, DocumentLimits
from pipeline.plan import Table, views
from pipeline.planning.asks import fitted
from pipeline.read import read_pages
from pipeline.rounds import FIRST, Live, Rounds
from pipeline.slices import Asked
from pipeline.trace import Trace
from pipeline.tracing import Shutter, trace_of
from schemas.contract import Contract
from schemas.errors import IntaglioError, error_code
from schemas.page import PageText
from schemas.record import ContractInfo, DocumentInfo, Issue, PageInfo, Record, Usage

ROUNDS = 3  # of asking again for what was left out


def extract(
    source: str | Path | bytes,
    contract: Contract,
    engine: Engine,
    *,
    name: str = "",
    passwords: Sequence[str] = (),
    question: str = "",
    trust: Trust = DEFAULT,
    keep: Callable[[Trace], None] | None = None,
    limits: DocumentLimits = DEFAULT_LIMITS,
) -> Record:
    """The record of one document; a document that cannot be read gives a record with status `failed`, never an error.

    source: a path, a URL that fsspec opens, or the bytes themselves; `name` is then what the record calls them.
    question: for contracts that leave open what is asked; the record does not hold it. trust: which precision accepted
    values are to have. keep: is given what made the record, for replays; a document that cannot be read has nothing of
    that kind. limits: of the document; see `pipeline.document.open_document`.
    Raises EngineUnavailable where the engine cannot do what the contract needs, UsageError where a question is missing.
    """
    check_needs(engine, contract, question)
    clock = Clock()
    uri = name or (str(source) if isinstance(source, str | Path) else "bytes")
    info = DocumentInfo(uri=uri, sha256="", media_type="", bytes=0)
    try:
        with clock.stage("open"):
            document = open_document(source, name=name, passwords=passwords, limits=limits)
        with document:
            info = document_info(document, uri)
            with clock.stage("read"):
                pages = list(read_pages(document))
            seen = views(document, pages, engine.limits)
            if keep is None:
                return extract_pages(info, seen, contract, engine, clock, question, trust)
            judge = Judge.of(engine.info.name, trust)
            live, shutter = Live(engine), Shutter()
            seen = shutter.over(seen)
            record = record_of(info, seen, contract, live, clock, question, judge, trust.escalations)
            keep(trace_of(record, seen, contract, live, shutter, question))
            return record
    except IntaglioError as error:
        return failed_record(info, error, contract, engine)


def extract_pages(
    info: DocumentInfo,
    views: Sequence[PageView],
    contract: Contract,
    engine: Engine,
    clock: Clock | None = None,
    question: str = "",
    trust: Trust = DEFAULT,
) -> Record:
    """The record of a document whose pages are read already. Raises AnswerError where the engine gives no first answer;
    where it fails later, what was said stands, and an issue tells.
    """
    judge = Judge.of(engine.info.name, trust)
    return record_of(info, views, contract, Live(engine), clock or Clock(), question, judge, trust.escalations)


def record_of(
    info: DocumentInfo,
    views: Sequence[PageView],
    contract: Contract,
    rounds: Rounds,
    clock: Clock,
    question: str = "",
    judge: Judge | None = None,
    escalations: int = ESCALATIONS,
) -> Record:
    """The same, of rounds with an engine, or of those of an earlier day. judge: by default the engine's own.

    escalations: as `Trust` has them.
    """
    judge = judge or Judge.of(rounds.engine.info.name)
    pages = [view.text for view in views]
    index, asked = WordIndex(pages), Asked()
    with clock.stage("ask"):
        plan, asks = fitted(views, contract, rounds.engine, question, info.uri)
        first = rounds.put(FIRST, asks)
        asked.add(first)
    check_answered(asked.parts)
    assembly = Assembly(contract, index)
    with clock.stage("assemble"):
        assembly.add(asked.parts)
    missing, lists = complete(assembly, plan.tables, asked, rounds, clock)
    told = assembly.told()
    with clock.stage("ground"):
        grounds = grounded(told.data, pages, told.findings, contract.root)
    with clock.stage("check"):
        fields, issues = check_fields(told.data, contract, grounds, told.sources, pages, judge, told.issues)
    known, unasked = Known(told.data, told.sources, grounds, fields, issues, told.issues), 0
    if may_escalate(rounds, contract, question):
        with clock.stage("escalate"):
            ladder = Ladder(known, views, contract, rounds, judge, index, escalations)
            known, unasked = ladder.climbed(asked), ladder.unasked
    with clock.stage("complete"):
        missing += unproved(lists, contract, known.data)
    issues = [
        *known.issues,
        *page_issues(info.uri, pages),
        *copy_issues(info.uri, pages, known.fields),
        *noted(info),
        *known.told,
        *missing,
        *asked.failures,
    ]
    if masks := sum(answer.mask_seconds for answer in asked.answers):
        clock.seconds["mask"] = round(masks, 4)
    return Record(
        document=info.model_copy(update={"pages": tuple(page_info(page) for page in pages)}),
        contract=ContractInfo(name=contract.name, fingerprint=contract.fingerprint),
        engine=rounds.engine.info,
        data=known.data,
        fields=known.fields,
        issues=tuple(issues),
        precision=judge.precision,
        status=record_status(known.data, contract, known.fields, issues),
        thoughts=tuple(part.answer.thought for part in asked.parts if part.answer.thought),
        usage=Usage(
            seconds=clock.seconds,
            prompt_tokens=sum(answer.prompt_tokens for answer in asked.answers),
            output_tokens=sum(answer.output_tokens for answer in asked.answers),
            escalations=len(asked.answers) - first.put,
            unasked=unasked,
        ),
    )


def complete(
    assembly: Assembly, tables: Sequence[Table], asked: Asked, rounds: Rounds, clock: Clock
) -> tuple[list[Issue], dict[str, Listed]]:
    """Asks for the entries of lists that were left out at first. `assembly` and `asked` grow. Gives what stays open,
    and the lists as they are then.

    Lines that look like entries and are none are asked for by themselves, a few times: a model that skips a line in a
    long reply reads it in a short one. Of lines that may be something else the engine's word is taken.
    """
    views = {view.text.number: part.ask.pages for part in asked.parts for view in part.ask.pages}
    asker = Asker(assembly.contract, rounds.engine.limits, views)
    pages, asked_once = Pages(assembly.index), set[Line]()
    for number in range(ROUNDS + 1):
        with clock.stage("complete"):
            lists = listed(assembly.root, pages)
            found = gaps(lists, assembly.root.words)
            open_gaps = [gap for gap in found if gap.sure or gap.line not in asked_once]
            asked_once.update(gap.line for gap in open_gaps)
            asks = asks_for(open_gaps, f"again {number + 1}", asker)
            if number == 0:
                asks += asks_for_tables(unread_tables(lists, tables), "once more", asker)
        if number == ROUNDS:
            break
        with clock.stage("ask"):
            further = rounds.put(f"again {number + 1}", asks)
        asked.add(further)
        if not further.parts:
            break
        with clock.stage("assemble"):
            assembly.add(further.parts)
    unread = unread_tables(lists, tables)
    return [*left_open(open_gaps), *tables_left(unread, assembly.contract.root)], lists


def failed_record(info: DocumentInfo, error: IntaglioError, contract: Contract, engine: Engine) -> Record:
    """The record of a document that could not be read; its one issue says why and what can be done."""
    return Record(
        document=info,
        contract=ContractInfo(name=contract.name, fingerprint=contract.fingerprint),
        engine=engine.info,
        issues=(Issue(code=error_code(error), message=str(error), severity="error", page=error.page),),
        status="failed",
    )


class Clock:
    """Wall seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - begun, 4)


def page_issues(uri: str, pages: Sequence[PageText]) -> list[Issue]:
    """One for each page that could not be read."""
    return [
        Issue(
            code="page-failure",
            message=f"{uri}, page {page.number}: {page.failure}",
            severity="error",
            page=page.number,
        )
        for page in pages
        if page.failure
    ]


def document_info(document: Document, uri: str) -> DocumentInfo:
    """An open document, for the record; its pages are still to be told."""
    return DocumentInfo(
        uri=uri,
        sha256=document.sha256,
        media_type=document.media_type,
        bytes=document.size,
        notes=document.notes,
    )


def noted(info: DocumentInfo) -> list[Issue]:
    """What is to be known of the file besides its pages, one issue for each."""
    return [Issue(code="file-noted", message=f"{info.uri}: {note}") for note in info.notes]


def page_info(page: PageText) -> PageInfo:
    """How a page was read, for the record."""
    return PageInfo(
        number=page.number,
        width=page.width,
        height=page.height,
        source=page.source,
        reason=page.reason,
        rotation=page.rotation,
        words=len(page.words),
        origin=page.origin,
        copy_of=page.copy_of,
    )
