"""A model behind an OpenAI-compatible server. Light to import and to make: the server is asked when it is needed."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from model.engine import Answer, Ask, EngineSpec, Limits
from model.served.address import Address, address_of
from schemas.errors import EngineUnavailable
from schemas.record import EngineInfo

if TYPE_CHECKING:
    from model.served.answering import Answering
    from model.served.connection import Connection, Times
    from model.served.probe import Told

REVISION = "2"  # raise it when the same replies can give other answers: the ledger then redoes documents
SOON = 10.0  # seconds in which a server must answer before any work is begun
TEMPLATE_TOKENS = 8  # that a chat template puts around a page or a turn, at most
MOST_COUNTED = 512  # texts whose tokens are remembered

_log = logging.getLogger(__name__)


class ServedEngine:
    """Implements `model.engine.Engine`.

    What the server can do is tried by `load`. Until then it is taken to see, and to hold replies to a schema.
    """

    def __init__(self, spec: EngineSpec, times: Times | None = None) -> None:
        self.spec, self._times = spec, times
        self._answering: Answering | None = None
        self._looked_up: Told | None = None
        self._counted: dict[int, int] = {}
        self._counts = True

    @classmethod
    def of(cls, spec: EngineSpec) -> ServedEngine:
        """Raises EngineUnavailable for an address that is none, and for a key that would be sent in the clear."""
        engine = cls(spec)
        _ = engine.address
        return engine

    @cached_property
    def address(self) -> Address:
        return address_of(self.spec.url)

    @property
    def info(self) -> EngineInfo:
        """Neither where the server is nor its key is part of the fingerprint."""
        from model.wording import wording_hash

        revision = self.spec.revision or self._told.revision(self.model)
        settings = [REVISION, self.model, revision, wording_hash(), self.spec.thinking, self.spec.output_tokens]
        return EngineInfo(
            name="served",
            model=self.model,
            revision=revision,
            fingerprint="served-" + hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16],
            lacking=self._lacking,
        )

    @property
    def limits(self) -> Limits:
        able = self._answering.abilities if self._answering else None
        return Limits(
            context_tokens=self._told.context(self.model),
            output_tokens=self.spec.output_tokens,
            sees_images=able is None or "images" in able.takes,
            understands=True,
            held_to_schema=able is None or able.holds,
            processes=None,  # each is light, and reading documents takes cores; the server sees to its own batch
        )

    @cached_property
    def model(self) -> str:
        """The model that is asked for, or else the only one that there is. Raises EngineUnavailable."""
        offered = self._told.models
        if self.spec.model:
            return self.spec.model
        if len(offered) != 1:
            raise EngineUnavailable(
                f"the server at {self.address} " + ("serves several models." if offered else "names no models."),
                remedy=f"Give --model: {', '.join(offered)}." if offered else "Give --model.",
            )
        return offered[0]

    def load(self) -> None:
        """Raises EngineUnavailable where no server answers, it wants a key, or lacks the model."""
        _ = self._ready()

    def count(self, ask: Ask) -> int:
        """By the server's own tokenizer, where it lends it (vLLM), else on the safe side."""
        from model.served.request import largest, texts_of

        pages, task, pictures = texts_of(ask)
        own = self._answering.abilities.picture_tokens if self._answering else 0
        shown = pictures * (max(own, largest(ask)) + TEMPLATE_TOKENS)
        said = self._tokens(pages) + self._tokens(task)
        return shown + said + TEMPLATE_TOKENS * (2 + len(ask.pages)) + self.spec.output_tokens

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        return self._ready().answer(list(asks))

    def close(self) -> None:
        """Ends the connection; it is made anew where the engine is used again."""
        if "_connection" in self.__dict__:
            self._connection.close()
            del self.__dict__["_connection"]
            self._answering = None

    @cached_property
    def _connection(self) -> Connection:
        from model.served.connection import Connection, Times

        return Connection(self.address, self._times or Times())

    @property
    def _told(self) -> Told:
        return self._look_up(SOON)

    @property
    def _lacking(self) -> tuple[str, ...]:
        if self._answering is None:
            return ()
        listing = () if self._told.lists else ("listing its models",)
        refused = (f"taking the schema of {name}" for name in sorted(self._answering.refused))
        return (*self._answering.abilities.lacking, *listing, *refused)

    def _look_up(self, patience: float) -> Told:
        from model.served.faults import Passing, Refused, explained
        from model.served.probe import look_up

        if self._looked_up is None:
            patience = min(patience, self._connection.times.patience)
            try:
                self._looked_up = self._connection.run(look_up(self._connection, patience))
            except (Passing, Refused) as fault:
                raise explained(EngineUnavailable, fault, self.address, self.spec.model) from fault
        return self._looked_up

    def _ready(self) -> Answering:
        """Waits for a server that is being started anew, as a batch may be in the middle of its work."""
        if self._answering is None:
            from model.served.answering import Answering
            from model.served.faults import Passing, Refused, explained
            from model.served.probe import probe

            offered = self._look_up(self._connection.times.patience).models
            try:
                abilities = self._connection.run(probe(self._connection, self.model))
            except (Passing, Refused) as fault:
                raise explained(EngineUnavailable, fault, self.address, self.model, offered) from fault
            self._answering = Answering(self._connection, self.spec, self.model, offered, abilities)
            if self._lacking:
                _log.warning("the server at %s lacks: %s.", self.address, ", ".join(self._lacking))
        return self._answering

    def _tokens(self, text: str) -> int:
        key = hash(text)
        if key not in self._counted:
            while len(self._counted) >= MOST_COUNTED:
                del self._counted[next(iter(self._counted))]
            self._counted[key] = (self._asked_tokens(text) if self._counts else None) or estimated_tokens(text)
        return self._counted[key]

    def _asked_tokens(self, text: str) -> int | None:
        """What the server counts; None where it does not, and it is then not asked again."""
        from model.served.faults import Passing, Refused

        body = {"model": self.model, "prompt": text, "content": text}
        try:
            told = self._connection.run(self._connection.fetch("/tokenize", body, root=True))
        except (Passing, Refused):
            told = None
        tokens = told.get("tokens") if isinstance(told, dict) else None
        self._counts = isinstance(tokens, list) and bool(tokens)
        return len(tokens) if isinstance(tokens, list) else None


_PARTS = re.compile(r"\d|[^\W\d_]+|\s+|[^\w\s]|_")


def estimated_tokens(text: str) -> int:
    """Tokens of a text on the safe side: one for a digit or sign, one for two letters, two for others."""
    return sum(_estimated(part) for part in _PARTS.findall(text))


def _estimated(part: str) -> int:
    if part.isspace():
        return 0 if part == " " else 1  # a single blank is part of the word behind it
    if not part.isalpha():
        return 1 if part.isascii() else 2
    return -(-len(part) // 2) if part < "\u0370" else 2 * len(part)
