"""The engine that needs no GPU and no download: any contract, filled from words and boxes by labels and geometry.

It reads no pictures. It answers `null` where it finds nothing, and says for every value which words state it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from model.embedded.desk import Desk
from model.embedded.fill import Filled, fill
from model.engine import Answer, Ask, EngineSpec, Finding, Limits
from schemas.errors import EngineUnavailable
from schemas.record import EngineInfo

REVISION = "4"  # raise it when the same words can give other values: the ledger then redoes documents


class EmbeddedEngine:
    """Implements `model.engine.Engine`."""

    info = EngineInfo(name="embedded", model="geometry", revision=REVISION, fingerprint=f"embedded-{REVISION}")
    limits = Limits()

    def __init__(self) -> None:
        self._desk = Desk()

    @classmethod
    def of(cls, spec: EngineSpec) -> EmbeddedEngine:
        """Raises EngineUnavailable where the spec names a model."""
        if spec.model:
            raise EngineUnavailable("the embedded engine has no model to choose.", remedy="Leave --model out.")
        return cls()

    def load(self) -> None:
        """It has nothing to load."""

    def count(self, ask: Ask) -> int:
        return 0

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        for ask in asks:
            filled = fill(self._desk.prepared(ask), ask.scope)
            yield Answer(ask_id=ask.id, json_text=json.dumps(filled.data), findings=_findings(filled))


def _findings(filled: Filled) -> dict[str, Finding]:
    return {
        pointer: Finding(
            page=choice.spans[0].page,
            words=tuple(word for span in choice.spans for word in span.words),
            confidence=choice.confidence,
        )
        for pointer, choice in filled.choices.items()
        if choice.spans
    }
