"""What Prefect is told of a batch: bounded, harmless, and never what a document says."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flows.telling import MOST_IN_EVENT, event_payload, resource_of, review_list
from pipeline.job import Job, Row

JOB = Job(("inbox",), ("invoice",), Path("/srv/records"))


def row(name: str, status: str = "review") -> Row:
    return Row(name, f"inbox/{name}", "invoice", status, 1, 2, 3, ("/total: 12 of the document's own words",))


def test_a_record_in_review_is_a_link_with_the_command_that_shows_it() -> None:
    text = review_list(JOB, [row("b.pdf"), row("a b.pdf")], 2)
    assert text.splitlines()[2:] == [
        "- [a b\\.pdf](file:///srv/records/a%20b.pdf.json): 3 values; `intaglio show '/srv/records/a b.pdf.json'`",
        "- [b\\.pdf](file:///srv/records/b.pdf.json): 3 values; `intaglio show '/srv/records/b.pdf.json'`",
    ]


def test_what_is_too_much_to_show_is_counted() -> None:
    text = review_list(JOB, [row("a.pdf")], 1200)
    assert text.startswith("1200 records in") and "1199 more: `intaglio status '/srv/records'`" in text


@given(st.text(min_size=1, max_size=60))
def test_a_name_is_nothing_but_text_in_markdown(name: str) -> None:
    (line,) = review_list(JOB, [row(name)], 1).splitlines()[2:]
    label = line.removeprefix("- [").partition("](file:///")[0]
    bare = label
    for char in "\\`*_{}[]()#+-.!|~":
        bare = bare.replace(f"\\{char}", "")
    assert not set("`*_{}[]()#|~<>") & set(bare)
    assert line.count("`") - label.count("`") == 2  # the one span of code, which no name ends early


@given(st.integers(1, 200))
def test_an_event_counts_all_its_documents_and_names_some(count: int) -> None:
    payload = event_payload(JOB, [row(f"{number}.pdf") for number in range(count)])
    assert payload["count"] == count and len(payload["documents"]) == min(count, MOST_IN_EVENT)
    assert payload["documents"][0] == {
        "name": "0.pdf",
        "uri": "inbox/0.pdf",
        "schema": "invoice",
        "record": "/srv/records/0.pdf.json",
    }
    assert "own words" not in json.dumps(payload)


def test_events_of_one_folder_have_one_resource_and_those_of_another_have_another() -> None:
    other = Job(("inbox",), ("invoice",), Path("/srv/other"))
    assert resource_of(JOB) == resource_of(Job(("elsewhere",), ("invoice",), Path("/srv/records")))
    assert resource_of(JOB)["prefect.resource.id"] != resource_of(other)["prefect.resource.id"]
    assert resource_of(JOB)["prefect.resource.id"].startswith("intaglio.output.")
