"""Sections of résumés and papers, from real pages: entries, works, dated items, plain items, authors, abstracts."""

from typing import Any

import pymupdf
import pytest

from model.embedded.engine import EmbeddedEngine
from model.engine import Answer, Ask, PageView
from pipeline.assemble import whole_data
from pipeline.document import open_document
from pipeline.read import read_pages
from pipeline.slices import Part
from schemas.contract import Contract
from schemas.page import PageText
from tests.pages import page
from tests.prints import pdf

TEXT = {"type": "string"}
YEAR = {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}
POST = {
    "type": "object",
    "properties": {
        "employer": TEXT,
        "jobTitle": TEXT,
        "startDate": YEAR,
        "endDate": {**YEAR, "description": "Null if current"},
        "isCurrent": {"type": "boolean"},
        "description": TEXT,
    },
}
STUDY = {
    "type": "object",
    "properties": {"institution": TEXT, "qualificationTitle": TEXT, "startDate": YEAR, "endDate": YEAR},
}
WORK = {"type": "object", "properties": {"title": TEXT, "year": TEXT, "authors": TEXT, "publisher": TEXT}}
AWARD = {"type": "object", "properties": {"date": TEXT, "description": TEXT, "organization": TEXT}}
OTHER = {"type": "object", "properties": {"sectionTitle": TEXT, "content": TEXT}}


def rows(item: dict[str, Any], description: str = "") -> dict[str, Any]:
    return {"type": "array", "items": item, "description": description}


RESUME = {
    "personalStatement": TEXT,
    "workExperience": rows(POST, "Work experience, including teaching and academic appointments."),
    "education": rows(STUDY),
    "publications": rows(WORK, "Research papers, articles, or similar"),
    "awards": rows(AWARD, "Awards, honors, memberships"),
    "media": rows(TEXT, "Media mentions, appearances"),
    "languages": rows(TEXT),
    "other": rows(OTHER),
}
LINES = (
    ("", "Robin Placeholder", 20),
    ("", "Planner of papers with over nine years in road and rail freight, who turned many", 10),
    ("", "paper schedules into one booking system.", 10),
    ("", "ACADEMIC APPOINTMENTS", 11),
    ("", "Professor of Samples", 10),
    ("", "University of Sampleton, Department of Examples\t2020 - Present", 10),
    ("", "Lecturer", 10),
    ("", "Mockingham College\t1998-2020", 10),
    ("", "Visiting:", 10),
    ("-", "Visiting Scholar, Institute of Tests (2014)", 10),
    ("-", "Fictional University, Laboratory of Drawings (2011-2012)", 10),
    ("", "EDUCATION", 11),
    ("", "PhD in Samples", 10),
    ("", "University of Sampleton\t1992-1996", 10),
    ("", "SELECTED JOURNAL ARTICLES (FROM 160+ TOTAL)", 11),
    ("", '1. Placeholder, R. (2024). "Soft papers and their many', 10),
    ("", 'uses." Journal of Samples, 166(1450), 12-29.', 10),
    ("", "2. Placeholder, R. & Testa, A. (2019). *Hard Papers*. Example Press, 425 pp.", 10),
    ("", "HONOURS & AWARDS", 11),
    ("-", "Example Medal, Society of Samples (2021)", 10),
    ("-", "Member of the Academy (elected 2017)", 10),
    ("", "MEDIA APPEARANCES", 11),
    ("-", "Guest of a programme on paper", 10),
    ("-", "Talk at a fair", 10),
    ("", "LANGUAGES", 11),
    ("", "English (native)\tDutch (fluent)\tGerman (reading", 10),
    ("", "proficiency)", 10),
    ("", "HOUSE RULES", 11),
    ("", "No shouting.", 10),
)


def draw(sheet: pymupdf.Page) -> None:
    top = 40.0
    for mark, text, size in LINES:
        heading = size == 11
        top += 26 if heading else 15
        left = 60.0
        if mark:
            sheet.insert_text((left, top), mark, fontsize=size)
            left += 16
        for number, part in enumerate(text.split("\t")):
            sheet.insert_text((left + 170 * number + 100 * (number > 0), top), part, fontsize=size)


