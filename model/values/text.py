"""Texts in the form in which they are compared."""

from __future__ import annotations

import re
import unicodedata

_ASCII = {code: chr(code).lower() if chr(code).isalnum() else None for code in range(128)}


def squash(text: str) -> str:
    """Letters and digits only, casefolded, without accents: `Invoice No.:` → `invoiceno`."""
    if text.isascii():
        return text.translate(_ASCII)
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if char.isalnum())


def unbroken(text: str) -> str:
    """A text in which a word that a hyphen breaks at a line's end is one word again."""
    return re.sub(r"(?<=[^\W\d_]{2})- (?=[a-z]{2})", "", text)
