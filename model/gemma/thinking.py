"""What a model wrote, parted into thought and reply.

A thought is a channel: `<|channel>thought`, a line feed, the thought, `<channel|>`. It is parted by its tokens, since
decoding may drop the markers and would then leave the thought inside the reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.gemma.processor import CHANNEL_CLOSE, CHANNEL_OPEN, Processor

NAME = "thought"  # of the channel, its first line


@dataclass(frozen=True, slots=True)
class Parted:
    """thoughts: the tokens of each channel, its name included. reply: what stands outside of channels.

    whole: false where the last thought is not ended; the reply has then not begun, and is empty.
    """

    thoughts: tuple[tuple[int, ...], ...]
    reply: tuple[int, ...]
    whole: bool = True


def part(processor: Processor, ids: Sequence[int], *, in_thought: bool = False) -> Parted:
    """Parts generated tokens. in_thought: the prompt ended inside a thought, see `Prompt.in_thought`.

    What stands before a channel's end counts as thought, also where its begin is lacking: a thought never gets into
    the reply.
    """
    begin, end = processor.ids[CHANNEL_OPEN], processor.ids[CHANNEL_CLOSE]
    thoughts: list[tuple[int, ...]] = []
    outside: list[int] = []
    thought: list[int] | None = [] if in_thought else None
    for number in ids:
        if number == end:
            thoughts.append(tuple(outside if thought is None else thought))
            outside = [] if thought is None else outside
            thought = None
        elif thought is not None:
            thought.append(number)
        elif number == begin:
            thought = []
        else:
            outside.append(number)
    if thought is not None:
        return Parted((*thoughts, tuple(thought)), (), whole=False)
    return Parted(tuple(thoughts), tuple(outside))


def thought_text(processor: Processor, parted: Parted) -> str:
    """The thoughts as text, without the channel's name, an empty line between two; empty where there is none."""
    texts = (processor.text(thought).strip().removeprefix(NAME).strip() for thought in parted.thoughts)
    return "\n\n".join(text for text in texts if text)
