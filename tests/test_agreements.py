"""Contracts: parties by capacity, quoted definitions, the law that governs, and names in a column."""

import pytest

from model.embedded.bibliography import author_names, parse_work
from tests.pages import page
from tests.test_embedded import DATE, NUMBER, TEXT, ask

SURE = 0.86  # of the engine alone, with nothing else to speak for a value

COVER = """
                 CREDIT AGREEMENT

           Dated as of November 21, 2003

                      among

             KESTREL HOLDINGS, INC.
      for itself and its Subsidiaries,
                  as a Borrower,

               FIRST SAMPLE BANK, N.A.,
              as Administrative Agent,

          THE LENDERS PARTY HERETO

             SAMPLE SECURITIES INC.
                       and
             EXAMPLE MARKETS LLC,
          as Joint Lead Arrangers and Joint Book Managers
"""
TERMS = """
“Commitment” means the amount beside the name of a Lender.
“Maturity Date” means the later of (a) August 17, 2012 and (b) the date to
which it is extended.
“Responsible Officer” means the treasurer of the Borrower and any other
officer whom the Borrower names. It is one person at a time.

This Agreement shall be governed by, and construed
in accordance with, the law of the State of New York.
"""
ROLL = """
                    SCHEDULE I
Name of Lender                  Commitment
First Sample Bank, N.A.       $147,500,000
Second Example Bank AG        $147,500,000
New York Branch
Third Bank                    $110,000,000
Total                         $405,000,000
Fourth Bank                   $110,000,000
"""


def test_parties_stand_above_their_capacity() -> None:
    data, answer = ask({"borrower": TEXT, "administrative_agent": TEXT}, page(COVER))
    assert data == {"borrower": "KESTREL HOLDINGS, INC.", "administrative_agent": "FIRST SAMPLE BANK, N.A."}
    assert [word.text for word in answer.findings["/borrower"].words] == ["KESTREL", "HOLDINGS,", "INC."]
    assert answer.findings["/borrower"].confidence < SURE


def test_names_that_and_joins_share_a_capacity_and_fill_a_list() -> None:
    data, _ = ask({"lead_arrangers": {"type": "array", "items": TEXT}}, page(COVER))
    assert data["lead_arrangers"] == ["SAMPLE SECURITIES INC.", "EXAMPLE MARKETS LLC"]


def test_a_capacity_at_the_top_of_a_page_has_its_name_at_the_foot_of_the_one_before() -> None:
    first = page("\n" * 50 + "             FIRST SAMPLE BANK, N.A.,", 1)
    second = page("\n\n\n\n             as Administrative Agent,", 2)
    data, _ = ask({"administrative_agent": TEXT}, first, second)
    assert data["administrative_agent"] == "FIRST SAMPLE BANK, N.A."


def test_a_quoted_term_means_the_date_or_the_sentence_of_its_definition() -> None:
    data, _ = ask(
        {
            "maturity_date": {**TEXT, "description": "Return in YYYY-MM-DD format."},
            "responsible_officer_definition": TEXT,
        },
        page(TERMS),
    )
    assert data["maturity_date"] == "2012-08-17"
    assert data["responsible_officer_definition"].endswith("officer whom the Borrower names.")


def test_the_law_that_governs_is_named_in_a_sentence_over_two_lines() -> None:
    data, _ = ask({"governing_law": TEXT}, page(TERMS))
    assert data["governing_law"] == "State of New York"


def test_a_list_of_names_is_the_column_under_its_label_up_to_the_total() -> None:
    data, _ = ask({"lenders": {"type": "array", "items": TEXT}}, page(ROLL))
    assert data["lenders"] == ["First Sample Bank, N.A.", "Second Example Bank AG New York Branch", "Third Bank"]


def test_a_cover_page_prints_captions_in_brackets_under_its_values() -> None:
    text = """
                        KESTREL PAPER, INC.
       (Exact name of registrant as specified in its charter)

            Delaware                            22-1467904
  (State of incorporation)        (IRS Employer Identification No.)
"""
    data, _ = ask({"company": TEXT, "state_of_incorporation": TEXT, "ein": TEXT}, page(text))
    assert data == {"company": "KESTREL PAPER, INC.", "state_of_incorporation": "Delaware", "ein": "22-1467904"}


