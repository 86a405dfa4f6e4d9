"""What tests of the served engine share: a contract, pages, short times, and asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.engine import Answer, Ask, PageView
from model.served.connection import Times
from model.served.engine import ServedEngine
from schemas.contract import Contract
from tests.pages import page
from tests.scripted_server import Said

ROOT = Path(__file__).parent.parent
BILL = Contract.from_json_schema(
    {
        "title": "Bill",
        "type": "object",
        "properties": {"number": {"type": "string"}, "total": {"type": "number"}},
        "required": ["number"],
    }
)
WHOLE = '{"number":"INV-1","total":12.5}'
QUICK = Times(patience=2.0, connect=1.0, first=0.4, between=0.4, whole=30.0, pause=0.02, longest_pause=0.1)
PAGES = (PageView(page("Invoice   INV-1\nTotal     12.50")), PageView(page("Terms", 2)))


EngineAt = Callable[..., ServedEngine]


def ask(name: str = "a", pages: tuple[PageView, ...] = PAGES, **settings: Any) -> Ask:
    return Ask(name, settings.pop("contract", BILL), pages, **settings)


def one(engine: ServedEngine, asked: Ask | None = None) -> Answer:
    [answer] = engine.answer([asked or ask()])
    return answer


def always(said: Said) -> Callable[[dict[str, Any]], Said]:
    return lambda body: said


def in_turn(*said: Said) -> Callable[[dict[str, Any]], Said]:
    left = iter(said)
    return lambda body: next(left, said[-1])


def is_held(body: dict[str, Any]) -> bool:
    return "response_format" in body


def wait_until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
