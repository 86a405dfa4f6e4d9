"""Asks to answers, with a loaded model: pages read once, replies written in batches, each held to its schema.

An ask goes down a ladder: its reply is held by the schema's grammar; if it goes in circles there, it is asked for once
more as free text, in which one whole JSON object must stand. What then is still not whole is said to be so; a smaller
ask is for the pipeline to make.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import torch
from transformers import DynamicCache

from model.engine import Answer, Ask, EngineSpec, Finish, PageView
from model.gemma import attention
from model.gemma.cache import branch, empty_cache
from model.gemma.calls import read_calls
from model.gemma.checkpoint import Checkpoint
from model.gemma.decode import DRAFT, Row, decode
from model.gemma.loading import load_model
from model.gemma.prefill import prefill
from model.gemma.processor import CHANNEL_CLOSE, CHANNEL_OPEN, Processor, load_processor
from model.gemma.prompt import Prompt, count_tokens, encode
from model.gemma.room import rows_at_once
from model.gemma.tools import MAX_CALLS, Exchange, run_calls
from model.grammar.constraint import Constraint
from model.grammar.free import parse_free_json
from model.grammar.generation import Generation, generation_schema
from model.grammar.guidance import Grammars
from model.grammar.leaves import leaf_logprobs
from model.grammar.loops import MOST_ROWS, LoopWatch
from model.grammar.rows import Markers, Reply, Rule
from model.wording import schema_text
from schemas.errors import AnswerError

THOUGHT_TOKENS = 4096  # of one thought; it is then closed
CHANNEL = "thought"  # the first line of a channel that holds a thought


@dataclass
class Draft:
    """An ask under way. held: by the grammar. exchanges: what was looked up so far."""

    ask: Ask
    generation: Generation
    thinks: bool
    looks: bool
    held: bool = True
    exchanges: list[Exchange] = field(default_factory=list)
    prompt_tokens: int = 0
    output_tokens: int = 0
    mask_seconds: float = 0.0

    @property
    def schema_text(self) -> str:
        return schema_text(self.ask)

    @property
    def calls(self) -> tuple[str, ...]:
        return tuple(str(call) for exchange in self.exchanges for call in exchange.calls)

    @property
    def may_call(self) -> bool:
        return self.looks and self.held and len(self.calls) < MAX_CALLS


@dataclass(frozen=True)
class Trunk:
    """The pages of a document, read. ids: the tokens that asks about them begin with."""

    pages: tuple[PageView, ...]
    ids: tuple[int, ...]
    cache: DynamicCache


class Answering:
    """A loaded model at work, for one thread at a time. It keeps the last document's pages read."""

    def __init__(self, model: Any, processor: Processor, spec: EngineSpec) -> None:
        self.model, self.processor, self.spec = model, processor, spec
        ends = model.generation_config.eos_token_id
        self.stops = frozenset([ends] if isinstance(ends, int) else ends)
        vocabulary = model.config.get_text_config().vocab_size
        self.grammars = Grammars.of(processor.tokenizer, vocabulary, sorted(self.stops))
        self.markers = Markers.of(processor.tokenizer, sorted(self.stops))
        self.trunk: Trunk | None = None

    @classmethod
    def load(cls, spec: EngineSpec, checkpoint: Checkpoint) -> Answering:
        """Raises EngineUnavailable."""
        processor = load_processor(checkpoint.folder)
        attention.register()
        return cls(load_model(spec, attention=attention.NAME), processor, spec)

    def count(self, ask: Ask) -> int:
        """Tokens of the ask's prompt."""
        draft = self._draft(ask)
        return count_tokens(self.processor, ask, draft.schema_text, thinking=draft.thinks, tools=draft.looks)

    def answer(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Asks on the same pages are answered together, if they stand together."""
        for _, group in groupby(
            map(self._draft, asks), key=lambda draft: (id(draft.ask.pages), draft.thinks, draft.looks)
        ):
            yield from self._answered(list(group))

    def _draft(self, ask: Ask) -> Draft:
        thinks = self.spec.thinking == "on" or (self.spec.thinking == "asked" and ask.think)
        return Draft(ask, generation_schema(ask.contract), thinks, ask.look)

    def _answered(self, drafts: list[Draft]) -> Iterator[Answer]:
        """Batches as large as memory allows; one that turns out too large is halved, and nothing of it is lost."""
        while drafts:
            batch = drafts[: rows_at_once(self.model, self._most_tokens(drafts[0]))]
            while (answers := self._tried(batch)) is None:
                if len(batch) == 1:
                    raise AnswerError(
                        f"the pages of ask {batch[0].ask.id} do not fit into memory.",
                        remedy="Ask about fewer pages at a time, or use a card with more memory.",
                    )
                batch = batch[: len(batch) // 2]
            yield from answers
            drafts = drafts[len(batch) :]

    def _most_tokens(self, draft: Draft) -> int:
        return self.spec.output_tokens + (THOUGHT_TOKENS if draft.thinks else 0)

    def _tried(self, batch: Sequence[Draft]) -> list[Answer] | None:
        """None where memory ran out. The drafts are begun anew, so that a second try is like the first."""
        try:
            return list(self._rounds([replace(draft, exchanges=[]) for draft in batch]))
        except torch.OutOfMemoryError:
            self.trunk = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _rounds(self, drafts: Sequence[Draft]) -> Iterator[Answer]:
        """Each round writes a reply for every draft; those that ask to look something up, or loop, go into the next."""
        while drafts:
            again: list[Draft] = []
            for draft, reply in zip(drafts, self._replies(drafts), strict=True):
                draft.output_tokens += len(reply.thought) + len(reply.tokens)
                if draft.may_call and reply.tokens[:1] == (self.markers.calls,):
                    draft.exchanges.append(self._looked_up(draft, reply))
                    again.append(draft)
                elif draft.held and reply.finish in ("loop", "invalid"):
                    again.append(replace(draft, held=False))
                else:
                    yield self._finished(draft, reply)
            drafts = again

    def _replies(self, drafts: Sequence[Draft]) -> tuple[Reply, ...]:
        prompts = [self._prompt(draft) for draft in drafts]
        trunk = self._read(drafts[0].ask.pages, prompts[0])
        rows = [self._row(draft, prompt, trunk) for draft, prompt in zip(drafts, prompts, strict=True)]
        rules = [
            Rule(
                draft.generation.schema if draft.held else None,
                thinks=draft.thinks,
                thought_tokens=THOUGHT_TOKENS,
                may_call=draft.may_call,
            )
            for draft in drafts
        ]
        constraint = Constraint(rules, self.grammars, self.markers)
        ids = decode(self.model, rows, constraint, self.stops, draft=DRAFT)
        for draft in drafts:
            draft.mask_seconds += constraint.seconds / len(drafts)
        looped = [number for number, row in enumerate(rows) if row.finish == "loop"]
        return constraint.replies(ids, looped)

    def _prompt(self, draft: Draft) -> Prompt:
        prompt = encode(
            self.processor,
            draft.ask,
            draft.schema_text,
            thinking=draft.thinks,
            tools=draft.looks,
            exchanges=draft.exchanges,
        )
        draft.prompt_tokens = len(prompt.ids)
        return prompt

    def _read(self, pages: tuple[PageView, ...], prompt: Prompt) -> Trunk:
        """The pages' tokens in a cache: the one at hand if it is of these very pages, else a new one."""
        ids = prompt.ids[: prompt.prefix]
        if self.trunk is None or self.trunk.ids != ids or self.trunk.pages != pages:
            self.trunk = None  # its memory is needed
            cache = empty_cache(self.model.config)
            prefill(self.model, self.processor.images, prompt, cache, end=prompt.prefix)
            self.trunk = Trunk(pages, ids, cache)
        return self.trunk

    def _row(self, draft: Draft, prompt: Prompt, trunk: Trunk) -> Row:
        cache = branch(trunk.cache)
        logits = prefill(self.model, self.processor.images, prompt, cache)
        assert logits is not None  # a prompt is longer than its prefix: its task comes last
        lines = sum(len({round(word.box.y0, 3) for word in view.text.words}) for view in draft.ask.pages)
        watch = LoopWatch(self.processor.text, max(MOST_ROWS, lines))
        return Row(
            cache,
            logits,
            most=self._most_tokens(draft),
            lead=self.processor.ids[CHANNEL_OPEN if prompt.in_thought else CHANNEL_CLOSE],
            source=prompt.ids,
            ends=lambda token: "loop" if watch.feed(token) else None,
        )

    def _looked_up(self, draft: Draft, reply: Reply) -> Exchange:
        calls = read_calls(self.processor.text(reply.tokens))
        results = run_calls(calls, draft.ask.pages, made=len(draft.calls))
        return Exchange(calls, results, self._thought(reply))

    def _thought(self, reply: Reply) -> str:
        return self.processor.text(reply.thought).strip().removeprefix(CHANNEL).strip()

    def _finished(self, draft: Draft, reply: Reply) -> Answer:
        pieces = self.grammars.pieces(reply.tokens)
        text, finish, start = b"".join(pieces).decode("utf-8", errors="replace"), reply.finish, 0
        if not draft.held:
            text, finish, start = _free(text, finish)
        whole = finish == "stop"
        return Answer(
            ask_id=draft.ask.id,
            json_text=text[start:] if whole else text,
            finish=finish,
            leaf_logprobs=leaf_logprobs(pieces, reply.logprobs, start) if whole else {},
            cut=draft.generation.guarded(json.loads(text[start:])) if whole else (),
            thought=self._thought(reply) if self.spec.keep_thoughts else "",
            tool_calls=draft.calls,
            prompt_tokens=draft.prompt_tokens,
            output_tokens=draft.output_tokens,
            mask_seconds=draft.mask_seconds,
        )


def _free(text: str, finish: Finish) -> tuple[str, Finish, int]:
    """A reply that no grammar held: its text up to the object's end, how it came out, and where the object begins."""
    if finish != "stop":
        return text, finish, 0
    try:
        found = parse_free_json(text)
    except AnswerError:
        return text, "invalid", 0
    return text[: found.end], "stop", found.start
