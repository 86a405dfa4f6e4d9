"""The order in which calls are answered, and how pictures are had ahead: bounded, fair, and never twice."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model.engine import Answer, Ask, Limits, PageView
from model.fake import FakeEngine
from model.pictures import picture_of
from pipeline.engine_desk import MOST_ASKS, Call, Desk
from pipeline.engine_messages import Answered, Asking, Begun, Ended, Hello, Rendered, Sheet, Shot, Wanted
from pipeline.engine_pictures import Pictures, Remote
from pipeline.engine_process import _work
from schemas.contract import Contract
from schemas.errors import AnswerError
from schemas.page import PageText

BILL = Contract.from_json_schema({"type": "object", "properties": {"a": {"type": "string"}}}, "bill")


class Ear:
    """A line to a reader that notes what it is told."""

    def __init__(self, number: int = 1) -> None:
        self.number, self.open, self.heard = number, True, list[Any]()

    def say(self, message: Any) -> None:
        self.heard.append(message)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]


class Parent:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, message: Any) -> None:
        self.told.append(message)


def desk() -> Desk:
    return Desk(Hello(FakeEngine.info, Limits(), ""), Pictures())


def call(ear: Any, asks: int = 1, *, alone: bool = False, document: int = 1, pages: tuple[PageView, ...] = ()) -> Call:
    return Call(ear, 5, document, tuple(Ask(f"ask {number}", BILL, pages) for number in range(asks)), alone)


def test_a_schema_that_a_reader_names_is_loaded_only_where_the_run_has_it(tmp_path: Path) -> None:
    """A reader that a document has taken over may write files of its own, and name one of them."""
    file, mark = tmp_path / "evil.py", tmp_path / "mark"
    file.write_text(
        f"from pydantic import BaseModel\nopen({str(mark)!r}, 'w').close()\nclass Model(BaseModel):\n    a: str\n"
    )
    named = f"{file}:Model"
    asking = Asking(1, 1, (Ask("1", BILL, ()),), ((),), named)
    for schemas, loaded in ((("invoice",), False), ((named,), True)):
        line = Desk(Hello(FakeEngine.info, Limits(), ""), Pictures(), schemas)
        line._take(Ear(), asking)  # type: ignore[arg-type]
        assert mark.exists() is loaded
        assert [ask.contract for each in line._calls for ask in each.asks] == [BILL]


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=30))
def test_calls_are_batched_in_their_order_and_none_is_passed_over(made: list[tuple[int, bool]]) -> None:
    line, calls = desk(), [call(Ear(), asks, alone=alone) for asks, alone in made]
    line._calls.extend(calls)
    order: list[Call] = []
    while line._calls:
        batch = line.next()
        assert isinstance(batch, list)
        assert len(batch) == 1 or sum(len(each.asks) for each in batch) <= MOST_ASKS
        assert len(batch) == 1 or not any(each.alone for each in batch)
        order += batch
    assert order == calls


def test_a_document_goes_on_before_others_and_only_itself() -> None:
    line, ears = desk(), [Ear(number) for number in range(3)]
    first = call(ears[0])
    waiting = [call(ears[1], MOST_ASKS), call(ears[0], MOST_ASKS, document=2), call(ears[0], MOST_ASKS)]
    line._calls.extend(waiting)
    line.hold([first], 0.0)
    assert [line.next() for _ in waiting] == [[waiting[2]], [waiting[0]], [waiting[1]]]
    line._calls.extend(waiting)
    line.hold([first, call(ears[2])], 0.0)  # of several documents none is kept
    assert [line.next() for _ in waiting] == [[each] for each in waiting]


def test_the_engine_waits_a_moment_for_the_document_it_has_read() -> None:
    line, ears = desk(), [Ear(), Ear(2)]
    other, further = call(ears[1], MOST_ASKS), call(ears[0], MOST_ASKS)
    line._calls.append(other)
    line.hold([call(ears[0])], 6000.0)  # a minute

    def come() -> None:
        with line._changed:
            line._calls.append(further)
            line._changed.notify_all()

    threading.Timer(0.2, come).start()
    assert line.next() == [further]


def test_documents_that_name_their_asks_alike_hear_of_their_own() -> None:
    ears, parent = [Ear(), Ear()], Parent()
    pages = [(PageView(PageText(number, 600, 800, ())),) for number in (1, 2)]
    calls = [call(ear, 2, pages=own) for ear, own in zip(ears, pages, strict=True)]
    engine = FakeEngine(lambda ask: {"a": f"{ask.pages[0].text.number} {ask.id}"})
    _work(engine, desk(), calls, parent)  # type: ignore[arg-type]
    assert len({ask.id for ask in engine.asked}) == 4
    for number, ear in enumerate(ears, 1):
        answers = [message.answer for message in ear.of(Answered)]
        assert [answer.ask_id for answer in answers] == ["ask 0", "ask 1"]
        assert all(f'"{number} ' in answer.json_text for answer in answers)
        assert len(ear.of(Begun)) == 1 and ear.heard[-1] == Ended(5)


class Choosy(FakeEngine):
    """Fails as a whole once it comes to an ask about page 2."""

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        for ask in asks:
            if ask.pages[0].text.number == 2:
                raise AnswerError(f"{ask.id} is not to be answered.")
            yield from super().answer([ask])


def test_an_ask_that_fails_a_batch_fails_alone() -> None:
    ears, line = [Ear(number) for number in (1, 2, 3)], desk()
    pages = [(PageView(PageText(number, 600, 800, ())),) for number in (1, 2, 3)]
    engine, parent = Choosy(), Parent()
    line._calls.extend(call(ear, pages=own) for ear, own in zip(ears, pages, strict=True))
    while line._calls:
        _work(engine, line, line.next(), parent)  # type: ignore[arg-type]
    assert [len(ear.of(Answered)) for ear in ears] == [1, 0, 1]
    [ended] = ears[1].of(Ended)
    assert str(ended.error) == "ask 0 is not to be answered."  # by the name that its document knows
    assert all(ear.of(Ended) == [Ended(5)] for ear in (ears[0], ears[2]))


def test_answers_that_an_engine_owes_are_missed_by_their_reader() -> None:
    class Forgetful(FakeEngine):
        def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
            yield from super().answer(list(asks)[1:])

    ear = Ear()
    _work(Forgetful(), desk(), [call(ear, 3)], Parent())  # type: ignore[arg-type]
    assert len(ear.of(Answered)) == 2 and ear.of(Ended) == [Ended(5)]


# pictures


class Rendering(Ear):
    """A reader that renders what is wanted at once, in a thread as a reader is in another process."""

    def __init__(self, pictures: Pictures, number: int = 1) -> None:
        super().__init__(number)
        self.pictures = pictures

    def say(self, message: Any) -> None:
        super().say(message)
        if isinstance(message, Wanted):
            rendered = Rendered.of(message.shot, Image.new("RGB", (48, 48), "white"))
            threading.Thread(target=self.pictures.put, args=(self.number, rendered)).start()


def asks_about(pictures: Pictures, pages: int, reader: int = 1, document: int = 1) -> tuple[Ask, ...]:
    views = tuple(
        PageView(PageText(number, 600, 800, ()), Remote(pictures, reader, Sheet(document, number)), visual_tokens=280)
        for number in range(1, pages + 1)
    )
    return tuple(Ask(f"{number}", BILL, views) for number in range(2))


def look(asks: tuple[Ask, ...]) -> None:
    for picture in filter(None, map(picture_of, asks[0].pages)):
        picture.render()


def test_an_engine_that_does_not_look_has_no_picture_made() -> None:
    pictures = Pictures()
    ear = Rendering(pictures)
    pictures.expect(1, asks_about(pictures, 9), ear.say)
    assert ear.heard == []


def test_pictures_are_had_ahead_in_order_within_their_bytes_and_each_once() -> None:
    size = 3 * picture_of(asks_about(Pictures(), 1)[0].pages[0]).tokens * 48 * 48  # type: ignore[union-attr]
    pictures = Pictures(most_bytes=3 * size)
    first, second = Rendering(pictures), Rendering(pictures, 2)
    asks, later = asks_about(pictures, 9), asks_about(pictures, 4, reader=2)
    pictures.expect(1, asks, first.say)
    pictures.expect(2, later, second.say)
    most = 0
    for picture in filter(None, map(picture_of, asks[0].pages)):
        picture.render()
        most = max(most, len(pictures._sizes))
    assert most <= 3
    assert [wanted.shot.sheet.number for wanted in first.of(Wanted)] == list(range(1, 10))
    assert [wanted.shot.sheet.number for wanted in second.of(Wanted)] == [1, 2, 3]  # the next in line
    pictures.drop(1)
    look(later)
    assert [wanted.shot.sheet.number for wanted in second.of(Wanted)] == [1, 2, 3, 4]
    assert pictures._sizes == {} and pictures._here == {}


def test_what_the_engine_has_seen_is_had_again_only_when_it_looks_again() -> None:
    pictures = Pictures()
    ear = Rendering(pictures)
    asks = asks_about(pictures, 5)
    for _ in range(2):
        pictures.expect(1, asks, ear.say)
        look(asks)
        pictures.drop(1)
    assert len(ear.of(Wanted)) == 10
    pictures.expect(1, asks, ear.say)
    assert len(ear.of(Wanted)) == 10
    pictures.expect(1, asks_about(pictures, 5, document=2), ear.say)
    assert len(ear.of(Wanted)) == 15


def test_a_picture_of_a_reader_that_is_gone_fails_at_once() -> None:
    pictures, ear = Pictures(), Ear()
    asks = asks_about(pictures, 1)
    pictures.expect(1, asks, ear.say)
    threading.Timer(0.2, pictures.forget, (1,)).start()
    for _ in range(2):
        with pytest.raises(AnswerError, match="did not come"):
            look(asks)
    pictures.put(1, Rendered(Shot(Sheet(1, 1), 1, (0, 0, 1, 1))))  # type: ignore[arg-type]
    assert pictures._here == {}
