"""What works on this machine, what does not, and why: everything that `intaglio doctor` says, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.gemma.checkpoint import DEFAULT_MODEL
from model.gemma.dimensions import Config, required, text_config
from model.gemma.hub import LocalModel, look_up, read_config
from model.gemma.sizes import GB, Fit, fit, longest_context, parameter_counts, table, weight_bytes
from model.machine import Card, Library, Machine, libraries, look, own_version

CARDS = tuple(size * GB for size in (24, 40, 48, 80))
CONTEXTS = (8192, 32_768, 131_072, 262_144)
NEEDED = {"embedded": "", "gemma": "gemma"}  # the extra that each engine needs


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an engine works here, and the reason: what it can do, or what is in its way."""

    engine: str
    works: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """parameters: by group of weights. download: bytes that the weights take on disk as published, in 16 bit.

    cards: bytes of those in `fits`, this machine's first. fits: what one reply takes, and how many each card holds.
    """

    version: str
    machine: Machine
    libraries: tuple[Library, ...]
    model: LocalModel
    parameters: dict[str, int]
    download: int
    engines: tuple[Verdict, ...]
    cards: tuple[int, ...]
    fits: tuple[tuple[Fit, tuple[int, ...]], ...]


def diagnose(model: str) -> Diagnosis:
    """Looks at the machine and sums up a model, by its name on the hub or its folder; by default the 26B-A4B.

    Raises UsageError where the model's dimensions are not on this machine, or are not a Gemma 4's.
    """
    machine, found, local = look(), libraries(), look_up(model or DEFAULT_MODEL)
    config = read_config(local)
    cards = (*_sizes(machine.cards.found), *CARDS)
    most = required(text_config(config), "max_position_embeddings")
    return Diagnosis(
        version=own_version(),
        machine=machine,
        libraries=found,
        model=local,
        parameters=parameter_counts(config),
        download=weight_bytes(config, "none"),
        engines=(_embedded(found), _gemma(found, machine, config)),
        cards=cards,
        fits=tuple(table(config, [context for context in CONTEXTS if context <= most] or [most], cards)),
    )


def _sizes(cards: Sequence[Card]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(card.total_bytes for card in cards if card.total_bytes))


def _missing(found: Sequence[Library], engine: str) -> str:
    extra = NEEDED[engine]
    missing = [library.name for library in found if library.extra == extra and library.version is None]
    if not missing:
        return ""
    place = f"extra `{extra}`" if extra else "base install"
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed ({place})"


def _embedded(found: Sequence[Library]) -> Verdict:
    missing = _missing(found, "embedded")
    return Verdict("embedded", not missing, missing or "on the CPU, with no download")


def _gemma(found: Sequence[Library], machine: Machine, config: Config) -> Verdict:
    usable = [card for card in machine.cards.found if card.usable and card.total_bytes]
    hindrances = [_missing(found, "gemma"), "" if usable else _no_card(machine, config)]
    largest = max((card.total_bytes or 0 for card in usable), default=0)
    tokens = longest_context(config, "nf4", largest)
    if usable and not tokens:
        hindrances.append(f"the largest card has {largest / GB:.1f} GB; {_least(config)}")
    reason = "; ".join(filter(None, hindrances))
    return Verdict("gemma", not reason, reason or f"in 4 bit, documents of up to {tokens:,} tokens")


def _no_card(machine: Machine, config: Config) -> str:
    listed = "".join(f"{card.name} is there, but " for card in machine.cards.found[:1])
    return f"no graphics card to compute on: {listed}{machine.cards.trouble}; {_least(config)}"


def _least(config: Config) -> str:
    return f"in 4 bit it takes {fit(config, 'nf4', CONTEXTS[0]).total / GB:.1f} GB at {CONTEXTS[0]:,} tokens"
