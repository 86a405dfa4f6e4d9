"""The error family: one line that says what, where and what to do, in any process."""

import inspect
import pickle

import pytest

from schemas import errors
from schemas.errors import (
    AnswerError,
    DamagedDocument,
    DocumentError,
    DocumentTimeout,
    EmptyDocument,
    EncryptedDocument,
    IntaglioError,
    LedgerLost,
    SchemaNotFound,
    UsageError,
)

FAMILY = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, IntaglioError) and kind.__module__ == errors.__name__
]  # fmt: skip


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_survives_the_way_between_processes(kind: type[IntaglioError]) -> None:
    before = kind("it is broken.", document="a.pdf", page=3, remedy="Mend it.")
    after = pickle.loads(pickle.dumps(before))
    assert type(after) is kind
    assert (after.message, after.document, after.page, after.remedy) == ("it is broken.", "a.pdf", 3, "Mend it.")
    assert str(after) == str(before) == "a.pdf, page 3: it is broken. Mend it."


def test_places_and_remedies_are_told_only_where_there_are_any() -> None:
    assert str(EmptyDocument("it has no pages.", document="a.pdf")) == "a.pdf: it has no pages."
    assert str(SchemaNotFound("no such schema.", remedy="Try invoice.")) == "no such schema. Try invoice."


def test_wrong_use_ends_with_2_what_may_pass_for_the_whole_run_with_3_and_all_else_with_1() -> None:
    assert {kind.exit_code for kind in FAMILY if issubclass(kind, UsageError)} == {2}
    assert {kind.exit_code for kind in FAMILY if not issubclass(kind, UsageError | LedgerLost)} == {1}
    assert LedgerLost.exit_code == 3


def test_only_what_may_pass_by_itself_is_worth_a_retry() -> None:
    assert DocumentTimeout("late").retryable and AnswerError("cut off").retryable
    assert not EncryptedDocument("locked").retryable and not DamagedDocument("cut").retryable


def test_the_modules_doc_names_every_error() -> None:
    assert issubclass(DamagedDocument, DocumentError)
    assert errors.__doc__ is not None
    assert [kind.__name__ for kind in FAMILY if kind.__name__ not in errors.__doc__] == []
