"""`intaglio schemas`: what can be extracted."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from flows.terminal import console
from model.needs import engines_for
from schemas.contract import Contract
from schemas.field import Field
from schemas.registry import BUILTIN, load_contract


def run(name: str | None) -> int:
    screen = console()
    if name is None:
        table = Table("schema", "what it is", "fields", "needs", box=None, pad_edge=False)
        for known in sorted(BUILTIN):
            contract = load_contract(known)
            table.add_row(known, Text(contract.root.description), str(len(contract.fields())), _needs(contract))
        screen.print(table)
        screen.print("\nOne with its fields: intaglio schemas invoice. Yours: file.py:Model or a JSON Schema file.")
        return 0
    contract = load_contract(name)
    table = Table("field", "type", "what it is", box=None, pad_edge=False)
    for leaf in contract.fields():
        table.add_row(Text(leaf.pointer), Text(_kind(leaf)), Text(leaf.description))
    screen.print(table)
    for check in contract.checks:
        screen.print(Text(f"check: {check.text}"))
    if contract.needs:
        screen.print(Text(f"needs: {_needs(contract)}"))
    return 0


def _needs(contract: Contract) -> str:
    """`sight (gemma)`: what a contract needs, and the engines that have it."""
    able = engines_for(contract.needs)
    return ", ".join(contract.needs) + (f" ({', '.join(able)})" if able else "")


def _kind(leaf: Field) -> str:
    kind = "one of " + ", ".join(map(str, leaf.choices)) if leaf.choices else leaf.format or leaf.kind
    return f"{kind}, required" if leaf.required and not leaf.nullable else kind
