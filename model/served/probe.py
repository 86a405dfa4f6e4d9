"""Finds out what a server is and can do, with a handful of requests of a few tokens, once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_args

from model.engine import VISUAL_TOKENS
from model.grammar.generation import Generation
from model.served.abilities import Abilities, Ability
from model.served.connection import Connection
from model.served.faults import Passing, Refused
from model.served.reply import Reading
from model.served.request import CHAT, data_url, settings

FEW = 32  # tokens of a trial's reply
SIDE = 96  # pixels of a trial's picture
SLACK = 16  # tokens around a picture, and of a template that says not to think
SEALED = {"sealed": "k7"}  # what only the schema tells, so that a reply that says it was held to the schema
_SCHEMA = {
    "type": "object",
    "properties": {"sealed": {"type": "string", "enum": ["k7"]}},
    "required": ["sealed"],
    "additionalProperties": False,
}
_TRIAL = Generation(_SCHEMA, (), ())


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says of itself.

    models: their names. contexts: tokens, by model. revisions: by model. lists: whether it lists its models at all.
    """

    models: tuple[str, ...] = ()
    contexts: Mapping[str, int] | None = None
    revisions: Mapping[str, str] | None = None
    lists: bool = True

    def context(self, model: str) -> int | None:
        return (self.contexts or {}).get(model)

    def revision(self, model: str) -> str:
        return (self.revisions or {}).get(model, "")


async def look_up(connection: Connection, patience: float) -> Told:
    """Raises Passing where no server answers in time, Refused where it wants a key or is none."""
    try:
        listed = await connection.patiently(lambda: connection.fetch("/models"), patience)
    except Refused as fault:
        if fault.status not in (404, 405, 501):
            raise
        return Told(lists=False)
    entries = [entry for entry in _objects(listed) if isinstance(entry.get("id"), str)]
    if not isinstance(listed, dict) or not isinstance(listed.get("data"), list):
        raise Refused("it lists no models", 200)
    contexts = {entry["id"]: tokens for entry in entries if (tokens := _context(entry))}
    if not contexts and len(entries) == 1 and (slot := await _slot(connection)):
        contexts = {entries[0]["id"]: slot}
    revisions = {entry["id"]: entry["revision"] for entry in entries if isinstance(entry.get("revision"), str)}
    return Told(tuple(entry["id"] for entry in entries), contexts, revisions)


async def probe(connection: Connection, model: str) -> Abilities:
    """Tries everything at once, and, if that fails, each by itself. Raises Passing, Refused where nothing works."""
    trial = _Trial(connection, model)
    plain = await trial.accepted(["usage"]) or await trial.reading(())
    full = await trial.accepted(get_args(Ability))
    takes = set(get_args(Ability))
    if full is None:
        takes = {ability for ability in get_args(Ability) if await trial.accepted([ability])}
        while takes and (full := await trial.accepted(sorted(takes))) is None:
            takes.remove(min(takes, key=_LEAST_MISSED.index))
    full = full or plain
    if "logprobs" in takes and full.text and full.pieces() is None:
        takes.remove("logprobs")
    told = plain.prompt_tokens and full.prompt_tokens
    picture = full.prompt_tokens - plain.prompt_tokens if told else 1  # what is not told is believed
    if "images" in takes and picture <= 0:
        takes.remove("images")  # it takes them, and does not look
    own = picture if "images" in takes and picture > VISUAL_TOKENS[0] + SLACK else 0
    return Abilities(
        frozenset(takes),
        holds="schema" in takes and _is_sealed(full.text),
        picture_tokens=next((budget for budget in VISUAL_TOKENS if budget >= own), own) if own else 0,
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    connection: Connection
    model: str

    async def reading(self, abilities: Sequence[Ability]) -> Reading:
        """Raises Passing, Refused."""
        return await self.connection.patiently(lambda: self._once(abilities))

    async def accepted(self, abilities: Sequence[Ability]) -> Reading | None:
        """None where the server refuses a request for these, or breaks down over it."""

        async def once() -> Reading | None:
            try:
                return await self._once(abilities)
            except Passing as fault:
                if fault.status != 500:
                    raise
            except Refused as fault:
                if fault.status in (401, 403, 404):
                    raise
            return None

        return await self.connection.patiently(once)

    async def _once(self, abilities: Sequence[Ability]) -> Reading:
        reading = Reading(FEW)
        parts: list[dict[str, Any]] = [{"type": "text", "text": "Is everything ready?"}]
        if "images" in abilities:
            parts.append({"type": "image_url", "image_url": {"url": _picture()}})
        options = settings(
            self.model, FEW, frozenset(abilities), visual_tokens=VISUAL_TOKENS[0], name="trial", generation=_TRIAL
        )
        body = {"messages": [{"role": "user", "content": parts}], **options}
        await self.connection.stream(CHAT, [json.dumps(body).encode()], reading.feed)
        if not reading.finish:
            raise Passing("the reply broke off", received=True)
        return reading


_LEAST_MISSED: tuple[Ability, ...] = ("usage", "detail", "logprobs", "thinking", "images", "schema")


def _is_sealed(text: str) -> bool:
    try:
        return bool(json.loads(text) == SEALED)
    except (ValueError, RecursionError):
        return False


def _picture() -> str:
    from PIL import Image

    return data_url(Image.new("RGB", (SIDE, SIDE), "white"))


def _context(entry: Mapping[str, Any]) -> int | None:
    """Tokens that a model holds as it is served: vLLM's and SGLang's word for it, then those of others."""
    meta = entry.get("meta")
    told = (
        entry.get("max_model_len"),
        entry.get("context_length"),
        meta.get("n_ctx") if isinstance(meta, dict) else None,
    )
    return next((tokens for tokens in told if isinstance(tokens, int) and tokens > 0), None)


async def _slot(connection: Connection) -> int | None:
    """Tokens that one request may take on llama.cpp's server, which shares its context out."""
    with suppress(Passing, Refused):
        told = await connection.fetch("/props", root=True)
        settings_ = told.get("default_generation_settings") if isinstance(told, dict) else None
        tokens = settings_.get("n_ctx") if isinstance(settings_, dict) else None
        return tokens if isinstance(tokens, int) and tokens > 0 else None
    return None


def _objects(listed: Any) -> list[Mapping[str, Any]]:
    data = listed.get("data") if isinstance(listed, dict) else None
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
