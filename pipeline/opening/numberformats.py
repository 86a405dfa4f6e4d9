"""What a spreadsheet cell shows of a number or date under its number format (ECMA-376 part 1, 18.8.31).

Decimal points and commas are those of the format's code, since a file does not say where it is looked at.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from functools import lru_cache
from typing import NamedTuple

from pipeline.opening.dateformats import shown_date

GENERAL = "General"
DOUBLES = 700  # digits that any number of a spreadsheet has, before and behind the point
DIGITS = 11  # that General shows of a number with decimals
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_(.)|\*(.)|\[\$([^\]-]*)(?:-[^\]]*)?\]|\[([^\]]*)\]|([^"\\_*\[]+?|.)', re.DOTALL)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?[\d.]+)$")
_TESTS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
    "=": lambda one, other: one == other,
    "<>": lambda one, other: one != other,
}


class _Piece(NamedTuple):
    """Of a format. kind: `text` as it is, or `code`."""

    kind: str
    text: str


class _Part(NamedTuple):
    """One of the parts that `;` divides. condition: which numbers it is for, as `(sign, number)`."""

    pieces: tuple[_Piece, ...]
    condition: tuple[str, Decimal] | None


def shown(value: object, code: str | None) -> str:
    """value: of the cell, as openpyxl gives it. code: its number format."""
    code = code or GENERAL
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return _text(value, code)
        case datetime.datetime() | datetime.date() | datetime.time() | datetime.timedelta():
            return shown_date(value, _first(code))
        case int() | float() | Decimal():
            return _number(value, code)
    return str(value)


def general(value: float | Decimal) -> str:
    """Whole numbers with all their digits; others with as many as spreadsheets show."""
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        return "#NUM!"
    if number == number.to_integral_value():
        return str(int(number)) if abs(number) < Decimal("1e21") else f"{number:.5E}"
    if abs(number) < Decimal("1e-9"):
        return f"{number:.5E}"
    whole = len(str(int(abs(number))))
    rounded = number.quantize(Decimal(1).scaleb(-max(0, DIGITS - whole)), ROUND_HALF_UP)
    return format(rounded.normalize(), "f")


def _text(value: str, code: str) -> str:
    parts = _parts(code)
    if len(parts) < 4 and "@" not in code:
        return value
    part = parts[3] if len(parts) > 3 else next((one for one in parts if _code(one).find("@") >= 0), None)
    if part is None:
        return value
    return "".join(piece.text if piece.kind == "text" else piece.text.replace("@", value) for piece in part.pieces)


def _number(value: int | float | Decimal, code: str) -> str:
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    parts = _parts(code)
    part, signed = _chosen(number, parts)
    if part is None:
        return ""
    body = _code(part)
    if not number.is_finite():
        return "#NUM!"
    if "General" in body or not body.strip():
        text = "".join(piece.text for piece in part.pieces) if not body.strip() else None
        if text is not None:
            return text
        figure = general(number if signed else abs(number))
        return "".join(
            piece.text if piece.kind == "text" else piece.text.replace("General", figure) for piece in part.pieces
        )
    if "@" in body:
        return general(number)
    try:
        with localcontext(prec=DOUBLES):
            return _formatted(number if signed else abs(number), part)
    except (InvalidOperation, ValueError, OverflowError):
        return general(number)


def _chosen(number: Decimal, parts: tuple[_Part, ...]) -> tuple[_Part | None, bool]:
    """The part for a number, and whether its own minus is to be shown."""
    if any(part.condition for part in parts):
        for part in parts:
            if part.condition is None or _TESTS[part.condition[0]](number, part.condition[1]):
                return part, True
        return None, True
    if len(parts) == 1 or number > 0:
        return parts[0], True
    if number < 0:
        return parts[1], False
    return parts[2] if len(parts) > 2 else parts[0], True


def _formatted(number: Decimal, part: _Part) -> str:
    body = _code(part)
    if "/" in body or not re.search(r"[0#?]", body):  # fractions are shown as decimals
        rest = "".join(piece.text for piece in part.pieces if piece.kind == "text")
        return general(number) if "/" in body else ("-" if number < 0 else "") + rest + body
    number *= 100 ** body.count("%")
    exponent = re.search(r"E([+-])(0+)", body, re.IGNORECASE)
    digits = body[: exponent.start()] if exponent else body
    scaled = re.search(r"[0#?](,+)(?![0#?,])", re.sub(r"[^0#?.,]", "", digits))
    number /= Decimal(1000) ** (len(scaled.group(1)) if scaled else 0)
    power = 0
    if exponent and number:
        power = number.adjusted()
        number = number.scaleb(-power)
    figure = _figure(abs(number), digits)
    if exponent:
        sign = "-" if power < 0 else "+" if exponent.group(1) == "+" else ""
        figure += f"E{sign}{abs(power):0{len(exponent.group(2))}d}"
    minus = "-" if number < 0 and re.search(r"[1-9]", figure) else ""
    return minus + _filled(part, figure)


def _figure(number: Decimal, digits: str) -> str:
    """A number without its sign, as `#,##0.00` and the like want it."""
    whole_form, _, part_form = re.sub(r"[^0#?.,]", "", digits).partition(".")
    most, least = len(re.findall(r"[0#?]", part_form)), len(re.findall("[0?]", part_form))
    rounded = number.quantize(Decimal(1).scaleb(-most), ROUND_HALF_UP)
    whole, _, decimals = format(rounded, "f").partition(".")
    while len(decimals) > least and decimals.endswith("0"):
        decimals = decimals[:-1]
    filled = max(1 if "0" in whole_form else 0, whole_form.count("0"))
    whole = (whole.lstrip("0") or "").rjust(filled, "0")
    if re.search(r"[0#?],[0#?]", whole_form):
        whole = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", whole)
    return f"{whole}.{decimals}" if decimals or (part_form == "" and "." in digits) else whole


def _filled(part: _Part, figure: str) -> str:
    """The number in place of the first run of digits of the format, with what stands around it."""
    text, put = "", False
    for piece in part.pieces:
        if piece.kind == "text":
            text += piece.text
            continue
        rest = re.sub(r"E[+-]0+", "", piece.text, flags=re.IGNORECASE)
        for run in re.findall(r"[0#?.,]+|[^0#?.,]+", rest):
            if run[0] not in "0#?.,":
                text += run
            elif not put:
                text, put = text + figure, True
    return text.strip()


def _first(code: str) -> str:
    """The first part of a date's format, which is all that such a one has but for text."""
    return code if GENERAL not in code else ""


@lru_cache(maxsize=512)
def _parts(code: str) -> tuple[_Part, ...]:
    parts: list[list[_Piece]] = [[]]
    conditions: list[tuple[str, Decimal] | None] = [None]
    for quoted, escaped, space, _fill, currency, bracket, plain in _TOKEN.findall(code):
        if plain == ";":
            parts.append([])
            conditions.append(None)
        elif quoted or escaped or currency:
            parts[-1].append(_Piece("text", quoted or escaped or currency))
        elif space:
            parts[-1].append(_Piece("text", " "))
        elif bracket and (found := _CONDITION.match(bracket)):
            conditions[-1] = (found.group(1), Decimal(found.group(2)))
        elif plain:
            last = parts[-1][-1] if parts[-1] else None
            if last is not None and last.kind == "code":
                parts[-1][-1] = _Piece("code", last.text + plain)
            else:
                parts[-1].append(_Piece("code", plain))
    return tuple(_Part(tuple(pieces), condition) for pieces, condition in zip(parts, conditions, strict=True))


def _code(part: _Part) -> str:
    return "".join(piece.text for piece in part.pieces if piece.kind == "code")
