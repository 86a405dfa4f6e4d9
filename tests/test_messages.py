"""What a taken-over reader says makes plain objects of ours, or nothing."""

import os
import pickle
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

import pipeline.engine_messages
from model.engine import Ask, PageView, Scope
from pipeline.messages import Garbled, received
from pipeline.serving import Cut, Read, Waits
from schemas.errors import DamagedDocument, DocumentTimeout
from schemas.page import Box
from schemas.registry import load_contract
from tests.pages import page


class Calls:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "message",
    [
        None,
        Waits(True),
        Cut(),
        Read(b"{}", b"\0"),
        ("a", 1, 2.5, {"b": [True, None]}, frozenset({1}), {2}, b"bytes"),
        Ask(
            "1", load_contract("transcript"), (PageView(page("A word")),), scope=Scope("/pages", 1, 1, Box(0, 0, 1, 1))
        ),
    ],
)
def test_what_readers_say_arrives_as_it_was(pipe: tuple[Connection, Connection], message: Any) -> None:
    ours, theirs = pipe
    if isinstance(message, Ask):  # as it crosses: see `engine_messages.without_pictures`
        [message] = pipeline.engine_messages.without_pictures([message])
    theirs.send(message)
    assert received(ours) == message


def test_errors_arrive_with_all_they_say(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    theirs.send(DamagedDocument("it is torn.", document="a.pdf", remedy="Mend it.", page=3))
    error = received(ours)
    assert isinstance(error, DamagedDocument)
    assert (error.document, error.page, error.remedy) == ("a.pdf", 3, "Mend it.") and "it is torn" in str(error)


def test_nothing_else_is_made_and_nothing_is_called(pipe: tuple[Connection, Connection], tmp_path: Path) -> None:
    ours, theirs = pipe
    mark = tmp_path / "mark"
    for hostile in (
        Calls(os.system, f"touch {mark}"),
        Calls(eval, f"open({str(mark)!r}, 'w')"),
        Calls(load_contract, f"{mark}.py:Model"),
        Calls(Path.touch, mark),
        Calls(getattr, "a", "upper"),
        (Waits(True), Calls(DocumentTimeout.mro)),
        date(2024, 1, 2),
        Decimal(1),
    ):
        theirs.send_bytes(pickle.dumps(hostile))
        with pytest.raises(Garbled):
            received(ours)
    theirs.send_bytes(b"\x80\x05garbage")
    with pytest.raises(Garbled):
        received(ours)
    assert not mark.exists()
