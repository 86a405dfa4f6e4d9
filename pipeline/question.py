"""A question about documents: all their pages in one ask, and an answer whose citations are looked up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.engine import Ask, Engine, PageView
from model.needs import check_needs
from pipeline.apart import Apart
from pipeline.assemble import cut_off, whole_data
from pipeline.document import Document, open_document
from pipeline.extract import Clock, page_info, page_issues
from pipeline.ground import ground
from pipeline.joining.entries import sources_of
from pipeline.plan import check_context, make_plan, views
from pipeline.planning.asks import budgeted
from pipeline.read import read_pages
from pipeline.slices import Part, judged
from schemas.answer import Answer
from schemas.contract import Contract
from schemas.errors import AnswerError, DocumentTooLarge, UsageError
from schemas.page import PageText
from schemas.record import DocumentInfo, Evidence, Issue, Usage
from schemas.registry import load_contract
from schemas.reply import Cited, Reply


def ask(
    sources: Sequence[str | Path | bytes],
    question: str,
    engine: Engine,
    *,
    passwords: Sequence[str] = (),
    apart: bool = False,
) -> Reply:
    """The answer to a question from what the documents say, all taken together.

    sources: as `pipeline.extract.extract` takes them. apart: each is opened in a confined process of its own; these are
    then paths and URLs.
    Raises EngineUnavailable for an engine that cannot answer; UsageError for a question that is empty, and for pages
    that do not fit the engine's context; DocumentError for a document that cannot be read, since an answer from the
    others may be wrong; AnswerError for a reply that cannot be used.
    """
    contract = load_contract("answer")
    check_needs(engine, contract, question)
    clock = Clock()
    with ExitStack() as opened:
        with clock.stage("open"):
            documents: list[Document | Apart] = [
                _opened(opened, source, _name(source, place), passwords, apart)
                for place, source in enumerate(sources, 1)
            ]
        with clock.stage("read"):
            stack = _Stack.of(documents, engine)
        views = _fitted(stack.views, contract, engine, question)
        asked = Ask("question", contract, views, question=question.strip(), think=True, look=True)
        check_context(asked, engine, UsageError)
        with clock.stage("ask"):
            answers = [judged(answer) for answer in engine.answer([asked])]
    reply = Part(asked, answers[0])
    said = _said(whole_data(reply, contract))
    with clock.stage("ground"):
        evidence = ground(said.model_dump(), [view.text for view in stack.views], {}, contract.root)
    return Reply(
        question=asked.question,
        answer=said.answer,
        citations=tuple(
            stack.cited(citation.page, citation.quotation, evidence[f"/citations/{place}/quotation"])
            for place, citation in enumerate(said.citations)
            if citation.quotation is not None
        ),
        documents=tuple(_info(document, pages) for document, pages in stack.documents),
        engine=engine.info,
        issues=(*stack.issues(), *cut_off(sources_of(reply.answer))),
        usage=Usage(
            seconds=clock.seconds,
            prompt_tokens=sum(answer.prompt_tokens for answer in answers),
            output_tokens=sum(answer.output_tokens for answer in answers),
        ),
    )


def _fitted(views: tuple[PageView, ...], contract: Contract, engine: Engine, question: str) -> tuple[PageView, ...]:
    """The pages with their pictures as small as it takes for all to fit; as they are where nothing helps."""
    try:
        plan = make_plan([view.text for view in views], contract, engine.limits, question)
    except DocumentTooLarge:
        return views
    return budgeted(plan, views) if len(plan.windows) == 1 else views


@dataclass(frozen=True, slots=True)
class _Stack:
    """The pages of all documents, one upon the other.

    documents: each with its pages, numbered as they are there. views: of all, numbered through, so that a number that
    an engine cites or looks closer at is one page.
    """

    documents: tuple[tuple[Document | Apart, tuple[PageText, ...]], ...]
    views: tuple[PageView, ...]

    @classmethod
    def of(cls, documents: Sequence[Document | Apart], engine: Engine) -> _Stack:
        read = tuple(
            (document, document.pages if isinstance(document, Apart) else tuple(read_pages(document)))
            for document in documents
        )
        numbers = count(1)
        return cls(
            read,
            tuple(
                replace(
                    view,
                    text=replace(view.text, number=next(numbers)),
                    document=document.uri if len(documents) > 1 else "",
                )
                for document, pages in read
                for view in views(document, pages, engine.limits)
            ),
        )

    def cited(self, number: int | None, quotation: str, evidence: Sequence[Evidence]) -> Cited:
        """A citation by its document and the page's number there, and whether that page says so.

        number: of the page, as the engine cites it; None where it cites none, and the words were looked for on all.
        """
        document, page = self._origin(number if number is not None or not evidence else evidence[0].page)
        return Cited(
            document=document,
            page=page,
            quotation=quotation,
            proved=bool(evidence),
            text=" ".join(item.text for item in evidence),
            boxes=tuple(item.box for item in evidence),
        )

    def issues(self) -> Iterator[Issue]:
        for document, pages in self.documents:
            yield from page_issues(document.uri, pages)

    def _origin(self, number: int | None) -> tuple[str | None, int | None]:
        if number is None:
            return None, None
        left = number
        for document, pages in self.documents:
            if left <= len(pages):
                return document.uri, left
            left -= len(pages)
        return None, number


def _opened(
    opened: ExitStack, source: str | Path | bytes, name: str, passwords: Sequence[str], apart: bool
) -> Document | Apart:
    if apart and not isinstance(source, bytes):
        return opened.enter_context(Apart(str(source), name=name, passwords=passwords))
    return opened.enter_context(open_document(source, name=name, passwords=passwords))


def _name(source: str | Path | bytes, place: int) -> str:
    return f"document {place}" if isinstance(source, bytes) else str(source)


def _said(data: Any) -> Answer:
    try:
        return Answer.model_validate(data)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]
        raise AnswerError(f"the engine's reply is no answer: {reason['loc']}: {reason['msg']}.") from error


def _info(document: Document | Apart, pages: Sequence[PageText]) -> DocumentInfo:
    return DocumentInfo(
        uri=document.uri,
        sha256=document.sha256,
        media_type=document.media_type,
        bytes=document.size,
        notes=document.notes,
        pages=tuple(page_info(page) for page in pages),
    )
