"""Whether an engine can do what a contract needs; said before any document is opened."""

from __future__ import annotations

from collections.abc import Iterable

from model.engine import Engine
from schemas.contract import Contract
from schemas.errors import EngineUnavailable, UsageError
from schemas.needs import Need

ABLE: dict[Need, tuple[str, ...]] = {"sight": ("gemma",), "understanding": ("gemma",)}  # engines by what they can
_LACKING = {
    "sight": "an engine that sees pages as pictures",
    "understanding": "an engine that understands what a text says",
}


def check_needs(engine: Engine, contract: Contract, question: str = "") -> None:
    """Raises EngineUnavailable, naming the engines that can, or SchemaUnsupported, naming the field, where its replies
    cannot be held to the schema, UsageError where a question is needed and missing.
    """
    can = {"sight": engine.limits.sees_images, "understanding": engine.limits.understands}
    lacking = [need for need in contract.needs if not can.get(need, True)]
    if lacking:
        raise EngineUnavailable(
            f"schema {contract.name} needs {' and '.join(_LACKING[need] for need in lacking)}; "
            f"{engine.info.name} cannot do that.",
            remedy=f"Use {' or '.join(f'--engine {name}' for name in engines_for(lacking))}.",
        )
    if engine.limits.held_to_schema:
        from model.grammar.guidance import check_expressible

        check_expressible(contract)
    if "question" in contract.needs and not question.strip():
        raise UsageError(
            f"schema {contract.name} needs a question.", remedy='Ask with: intaglio ask FILE "your question".'
        )


def engines_for(needs: Iterable[Need]) -> tuple[str, ...]:
    """The names of the engines that can do all of these; empty where any can."""
    able = [ABLE[need] for need in needs if need in ABLE]
    return tuple(name for name in able[0] if all(name in names for names in able)) if able else ()
