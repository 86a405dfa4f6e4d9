"""The engines by name. An engine's module is imported when it is asked for, never before."""

from __future__ import annotations

import importlib

from model.engine import Engine, EngineSpec
from schemas.errors import EngineUnavailable

ENGINES: dict[str, str] = {
    "embedded": "model.embedded.engine:EmbeddedEngine",
    "fake": "model.fake:FakeEngine",
    "gemma": "model.gemma.engine:GemmaEngine",
    "served": "model.served.engine:ServedEngine",
}


def load_engine(spec: EngineSpec | str) -> Engine:
    """The engine of a spec, or of a name with that engine's own defaults. It is not ready yet: see `Engine.load`.

    Raises EngineUnavailable for a name that no engine has, listing those there are, and for settings that it lacks.
    """
    spec = EngineSpec(spec) if isinstance(spec, str) else spec
    place = ENGINES.get(spec.name)
    if place is None:
        raise EngineUnavailable(
            f"there is no engine {spec.name!r}.", remedy=f"There are: {', '.join(sorted(ENGINES))}."
        )
    module, _, attribute = place.partition(":")
    engine: Engine = getattr(importlib.import_module(module), attribute).of(spec)
    return engine
