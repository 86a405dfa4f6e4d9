"""Reading a prompt into a cache, a chunk at a time, so that memory is bounded however long the document is.

A picture is never cut: its tokens see one another in both directions, so a chunk ends before or after it. Pictures are
rendered and encoded when their chunk comes, and not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPooling

from model.gemma.masks import of_span
from model.gemma.pictures import patches
from model.gemma.prompt import Prompt
from model.pictures import Picture

CHUNK = 2048  # tokens


@torch.inference_mode()
def prefill(
    model: Any, images: Any, prompt: Prompt, cache: DynamicCache, end: int | None = None, chunk: int = CHUNK
) -> torch.Tensor | None:
    """Reads the tokens from where the cache stands to `end`, and returns the last one's logits, (vocabulary,) in fp32.

    None where there is nothing to read. images: the checkpoint's image processor. chunk: the most tokens at a time; a
    longer picture makes its chunk longer.
    """
    start, end = cache.get_seq_length(), len(prompt.ids) if end is None else end
    ids = torch.tensor([prompt.ids], device=model.device)
    spans = picture_spans([number == model.config.image_token_id for number in prompt.ids])
    numbers = _picture_numbers(len(prompt.ids), spans, model.device)
    window = model.config.get_text_config().sliding_window
    hidden = None
    for first, last in chunks(start, end, chunk, spans):
        inside = [number for number, (begin, _) in enumerate(spans) if first <= begin < last]
        hidden = model.model(
            input_ids=ids[:, first:last],
            attention_mask=of_span(first, last, window, numbers if inside else None, model.device),
            position_ids=torch.arange(first, last, device=model.device)[None],
            mm_encoder_outputs=_encoded(model, images, [prompt.pictures[number] for number in inside]),
            cache=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
    return None if hidden is None else logits_of(model, hidden)[0]


def logits_of(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """(…, vocabulary) in fp32, capped as the model caps them, from (…, hidden size)."""
    logits = model.lm_head(hidden).float()
    cap = model.config.get_text_config().final_logit_softcapping
    return logits if cap is None else torch.tanh(logits / cap) * cap


def picture_spans(seen: Sequence[bool]) -> list[tuple[int, int]]:
    """(first, one past the last) token of each picture."""
    edges = [place for place in range(len(seen) + 1) if _at(seen, place) != _at(seen, place - 1)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def chunks(start: int, end: int, most: int, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Pieces of `start`…`end` of at most `most` tokens, but where a picture is longer than that."""
    while start < end:
        stop = min(start + most, end)
        for begin, after in spans:
            if begin < stop < after:
                stop = begin if begin > start else after
        yield start, stop
        start = stop


def _encoded(model: Any, images: Any, pictures: Sequence[Picture]) -> dict[str, BaseModelOutputWithPooling] | None:
    """What the vision tower makes of each picture, rendered here; one by one, as a batch is padded to its largest."""
    if not pictures:
        return None
    parts = []
    for picture in pictures:
        cut = patches(images, [picture])
        pixels = cut.pixel_values.to(model.device, model.dtype)
        positions = cut.image_position_ids.to(model.device)
        parts += model.model.get_image_features(pixels, positions, return_dict=True).pooler_output
    return {"image": BaseModelOutputWithPooling(pooler_output=tuple(parts))}


def _picture_numbers(tokens: int, spans: Sequence[tuple[int, int]], device: Any) -> torch.Tensor:
    """(tokens,): which picture each token is of, -1 for words."""
    numbers = torch.full((tokens,), -1, device=device)
    for number, (begin, after) in enumerate(spans):
        numbers[begin:after] = number
    return numbers


def _at(seen: Sequence[bool], place: int) -> bool:
    return 0 <= place < len(seen) and seen[place]
