"""Dates and times as a spreadsheet cell shows them."""

from __future__ import annotations

import datetime
import re
from functools import lru_cache

_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|_.|\*.|\[(h+|m+|s+)\]|\[\$[^\]]*\]|\[[^\]]*\]|(AM/PM|A/P|y+|m+|d+|h+|s+|\.0+|;|.)',
    re.IGNORECASE | re.DOTALL,
)
_LANGUAGE = re.compile(r"\[\$[^\]-]*-([0-9A-Fa-f]+)\]")
_LANGUAGES = {
    0x05: "cs", 0x06: "da", 0x07: "de", 0x08: "el", 0x09: "en", 0x0A: "es", 0x0B: "fi", 0x0C: "fr", 0x0E: "hu",
    0x10: "it", 0x11: "ja", 0x12: "ko", 0x13: "nl", 0x14: "nb", 0x15: "pl", 0x16: "pt", 0x18: "ro", 0x19: "ru",
    0x1D: "sv", 0x1F: "tr", 0x22: "uk",
}  # fmt: skip
_SYSTEM = {"F800": "dddd, mmmm d, yyyy", "F400": "h:mm:ss AM/PM"}
DATE, TIME = "yyyy-mm-dd", "h:mm:ss"
_DAY_ZERO = datetime.datetime(1899, 12, 30)


def shown_date(value: datetime.datetime | datetime.date | datetime.time | datetime.timedelta, code: str) -> str:
    """code: the number format. A format for no date gives the date as ISO 8601 has it."""
    found = _LANGUAGE.search(code)
    code = _SYSTEM.get(found.group(1).upper(), code) if found else code
    tokens = _tokens(code)
    if not any(kind for kind, _ in tokens):
        code = TIME if isinstance(value, datetime.time | datetime.timedelta) else DATE
        tokens = _tokens(code)
    language = _LANGUAGES.get(int(found.group(1), 16) & 0xFF, "en") if found else "en"
    moment, span = _moment(value)
    half = any(kind == "noon" for kind, _ in tokens)
    shown = (text if not kind else _part(kind, text, moment, span, half, language) for kind, text in tokens)
    return "".join(shown).strip()


@lru_cache(maxsize=512)
def _tokens(code: str) -> tuple[tuple[str, str], ...]:
    """(kind, text) of each; the kind is empty for text that stands as it is. An `m` is a minute beside hours or
    seconds."""
    tokens: list[tuple[str, str]] = []
    for quoted, escaped, span, token in _TOKEN.findall(code):
        lower = token.casefold()
        if token == ";":
            break
        if quoted or escaped:
            tokens.append(("", quoted or escaped))
        elif span:
            tokens.append((f"all {span[0].casefold()}", span))
        elif lower in ("am/pm", "a/p"):
            tokens.append(("noon", token))
        elif lower[:1] in ("y", "m", "d", "h", "s") and lower[:1]:
            tokens.append((lower[0], lower))
        elif lower.startswith(".0"):
            tokens.append(("fraction", token))
        elif token and token != "@":
            tokens.append(("", token))
    timed = [place for place, (kind, _) in enumerate(tokens) if kind]
    for place, at in enumerate(timed):
        kind, text = tokens[at]
        before = tokens[timed[place - 1]][0] if place else ""
        after = tokens[timed[place + 1]][0] if place + 1 < len(timed) else ""
        if kind == "m" and len(text) <= 2 and (before in ("h", "all h") or after in ("s", "all s")):
            tokens[at] = ("minute", text)
    return tuple(tokens)


def _moment(
    value: datetime.datetime | datetime.date | datetime.time | datetime.timedelta,
) -> tuple[datetime.datetime, datetime.timedelta]:
    """The moment, and the time since the day zero of spreadsheets, for formats that count hours on."""
    match value:
        case datetime.datetime():
            moment = value.replace(tzinfo=None)
        case datetime.date():
            moment = datetime.datetime(value.year, value.month, value.day)
        case datetime.time():
            moment = datetime.datetime.combine(_DAY_ZERO, value.replace(tzinfo=None))
        case _:
            moment = _DAY_ZERO + value
    return moment, moment - _DAY_ZERO


def _part(kind: str, text: str, moment: datetime.datetime, span: datetime.timedelta, half: bool, language: str) -> str:
    length = len(text)
    match kind:
        case "y":
            return f"{moment.year:04d}" if length > 2 else f"{moment.year % 100:02d}"
        case "m" | "d" if length > 2:
            return _named(moment, kind, length, language)
        case "m":
            return f"{moment.month:0{length}d}"
        case "d":
            return f"{moment.day:0{length}d}"
        case "h":
            return f"{(moment.hour % 12 or 12) if half else moment.hour:0{min(length, 2)}d}"
        case "minute":
            return f"{moment.minute:0{length}d}"
        case "s":
            return f"{moment.second:0{min(length, 2)}d}"
        case "noon":
            told = "AM" if moment.hour < 12 else "PM"
            return told if length > 3 else told[0]
        case "fraction":
            return f".{moment.microsecond:06d}"[:length]
        case _:
            seconds = int(span.total_seconds())
            unit = {"h": 3600, "m": 60, "s": 1}[kind[-1]]
            return f"{seconds // unit:0{length}d}"


def _named(moment: datetime.datetime, kind: str, length: int, language: str) -> str:
    """The name of a month or weekday; five letters ask for the first one only."""
    from babel.dates import get_day_names, get_month_names

    width = "abbreviated" if length == 3 else "wide"
    names = get_month_names(width, "format", language) if kind == "m" else get_day_names(width, "format", language)
    name = str(names[moment.month if kind == "m" else moment.weekday()])
    return name[0] if length == 5 else name
