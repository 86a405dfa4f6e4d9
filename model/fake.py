"""An engine for tests: it answers what it is told to, and remembers what it was asked."""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from model.engine import Answer, Ask, Engine, EngineSpec, Limits
from schemas.record import EngineInfo


class FakeEngine:
    """Implements `model.engine.Engine`.

    reply: makes the data for an ask; by default no value at all. seconds: how long an answer takes; by default what the
    environment's INTAGLIO_FAKE_SECONDS says, so that a test can slow down a whole run. limits: by default it takes
    every ask, of whatever kind.
    """

    info = EngineInfo(name="fake", model="fake", revision="1", fingerprint="fake-1")

    def __init__(
        self,
        reply: Callable[[Ask], Any] | None = None,
        seconds: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.reply = reply or (lambda ask: {})
        self.seconds = float(os.environ.get("INTAGLIO_FAKE_SECONDS", "0")) if seconds is None else seconds
        self.limits = limits or Limits(sees_images=True, understands=True)
        self.asked: list[Ask] = []

    @classmethod
    def of(cls, spec: EngineSpec) -> Engine:
        """Where the spec's `model` is `package.module:function`, that makes the engine of the spec: so a
        test can have an engine of its own in processes that it only starts, and on the command line."""
        module, colon, function = spec.model.partition(":")
        if not colon:
            return cls()
        engine: Engine = getattr(importlib.import_module(module), function)(spec)
        return engine

    def load(self) -> None:
        """It has nothing to load."""

    def count(self, ask: Ask) -> int:
        return 0

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        for ask in asks:
            self.asked.append(ask)
            time.sleep(self.seconds)
            yield Answer(ask_id=ask.id, json_text=json.dumps(self.reply(ask)))
