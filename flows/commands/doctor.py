"""`intaglio doctor`: what this machine has, which engines work here, and what of a model fits."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.terminal import COLOURS, console, plain
from model.diagnosis import CARDS, Diagnosis, diagnose
from model.gemma.checkpoint import require_extra
from model.gemma.hub import LocalModel, read_config
from model.gemma.sizes import GB, REPLY, RESERVE
from model.machine import Card, Machine

NAMES = {
    "nf4": "4 bit",
    "int8": "8 bit",
    "none": "16 bit",
    "stock nf4": "load_in_4bit",
}
WHAT_IS_WHAT = (
    "Under a card: how many replies about one document of that context, each of up to "
    f"{REPLY:,} tokens, are written at once; - where not one is. The sum is for one reply and holds {RESERVE / GB:.0f} "
    "GB for the driver. In 4 and 8 bit are experts, attention and dense layers; the rest stays in 16. load_in_4bit is "
    "what bitsandbytes does by itself: it leaves the experts in 16 bit. Scratch is a formula, not measured on a card: "
    "see docs/engines.md."
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What to measure: tokens of a document, and replies at once."""

    contexts: tuple[int, ...] = (8192, 65_536, 262_144)
    replies: tuple[int, ...] = (1, 8, 32)


def run(model: str, bench: Bench | None, *, as_json: bool) -> int:
    diagnosis = diagnose(model)
    if as_json:
        measured = {"bench": _measured(diagnosis, bench)} if bench else {}
        print(json.dumps(_plain_data(diagnosis) | measured, indent=2))
        return 0
    _print(diagnosis)
    if bench:
        measured = _measured(diagnosis, bench)
        console().print(Text(_made(measured)), _speeds(measured), sep="\n")
    return 0


def _measured(diagnosis: Diagnosis, bench: Bench) -> dict[str, Any]:
    require_extra()
    from model.gemma.bench import bench as measure

    def say(doing: str) -> None:
        print(f"bench: {doing}", file=sys.stderr, flush=True)

    built, rows = measure(read_config(diagnosis.model), bench.contexts, bench.replies, say)
    return asdict(built) | {"measures": [asdict(row) for row in rows]}


def _print(diagnosis: Diagnosis) -> None:
    screen = console()
    screen.print(_machine(diagnosis))
    screen.print(_libraries(diagnosis))
    screen.print(_engines(diagnosis))
    screen.print(Text(_weights(diagnosis)), "")
    screen.print(_fits(diagnosis))
    screen.print(Text(WHAT_IS_WHAT, style="dim"))


def _plain_data(diagnosis: Diagnosis) -> dict[str, Any]:
    """All sizes in bytes; `fits` beside each card's size in `cards`."""
    local = diagnosis.model
    folder = str(local.folder) if local.folder else None
    return {
        "intaglio": diagnosis.version,
        "python": platform.python_version(),
        "machine": asdict(diagnosis.machine),
        "libraries": [asdict(library) for library in diagnosis.libraries],
        "engines": [asdict(verdict) for verdict in diagnosis.engines],
        "weights": asdict(local)
        | {"folder": folder, "hub": str(local.hub), "complete": local.complete}
        | {"command": local.command, "download": diagnosis.download},
        "parameters": diagnosis.parameters,
        "cards": diagnosis.cards,
        "fits": [asdict(one) | {"total": one.total, "most_replies": replies} for one, replies in diagnosis.fits],
    }


def _gigabytes(size: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size / GB:.1f} GB" if size >= GB / 10 else f"{size / 1e6:.1f} MB"


def _grid(*titles: str) -> Table:
    return Table(*titles, box=None, pad_edge=False, show_header=bool(titles))


def _machine(diagnosis: Diagnosis) -> Table:
    machine, local = diagnosis.machine, diagnosis.model
    grid = _grid("machine", "")
    grid.add_row("system", Text(plain(machine.system)))
    grid.add_row("processor", Text(f"{plain(machine.processor)}, {machine.cores} cores to use"))
    memory = f"{_gigabytes(machine.memory_bytes)}, {_gigabytes(machine.available_bytes)} free"
    grid.add_row("memory", memory)
    grid.add_row("disk", Text(f"{_gigabytes(local.disk_free)} free for {plain(str(local.hub))}"))
    for line in _cards(machine):
        grid.add_row("graphics card", Text(line))
    return grid


