"""The engines by name. An engine's module is imported when it is asked for, never before."""

from __future__ import annotations

import importlib

from model.engine import Engine
from schemas.errors import EngineUnavailable

ENGINES: dict[str, str] = {
    "embedded": "model.embedded.engine:EmbeddedEngine",
    "fake": "model.fake:FakeEngine",
}


def load_engine(name: str) -> Engine:
    """Raises EngineUnavailable for a name that no engine has, listing those there are."""
    place = ENGINES.get(name)
    if place is None:
        raise EngineUnavailable(f"there is no engine {name!r}.", remedy=f"There are: {', '.join(sorted(ENGINES))}.")
    module, _, attribute = place.partition(":")
    engine: Engine = getattr(importlib.import_module(module), attribute)()
    return engine
