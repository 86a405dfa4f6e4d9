"""Text that a server's chat template must not take for its own marks: turns, pictures, tool calls, ends.

In process, a tokenizer is told which text is text (`model.gemma.processor`). A server makes tokens of whatever it is
sent, and each model has marks of its own: `<|im_start|>`, `<start_of_turn>`, `[INST]`, `</s>`. So whatever looks like
one is sent with an unseen blank behind its first character. No tokenizer finds the mark then, a reader sees no
difference, and `restored` takes it out of what the model repeats.
"""

from __future__ import annotations

import re

BLANK = "\u200b"  # ZERO WIDTH SPACE
LONGEST = 80  # characters of a mark; the longest known has some thirty
# `<…>` with no blank, also in wide forms; `[…]` as Mistral's and EXAONE's are; MiniMax' `]~b]`.
_BLANKS = rf"{BLANK}{{0,{LONGEST}}}"
_WORD = rf"/?\w{{0,{LONGEST}}}[A-Z]{{2}}\w{{0,{LONGEST}}}"
_BEHIND = {
    "[<＜]": rf"[^\s<>＜＞]{{1,{LONGEST}}}[>＞]",
    r"\[": rf"{_BLANKS}(?:{_WORD}\]|\|[^\s\[\]]{{1,{LONGEST}}}\|\])",
    r"\]": rf"{_BLANKS}[~<!][^\s\[\]]{{0,16}}[\[\]]",
}
_MARK = re.compile("|".join(f"{first}(?={rest})" for first, rest in _BEHIND.items()))
_SENT = re.compile("|".join(rf"(?<={first})(?:{BLANK}|\\u200[bB])(?={rest})" for first, rest in _BEHIND.items()))


def neutral(text: str) -> str:
    """The text with no mark of a chat template in it."""
    return _MARK.sub(rf"\g<0>{BLANK}", text)


def restored(text: str) -> str:
    """A reply, JSON or not, with the texts that it repeats as they stand on the page."""
    return _SENT.sub("", text)
