"""Who issued a document is told by its imprint, and never by a street, a country or a heading."""

import pytest

from tests.pages import page
from tests.test_embedded import TEXT, ask

SCHEMA = {"issuer": {"type": "string", "description": "name of the company that issued the invoice"}, "vat": TEXT}
LETTER = """
{head}


Facture n° 2022-17
Date : 28/11/2022
Total TTC : 56,02 EUR
{middle}
"""


def issuer_of(head: str, foot: str, middle: str = "") -> str | None:
    text = LETTER.format(head=head.strip("\n"), middle=middle)
    return ask(SCHEMA, page(text + "\n" * (48 - text.count("\n")) + foot.strip("\n")))[0]["issuer"]


RECIPIENT = "ATELIER NORD\n27 rue Basse\n69100 Villeneuve"


@pytest.mark.parametrize(
    ("foot", "name"),
    [
        ("Papeterie SAS au capital de 10 000 EUR - RCS Paris B 530 848 134", "Papeterie SAS"),
        ("Registered office: Paper Works Private Limited, 1 High Street, Testborough", "Paper Works Private Limited"),
        ("PAPIERPRESSE\nSiège social : 16 rue Haute - 92100 BOULOGNE - Siret 53084813400017", "PAPIERPRESSE"),
        ("Musterpapier GmbH\nAmtsgericht Musterstadt HRB 12345", "Musterpapier GmbH"),
    ],
)
def test_the_imprint_names_the_issuer_where_the_only_address_is_the_recipients(foot: str, name: str) -> None:
    assert issuer_of(RECIPIENT, foot) == name
    assert issuer_of(RECIPIENT, "") == "ATELIER NORD"


def test_a_letterhead_with_its_legal_form_is_the_issuer_whoever_else_is_registered() -> None:
    head = "Kestrel Paper GmbH\nMusterweg 5\n12345 Musterstadt"
    assert issuer_of(head, "Registered office: Other Works Ltd, 1 High Street") == "Kestrel Paper GmbH"


def test_a_registration_in_the_middle_of_a_page_is_no_imprint() -> None:
    assert issuer_of(RECIPIENT, "", "Registered office: Other Works Ltd, 1 High Street") == "ATELIER NORD"


def test_streets_countries_and_headings_name_nobody() -> None:
    assert issuer_of("Nordstraat 46\n3500 MJ Utrecht\nNederland\n\nPapierwinkel", "") == "Papierwinkel"
    assert issuer_of("Order Details\nPapierwinkel", "") == "Papierwinkel"


def test_a_remark_in_brackets_before_a_name_is_not_part_of_it() -> None:
    data, _ = ask(
        {"issuer": {**SCHEMA["issuer"], "x-labels": ["Service provider"]}},
        page("Service provider: (not for remittance) Paper Works, Inc."),
    )
    assert data["issuer"] == "Paper Works, Inc."


def test_a_label_that_begins_a_part_of_an_imprint_is_believed() -> None:
    long = (
        "Papeterie SAS au capital de 3 441 812 EUR - 8 rue de la Ville Haute, 75008 Paris - N° TVA : FR 604 219 388 61"
    )
    assert ask(SCHEMA, page(long))[0]["vat"] == "FR 604 219 388 61"
    assert ask(SCHEMA, page(long.replace(" - N° TVA : ", " et la TVA de ")))[0]["vat"] is None
