"""The documents that are being asked about, as read: a long one is asked about many times, a slice at a time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeVar

from model.embedded.labels import LabelBook
from model.embedded.prepared import Prepared, prepare
from model.embedded.printed import Printed
from model.engine import Ask, PageView
from schemas.contract import Contract

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
DOCUMENTS, CONTRACTS = 2, 8  # kept: documents, and contracts that each of them is made ready for


@dataclass
class _Lying:
    """A document on the desk. pages: the asks' own tuple, by whose identity they are known to be about the same."""

    pages: tuple[PageView, ...]
    printed: Printed
    prepared: OrderedDict[str, Prepared] = field(default_factory=OrderedDict)


@dataclass
class Desk:
    """What was read and found for the last few documents and contracts; what was wanted longest ago goes first."""

    documents: OrderedDict[int, _Lying] = field(default_factory=OrderedDict)
    books: OrderedDict[str, LabelBook] = field(default_factory=OrderedDict)

    def prepared(self, ask: Ask) -> Prepared:
        """The ask's pages, made ready for its contract: once for all asks with the same tuple of pages."""
        document = self._document(ask.pages)
        name = ask.contract.fingerprint
        found = document.prepared.get(name)
        if found is None:
            found = prepare(ask.contract.root, document.printed, self._book(ask.contract))
        _keep(document.prepared, name, found, CONTRACTS)
        return found

    def _document(self, pages: tuple[PageView, ...]) -> _Lying:
        found = self.documents.get(id(pages))
        if found is None:
            found = _Lying(pages, Printed([page.text for page in pages]))
        _keep(self.documents, id(pages), found, DOCUMENTS)
        return found

    def _book(self, contract: Contract) -> LabelBook:
        book = self.books.get(contract.fingerprint)
        if book is None:
            book = LabelBook.of(contract.root)
        _keep(self.books, contract.fingerprint, book, 2 * CONTRACTS)
        return book


def _keep(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
