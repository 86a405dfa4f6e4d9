"""Asks to answers, with a loaded model: pages read once, replies written in batches, each held to its schema.

An ask goes down a ladder: its reply is held by the schema's grammar; if it goes in circles there, it is asked for once
more as free text, in which one whole JSON object must stand. What then is still not whole is said to be so; a smaller
ask is for the pipeline to make.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import DynamicCache

from model.bounds import THOUGHT_TOKENS
from model.engine import Answer, Ask, EngineSpec, PageView
from model.gemma import attention
from model.gemma.cache import branch, empty_cache
from model.gemma.calls import read_calls
from model.gemma.checkpoint import Checkpoint
from model.gemma.decode import Row, decode
from model.gemma.loading import load_model
from model.gemma.prefill import prefill
from model.gemma.processor import Processor, load_processor
from model.gemma.prompt import Prompt, encode
from model.gemma.room import rows_at_once
from model.gemma.sizes import MOST_REPLIES
from model.gemma.tools import MAX_CALLS, ZOOM_TOKENS, Exchange, run_calls
from model.grammar.constraint import Constraint
from model.grammar.free import free_reply
from model.grammar.generation import Generation, generation_schema
from model.grammar.guidance import Grammars
from model.grammar.leaves import leaf_logprobs
from model.grammar.loops import MOST_ROWS, LoopWatch
from model.grammar.rows import Markers, Reply, Rule
from model.grammar.rows import Row as Held
from model.wording import schema_text
from schemas.errors import AnswerError

LOOSE_TOKENS = 8192  # of pages that one ask alone is about: so few are read for its row, and not kept
CHANNEL = "thought"  # the first line of a channel that holds a thought


@dataclass
class Draft:
    """An ask under way.

    held: by the grammar. closed: it may look up no more, for what it would look up no longer fits. exchanges: what was
    looked up so far. prompt: with these, once it is needed.
    """

    ask: Ask
    generation: Generation
    thinks: bool
    held: bool = True
    closed: bool = False
    exchanges: tuple[Exchange, ...] = ()
    prompt: Prompt | None = None
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
        return self.ask.look and self.held and not self.closed and len(self.calls) < MAX_CALLS

    @property
    def expected_rows(self) -> int:
        scope = self.ask.scope
        return (scope.rows or 0) if scope else 0

    def reads_like(self, other: Draft) -> bool:
        """Whether both prompts begin with the same pages, told in the same way."""
        mine, theirs = self.ask, other.ask
        return self.thinks == other.thinks and mine.look == theirs.look and mine.pages == theirs.pages


@dataclass(frozen=True)
class Writing:
    """A draft whose reply is being written, and the rule that holds it."""

    draft: Draft
    held: Held


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
        text = model.config.get_text_config()
        self.context: int = text.max_position_embeddings
        self.grammars = Grammars.of(processor.tokenizer, text.vocab_size, sorted(self.stops))
        self.markers = Markers.of(processor.tokenizer, sorted(self.stops))
        self.trunk: Trunk | None = None
        self.last: Draft | None = None  # that a prompt was made for

    @classmethod
    def load(cls, spec: EngineSpec, checkpoint: Checkpoint) -> Answering:
        """Raises EngineUnavailable."""
        processor = load_processor(checkpoint.folder)
        attention.register()
        return cls(load_model(spec, attention=attention.NAME), processor, spec)

    def count(self, ask: Ask) -> int:
        """Tokens of the ask's prompt, and of the longest reply to it. What it looks up must fit beside them."""
        draft = self._draft(ask)
        return len(self._prompt(draft).ids) + self._most_tokens(draft)

    def answer(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Asks on the same pages are answered together, and so are those that have few pages for themselves; those that
        may take longest are begun first.
        """
        groups: list[list[Draft]] = []
        for draft in sorted(map(self._draft, asks), key=lambda draft: draft.expected_rows, reverse=True):
            group = next((group for group in groups if group[0].reads_like(draft)), None)
            if group is None:
                groups.append(group := [])
            group.append(draft)
        loose = [group[0] for group in groups if len(group) == 1 and self._prompt(group[0]).prefix <= LOOSE_TOKENS]
        if len(loose) > 1:
            yield from self._answered(loose, shared=False)
            groups = [group for group in groups if not any(group[0] is draft for draft in loose)]
        for group in groups:
            yield from self._answered(group, shared=True)

    def _draft(self, ask: Ask) -> Draft:
        thinks = self.spec.thinking == "on" or (self.spec.thinking == "asked" and ask.think)
        return Draft(ask, generation_schema(ask.contract), thinks)

    def _answered(self, drafts: Sequence[Draft], *, shared: bool) -> Iterator[Answer]:
        """As many at a time as memory allows. Where that turns out too many, those under way are begun anew, fewer at a
        time; what was answered and what was read of the pages stay. shared: all are about the same pages."""
        left = {draft.ask.id: draft for draft in drafts}
        most = MOST_REPLIES
        while left:
            written = self._written(deque(replace(draft) for draft in left.values()), most, shared)
            try:
                for answer in written:
                    del left[answer.ask_id]
                    yield answer
                continue
            except torch.OutOfMemoryError:
                most = min(most, len(left))
            if most == 1:
                self.trunk = None
                raise AnswerError(
                    f"the pages of ask {next(iter(left))} do not fit into memory.",
                    remedy="Ask about fewer pages at a time, or use a card with more memory.",
                )
            most = (most + 1) // 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _written(self, waiting: deque[Draft], most: int, shared: bool) -> Iterator[Answer]:
        """A draft that asks to look something up, or loops, waits for its next reply."""
        constraint = Constraint(self.grammars)
        if shared:
            self._read(waiting[0])
        else:
            self.trunk = None  # its memory is for rows that have pages of their own
        own = max(self._own_tokens(draft, shared) for draft in ([waiting[0]] if shared else waiting))
        for row in decode(
            self.model,
            lambda: self._row(waiting.popleft(), shared) if waiting else None,
            lambda rows, scores: constraint.choose([row.subject.held for row in rows], scores),
            self.stops,
            most_rows=min(most, rows_at_once(self.model, own)),
        ):
            draft, reply = row.subject.draft, row.subject.held.reply(looped=row.finish == "loop")
            draft.mask_seconds += row.subject.held.seconds
            draft.output_tokens += len(reply.thought) + len(reply.tokens)
            if draft.may_call and reply.tokens[:1] == (self.markers.calls,):
                waiting.appendleft(self._looked_up(draft, reply))
            elif draft.held and reply.finish in ("loop", "invalid"):
                waiting.appendleft(replace(draft, held=False))
            else:
                yield self._finished(draft, reply)

    def _most_tokens(self, draft: Draft) -> int:
        """Of one reply."""
        return self.spec.output_tokens + (THOUGHT_TOKENS if draft.thinks else 0)

    def _own_tokens(self, draft: Draft, shared: bool) -> int:
        """That a draft may add to the pages that it shares with others, if it does."""
        prompt = self._prompt(draft)
        read = prompt.prefix if shared else 0
        looked_up = MAX_CALLS * ZOOM_TOKENS if draft.may_call else 0
        return len(prompt.ids) - read + looked_up + self._most_tokens(draft)

    def _prompt(self, draft: Draft) -> Prompt:
        """Made once. Pages that were told before are not made into tokens again."""
        if draft.prompt is None:
            last = self.last
            draft.prompt = encode(
                self.processor,
                draft.ask,
                draft.schema_text,
                thinking=draft.thinks,
                tools=draft.ask.look,
                exchanges=draft.exchanges,
                known=last.prompt if last is not None and last.reads_like(draft) else None,
            )
            self.last = draft
        return draft.prompt

    def _read(self, draft: Draft) -> Trunk:
        """The pages' tokens in a cache: the one at hand if it is of these very pages, else a new one."""
        prompt, pages, trunk = self._prompt(draft), draft.ask.pages, self.trunk
        if trunk is None or trunk.pages != pages or trunk.ids != prompt.ids[: len(trunk.ids)]:
            self.trunk = trunk = None  # its memory is needed
            cache = empty_cache(self.model.config)
            prefill(self.model, self.processor.images, prompt, cache, end=prompt.prefix)
            self.trunk = trunk = Trunk(pages, prompt.ids[: prompt.prefix], cache)
        return trunk

    def _row(self, draft: Draft, shared: bool) -> Row[Writing]:
        prompt = self._prompt(draft)
        cache = branch(self._read(draft).cache) if shared else empty_cache(self.model.config)
        logits = prefill(self.model, self.processor.images, prompt, cache)
        assert logits is not None  # a prompt is longer than its prefix: its task comes last
        rule = Rule(
            draft.generation.schema if draft.held else None,
            thinks=draft.thinks,
            thought_tokens=THOUGHT_TOKENS,
            may_call=draft.may_call,
        )
        lines = sum(len({round(word.box.y0, 3) for word in view.text.words}) for view in draft.ask.pages)
        watch = LoopWatch(self.processor.text, max(MOST_ROWS, lines))
        return Row(
            Writing(draft, Held(rule, self.grammars, self.markers, thought_open=prompt.in_thought)),
            cache,
            logits,
            most=self._most_tokens(draft),
            source=prompt.ids,
            ends=lambda token: "loop" if watch.feed(token) else None,
        )

    def _looked_up(self, draft: Draft, reply: Reply) -> Draft:
        """The draft with what it asked for; where that does not fit beside pages and reply, it may ask no more."""
        calls = read_calls(self.processor.text(reply.tokens))
        results = run_calls(calls, draft.ask.pages, made=len(draft.calls))
        exchange = Exchange(calls, results, self._thought(reply))
        onward = replace(draft, exchanges=(*draft.exchanges, exchange), prompt=None)
        fits = len(self._prompt(onward).ids) + self._most_tokens(draft) <= self.context
        return onward if fits else replace(draft, closed=True)

    def _thought(self, reply: Reply) -> str:
        return self.processor.text(reply.thought).strip().removeprefix(CHANNEL).strip()

    def _finished(self, draft: Draft, reply: Reply) -> Answer:
        pieces = self.grammars.pieces(reply.tokens)
        text, finish, start = b"".join(pieces).decode("utf-8", errors="replace"), reply.finish, 0
        if not draft.held:
            text, finish, start = free_reply(text, finish)
        whole = finish == "stop"
        return Answer(
            ask_id=draft.ask.id,
            json_text=text[start:] if whole else text,
            finish=finish,
            leaf_logprobs=leaf_logprobs(pieces, reply.logprobs, start) if whole else {},
            cut=draft.generation.guarded(json.loads(text[start:])) if whole else (),
            thought=self._thought(reply) if self.spec.keep_thoughts else "",
            tool_calls=draft.calls,
            prompt_tokens=len(self._prompt(draft).ids),
            output_tokens=draft.output_tokens,
            mask_seconds=draft.mask_seconds,
        )
