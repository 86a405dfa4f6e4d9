"""What an engine can hold, told before anything of it is loaded, and even where its weights are not on this machine."""

from __future__ import annotations

from typing import NamedTuple

from model.engine import EngineSpec, Limits


class Foreseen(NamedTuple):
    """limits: of an engine. model: whose; empty for engines without one. here: whether its weights are here."""

    limits: Limits
    model: str = ""
    here: bool = True


def foresee(spec: EngineSpec) -> Foreseen:
    """Needs no torch. Raises EngineUnavailable for an engine that there is not, UsageError for a model of which not
    even the description is here."""
    if spec.name != "gemma":
        from model.registry import load_engine

        return Foreseen(load_engine(spec).limits)
    from model.gemma.checkpoint import DEFAULT_MODEL
    from model.gemma.hub import look_up, read_config

    local = look_up(spec.model or DEFAULT_MODEL)
    config = read_config(local)
    limits = Limits(
        context_tokens=int(config.get("text_config", config)["max_position_embeddings"]),
        output_tokens=spec.output_tokens,
        sees_images=True,
        understands=True,
        held_to_schema=True,
        processes=1,
    )
    return Foreseen(limits, local.name, local.complete)
