"""Every error that the project raises on purpose.

    IntaglioError                  exit 1
      UsageError                   exit 2   the command line or a setting is wrong
        SchemaNotFound                      no such schema
        SchemaUnsupported                   the schema cannot be expressed; names the field
        EngineUnavailable                   the engine asked for cannot run here
        OutputUnwritable                    the output folder or ledger cannot be written
        LedgerUnreadable                    there is no ledger, or none that can be read
        NoDocuments                         the places are there, and hold no document
      SourceUnreachable          retryable  a place cannot be listed: its server is gone or does not answer
      LedgerLost                 retryable  exit 3: the ledger's database went away in the middle, and did not come back
      DocumentError                         one document cannot be read; the batch goes on
        MissingDocument            retryable  it is not there (any more)
        EncryptedDocument                   needs a password
        DamagedDocument                     looks like a document, cannot be opened
        UnsupportedDocument                 not a kind that Intaglio opens
        EmptyDocument                       no bytes or no pages
        DocumentTooLarge                    over a limit of bytes, pages or pixels
        DocumentTimeout            retryable over its time limit
        ReaderCrashed              retryable  the process that read it died
        PageFailure                         one page cannot be read or rendered
      RecordChanged                         somebody else has changed the same of a record meanwhile
      AnswerError                retryable  an engine's reply is unusable
        AnswerCutOff                        … and would be again: too long, in circles, or not by the schema

The message says what happened, to which document and page, and what the user can do. Positional message first and
keyword context with defaults, so that every error survives pickling between processes.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar


class IntaglioError(Exception):
    """Root of the family. `str(error)` is one line: what happened, where, and the remedy."""

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, document: str = "", page: int | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.document = document
        self.page = page
        self.remedy = remedy

    def __str__(self) -> str:
        place = self.document + (f", page {self.page}" if self.page is not None else "")
        text = f"{place}: {self.message}" if place else self.message
        return f"{text} {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.document, self.page, self.remedy)


def _rebuild(kind: type[IntaglioError], message: str, document: str, page: int | None, remedy: str) -> IntaglioError:
    return kind(message, document=document, page=page, remedy=remedy)


def error_code(error: IntaglioError) -> str:
    """`EncryptedDocument` → `encrypted-document`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


class UsageError(IntaglioError):
    exit_code = 2


class SchemaNotFound(UsageError):
    pass


class SchemaUnsupported(UsageError):
    pass


class EngineUnavailable(UsageError):
    pass


class OutputUnwritable(UsageError):
    pass


class LedgerUnreadable(UsageError):
    pass


class NoDocuments(UsageError):
    pass


class SourceUnreachable(IntaglioError):
    retryable = True


class LedgerLost(IntaglioError):
    exit_code = 3
    retryable = True


class DocumentError(IntaglioError):
    pass


class MissingDocument(DocumentError):
    retryable = True


class EncryptedDocument(DocumentError):
    pass


class DamagedDocument(DocumentError):
    pass


class UnsupportedDocument(DocumentError):
    pass


class EmptyDocument(DocumentError):
    pass


class DocumentTooLarge(DocumentError):
    pass


class DocumentTimeout(DocumentError):
    retryable = True


class ReaderCrashed(DocumentError):
    retryable = True


class PageFailure(DocumentError):
    pass


class RecordChanged(IntaglioError):
    pass


class AnswerError(IntaglioError):
    retryable = True


class AnswerCutOff(AnswerError):
    retryable = False
