"""How values came to their status is shown; `extract` keeps what made a record; `evaluate` takes a bound of asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import how
from pipeline.review_page.choosing import choose_pages
from pipeline.review_page.page import review_page
from schemas.errors import OutputUnwritable
from schemas.page import Box
from schemas.record import FieldResult, Issue, Record
from tests.papers import write_invoice
from tests.reviewed import Parsed, field, saved
from tests.reviewing import intaglio
from tests.test_record import record

HOSTILE = "</span><script>alert(1)</script>\x1b[2J\u202e"


def looked_at() -> Record:
    fields = {
        "/total": field("3.5", Box(0.1, 0.1, 0.2, 0.2), status="review").model_copy(
            update={"steps": ("crop", "thinking")}
        ),
        "/who": field("Ann").model_copy(update={"settled": "corrected", "steps": ("crop",)}),
        "/when": field("2026-01-02"),
        "/evil": field("x").model_copy(update={"steps": (HOSTILE,)}),
    }
    issue = Issue(code="cut-off", message="cut off", severity="error", despite="bob")
    data = {"total": 3.5, "who": "Ann", "when": "2026-01-02", "evil": "x"}
    return record(data=data, fields=fields, issues=(issue,)).model_copy(update={"version": 2})


def test_how_is_said_in_words() -> None:
    fields = looked_at().fields
    assert how(fields["/total"]) == "asked again: crop, thinking"
    assert how(fields["/who"]) == "asked again: crop; corrected by a person"
    assert how(fields["/when"]) == ""


def test_show_says_it_beside_each_value(tmp_path: Path) -> None:
    shown = intaglio("show", saved(looked_at(), tmp_path / "r.json")).output
    lines = {line.split()[0]: " ".join(line.split()) for line in shown.splitlines() if line.startswith("/")}
    assert lines["/total"].endswith("review asked again: crop, thinking")
    assert lines["/who"].endswith("corrected by a person")
    assert "version 2" in shown and "cut off (let pass by bob)" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


def test_show_has_no_such_column_where_nothing_was_done(tmp_path: Path) -> None:
    plain = record(fields={"/a": FieldResult(value="1", confidence=0.5, status="review")}, data={"a": "1"})
    assert "how" not in intaglio("show", saved(plain, tmp_path / "r.json")).output.split()


def test_the_page_says_it_and_is_safe() -> None:
    shown = looked_at()
    page = Parsed(review_page(shown, choose_pages(shown), {}))
    assert sum(attributes.get("class") == "how" for _, attributes in page.elements) == 4
    assert "asked again: crop, thinking" in page.said and "asked again: crop; corrected by a person" in page.said
    assert "let pass by bob" in page.said and "version 2" in page.said
    assert [tag for tag, _ in page.elements].count("script") == 1 and "\x1b" not in page.said


def test_extract_keeps_what_made_a_record_for_replay(tmp_path: Path) -> None:
    paper, trace = write_invoice(tmp_path / "a.pdf"), tmp_path / "a.trace.gz"
    made = intaglio("extract", paper, "-s", "invoice", "--trace", trace)
    assert made.exit_code == 0
    (tmp_path / "a.json").write_text(made.stdout)
    paper.unlink()
    again = intaglio("replay", tmp_path / "a.json", "--trace", trace, "--json")
    assert (again.exit_code, json.loads(again.stdout)["changed"]) == (0, False)
    before = trace.read_bytes()
    refused = intaglio("extract", paper.with_name("a.json"), "-s", "invoice", "--trace", trace)
    assert isinstance(refused.exception, OutputUnwritable) and trace.read_bytes() == before


def test_evaluate_takes_a_bound_of_closer_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.commands import evaluate

    jobs: list[Any] = []
    monkeypatch.setattr(evaluate, "run", lambda job, **_: jobs.append(job) or 0)
    assert intaglio("evaluate", tmp_path, "--escalations", 3).exit_code == 0
    assert intaglio("evaluate", tmp_path).exit_code == 0
    assert [job.trust.escalations for job in jobs] == [3, 8]