def test_a_rounded_total_is_what_is_paid() -> None:
    text = """
Paper                  8.48
Total Amount:          8.48
Rounding:              0.02
Nett Total:            8.50
Cash                   8.50
"""
    data, _ = ask({"total": NUMBER}, page(text))
    assert data["total"] == 8.5


def test_a_receipt_without_a_total_was_settled_by_what_was_paid() -> None:
    text = "Paper       20.40\nSUBTOTAL    20.40\nCASH        50.00\nCHANGE      29.60\n"
    data, answer = ask({"total": NUMBER}, page(text))
    assert data["total"] == 20.4
    assert answer.findings["/total"].confidence < SURE


def test_a_preposition_names_no_issuer_where_a_letterhead_does() -> None:
    text = """
KESTREL PAPER SDN BHD
12, Jalan Sample, 50450 Kuala Lumpur

Date: 12.05.2024
Goods are taken back within a week
from the date of purchase. If the request is late they are not.
"""
    data, _ = ask({"company": TEXT, "date": DATE}, page(text))
    assert data["company"] == "KESTREL PAPER SDN BHD"


def test_a_name_whose_second_line_begins_with_its_legal_form_is_one_name() -> None:
    text = "KESTREL PAPER\nENTERPRISE (SAMPLE)\n12, Jalan Sample,\n50450 Kuala Lumpur\n"
    data, _ = ask({"company": TEXT, "address": TEXT}, page(text))
    assert data["company"] == "KESTREL PAPER ENTERPRISE (SAMPLE)"
    assert data["address"] == "12, Jalan Sample, 50450 Kuala Lumpur"


def test_values_of_a_known_form_tell_themselves_and_the_sibling_beside_them() -> None:
    text = """
Event No. 15      MEN      50m      Freestyle

Rank   Name               Time
1      Anna TESTA        44.01
"""
    event = {"type": "object", "properties": {"sex": TEXT, "length": TEXT, "category": TEXT, "championship": TEXT}}
    data, _ = ask({"event": event}, page(text))
    assert data["event"]["sex"] == "MEN" and data["event"]["length"] == "50m"
    assert data["event"]["championship"] is None  # 15 is a number, and not what an event is called
    event["properties"].pop("championship")
    data, _ = ask({"event": event}, page(text))
    assert data["event"] == {"sex": "MEN", "length": "50m", "category": "Freestyle"}


def test_a_column_of_ranks_keeps_a_word_where_its_schema_allows_one() -> None:
    text = """
Rank   Name               Time
1      Anna TESTA        44.01
2      Berta TESTA       46.80
DSQ    Carla TESTA       47.10
"""
    rank = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    row = {"type": "object", "properties": {"rank": rank, "athlete": TEXT, "time": TEXT}}
    data, _ = ask({"results": {"type": "array", "items": row}}, page(text))
    assert [entry["rank"] for entry in data["results"]] == [1, 2, "DSQ"]


@pytest.mark.parametrize(
    ("text", "title", "year", "venue"),
    [
        (
            "Testa, A. & Sample, B. (eds.) (2016). *Beyond Borders, 1500-1700*. Example Press, 512 pp.",
            "Beyond Borders, 1500-1700",
            "2016",
            "Example Press",
        ),
        (
            'Testa, A. et al. (2024). "Soft robots." Science of Samples, 9(87), 1-2.',
            "Soft robots",
            "2024",
            "Science of Samples",
        ),
        (
            "A. Testa and B. C. Sample. Faster papers. In Conference of Examples (CE), 2022.",
            "Faster papers",
            "2022",
            "Conference of Examples (CE)",
        ),
        (
            "Anna Testa. Sizes. arXiv preprint arXiv:2303.08774, 2023.",
            "Sizes",
            "2023",
            "arXiv preprint arXiv:2303.08774",
        ),
    ],
)
def test_a_citation_is_taken_apart(text: str, title: str, year: str, venue: str) -> None:
    work = parse_work(text)
    assert (work.title, work.year, work.venue) == (title, year, venue)


def test_what_is_no_citation_has_no_parts() -> None:
    assert parse_work("Over 90 papers at conferences").title == ""
    assert parse_work("").title == ""


def test_authors_are_parted_in_either_order_of_their_names() -> None:
    assert author_names("Testa, A., Sample, B.C., & Doe, J.") == ["Testa, A.", "Sample, B.C.", "Doe, J."]
    assert author_names("Anna Testa, B. C. Sample and Jane Doe") == ["Anna Testa", "B. C. Sample", "Jane Doe"]
