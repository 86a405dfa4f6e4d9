"""Whether an engine can do what a contract needs; said before any document is opened."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from model.engine import Engine
from schemas.contract import Contract
from schemas.errors import EngineUnavailable, UsageError
from schemas.needs import Need

_READERS = ("gemma", "served")
ABLE: dict[Need, tuple[str, ...]] = {"sight": _READERS, "understanding": _READERS}  # engines by what they can
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
        _check_expressible(contract)
    if "question" in contract.needs and not question.strip():
        raise UsageError(
            f"schema {contract.name} needs a question.", remedy='Ask with: intaglio ask FILE "your question".'
        )


def _check_expressible(contract: Contract) -> None:
    """By making the grammar, where what makes it is installed; a server makes its own, of the same schema."""
    if find_spec("llguidance"):
        from model.grammar.guidance import check_expressible

        check_expressible(contract)
    else:
        from model.grammar.generation import generation_schema

        generation_schema(contract)


def engines_for(needs: Iterable[Need]) -> tuple[str, ...]:
    """The names of the engines that can do all of these; empty where any can."""
    able = [ABLE[need] for need in needs if need in ABLE]
    return tuple(name for name in able[0] if all(name in names for names in able)) if able else ()
