"""What the sample invoices say. All parties are invented; IBANs are the examples of the ISO registry, tax numbers lie
in ranges that no office assigns, with check digits that are right."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sample_docs.make.printing import cents

Line = tuple[str, str, str, str, str]
"""Description, quantity, unit, price of one, percent of tax."""

DAY = datetime.date


def invoice(
    head: dict[str, Any], issuer: dict[str, Any], buyer: dict[str, Any], lines: Sequence[Line], paid: str = "0"
) -> dict[str, Any]:
    """An invoice in the shape of the schema `invoice`, its amounts reckoned from the lines. paid: already, of it."""
    rows: list[dict[str, Any]] = [
        {
            "description": description,
            "quantity": Decimal(quantity),
            "unit": unit or None,
            "unit_price": Decimal(price),
            "tax_rate": Decimal(rate),
            "amount": cents(Decimal(quantity) * Decimal(price)),
        }
        for description, quantity, unit, price, rate in lines
    ]
    breakdown = []
    for rate in sorted({row["tax_rate"] for row in rows}, reverse=True):
        base = sum(row["amount"] for row in rows if row["tax_rate"] == rate)
        breakdown.append({"rate": rate, "base": base, "tax": cents(base * rate / 100)})
    subtotal, tax = sum(row["amount"] for row in rows), sum(part["tax"] for part in breakdown)
    return {
        "due_date": None,
        "order_number": None,
        "customer_number": None,
        **head,
        "seller": issuer,
        "buyer": buyer,
        "lines": rows,
        "tax_breakdown": breakdown,
        "subtotal": subtotal,
        "total_tax": tax,
        "total": subtotal + tax,
        "amount_due": subtotal + tax - Decimal(paid),
    }


def party(name: str, address: str, tax_id: str | None = None) -> dict[str, Any]:
    return {"name": name, "address": address, "tax_id": tax_id}


def seller(name: str, address: str, **more: str) -> dict[str, Any]:
    return {**party(name, address), "email": None, "phone": None, "iban": None, **more}


FREIGHT = seller(
    "Example Freight Ltd",
    "Unit 4, Placeholder Quay, Sampleton SX1 2ZZ",
    tax_id="GB 999 9999 73",
    email="accounts@freight.example.com",
    phone="+44 1632 960 017",
    iban="GB82 WEST 1234 5698 7654 32",
)
GADGETS = seller(
    "Sample Gadget Supply Co.",
    "1200 Fictional Avenue, Suite 300, Anytown, OH 00000",
    email="billing@gadgets.example.com",
    phone="(555) 010-0142",
)
MUSTER = seller(
    "Muster & Söhne Testwaren GmbH",
    "Beispielallee 17, 00999 Musterstadt",
    tax_id="DE999990035",
    email="rechnung@testwaren.example.org",
    phone="0900 5550-170",
    iban="DE89 3704 0044 0532 0130 00",
)
ATELIER = seller(
    "Atelier Factice SARL",
    "8 rue de l'Exemple, 00750 Villetest",
    tax_id="FR66999999014",
    phone="01 99 00 12 34",
    iban="FR14 2004 1010 0505 0001 3M02 606",
)
FICTICIA = seller(
    "Papelería Ficticia S.L.",
    "Calle de la Muestra 21, 00028 Villaprueba",
    tax_id="B99990020",
    email="facturas@papeleria.example.com",
    phone="900 555 021",
    iban="ES91 2100 0418 4502 0005 1332",
)
VOORBEELD = seller(
    "Studio Voorbeeld B.V.",
    "Proefkade 12, 0000 AB Teststad",
    tax_id="NL999990019B01",
    email="administratie@voorbeeld.example.org",
    phone="085 555 01 28",
    iban="NL91 ABNA 0417 1643 00",
)
ALPENTEST = seller(
    "Alpentest Messgeräte AG",
    "Probeweg 3, 0001 Musterlikon",
    tax_id="CHE-999.990.015 MWST",
    email="debitoren@alpentest.example.org",
    phone="044 555 00 31",
    iban="CH93 0076 2011 6238 5295 7",
)

FREIGHT_BILL = invoice(
    {
        "invoice_number": "EF-20417",
        "invoice_date": DAY(2024, 3, 8),
        "due_date": DAY(2024, 4, 7),
        "order_number": "PO 77-1031",
        "customer_number": "C-0458",
        "currency": "GBP",
    },
    FREIGHT,
    party("Placeholder Foods plc", "2 Dummy Street, Testborough TB9 9ZZ", tax_id="GB 999 9000 15"),
    (
        ("Road freight Sampleton to Testborough, full load, 26 pallets of ambient goods", "1", "load", "684.00", "20"),
        ("Tail-lift delivery surcharge", "2", "drop", "27.50", "20"),
        ("Pallet exchange", "26", "pc", "3.15", "20"),
        ("Waiting time at consignee, per started half hour", "3", "0.5 h", "18.75", "20"),
        ("Customs paperwork, zero rated", "1", "set", "45.00", "0"),
    ),
)
GADGET_BILL = invoice(
    {
        "invoice_number": "100-88231",
        "invoice_date": DAY(2023, 11, 6),
        "due_date": DAY(2023, 12, 6),
        "order_number": "4500017734",
        "customer_number": "71190",
        "currency": "USD",
    },
    GADGETS,
    party("Nowhere County School District", "77 Blank Road, Nowhere OH 00001"),
    (
        ("Classroom projector, 3,600 lumens, ceiling mount and remote control included", "6", "ea", "549.99", "7.25"),
        ("HDMI cable, 10 ft", "12", "ea", "8.49", "7.25"),
        ("Document camera DC-7", "4", "ea", "189.00", "7.25"),
        ("Extended warranty, 3 years", "6", "ea", "74.95", "7.25"),
        ("Replacement lamp", "10", "ea", "62.30", "7.25"),
        ("Wall plate, white", "25", "ea", "3.98", "7.25"),
    ),
    paid="1000.00",
)
MUSTER_BILL = invoice(
    {
        "invoice_number": "RE-2024-00317",
        "invoice_date": DAY(2024, 5, 14),
        "due_date": DAY(2024, 6, 13),
        "order_number": "B-45/118",
        "customer_number": "10042",
        "currency": "EUR",
    },
    MUSTER,
    party("Platzhalter Handels KG", "Nirgendwoweg 5, 00123 Probehausen"),
    (
        ("Aktenordner A4, 80 mm, Rückenschild zum Einstecken, grau marmoriert", "120", "Stk.", "2.35", "19"),
        ("Kopierpapier 80 g/m², 500 Blatt", "60", "Pack", "4.79", "19"),
        ("Fachbuch „Ablage leicht gemacht“", "8", "Stk.", "24.90", "7"),
        ("Schreibtischleuchte LED, dimmbar, mit Klemmfuß und Netzteil", "5", "Stk.", "69.50", "19"),
        ("Versand und Verpackung", "1", "pausch.", "14.90", "19"),
    ),
)
ATELIER_BILL = invoice(
    {
        "invoice_number": "F2024-0089",
        "invoice_date": DAY(2024, 2, 21),
        "due_date": DAY(2024, 3, 22),
        "customer_number": "CL 0316",
        "currency": "EUR",
    },
    ATELIER,
    party("Boulangerie du Spécimen", "14 place du Modèle, 00690 Saint-Essai"),
    (
        ("Restauration d'une enseigne peinte, dépose et repose comprises", "1", "forfait", "1480.00", "10"),
        ("Vitrophanie adhésive, deux couleurs", "6.5", "m²", "48.60", "20"),
        ("Affiches A2, papier mat", "40", "u.", "3.85", "20"),
        ("Ouvrage « Lettres et façades »", "3", "u.", "29.00", "5.5"),
        ("Déplacement", "2", "j", "95.00", "20"),
    ),
    paid="500.00",
)
FICTICIA_BILL = invoice(
    {
        "invoice_number": "A/24/1107",
        "invoice_date": DAY(2024, 7, 3),
        "due_date": DAY(2024, 8, 2),
        "customer_number": "00312",
        "currency": "EUR",
    },
    FICTICIA,
    party("Colegio Supuesto", "Avda. del Ensayo 5, 00046 Puebla Simulada", tax_id="B99990012"),
    (
        ("Cuaderno de espiral, tapa dura, cuadrícula 4 mm", "300", "", "1.18", "21"),
        ("Lápiz de grafito HB, caja de 12", "45", "", "2.95", "21"),
        ("Libro de lectura, 2.º de primaria", "62", "", "11.40", "4"),
        ("Pegamento en barra 21 g", "150", "", "0.64", "21"),
        ("Pizarra blanca magnética 120 × 90 cm, marco de aluminio y bandeja", "2", "", "87.25", "21"),
    ),
)
VOORBEELD_BILL = invoice(
    {
        "invoice_number": "2024.118",
        "invoice_date": DAY(2024, 9, 30),
        "due_date": DAY(2024, 10, 14),
        "order_number": "Fictief-22",
        "currency": "EUR",
    },
    VOORBEELD,
    party("Stichting Denkbeeldig", "Schijnplein 1, 0000 ZZ Nergenshuizen"),
    (
        ("Ontwerp jaarverslag", "34.5", "uur", "82.50", "21"),
        ("Drukbegeleiding", "6", "uur", "75.00", "21"),
        ("Drukwerk 250 exemplaren, 64 pagina's, garenloos gebrocheerd", "250", "stuks", "7.12", "9"),
        ("Reiskosten", "118", "km", "0.23", "21"),
    ),
)
ALPENTEST_BILL = invoice(
    {
        "invoice_number": "90 0147",
        "invoice_date": DAY(2024, 10, 1),
        "due_date": DAY(2024, 10, 31),
        "order_number": "VT-3310",
        "customer_number": "K 5081",
        "currency": "CHF",
    },
    ALPENTEST,
    party("Niemandsland Energie AG", "Scheinstrasse 88, 0002 Testwil"),
    (
        ("Durchflussmesser DN 50, PN 16, mit Anzeige", "3", "Stk", "1845.00", "8.1"),
        ("Kalibrierung nach Werksnorm, mit Protokoll", "3", "Stk", "310.00", "8.1"),
        ("Dichtungssatz", "12", "Set", "14.65", "8.1"),
        ("Arbeitszeit Monteur", "7.25", "Std", "128.00", "8.1"),
    ),
)
ADVICE_BILL = invoice(
    {
        "invoice_number": "SV/0092/24",
        "invoice_date": DAY(2024, 1, 31),
        "due_date": DAY(2024, 3, 1),
        "order_number": "WO-5561",
        "currency": "EUR",
    },
    VOORBEELD,
    party("Example Freight Ltd", "Unit 4, Placeholder Quay, Sampleton SX1 2ZZ", tax_id="GB 999 9999 73"),
    (
        ("Brand refresh, discovery workshop (two days on site)", "16", "hrs", "95.00", "0"),
        ("Livery artwork for 7.5 t and 18 t vehicles", "22.75", "hrs", "82.50", "0"),
        ("Stock photography licence", "3", "pcs", "49.00", "0"),
    ),
)

_TOOLS = (
    *("Schraubendreher", "Ringschlüssel", "Stecknuss", "Feile", "Bohrer", "Schleifscheibe", "Sägeblatt", "Zange"),
    *("Hammer", "Zollstock", "Wasserwaage", "Schraubzwinge", "Meißel", "Spachtel"),
)
_MAKES = ("Gr. 2, gehärtet", "Gr. 4", "Gr. 6, Profi", "Gr. 8, rostfrei", "Gr. 10 mit Zweikomponentengriff und Öse")


def tool_lines(number: int) -> list[Line]:
    """A long order: every tool in several makes, now and then a book, quantities and prices spread by fixed strides."""
    lines = []
    for i in range(number):
        tool, book = (
            f"{_TOOLS[i % len(_TOOLS)]} {_MAKES[i * 3 % len(_MAKES)]}",
            f"Handbuch Werkstatt, Band {i // 13 + 1}",
        )
        price = f"{Decimal(195 + i * 737 % 4310) / 100}"
        lines.append((book if i % 13 == 5 else tool, str(1 + i * 7 % 24), "Stk.", price, "7" if i % 13 == 5 else "19"))
    return lines


LONG_BILL = invoice(
    {
        "invoice_number": "RE-2024-00402",
        "invoice_date": DAY(2024, 6, 28),
        "due_date": DAY(2024, 7, 28),
        "order_number": "S-2024/7",
        "customer_number": "10077",
        "currency": "EUR",
    },
    MUSTER,
    party("Werkstatt Irgendwo eG", "Am Blindtext 40, 00456 Dingsda"),
    tool_lines(64),
)