def _cards(machine: Machine) -> list[str]:
    cards = machine.cards
    if not cards.found:
        return [f"none found; {plain(cards.trouble)}"]
    lines = [*map(_card, cards.found), f"driver {plain(cards.driver) or 'unknown'}"]
    return [*lines, plain(cards.trouble)] if cards.trouble else lines


def _card(card: Card) -> str:
    return f"{plain(card.name)}, {_gigabytes(card.total_bytes)}, {_gigabytes(card.free_bytes)} free"


def _libraries(diagnosis: Diagnosis) -> Table:
    grid = _grid("\nlibrary", "\nversion")
    grid.add_row("python", platform.python_version())
    grid.add_row("intaglio", diagnosis.version)
    for library in diagnosis.libraries:
        brought = f"extra `{library.extra}`" if library.extra else "base install"
        grid.add_row(library.name, Text(library.version or f"not installed: {brought}"))
    return grid


def _engines(diagnosis: Diagnosis) -> Table:
    grid = _grid("\nengine", "\nworks here", "")
    for verdict in diagnosis.engines:
        colour = COLOURS["accepted" if verdict.works else "failed"]
        grid.add_row(verdict.engine, Text("yes" if verdict.works else "no", style=colour), Text(plain(verdict.reason)))
    return grid


def _weights(diagnosis: Diagnosis) -> str:
    counts = sorted(diagnosis.parameters.items(), key=lambda item: -item[1])
    groups = ", ".join(f"{name} {count / GB:.3f}" for name, count in counts)
    total = sum(diagnosis.parameters.values()) / GB
    heading = f"\n{plain(diagnosis.model.name)}: {total:.3f} billion parameters ({groups})."
    return f"{heading}\n{plain(_whereabouts(diagnosis.model, diagnosis.download))}"


def _whereabouts(local: LocalModel, download: int) -> str:
    if local.complete:
        return f"Its weights are here: {_gigabytes(local.bytes)} in {local.folder}."
    files = ", ".join(local.missing[:3]) + (" and more" if len(local.missing) > 3 else "")
    here = f"Weights are missing here ({files})." if local.missing else "Its weights are not here."
    if local.is_folder:
        return here
    enough = "" if local.disk_free > download else ", more than is free"
    return f"{here} To get them: {local.command} (takes {_gigabytes(download)} of disk{enough})"


def _fits(diagnosis: Diagnosis) -> Table:
    own = len(diagnosis.cards) - len(CARDS)
    grid = _grid("weights in")
    for title in ("context", "weights", "cache", "scratch", "sum"):
        grid.add_column(title, justify="right")
    for number, size in enumerate(diagnosis.cards):
        grid.add_column(f"this card, {size / GB:.1f} GB" if number < own else f"{size / GB:.0f} GB", justify="right")
    for one, replies in diagnosis.fits:
        sums = (f"{size / GB:.2f}" for size in (one.weights, one.cache, one.workspace, one.total))
        fitting = (str(count or "-") for count in replies)
        grid.add_row(NAMES[one.quantisation], f"{one.context:,}", *sums, *fitting)
    return grid


def _speeds(measured: dict[str, Any]) -> Table:
    grid = _grid("\ncontext", "replies\nat once")
    for title in ("reads\ntokens/s", "peak\nreading", "writes\ntokens/s", "peak\nwriting", "by the\nsum"):
        grid.add_column(title, justify="right")
    for row in measured["measures"]:
        peaks = [_gigabytes(row[key]) if row[key] else "-" for key in ("read_peak", "write_peak")]
        rates = [f"{row[key]:,.1f}" if row[key] else "-" for key in ("read", "write")]
        cells = (rates[0], peaks[0], rates[1], peaks[1], _gigabytes(row["expected"]), row["outcome"])
        grid.add_row(f"{row['context']:,}", str(row["replies"]), *cells)
    return grid


def _made(measured: dict[str, Any]) -> str:
    peak = f", peak {_gigabytes(measured['peak_bytes'])}" if measured["peak_bytes"] else ""
    made = f"random weights in 4 bit, {_gigabytes(measured['weight_bytes'])}, made in {measured['seconds']:.1f} s"
    return f"\n{plain(measured['device'])}: {made}{peak}"
