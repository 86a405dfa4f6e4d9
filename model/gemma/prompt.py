"""From an ask to tokens: one fixed order and wording, so that asks on the same pages begin with the same tokens.

    system   what the model is to do, always the same; the thinking switch; the tools
    user     page by page: its number, its picture, its words; then, last, the question and the schema
    model    what was looked up so far, and here the model goes on

Text of documents, questions and schemas stays text: only the chat template writes control tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from model.engine import Ask
from model.gemma.processor import CHANNEL_CLOSE, CHANNEL_OPEN, IMAGE, IMAGE_CLOSE, IMAGE_OPEN, Processor
from model.gemma.template import shared_length
from model.gemma.tools import DECLARATIONS, Exchange
from model.pictures import Picture
from model.wording import conversation, printable, without_task


@dataclass(frozen=True, slots=True)
class Prompt:
    """One ask as tokens.

    ids: with each picture as begin, its tokens, end. prefix: how many of them come before question and schema; prompts
    over the same pages, thinking and tools alike, share them. pictures: in the order of their tokens. in_thought: the
    prompt ends inside a thought that the template began.
    """

    ask_id: str
    ids: tuple[int, ...]
    prefix: int
    pictures: tuple[Picture, ...]
    in_thought: bool = False


def encode(
    processor: Processor,
    ask: Ask,
    schema_text: str,
    *,
    thinking: bool = False,
    tools: bool = False,
    exchanges: Sequence[Exchange] = (),
    known: Prompt | None = None,
) -> Prompt:
    """The ask as tokens, without rendering a page.

    schema_text: the JSON Schema to fill, as text. exchanges: what the model has looked up so far, in order. known: a
    prompt over the same pages, thinking and tools alike, of which the prefix is taken over: what follows is all that is
    made into tokens anew, behind the last page, at whose end a long document's tokens end no differently.
    """
    system, user, pictures = conversation(ask, schema_text, tools=tools, last_page_only=known is not None)
    looked_up = [printable(message) for exchange in exchanges for message in exchange.messages()]
    pictures += tuple(picture for exchange in exchanges for picture in exchange.pictures)
    declared = DECLARATIONS if tools else ()
    ids = processor.chat_ids([system, user, *looked_up], tools=declared, thinking=thinking)
    pages = without_task(user, ask, schema_text)
    before = processor.chat_ids([system, pages], tools=declared, thinking=thinking, to_continue=False)
    prefix = shared_length(before, ids)
    prompt = Prompt(
        ask_id=ask.id,
        ids=_with_pictures(processor, ids, pictures),
        prefix=len(_with_pictures(processor, ids[:prefix], pictures)),
        pictures=pictures,
        in_thought=_ends_in_thought(processor, ids),
    )
    return prompt if known is None else _onto(known, prompt, processor.ids[IMAGE_OPEN])


def _onto(known: Prompt, prompt: Prompt, image: int) -> Prompt:
    """The known prefix, with what the prompt has behind its own. image: the token with which a picture begins."""
    told, again = (each.ids[: each.prefix].count(image) for each in (known, prompt))
    return replace(
        prompt,
        ids=known.ids[: known.prefix] + prompt.ids[prompt.prefix :],
        prefix=known.prefix,
        pictures=known.pictures[:told] + prompt.pictures[again:],
    )


def _with_pictures(processor: Processor, ids: Sequence[int], pictures: Sequence[Picture]) -> tuple[int, ...]:
    """The tokens with each picture's placeholder as begin, its tokens, end."""
    image, begin, end = (processor.ids[marker] for marker in (IMAGE, IMAGE_OPEN, IMAGE_CLOSE))
    left = iter(pictures)
    whole: list[int] = []
    for number in ids:
        whole += [begin, *[image] * next(left).tokens, end] if number == image else [number]
    return tuple(whole)


def _ends_in_thought(processor: Processor, ids: Sequence[int]) -> bool:
    begin, end = processor.ids[CHANNEL_OPEN], processor.ids[CHANNEL_CLOSE]
    return next((number == begin for number in reversed(ids) if number in (begin, end)), False)
