"""What a server can do, tried once with requests of a few tokens: what it says of itself, and what it only ignores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from model.engine import VISUAL_TOKENS

Ability = Literal["usage", "detail", "thinking", "logprobs", "images", "schema"]
ALL: frozenset[Ability] = frozenset(get_args(Ability))


@dataclass(frozen=True, slots=True)
class Abilities:
    """takes: what may be asked of the server. holds: it held a reply to a schema that nothing else told it of.

    picture_tokens: what it makes of every picture, whatever is asked for; 0 where pictures are as large as asked for.
    """

    takes: frozenset[Ability] = ALL
    holds: bool = True
    picture_tokens: int = 0

    @property
    def lacking(self) -> tuple[str, ...]:
        """What it cannot do, in words for the record."""
        missing = [_NAMES[ability] for ability in get_args(Ability) if ability not in self.takes and ability in _NAMES]
        small = 0 < self.picture_tokens < VISUAL_TOKENS[-1]
        missing += [f"pictures of more than {self.picture_tokens} tokens"] if small else []
        return (*missing, *(() if self.holds else ("holding replies to a schema",)))

    def without(self, ability: Ability) -> Abilities:
        return replace(self, takes=self.takes - {ability})


_NAMES: dict[Ability, str] = {
    "thinking": "switching thoughts on and off",
    "logprobs": "log-probabilities",
    "images": "pictures",
}