def read(content: bytes) -> tuple[PageText, ...]:
    with open_document(content, name="page.pdf") as document:
        return tuple(read_pages(document))


def filled(properties: dict[str, Any], pages: tuple[PageText, ...]) -> tuple[dict[str, Any], Answer]:
    contract = Contract.from_json_schema({"type": "object", "properties": properties}, "test")
    asked = Ask("a", contract, tuple(map(PageView, pages)))
    (answer,) = EmbeddedEngine().answer([asked])
    return whole_data(Part(asked, answer), contract), answer


@pytest.fixture(scope="module")
def resume() -> dict[str, Any]:
    return filled(RESUME, read(pdf(draw, width=600, height=800)))[0]


def test_posts_and_studies_have_their_places_titles_and_years(resume: dict[str, Any]) -> None:
    posts = resume["workExperience"]
    assert posts[0] == {
        "employer": "University of Sampleton, Department of Examples",
        "jobTitle": "Professor of Samples",
        "startDate": 2020,
        "endDate": None,
        "isCurrent": True,
    }
    assert (posts[1]["employer"], posts[1]["startDate"], posts[1]["endDate"]) == ("Mockingham College", 1998, 2020)
    assert [study["institution"] for study in resume["education"]] == ["University of Sampleton"]


def test_bulleted_items_that_end_with_their_dates_are_entries_too(resume: dict[str, Any]) -> None:
    assert [(post.get("jobTitle"), post["employer"], post["endDate"]) for post in resume["workExperience"][2:]] == [
        ("Visiting Scholar", "Institute of Tests", 2014),
        (None, "Fictional University, Laboratory of Drawings", 2012),
    ]


def test_works_under_a_heading_that_names_their_list_are_taken_apart(resume: dict[str, Any]) -> None:
    assert resume["publications"] == [
        {
            "title": "Soft papers and their many uses",
            "year": "2024",
            "authors": "Placeholder, R.",
            "publisher": "Journal of Samples",
        },
        {
            "title": "Hard Papers",
            "year": "2019",
            "authors": "Placeholder, R. & Testa, A.",
            "publisher": "Example Press",
        },
    ]


def test_dated_items_tell_their_date_and_who_gave_them(resume: dict[str, Any]) -> None:
    assert resume["awards"] == [
        {"date": "2021", "description": "Example Medal, Society of Samples", "organization": "Society of Samples"},
        {"date": "2017", "description": "Member of the Academy"},
    ]


def test_plain_items_are_bullets_or_what_wide_gaps_part(resume: dict[str, Any]) -> None:
    assert resume["media"] == ["Guest of a programme on paper", "Talk at a fair"]
    assert resume["languages"] == ["English (native)", "Dutch (fluent)", "German (reading proficiency)"]


def test_sections_that_no_list_claims_are_kept_with_their_titles(resume: dict[str, Any]) -> None:
    assert resume["other"] == [{"sectionTitle": "HOUSE RULES", "content": "No shouting."}]


def test_the_text_before_the_first_heading_is_the_summary(resume: dict[str, Any]) -> None:
    assert resume["personalStatement"].startswith("Planner of papers")
    assert resume["personalStatement"].endswith("one booking system.")


def test_the_sections_of_two_columns_are_kept_apart() -> None:
    text = """
Robin Placeholder

WORK EXPERIENCE                              SKILLS
Planner - Example Freight                    singing
March 2019 - Present                         sewing
EDUCATION                                    LANGUAGES
Example studies, Mockingham College          English
2009 - 2012                                  Dutch
"""
    data, _ = filled(RESUME, (page(text),))
    assert [(post["employer"], post["jobTitle"]) for post in data["workExperience"]] == [("Example Freight", "Planner")]
    assert data["workExperience"][0]["startDate"] == "March 2019"
    assert data["languages"] == ["English", "Dutch"]


AUTHOR = {"type": "object", "properties": {"name": TEXT, "email": {**TEXT, "format": "email"}, "affiliation": TEXT}}
CITED = {
    "type": "object",
    "properties": {
        "title": TEXT,
        "year": {"type": "integer"},
        "venue": TEXT,
        "authors": {"type": "array", "items": {"type": "object", "properties": {"name": TEXT}}},
    },
}
PAPER = {
    "title": TEXT,
    "ids": {**TEXT, "description": "The unique identifier, e.g. 'arXiv:1234.5678'."},
    "venue": TEXT,
    "abstract": TEXT,
    "number_of_pages": {"type": "integer"},
    "publication_date": TEXT,
    "publication_type": {"enum": ["Journal Article", "Preprint"]},
    "authors": rows(AUTHOR),
    "citations": rows(CITED),
}


