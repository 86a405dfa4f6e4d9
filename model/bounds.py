"""How many tokens an ask takes at the most, told without a tokenizer: none is of less than a byte of text."""

from __future__ import annotations

from model.engine import Ask, Limits
from model.wording import conversation, schema_text

THOUGHT_TOKENS = 4096  # that a thought may take beside the reply
TURNS = 512  # that a chat template writes around rules, pages and task
TOOLS = 4096  # that it writes to declare what may be looked up


def most_tokens(ask: Ask, limits: Limits) -> int:
    """Of the ask's prompt and of the longest reply to it: as large as `Engine.count`, or larger.

    Several times as large for prose; exact enough to tell that a short document fits a long context.
    """
    system, user, pictures = conversation(ask, schema_text(ask), tools=ask.look)
    texts = [system["content"], *(part.get("text", "") for part in user["content"])]
    said = sum(len(text.encode("utf-8", "replace")) for text in texts)
    shown = sum(picture.tokens + 2 for picture in pictures)
    around = TURNS + (TOOLS if ask.look else 0) + 2 * len(user["content"])
    return said + shown + around + THOUGHT_TOKENS + (limits.output_tokens or 0)
