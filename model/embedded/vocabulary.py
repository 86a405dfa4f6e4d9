"""Words by which addresses, companies and headings are told from other lines, in the languages that we read best.

Not per document type: these are the words of letterheads everywhere.
"""

from __future__ import annotations

import re

from model.values.dates import folded, month_names


def _alternatives(words: str) -> str:
    return "|".join(sorted(words.split(), key=len, reverse=True))


# Legal forms and words that end a company's name. `.` stands for an optional point.
_FORMS = (
    r"(?i:S\.?D\.?N\.{0,2}\s?,?\s?B\.?H\.?D)",
    r"(?i:BHD)|GmbH(?: & Co\.? KG)?|AG|KG|OHG|e\.?K\.?|UG|SE|B\.?V|N\.?V",
    r"S\.?A\.?R\.?L|S\.?A\.?S|S\.?A|S\.?L\.?U?|S\.?p\.?A|S\.?r\.?l|Ltda?|LTDA?|L\.?L\.?C|LLP|Inc|INC|Corp(?:oration)?|CORP",
    r"Co|CO|Company|plc|P\.?L\.?C|Pty|PTY|Pvt|PVT|Limited|LIMITED|Private|Oy|AB|ApS|A/S|AS|z\s?o\.?o|s\.r\.o|Kft|d\.o\.o",
    r"(?i:enterprise|trading|restaurant|restoran|supermarket|bank|hotel)",
)
LEGAL_FORM = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(_FORMS)})\.?(?![A-Za-z])")

_STREET_WORDS = _alternatives(
    "street str strasse straße road rd avenue ave lane drive blvd boulevard jalan jln lorong lrg lot taman tmn"
    " persiaran bandar batu seksyen section rue via viale piazza calle plaza avenida laan straat weg platz allee gasse"
    " place avda avenida close quay ring hof quai floor level suite ground block blk unit box no kg"
)
STREET = re.compile(
    rf"(?i)(?<![a-z])(?:(?:{_STREET_WORDS})\.?|p\.?o\.?\s?box)(?![a-z])"
    r"|(?:straße|strasse|straat|weg|laan|gasse|plein|ring|kade|damm|ufer|str\.)(?=\s|\d|,|$)"
)
POSTCODE = re.compile(
    r"(?<![\d-])(?:[A-Z]{1,2}-)?\d{4,6}(?:-\d{3,4})?(?![\d-])"
    r"|(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)|(?<!\d)\d{4} [A-Z]{2}(?!\w)"
)
NOT_ADDRESS = re.compile(
    "(?i)(?<![a-z])(?:"
    + _alternatives(
        "tel phone fax mobile hotline gst vat ust siret reg roc e-?mail www http tax invoice receipt date cashier bill"
        r" iban bic time table order customer page website id co\.?\s?reg company\sno"
    )
    + ")(?![a-z])"
)
_TITLE_WORDS = _alternatives(
    "invoices? invoice/bill invoices/bill receipt bill rechnung facture factuur fattura factura quittung kassenbon"
    " ticket statement lieferschein original duplicate page seite welcome"
)
TITLE = re.compile(
    rf"(?i)^\W*(?:(?:tax|simplified|retail|cash|official|sales|pro.?forma|credit|copy|kopie|customer"
    rf"|delivery|note|to|{_TITLE_WORDS})\W*)+[\d/ ]*$"
)
TOTAL = re.compile(
    "(?i)^\\W*(?:(?:sub|grand|net|gross|zwischen|gesamt|end|in)[\\s-]*)?(?:"
    + "total|totaal|totale|summe|betrag|somme|suma|subtotaal|montant total|balance due|amount due"
    + "|carried forward|brought forward|übertrag|à reporter"
    + ")\\b"
)
_WHEN = frozenset("vom zum am per von as of on at from to au du le al del a de op van till den dia no nr".split())


def says_only_when(text: str) -> bool:
    """Whether the rest of a label's cell is nothing, or says of which day it speaks: `vom 28.02.2025`, `31 Jan`."""
    words = re.findall(r"[^\W\d_]+", folded(text))
    return len(text.strip(" .:")) <= 3 or all(word in _WHEN or word in month_names() for word in words)
