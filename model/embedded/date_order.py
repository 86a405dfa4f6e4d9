"""Whether a document's numeric dates give the day or the month first, and whether anything on its pages says so.

`03/04/2025` is two days. A document settles it by a date that can be read one way only, else by where it comes from:
its currency, its language, an address in the United States. Where it says nothing, or two things, a person has to look.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from model.values.dates import order_votes
from model.values.numbers import Mark

_STATES = (
    "AL AK AZ AR CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR "
    "PA RI SC SD TN TX UT VA VT WA WI WV WY"
).split()
_AMERICAN = re.compile(rf"\b(?:USA|United States|U\.S\.)|\b(?:{'|'.join(_STATES)}),? \d{{5}}(?:-\d{{4}})?\b")
_EITHER = frozenset({"USD", "CAD", "PHP"})  # currencies of countries that put the month first, or do either
FOREIGN_LETTERS = 2  # beyond ASCII, from which a text is not taken for English
LOOKED_AT = 400  # lines


class DateOrder(NamedTuple):
    """settled: whether the document says which it is; else `day_first` is only the likelier one."""

    day_first: bool
    settled: bool


def date_order(texts: Sequence[str], currencies: Counter[str], mark: Mark | None) -> DateOrder:
    """The order that a document's lines tell. currencies: how often it prints each; mark: its decimal mark."""
    day, month = order_votes(texts)
    if day or month:
        return DateOrder(day >= month, day == 0 or month == 0)
    text = "\n".join(texts[:LOOKED_AT])
    american = bool(_AMERICAN.search(text))
    currency = currencies.most_common(1)[0][0] if currencies else None
    other = mark == "," or (currency is not None and currency not in _EITHER) or _is_foreign(text)
    if american or other:
        return DateOrder(not american, american != other)
    return DateOrder(currency != "USD", settled=False)


def _is_foreign(text: str) -> bool:
    """Whether letters are printed that English does not have."""
    return not text.isascii() and sum(char.isalpha() and not char.isascii() for char in text) >= FOREIGN_LETTERS
