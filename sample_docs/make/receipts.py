"""Six receipts on narrow rolls, photographed or scanned crooked, faded and lying on a side or on the head."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sample_docs.make.paper import Type, Value
from sample_docs.make.printing import AMERICA, ENGLAND, FRANCE, GERMANY, NETHERLANDS, SPAIN, Printer
from sample_docs.make.roll import Roll
from sample_docs.make.sample import Sample
from sample_docs.make.scan import Look, photo

Item = tuple[str, str, str]
"""Description, quantity, price of one."""

DAY = datetime.date


def receipt(head: Mapping[str, Any], items: Sequence[Item], included: str = "", added: str = "") -> dict[str, Any]:
    """A receipt in the shape of the schema `receipt`. The tax is `included` in the prices or `added` to them."""
    rows: list[dict[str, Any]] = [
        {
            "description": name,
            "quantity": Decimal(quantity),
            "unit_price": Decimal(price),
            "amount": Decimal(quantity) * Decimal(price),
        }
        for name, quantity, price in items
    ]
    amount = sum((row["amount"] for row in rows), Decimal(0))
    return {
        "tax_id": None,
        "phone": None,
        **head,
        "items": rows,
        "subtotal": amount - Decimal(included or 0),
        "tax": Decimal(included or added) if included or added else None,
        "total": amount + Decimal(added or 0),
    }


def _grocer() -> Sample:
    """Names above `2 @ 1.25` lines; skewed, worn thermal print."""
    head = {
        "merchant": "THE MODEL GROCER",
        "address": "14 Specimen Street, Testborough TB1 0ZZ",
        "currency": "GBP",
        "tax_id": "GB 999 9000 57",
        "phone": "01632 960 142",
        "receipt_number": "0417 03 2298",
        "date": DAY(2024, 4, 13),
        "time": "17:42",
        "payment_method": "VISA DEBIT",
    }
    goods = (
        *(("SEMI SKIMMED MILK 2L", "1", "1.65"), ("WHOLEMEAL LOAF", "2", "1.20"), ("FREE RANGE EGGS X6", "1", "2.10")),
        *(("BANANAS LOOSE", "1", "0.94"), ("TOMATO SOUP 400G", "4", "0.85"), ("CHEDDAR MATURE 350G", "1", "3.75")),
        *(("DISHWASHER TABS 30", "1", "6.50"), ("GROUND COFFEE 227G", "2", "3.40")),
    )
    data = receipt(head, goods)
    say, roll = Printer(data, ENGLAND), Roll(Type("mono-bold", 9))
    roll.center(say.text("/merchant"), type=Type("mono-bold", 14))
    roll.center(*say.spread("/address"), ("Tel ", say.text("/phone")), ("VAT No ", say.text("/tax_id")))
    roll.line()
    for index, item in enumerate(data["items"]):
        at, amount = f"/items/{index}", [say.money(f"/items/{index}/amount")]
        if item["quantity"] == 1:
            roll.pair([say.text(f"{at}/description")], amount)
        else:
            roll.left(say.text(f"{at}/description"))
            roll.pair(["  ", say.count(f"{at}/quantity"), " @ ", say.money(f"{at}/unit_price")], amount)
    roll.line()
    big = Type("mono-bold", 13)
    roll.pair(["TOTAL"], [Value("£", "/currency"), say.money("/total")], type=big)
    roll.pair([say.text("/payment_method")], [say.money("/total")])
    roll.left("**** **** **** 0000  AUTH 00417X")
    roll.gap()
    roll.pair([say.day("/date", "dd/MM/yy"), " ", say.text("/time")], ["TILL 03"])
    roll.left("RECEIPT ", say.text("/receipt_number"))
    roll.gap()
    roll.center("THANK YOU FOR SHOPPING", "WITH US")
    look = Look(seed=21, dpi=190, skew=2.4, blur=0.7, noise=9, shade=0.2, worn=0.35, margin=14, desk=92)
    return photo("receipt", data, roll.cut(), look)


def _cafe() -> Sample:
    """Quantity before the name; the picture lies on its side."""
    head = {
        "merchant": "Café de l'Échantillon",
        "address": "3 place du Prototype, 00210 Saint-Essai",
        "tax_id": "FR42999999006",
        "phone": "03 53 01 00 17",
        "receipt_number": "T-18834",
        "currency": "EUR",
        "date": DAY(2024, 6, 2),
        "time": "13:07",
        "payment_method": "CB sans contact",
    }
    goods = (("Formule midi", "2", "17.90"), ("Eau pétillante 50 cl", "1", "3.80"), ("Café crème", "2", "2.60"))
    data = receipt(head, (*goods, ("Tarte aux pommes", "1", "6.20")), included="4.64")
    say, roll = Printer(data, FRANCE), Roll(Type("sans", 9.5))
    roll.center(say.text("/merchant"), type=Type("serif-bold", 16))
    roll.center(*say.spread("/address"), ("Tél. ", say.text("/phone")), ("TVA ", say.text("/tax_id")))
    roll.gap()
    roll.pair(["Ticket ", say.text("/receipt_number")], ["Table 6"])
    roll.pair(["Le ", say.day("/date", "dd/MM/yyyy"), " à ", say.text("/time")], ["2 couverts"])
    roll.line("–")
    for index in range(len(data["items"])):
        at = f"/items/{index}"
        name = [say.count(f"{at}/quantity"), " x  ", say.text(f"{at}/description")]
        roll.pair(name, [say.money(f"{at}/amount")])
    roll.line("–")
    roll.pair(["Total HT"], [say.money("/subtotal")])
    roll.pair(["TVA 10 %"], [say.money("/tax")])
    euro = Value("€", "/currency")
    roll.pair(["TOTAL TTC"], [say.money("/total"), " ", euro], type=Type("sans-bold", 13))
    roll.gap()
    roll.pair(["Réglé par ", say.text("/payment_method")], [say.money("/total"), " ", euro])
    roll.gap()
    roll.center("Merci de votre visite, à bientôt !")
    return photo(
        "receipt", data, roll.cut(), Look(seed=22, dpi=170, skew=1.2, turn=90, blur=0.4, noise=4, margin=8), "PNG"
    )


def _hardware() -> Sample:
    """A tax letter after each amount, cash and change; the picture stands on its head and is skewed."""
    head = {
        "merchant": "BAUMARKT ATTRAPPE",
        "address": "Gewerbering 99, 00321 Dingsda",
        "currency": "EUR",
        "tax_id": "DE999990019",
        "receipt_number": "7731-0042",
        "date": DAY(2024, 8, 17),
        "time": "10:26",
        "payment_method": "BAR",
    }
    goods = (
        *(("HOLZSCHRAUBEN 4X40 200ST", "1", "8.99"), ("DUEBEL 8MM 100ER", "2", "4.49")),
        *(("ACRYL WEISS 310ML", "3", "3.29"), ("PINSEL FLACH 50MM", "1", "5.79"), ("BLUMENERDE 20L", "2", "4.99")),
    )
    data = receipt(head, goods, included="6.93")
    say, roll = Printer(data, GERMANY), Roll(Type("mono", 9))
    roll.center(say.text("/merchant"), type=Type("mono-bold", 15))
    roll.center(*say.spread("/address"), ("USt-ID: ", say.text("/tax_id")))
    roll.gap()
    roll.pair([], [Value("EUR", "/currency")])
    for index, item in enumerate(data["items"]):
        at = f"/items/{index}"
        if item["quantity"] > 1:
            roll.left(say.count(f"{at}/quantity"), " x ", say.money(f"{at}/unit_price"), indent=24)
        roll.pair([say.text(f"{at}/description")], [say.money(f"{at}/amount"), " A"])
    roll.line("=")
    roll.pair(["SUMME EUR"], [say.money("/total"), "  "], type=Type("mono-bold", 11))
    roll.pair(["Gegeben ", say.text("/payment_method")], ["50,00  "])
    roll.pair(["Rückgeld"], [say.locale.number(50 - data["total"]), "  "])
    roll.gap()
    roll.row((-12, "MWST"), (110, "NETTO"), (160, "STEUER"), (204, "BRUTTO"))
    roll.row((-12, "A 19%"), (110, say.money("/subtotal")), (160, say.money("/tax")), (204, say.money("/total")))
    roll.gap()
    roll.pair(["Bon ", say.text("/receipt_number")], [say.day("/date"), " ", say.text("/time")])
    roll.center("Umtausch nur mit Kassenbon")
    look = Look(seed=23, dpi=180, skew=-1.8, turn=180, blur=0.6, noise=6, worn=0.25, margin=10, desk=240)
    return photo("receipt", data, roll.cut(), look)


def _chemist() -> Sample:
    """A table with headings; faded, strongly skewed, on a dark desk."""
    head = {
        "merchant": "Farmacia Modelo",
        "address": "Avda. del Ensayo 40, 00046 Puebla Simulada",
        "currency": "EUR",
        "tax_id": "B99990004",
        "phone": "900 555 046",
        "receipt_number": "FS-240922-118",
        "date": DAY(2024, 9, 22),
        "time": "20:15",
        "payment_method": "TARJETA",
    }
    goods = (
        ("Paracetamol 650 mg", "2", "1.95"),
        ("Crema solar FPS 50", "1", "14.50"),
        ("Tiritas surtidas", "3", "2.35"),
    )
    data = receipt(head, (*goods, ("Termómetro digital", "1", "7.90")))
    say, roll = Printer(data, SPAIN), Roll(Type("mono", 8.5), width=236)
    roll.center(say.text("/merchant"), type=Type("sans-bold", 14))
    roll.center(*say.spread("/address"), ("NIF ", say.text("/tax_id"), "  Tel. ", say.text("/phone")))
    roll.gap()
    roll.left("Factura simplif.: ", say.text("/receipt_number"))
    roll.left("Fecha: ", say.day("/date"), "   Hora: ", say.text("/time"))
    roll.line()
    roll.row((-12, "Cant"), (-40, "Artículo"), (182, "PVP"), (224, "Importe"))
    for index in range(len(data["items"])):
        at = f"/items/{index}"
        roll.row(
            (30, say.count(f"{at}/quantity")),
            (-40, say.text(f"{at}/description")),
            (182, say.money(f"{at}/unit_price")),
            (224, say.money(f"{at}/amount")),
        )
    roll.line()
    roll.pair(["TOTAL"], [say.money("/total"), " ", Value("EUR", "/currency")], type=Type("mono-bold", 12))
    roll.left("IVA incluido")
    roll.left("Pago: ", say.text("/payment_method"), " ************0000")
    roll.gap()
    roll.center("Gracias por su visita")
    look = Look(seed=24, dpi=200, skew=4.6, blur=0.9, noise=6, shade=0.3, ink=0.62, worn=0.2, margin=22, desk=60)
    return photo("receipt", data, roll.cut(), look)


def _diner() -> Sample:
    """Sales tax added; the picture lies on its other side."""
    head = {
        "merchant": "Placeholder Diner",
        "address": "500 Nowhere Blvd, Anytown OH 00000",
        "currency": "USD",
        "phone": "(555) 010-0199",
        "receipt_number": "20157",
        "date": DAY(2023, 12, 29),
        "time": "7:48 PM",
        "payment_method": "MASTERCARD",
    }
    goods = (("Patty Melt", "1", "11.95"), ("Club Sandwich", "1", "12.50"), ("Iced Tea", "2", "2.75"))
    data = receipt(head, (*goods, ("Cherry Pie", "1", "5.25")), added="2.55")
    say, roll = Printer(data, AMERICA), Roll(Type("mono", 9.5))
    roll.center(say.text("/merchant"), type=Type("mono-bold", 15))
    roll.center(*say.spread("/address"), say.text("/phone"))
    roll.gap()
    roll.pair(["Server: 04"], [say.day("/date")])
    roll.pair(["Check #", say.text("/receipt_number")], [say.text("/time")])
    roll.line()
    for index in range(len(data["items"])):
        at = f"/items/{index}"
        roll.pair([say.count(f"{at}/quantity"), " ", say.text(f"{at}/description")], [say.money(f"{at}/amount")])
    roll.gap()
    dollar = Value("$", "/currency")
    roll.pair(["Subtotal"], [say.money("/subtotal")])
    roll.pair(["Tax"], [say.money("/tax")])
    roll.pair(["Total"], [dollar, say.money("/total")], type=Type("mono-bold", 13))
    roll.line()
    roll.pair([say.text("/payment_method")], [dollar, say.money("/total")])
    roll.gap()
    roll.left("Tip: ______________")
    roll.gap()
    roll.center("Customer copy")
    return photo("receipt", data, roll.cut(), Look(seed=25, dpi=160, skew=1.1, turn=270, blur=0.5, noise=8, shade=0.15))


def _parking() -> Sample:
    """A ticket with nothing but a sum; weak ink, a grey scan."""
    head = {
        "merchant": "Parkeergarage Voorbeeldplein",
        "address": "Voorbeeldplein 1, 0000 XX Teststad",
        "tax_id": "NL999990020B01",
        "receipt_number": "004-91827",
        "date": DAY(2024, 11, 4),
        "time": "16:31",
        "currency": "EUR",
        "payment_method": "PIN",
    }
    data = receipt(head, (("Parkeren", "1", "11.50"),), included="2.00")
    say, roll = Printer(data, NETHERLANDS), Roll(Type("sans", 10))
    roll.center(say.text("/merchant"), type=Type("sans-bold", 12))
    roll.center(*say.spread("/address"), ("BTW ", say.text("/tax_id")))
    roll.gap()
    roll.center("PARKEERKAART", type=Type("sans-bold", 11))
    roll.pair(["Kaartnr."], [say.text("/receipt_number")])
    roll.pair(["In"], ["04-11-2024 12:58"])
    roll.pair(["Betaald op"], [say.day("/date"), " ", say.text("/time")])
    roll.pair(["Parkeerduur"], ["3 u 33 min"])
    roll.gap()
    roll.pair(["Excl. btw"], ["€ ", say.money("/subtotal")])
    roll.pair(["Btw 21%"], ["€ ", say.money("/tax")])
    roll.pair(["Totaal"], [Value("€", "/currency"), " ", say.money("/total")], type=Type("sans-bold", 14))
    roll.pair(["Betaalwijze"], [say.text("/payment_method")])
    roll.gap()
    roll.center("Uitrijden binnen 15 minuten")
    look = Look(seed=26, dpi=150, skew=-3.2, blur=0.8, noise=10, ink=0.55, worn=0.3, margin=12, desk=250)
    return photo("receipt", data, roll.cut(), look, "WEBP")


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "receipts/grocer-en-skewed.jpg": _grocer,
    "receipts/cafe-fr-on-its-side.png": _cafe,
    "receipts/hardware-de-upside-down.jpg": _hardware,
    "receipts/chemist-es-faded.jpg": _chemist,
    "receipts/diner-us-on-its-side.jpg": _diner,
    "receipts/parking-nl-weak-ink.webp": _parking,
}
