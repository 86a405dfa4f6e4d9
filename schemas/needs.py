"""What a contract may need beyond words and boxes, said in its schema as `x-needs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from schemas.errors import SchemaUnsupported

Need = Literal["sight", "understanding", "question"]
"""sight: an engine that looks at the page's picture. understanding: one that grasps what a text says, and can say it in
other words. question: one that a user asks."""

NEEDS: tuple[Need, ...] = get_args(Need)


def needs_of(schema: Mapping[str, Any], name: str) -> tuple[Need, ...]:
    """What a schema declares, as one word or a list, in the order of `NEEDS`. Raises SchemaUnsupported."""
    declared = schema.get("x-needs", [])
    words = declared if isinstance(declared, list) else [declared]
    for word in words:
        if word not in NEEDS:
            raise SchemaUnsupported(
                f"schema {name} has `x-needs` with {word!r}.",
                remedy=f"Write a list of some of {', '.join(NEEDS)}.",
            )
    return tuple(need for need in NEEDS if need in words)
