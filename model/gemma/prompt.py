"""From an ask to tokens: one fixed order and wording, so that asks on the same pages begin with the same tokens.

    system   what the model is to do, always the same; the thinking switch; the tools
    user     page by page: its number, its picture, its words; then, last, the question and the schema
    model    what was looked up so far, and here the model goes on

Text of documents, questions and schemas stays text: only the chat template writes control tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from model.engine import Ask
from model.gemma.pictures import patches
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


@dataclass(frozen=True)
class Encoded:
    """Prompts of unequal lengths as one batch, padded on the left.

    input_ids, attention_mask, mm_token_type_ids: (prompts, longest), int64; the last says 1 for tokens of pictures,
    without which the model silently reads pictures in one direction only. pictures: of all prompts, row by row.
    """

    prompts: tuple[Prompt, ...]
    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    mm_token_type_ids: torch.Tensor

    @property
    def position_ids(self) -> torch.Tensor:
        """(prompts, longest), int64: 0 at each prompt's first token, so that padding does not shift the others."""
        return (self.attention_mask.cumsum(-1) - 1).clamp(min=0)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(picture for prompt in self.prompts for picture in prompt.pictures)

    def model_inputs(self, images: Any) -> dict[str, torch.Tensor]:
        """What a model's `forward` takes, every picture rendered at once: for short prompts; see `patches`."""
        inputs = {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "position_ids": self.position_ids,
            "mm_token_type_ids": self.mm_token_type_ids,
        }
        if self.pictures:
            cut = patches(images, self.pictures)
            inputs |= {"pixel_values": cut.pixel_values, "image_position_ids": cut.image_position_ids}
        return inputs


def encode(
    processor: Processor,
    ask: Ask,
    schema_text: str,
    *,
    thinking: bool = False,
    tools: bool = False,
    exchanges: Sequence[Exchange] = (),
) -> Prompt:
    """The ask as tokens, without rendering a page.

    schema_text: the JSON Schema to fill, as text. exchanges: what the model has looked up so far, in order.
    """
    system, user, pictures = conversation(ask, schema_text, tools=tools)
    looked_up = [printable(message) for exchange in exchanges for message in exchange.messages()]
    pictures += tuple(picture for exchange in exchanges for picture in exchange.pictures)
    declared = DECLARATIONS if tools else ()
    ids = processor.chat_ids([system, user, *looked_up], tools=declared, thinking=thinking)
    pages = without_task(user, ask, schema_text)
    before = processor.chat_ids([system, pages], tools=declared, thinking=thinking, to_continue=False)
    prefix = shared_length(before, ids)
    return Prompt(
        ask_id=ask.id,
        ids=_with_pictures(processor, ids, pictures),
        prefix=len(_with_pictures(processor, ids[:prefix], pictures)),
        pictures=pictures,
        in_thought=_ends_in_thought(processor, ids),
    )


def count_tokens(
    processor: Processor, ask: Ask, schema_text: str, *, thinking: bool = False, tools: bool = False
) -> int:
    """Tokens of the ask's prompt, those of its pictures included."""
    return len(encode(processor, ask, schema_text, thinking=thinking, tools=tools).ids)


def batched(processor: Processor, prompts: Sequence[Prompt]) -> Encoded:
    """Prompts of one batch, in their order."""
    longest = max(len(prompt.ids) for prompt in prompts)
    input_ids = torch.full((len(prompts), longest), processor.pad_id, dtype=torch.int64)
    attention_mask = torch.zeros_like(input_ids)
    for row, prompt in enumerate(prompts):
        begin = longest - len(prompt.ids)
        input_ids[row, begin:] = torch.tensor(prompt.ids)
        attention_mask[row, begin:] = 1
    of_pictures = input_ids == processor.ids[IMAGE]
    return Encoded(tuple(prompts), input_ids, attention_mask, of_pictures.to(torch.int64))


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