def paper(sheet: pymupdf.Page) -> None:
    sheet.insert_text((100, 60), "Sizes of Samples", fontsize=18)
    sheet.insert_text((100, 80), "Anna Testa*1, Berta Sample 1,2 and Carla Testa 2", fontsize=11)
    sheet.insert_text((100, 96), "1Fictional University 2Example Laboratories", fontsize=10)
    sheet.insert_text((100, 112), "{anna, berta}@example.org, carla@example.com", fontsize=9)
    sheet.insert_text((130, 150), "Abstract", fontsize=10)
    for row, text in enumerate(
        ("We measure how large samples are, and find that most", "of them are tex-", "tual and small.")
    ):
        sheet.insert_text((60, 175 + 12 * row), text, fontsize=9)
    for row in range(12):
        sheet.insert_text((330, 150 + 12 * row), "the other column goes on about sizes and colours", fontsize=9)
    sheet.insert_text((60, 330), "References", fontsize=12)
    sheet.insert_text((60, 350), "[1] A. Testa and B. C. Sample. Faster papers. In Conference", fontsize=9)
    sheet.insert_text((74, 362), "of Examples, 2022.", fontsize=9)
    sheet.insert_text((60, 374), "[2] Carla Testa. Colours. Journal of Samples, 3, 2019.", fontsize=9)
    sheet.insert_text((24, 330), "arXiv:2401.01234v2 [cs.XX] 16 Jul 2024", fontsize=16, rotate=90)


@pytest.fixture(scope="module")
def read_paper() -> tuple[dict[str, Any], Answer]:
    return filled(PAPER, read(pdf(paper, width=600, height=420)))


def test_a_paper_tells_its_title_its_authors_and_where_they_are(read_paper: tuple[dict[str, Any], Answer]) -> None:
    data, _ = read_paper
    assert data["title"] == "Sizes of Samples"
    assert data["authors"] == [
        {"name": "Anna Testa", "email": "anna@example.org", "affiliation": "Fictional University"},
        {
            "name": "Berta Sample",
            "email": "berta@example.org",
            "affiliation": "Fictional University / Example Laboratories",
        },
        {"name": "Carla Testa", "email": "carla@example.com", "affiliation": "Example Laboratories"},
    ]


def test_a_stamp_that_runs_up_the_margin_tells_what_the_paper_is(read_paper: tuple[dict[str, Any], Answer]) -> None:
    data, answer = read_paper
    assert data["ids"] == "arXiv:2401.01234v2"
    assert (data["venue"], data["publication_type"], data["number_of_pages"]) == ("arXiv", "Preprint", 1)
    assert data["publication_date"] == "16 Jul 2024"
    assert [word.text for word in answer.findings["/ids"].words] == ["arXiv:2401.01234v2"]


def test_an_abstract_is_the_text_under_its_heading_and_not_the_column_beside_it(
    read_paper: tuple[dict[str, Any], Answer],
) -> None:
    assert read_paper[0]["abstract"] == (
        "We measure how large samples are, and find that most of them are textual and small."
    )


def test_numbered_references_become_works_with_their_authors(read_paper: tuple[dict[str, Any], Answer]) -> None:
    data, answer = read_paper
    assert data["citations"] == [
        {
            "title": "Faster papers",
            "year": 2022,
            "venue": "Conference of Examples",
            "authors": [{"name": "A. Testa"}, {"name": "B. C. Sample"}],
        },
        {"title": "Colours", "year": 2019, "venue": "Journal of Samples", "authors": [{"name": "Carla Testa"}]},
    ]
    assert answer.findings["/citations/0/authors/1/name"].page == 1


def test_a_document_without_headings_has_no_sections() -> None:
    data, _ = filled(RESUME, (page("Anna Testa\nwas here\nand there"),))
    assert data["other"] == [] and data["workExperience"] == [] and data["media"] == []
