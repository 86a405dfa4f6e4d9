"""What turns chats into tokens and pictures into patches: a checkpoint's tokenizer, chat template and picture settings.

transformers' own `Gemma4Processor` wants a video processor, and that wants torchvision. Documents have no videos, so
the two parts that are needed are loaded by themselves, and put together in `model.gemma.prompt`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, Gemma4ImageProcessorPil

from model.gemma.template import check_template, template_hash
from model.pictures import PATCH, POOL
from schemas.errors import EngineUnavailable

IMAGE, IMAGE_OPEN, IMAGE_CLOSE = "<|image|>", "<|image>", "<image|>"
CHANNEL_OPEN, CHANNEL_CLOSE = "<|channel>", "<channel|>"
CALL_OPEN, CALL_CLOSE = "<|tool_call>", "<tool_call|>"
RESPONSE_OPEN, RESPONSE_CLOSE = "<|tool_response>", "<tool_response|>"
TURN_OPEN, TURN_CLOSE = "<|turn>", "<turn|>"
THINK, QUOTE = "<|think|>", '<|"|>'
MARKERS = (
    *(IMAGE, IMAGE_OPEN, IMAGE_CLOSE, CHANNEL_OPEN, CHANNEL_CLOSE, CALL_OPEN, CALL_CLOSE),
    *(RESPONSE_OPEN, RESPONSE_CLOSE, TURN_OPEN, TURN_CLOSE, THINK, QUOTE, "<|tool>", "<tool|>"),
)
_LOOKS_LIKE_CONTROL = re.compile(r"<\|.*>|<.*\|>", re.DOTALL)


@dataclass(frozen=True)
class Processor:
    """The parts of a checkpoint that prompts are made with.

    images: resizes nothing here; pictures come to it at the size that its own rule gives (`model.pictures`).
    template_hash: for the engine's fingerprint; see `model.gemma.template`.
    """

    tokenizer: Any
    images: Any
    template_hash: str

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The token of each of `MARKERS`."""
        return {marker: self.tokenizer.convert_tokens_to_ids(marker) for marker in MARKERS}

    @property
    def pad_id(self) -> int:
        return int(self.tokenizer.pad_token_id)

    @cached_property
    def control_ids(self) -> frozenset[int]:
        """Every token that no document's text may become."""
        return frozenset(
            number
            for number, token in self.tokenizer.added_tokens_decoder.items()
            if token.special or _LOOKS_LIKE_CONTROL.fullmatch(token.content)
        )

    def chat_ids(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        thinking: bool = False,
        to_continue: bool = True,
    ) -> list[int]:
        """The chat as tokens. Control tokens are those alone that the template writes; in any text they stay text.

        A picture is one `<|image|>`, however many tokens it will take. to_continue: ends where the model goes on.
        """
        ids: list[int] = self.tokenizer.apply_chat_template(
            list(messages),
            tools=list(tools) or None,
            add_generation_prompt=to_continue,
            enable_thinking=thinking,
            tokenize=True,
            return_dict=False,
            sanitize_control_tokens=True,
        )
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens that a model wrote, markers included."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


def load_processor(model: str | Path, revision: str = "") -> Processor:
    """The processor of a checkpoint's folder, or of a model's name as far as it is downloaded or can be.

    The picture settings may stand in `processor_config.json` or `preprocessor_config.json`. Raises EngineUnavailable
    where files are missing, a marker of Gemma 4 is no token, or the chat template does not write what it should.
    """
    name = str(model)
    where = {"revision": revision} if revision else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **where)
        images = Gemma4ImageProcessorPil.from_pretrained(name, **where)
    except (OSError, ValueError) as error:
        raise EngineUnavailable(
            f"the tokenizer and picture settings of {name} cannot be loaded: {_first_line(error)}.",
            remedy=f"Give a folder that holds them, or fetch them with `{_download(name, revision)}`.",
        ) from error
    _check_markers(name, tokenizer)
    _check_patches(name, images)
    # Without this list, transformers takes for control tokens only what the template's text happens to name.
    tokenizer.chat_control_tokens = [
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if _LOOKS_LIKE_CONTROL.fullmatch(token.content)
    ]
    check_template(name, tokenizer)
    return Processor(tokenizer, images, template_hash(tokenizer.get_chat_template()))


def _check_markers(name: str, tokenizer: Any) -> None:
    added = {token.content for token in tokenizer.added_tokens_decoder.values()}
    missing = [marker for marker in MARKERS if marker not in added]
    if missing:
        raise EngineUnavailable(
            f"the tokenizer of {name} does not know {', '.join(missing)}.",
            remedy="It is not that of a Gemma 4 model tuned for chats; take one whose name ends in `-it`.",
        )


def _check_patches(name: str, images: Any) -> None:
    """Sizes of pictures are counted from these two numbers, which every Gemma 4 has."""
    if (images.patch_size, images.pooling_kernel_size) != (PATCH, POOL):
        raise EngineUnavailable(
            f"{name} cuts pictures into patches of {images.patch_size} pixels, {images.pooling_kernel_size} to a side.",
            remedy=f"Gemma 4 has {PATCH} and {POOL}: restore the checkpoint's own processor_config.json.",
        )


def _download(name: str, revision: str) -> str:
    return f"hf download {name}" + (f" --revision {revision}" if revision else "")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
