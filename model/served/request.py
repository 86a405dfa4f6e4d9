"""What is sent: the pages of a document once as bytes, which its asks share, and behind them what one ask wants.

All text in it that is not ours to vouch for (pages, names, questions, schemas) is neutral: see `model.served.neutral`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from model.bounds import THOUGHT_TOKENS
from model.engine import Ask
from model.grammar.generation import Generation
from model.served.abilities import Ability
from model.served.neutral import neutral
from model.wording import conversation, printable, schema_text, task, without_task

if TYPE_CHECKING:
    from PIL.Image import Image

CHAT = "/chat/completions"
LARGEST_PNG = 1_000_000  # bytes; a scan takes far less as JPEG, and loses nothing that can be read
JPEG_QUALITY = 95


@dataclass(frozen=True)
class Draft:
    """An ask under way. thinks: a thought may come first. held: a grammar of the server's holds the reply.

    refusal: what the server said when it refused the schema.
    """

    ask: Ask
    generation: Generation
    thinks: bool
    held: bool
    prompt_tokens: int = 0
    output_tokens: int = 0
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Pages:
    """A request up to its task: rules and pages. characters: of its text, pictures not counted."""

    content: bytes
    characters: int


NOTHING = Pages(b"", 0)


def pages_of(ask: Ask) -> Pages:
    """What asks on the same pages share. Pictures are rendered here, and nowhere else."""
    text = schema_text(ask)
    system, user, pictures = conversation(ask, text)
    urls = [data_url(picture.render()) for picture in pictures]
    left = iter(urls)
    parts = [
        {"type": "image_url", "image_url": {"url": next(left)}} if part["type"] == "image" else _sent(part)
        for part in without_task(user, ask, text)["content"]
    ]
    written = _json([system, {"role": "user", "content": parts}]).removesuffix(_END)
    return Pages(f'{{"messages":{written}'.encode(), len(written) - sum(map(len, urls)))


def rest_of(draft: Draft, model: str, output_tokens: int, able: frozenset[Ability]) -> bytes:
    """The request from the ask's task on."""
    wanted = neutral(printable(task(draft.ask, schema_text(draft.ask))))
    generation = draft.generation if draft.held else None
    most = output_tokens + (THOUGHT_TOKENS if draft.thinks else 0)
    options = settings(
        model,
        most,
        able,
        thinks=draft.thinks,
        visual_tokens=largest(draft.ask),
        name=draft.ask.contract.name,
        generation=generation,
    )
    return f"{_json(wanted)[1:-1]}{_END},{_json(options)[1:]}".encode()


def settings(
    model: str,
    most: int,
    able: frozenset[Ability],
    *,
    thinks: bool = False,
    visual_tokens: int = 0,
    name: str = "",
    generation: Generation | None = None,
) -> dict[str, Any]:
    """All of a request but its messages. Greedy, whatever the server's default is.

    visual_tokens: what the largest picture may cost; vLLM's word for it is a setting of Gemma's processor.
    """
    wanted: dict[str, Any] = {"model": model, "stream": True, "temperature": 0, "max_tokens": most}
    if "usage" in able:
        wanted["stream_options"] = {"include_usage": True}
    if "detail" in able and visual_tokens:
        wanted["mm_processor_kwargs"] = {"max_soft_tokens": visual_tokens}
    if "thinking" in able:
        wanted["chat_template_kwargs"] = {"enable_thinking": thinks}
    if "logprobs" in able:
        wanted |= {"logprobs": True, "top_logprobs": 1}
    if "schema" in able and generation is not None:
        wanted["response_format"] = response_format(name, generation.schema)
    return wanted


def response_format(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's structured output, in which names are of letters, digits, dashes and underscores, 64 at most."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:64] or "document"
    return {"type": "json_schema", "json_schema": {"name": plain, "schema": schema, "strict": True}}


def data_url(image: Image) -> str:
    """An RGB picture as PNG, or as JPEG where that is large."""
    held, kind = BytesIO(), "png"
    image.save(held, "PNG", compress_level=3)
    if held.tell() > LARGEST_PNG:
        held, kind = BytesIO(), "jpeg"
        image.save(held, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return f"data:image/{kind};base64,{b64encode(held.getvalue()).decode()}"


def largest(ask: Ask) -> int:
    """Visual tokens of the picture that may cost most; 0 without pictures. Servers size all of a request alike."""
    return max((view.visual_tokens for view in ask.pages if view.image is not None), default=0)


def in_words(ask: Ask) -> Ask:
    """The ask for a server without eyes: every page in words, those that were read from scans too."""
    return replace(ask, pages=tuple(replace(view, image=None, with_words=True) for view in ask.pages))


def texts_of(ask: Ask) -> tuple[str, str, int]:
    """(what its pages say, what its task says, how many pictures it has): what its tokens are counted by."""
    text = schema_text(ask)
    system, user, pictures = conversation(ask, text)
    said = [_sent(part)["text"] for part in without_task(user, ask, text)["content"] if part["type"] == "text"]
    return "\n".join([system["content"], *said]), neutral(task(ask, text)), len(pictures)


def _sent(part: Mapping[str, Any]) -> dict[str, Any]:
    return {**part, "text": neutral(part["text"])}


_END = '"}]}]'  # of the last part of the last message


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
