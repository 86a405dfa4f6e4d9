"""`intaglio plan`: how an engine would be asked about a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.terminal import console, plain
from model.engine import EngineSpec
from model.limits import Foreseen, foresee
from pipeline.apart import Apart
from pipeline.discover import is_document
from pipeline.plan import PagePlan, Plan, Window, make_plan
from pipeline.planning.asks import ask_ids
from pipeline.planning.cut import Slice
from pipeline.serving import contract_of
from schemas.contract import Contract
from schemas.errors import DocumentTooLarge, UsageError


def run(file: str, schemas: Sequence[str], spec: EngineSpec, passwords: tuple[str, ...], *, as_json: bool) -> int:
    """Returns the exit code. Raises DocumentError for a document that cannot be read, or whose pages do not fit."""
    if len(schemas) != 1:
        raise UsageError("one document is planned for one schema.", remedy="Give --schema once.")
    if not is_document(file):
        raise UsageError(f"there is no document {file}.", remedy="Name a file, or a document inside of one.")
    contract, foreseen = contract_of(schemas[0]), foresee(spec)
    plan = _plan(file, contract, foreseen, passwords)
    if as_json:
        print(json.dumps(_plain_data(file, contract, spec, foreseen, plan), indent=2))
    else:
        _print(file, contract, spec, foreseen, plan)
    return 0


def _plan(file: str, contract: Contract, foreseen: Foreseen, passwords: tuple[str, ...]) -> Plan:
    with Apart(file, passwords=passwords) as document:
        pages = document.pages
    try:
        return make_plan(pages, contract, foreseen.limits)
    except DocumentTooLarge as error:
        error.document = file
        raise


def _plain_data(file: str, contract: Contract, spec: EngineSpec, foreseen: Foreseen, plan: Plan) -> dict[str, Any]:
    windows = [
        asdict(window)
        | {
            "slices": [
                asdict(part) | {"id": name} for part, name in zip(window.slices, ask_ids(plan, window), strict=True)
            ]
        }
        for window in plan.windows
    ]
    return {
        "document": file,
        "schema": contract.name,
        "engine": spec.name,
        "model": foreseen.model,
        "weights_here": foreseen.here,
        "context_tokens": foreseen.limits.context_tokens,
        "reply_tokens": foreseen.limits.output_tokens,
        "pages": [asdict(page) for page in plan.pages],
        "windows": windows,
        "prefill_tokens": plan.prefill_tokens,
        "output_tokens": plan.output_tokens,
    }


def _print(file: str, contract: Contract, spec: EngineSpec, foreseen: Foreseen, plan: Plan) -> None:
    screen = console()
    pages = f"{len(plan.pages)} page{'' if len(plan.pages) == 1 else 's'}"
    screen.print(Text(f"{plain(file)}  {pages}  {plain(contract.name)} for {spec.name}"))
    screen.print(Text(_limits(foreseen)))
    screen.print("", _pages(plan), sep="\n")
    for window in plan.windows:
        screen.print("", Text(_window(plan, window)), _asks(plan, window), sep="\n")
    screen.print("", Text(_cost(plan)), sep="\n")


def _limits(foreseen: Foreseen) -> str:
    """`google/… holds 262,144 tokens, a reply at most 8,192.`"""
    limits = foreseen.limits
    if limits.context_tokens is None and limits.output_tokens is None:
        return "It has no context to fill and no reply to cut: everything is asked for at once."
    who = plain(foreseen.model) or "It"
    holds = "without bound" if limits.context_tokens is None else f"{limits.context_tokens:,} tokens"
    reply = "any length" if limits.output_tokens is None else f"at most {limits.output_tokens:,}"
    absent = "" if foreseen.here else " Its weights are not here; a plan needs none."
    return f"{who} holds {holds}, a reply {reply}.{absent}"


def _grid(*titles: str, left: int = 1) -> Table:
    grid = Table(box=None, pad_edge=False)
    for number, title in enumerate(titles):
        grid.add_column(title, justify="left" if number < left else "right", overflow="fold")
    return grid


def _pages(plan: Plan) -> Table:
    """Pages in a row that are shown alike on one line, their tokens and rows added up."""
    grid = _grid("pages", "picture", "DPI", "words said", "tokens", "rows")
    for (budget, dpi, said), group in groupby(plan.pages, key=_shown):
        pages = list(group)
        sums = sum(page.tokens for page in pages), sum(page.rows for page in pages)
        span = _span(pages[0].number, pages[-1].number)
        grid.add_row(
            span, str(budget or "–"), str(dpi or "–"), "yes" if said else "no", *(f"{each:,}" for each in sums)
        )
    return grid


def _shown(page: PagePlan) -> tuple[int, int, bool]:
    return page.visual_tokens, page.dpi, page.with_words


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _window(plan: Plan, window: Window) -> str:
    where = f"pages {_span(window.first, window.last)}" if len(plan.windows) > 1 else "all pages"
    asks = f"{len(window.slices)} ask{'' if len(window.slices) == 1 else 's'}"
    return f"{asks} about {where}, which are read once: {window.tokens:,} tokens"


def _asks(plan: Plan, window: Window) -> Table:
    grid = _grid("ask", "for", "rows", "to read", "to write", left=2)
    for part, name in zip(window.slices, ask_ids(plan, window), strict=True):
        rows = "–" if part.scope is None or part.scope.rows is None else f"{part.scope.rows:,}"
        grid.add_row(Text(plain(name)), Text(plain(_fields(part))), rows, f"{part.task:,}", f"{part.tokens:,}")
    return grid


def _fields(part: Slice) -> str:
    """The first of its fields; nothing for a list's slice, whose name says it all."""
    if part.scope is not None:
        return ""
    shown = ", ".join(part.fields[:4])
    return shown if len(part.fields) <= 4 else f"{shown} and {len(part.fields) - 4} more"


def _cost(plan: Plan) -> str:
    asks = sum(len(window.slices) for window in plan.windows)
    return (
        f"{asks} ask{'' if asks == 1 else 's'} in all: some {plan.prefill_tokens:,} tokens to read and "
        f"{plan.output_tokens:,} to write."
    )
