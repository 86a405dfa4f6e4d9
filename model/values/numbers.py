"""Numbers and amounts of money as printed: either decimal mark, grouped by point, comma, space or apostrophe.

Which mark is the decimal one is a property of the document, not of one number: `1.234` is one or a thousand. So
`decimal_mark` looks at all of a document's numbers first, and `parse_number` then takes what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

Mark = Literal[".", ","]

# The symbols and words that documents print beside an amount. A bare "$" stays ambiguous: USD is its commonest meaning.
CURRENCY_SIGNS: dict[str, str] = {
    "€": "EUR",
    "$": "USD",
    "US$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "￥": "JPY",
    "₹": "INR",
    "Rs": "INR",
    "Rs.": "INR",
    "RM": "MYR",
    "S$": "SGD",
    "HK$": "HKD",
    "A$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "R$": "BRL",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "₺": "TRY",
    "₽": "RUB",
    "₩": "KRW",
    "₫": "VND",
    "฿": "THB",
    "₱": "PHP",
    "₪": "ILS",
    "₴": "UAH",
    "₦": "NGN",
    "Fr.": "CHF",
    "Rp": "IDR",
}
CURRENCY_CODES = frozenset(
    (
        "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW "
        "KWD LKR MAD MXN MYR NGN NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH "
        "USD UYU VND ZAR"
    ).split()
)
_SIGN = "|".join(sorted((re.escape(sign) for sign in CURRENCY_SIGNS), key=len, reverse=True))
_CODE = "|".join(sorted(CURRENCY_CODES))
_DIGITS = (
    r"\d{1,3}(?:[.,'’\u00a0\u202f ]\d{3})+(?:[.,]\d{1,4})?"  # 1,234.50 or 1'234,50
    r"|\d{1,3}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?"  # 12,34,567.00, the Indian grouping
    r"|\d+(?:[.,]\d{1,4})?|[.,]\d{2}"
)
NUMBER = re.compile(
    rf"(?<![\w/#])(?<!\d[.,:\-])(?P<open>\()?\s?(?P<sign>[-+−–])?\s?"
    rf"(?:(?P<before>{_SIGN}|(?:{_CODE})(?![A-Za-z]))\s?)?(?P<sign2>[-−–])?\s?"
    rf"(?P<digits>{_DIGITS})"
    rf"(?P<tail>-(?![\d\w])|\s?%)?(?:\s?(?P<after>€|£|zł|Kč|Ft|₽|(?:{_CODE})(?![A-Za-z])))?(?P<close>\))?"
    rf"(?:\s?(?P<side>CR|DR|Cr|Dr|(?<=[.,]\d\d )[SH])\b)?(?![\w])(?![-/:]\d)(?!\.\d)"
)
_GROUPED = re.compile(r"\d{1,3}([.,'’\u00a0\u202f ]\d{3})+")


@dataclass(frozen=True, slots=True)
class Number:
    """A number found in a text. start, end: characters of the whole, sign and currency included.

    digits: as printed, without sign and currency. currency: ISO 4217, where a sign or code stands beside it.
    decimals: how many digits follow the decimal mark.
    """

    value: Decimal
    start: int
    end: int
    digits: str
    currency: str | None = None
    percent: bool = False
    decimals: int = 0


def parse_number(digits: str, mark: Mark | None = None) -> Decimal | None:
    """The value of unsigned digits with their marks; None for what is no number. `mark`: the decimal one."""
    text = re.sub(r"['’\s\u00a0\u202f]", "", digits)
    last = max(text.rfind("."), text.rfind(","))
    if last >= 0:
        symbol, tail = text[last], len(text) - last - 1
        other = "," if symbol == "." else "."
        grouping = text.count(symbol) > 1 or (
            tail == 3 and other not in text and last > 0 and text[0] != "0" and symbol != (mark or ".")
        )
        if not grouping and tail == 3 and mark is None and other not in text and text[0] != "0":
            grouping = symbol == ","
        text = text.replace(other, "")
        text = text.replace(symbol, "") if grouping else text.replace(symbol, ".")
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def decimal_mark(texts: Iterable[str]) -> Mark | None:
    """The document's decimal mark by majority of the numbers that show it beyond doubt; None where none does."""
    votes = {".": 0, ",": 0}
    for text in texts:
        for match in NUMBER.finditer(text):
            digits = match["digits"]
            last = max(digits.rfind("."), digits.rfind(","))
            if last < 0:
                continue
            symbol, tail = digits[last], len(digits) - last - 1
            both = "." in digits and "," in digits
            if both or (tail == 2 and digits.count(symbol) == 1):
                votes[symbol] += 1
    if votes["."] == votes[","]:
        return None
    return "." if votes["."] > votes[","] else ","


def numbers(text: str, mark: Mark | None = None) -> list[Number]:
    """Every number in a text, left to right."""
    found = []
    for match in NUMBER.finditer(text):
        digits = match["digits"]
        start = match.start("digits")
        if " " in digits and not _GROUPED.fullmatch(re.sub(r"[.,]\d{1,2}$", "", digits)):
            continue
        value = parse_number(digits, mark)
        if value is None:
            continue
        negative = (
            match["sign"] in ("-", "−", "–")
            or match["sign2"] is not None
            or (match["tail"] or "").startswith("-")
            or (match["open"] and match["close"])
            or match["side"] in ("DR", "Dr", "S")
        )
        sign = match["before"] or match["after"]
        currency = None if sign is None else CURRENCY_SIGNS.get(sign, sign)
        first = match.start()
        if match["open"] and not match["close"]:
            first = match.start("before") if match["before"] else start
        while text[first].isspace():
            first += 1
        end = match.end() if not (match["close"] and not match["open"]) else match.end() - 1
        last = max(digits.rfind("."), digits.rfind(","))
        decimals = 0 if value == value.to_integral_value() and "." not in str(value) else len(digits) - last - 1
        found.append(
            Number(
                value=-value if negative else value,
                start=first,
                end=end,
                digits=digits,
                currency=currency,
                percent=(match["tail"] or "").strip() == "%",
                decimals=decimals,
            )
        )
    return found
