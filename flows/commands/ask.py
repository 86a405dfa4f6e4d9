"""`intaglio ask`: the answer to a question about documents, and where it stands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from flows.terminal import plain
from model.engine import EngineSpec
from pipeline.addresses import is_url
from pipeline.discover import Source, discover
from pipeline.question import ask
from pipeline.serving import engine_of
from schemas.errors import UsageError
from schemas.reply import Cited, Reply

SAYS_NOTHING = "The documents do not say."
UNPROVED = "No passage was found that bears this out."


def run(words: Sequence[str], spec: EngineSpec, passwords: tuple[str, ...], as_json: bool) -> int:
    """words: the documents, and the question last. Returns the exit code."""
    places, question = _split(words)
    sources = [source.path for source in _sources(places)]
    reply = ask(sources, question, engine_of(spec), passwords=passwords, apart=True)
    print(reply.model_dump_json(indent=2) if as_json else _text(reply))
    for issue in reply.issues:
        print(f"intaglio: {plain(issue.message)}", file=sys.stderr)
    return 0


def _split(words: Sequence[str]) -> tuple[Sequence[str], str]:
    *places, question = words
    if not places or is_url(question) or os.path.exists(question):  # noqa: PTH110 - a Path raises for a long question
        raise UsageError(
            "the documents come first, and then the question.", remedy='Write: intaglio ask FILE… "your question".'
        )
    return places, question


def _sources(places: Sequence[str]) -> list[Source]:
    """In the order in which they are named, each once."""
    found = {source.place: source for place in places for source in discover([place])}
    return list(found.values())


def _text(reply: Reply) -> str:
    lines = [_plain_lines(reply.answer) if reply.answer is not None else SAYS_NOTHING]
    if reply.answer is not None and not any(citation.proved for citation in reply.citations):
        lines.append(UNPROVED)
    if reply.citations:
        lines.append("")
    lines += [_line(number, citation) for number, citation in enumerate(reply.citations, 1)]
    return "\n".join(lines)


def _line(number: int, citation: Cited) -> str:
    return f"[{number}] “{plain(citation.quotation)}”  ({_place(citation)})"


def _place(citation: Cited) -> str:
    if citation.page is None:
        return "found on no page"
    if citation.document is None:
        return f"page {citation.page}, which there is not"
    place = f"{plain(citation.document)}, page {citation.page}"
    return place if citation.proved else f"{place}, where it was not found"


def _plain_lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.splitlines())
