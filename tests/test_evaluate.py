"""`intaglio evaluate`: folders of real little PDFs with their truth, records, comparisons, and hostile values."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.evaluation_page import STYLE, evaluation_page
from flows.evaluation_report import sections
from model.registry import load_engine
from pipeline.comparison import compare
from pipeline.evaluate import Evaluated, Evaluation, Records, load_record
from pipeline.evaluation_file import load_evaluation, to_json
from pipeline.extract import extract
from pipeline.score import score
from pipeline.sinks import record_path, write_atomically
from pipeline.truth import find_cases
from schemas.errors import UsageError
from schemas.record import SCHEMA_VERSION
from schemas.registry import load_contract
from tests.papers import write_invoice
from tests.test_score import CONTRACT, record_of

ROOT = Path(__file__).parent.parent
SCHEMA = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string", "description": "number of the invoice"},
        "total": {"type": "number", "description": "total to pay"},
        "invoice_date": {"type": ["string", "null"], "format": "date"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": "number"}}}},
    },
}


def write_truth(document: Path, truth: Any) -> Path:
    path = document.with_name(f"{document.stem}.truth.json")
    path.write_text(truth if isinstance(truth, str) else json.dumps(truth), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents, of which the second one's truth is at odds with its page, and their schema."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "schema.json").write_text(json.dumps(SCHEMA))
    for name, number, printed, total in (("one", "A-1701", "12.50", 12.5), ("two", "A-1702", "99.00", 98.0)):
        document = write_invoice(docs / f"{name}.pdf", number, printed)
        write_truth(document, {"invoice_number": number, "total": total, "invoice_date": "2026-01-02"})
    return docs


def records_of(folder: Path) -> Path:
    """A folder of records beside it, made in this process, for workers take seconds to start."""
    out = folder.parent / "records"
    contract = load_contract(str(folder / "schema.json"))
    for document in sorted(folder.glob("*.pdf")):
        record = extract(document, contract, load_engine("embedded"))
        write_atomically(record_path(out, document.name), record.model_dump_json(indent=2))
    return out


def evaluate(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--workers", "1"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_command_tells_what_is_wrong_and_keeps_it(folder: Path, tmp_path: Path) -> None:
    """And the records of an ingest give the very same, without an engine."""
    code, output = evaluate(folder, "--json", tmp_path / "a.json", "--html", tmp_path / "a.html")
    assert code == 0
    assert "2 documents, 6 values in the truth" in output and "1 of 2 documents have no fault" in output
    assert "Accepted, and not right" in output and "two.pdf" in output.partition("Accepted, and not right")[2]
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["fields"]["/total"]["f1"] == 0.5 and told["fields"]["/invoice_number"]["f1"] == 1.0
    assert told["figures"]["wrong"] == 1 and told["figures"]["right"] == 5
    assert [document["name"] for document in told["documents"]] == ["one.pdf", "two.pdf"]
    fields = [
        line.split()[0] for line in output.splitlines() if line.startswith(("/total", "/invoice_number", "all values"))
    ]
    assert fields[0] == "/total" and fields[-1] == "all", "the worst field comes first"
    assert (tmp_path / "a.html").read_text().count("two.pdf") >= 2
    job = ["ingest", folder, "--schema", folder / "schema.json", "--out", tmp_path / "out", "--direct", "--quiet"]
    assert CliRunner().invoke(app, [*map(str, job)]).exit_code == 0
    code, _ = evaluate(folder, "--records", tmp_path / "out", "--json", tmp_path / "b.json", "--engine", "nobody")
    assert code == 0 and json.loads((tmp_path / "b.json").read_text()) == told


def test_compared_with_an_older_run(folder: Path, tmp_path: Path) -> None:
    """The second document is now read right: its total has got better, and nothing worse."""
    evaluate(folder, "--records", records_of(folder), "--json", tmp_path / "old.json", "--quiet")
    write_invoice(folder / "two.pdf", "A-1702", "98.00")
    compared = ("--compare", tmp_path / "old.json", "--json", tmp_path / "new.json")
    code, output = evaluate(folder, "--records", records_of(folder), *compared)
    assert code == 0 and "Got better: 1" in output and "Got worse" not in output
    told = json.loads((tmp_path / "new.json").read_text())["comparison"]
    assert told["fields"] == [{"name": "/total", "before": 0.5, "after": 1.0}]
    assert [(flip["document"], flip["pointer"], flip["was"], flip["now"]) for flip in told["better"]] == [
        ("two.pdf", "/total", "wrong", "right")
    ]


def test_records_that_cannot_be_used_are_told_and_the_others_judged(folder: Path) -> None:
    for name in ("three", "four"):
        write_truth(write_invoice(folder / f"{name}.pdf", f"A-{name}"), {"total": 12.5})
    records = records_of(folder)
    older = records / "one.pdf.json"
    older.write_text(older.read_text().replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 0'))
    (records / "two.pdf.json").unlink()
    broken = records / "three.pdf.json"
    broken.write_text(broken.read_text()[:-40])
    code, output = evaluate(folder, "--records", records)
    said = " ".join(output.split())
    assert code == 1 and "1 document, 1 value in the truth" in said
    assert "one.pdf.json is a record of version 0" in said and "two.pdf: " in said and "no record of it" in said
    assert "three.pdf.json is no JSON" in said and "intaglio ingest" in said
    with pytest.raises(UsageError, match="version 0"):
        load_record(older)


def test_records_of_another_version_of_the_schema_are_judged_and_said(folder: Path) -> None:
    records = records_of(folder)
    (folder / "newer").mkdir()
    (folder / "newer" / "schema.json").write_text(json.dumps({**SCHEMA, "description": "as it is today"}))
    case = find_cases(folder, [str(folder / "newer" / "schema.json")]).cases[0]
    result = Records(records).judge(case)
    assert isinstance(result, Evaluated) and "another version of the schema" in result.notes[0]


def test_a_record_is_found_by_its_documents_bytes_wherever_it_lies(folder: Path) -> None:
    records = records_of(folder)
    (records / "deep").mkdir()
    (records / "one.pdf.json").rename(records / "deep" / "other name.json")
    code, output = evaluate(folder, "--records", records)
    assert code == 0 and "2 documents, 6 values" in output


def test_what_does_not_fit_is_told_by_pointer_and_the_rest_counts(folder: Path) -> None:
    truth = {"total": "a lot", "colour": "red", "lines": [{"amount": 1.0}, {"amount": [2]}], "invoice_number": "A-1701"}
    evidence = {"/totl": [{"page": 1, "box": [0, 0, 1, 1]}]}
    write_truth(folder / "one.pdf", {"schema": "schema.json", "data": truth, "evidence": evidence})
    (folder / "unknown.pdf").write_bytes((folder / "one.pdf").read_bytes())
    code, output = evaluate(folder, "--records", records_of(folder))
    said = " ".join(output.split())
    assert code == 0, "nothing failed; the truth is the user's to mend"
    assert "one.pdf: the truth does not fit the schema at /total: it is not a number" in said
    assert "at /colour: the schema has no such field; not scored" in said
    assert "at /lines/1/amount: the schema has a single value here, the truth a list; not scored" in said
    assert "at /totl: its place is given" in said
    assert "unknown.pdf: there is no truth beside it; not scored" in said
    assert "2 documents, 6 values in the truth" in said


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ("{not JSON", "is no JSON"),
        ('{"total": NaN}', "NaN is no number"),
        ("[" * 100_000, "is no JSON"),
        ({"schema": "invoise", "data": {}}, "neither built in nor a .json file"),
        ({"schema": "os:system", "data": {}}, "Give a Python model with --schema"),
        ({"schema": "gone.json", "data": {}}, "gone.json cannot be read"),
        ({"schema": "schema.json", "data": {}, "evidence": {"/total": [{"page": 0, "box": [0, 0, 1]}]}}, "at evidence"),
        ({"schema": "schema.json", "data": {}, "evidnce": {}}, "at evidnce"),
    ],
)
def test_a_truth_that_cannot_be_read_costs_its_document_only(folder: Path, truth: Any, said: str) -> None:
    write_truth(folder / "one.pdf", truth)
    found = find_cases(folder)
    assert [case.source.name for case in found.cases] == ["two.pdf"] and found.without_truth == ()
    (trouble,) = found.troubles
    assert trouble.name == "one.truth.json" and said in trouble.reason
    code, output = evaluate(folder, "--records", records_of(folder))
    assert code == 1 and f"one.truth.json: {trouble.reason[:30]}" in output and "1 document, 3 values" in output


def test_a_truth_of_several_documents_is_told_apart_by_its_name(folder: Path) -> None:
    (folder / "one.png").write_bytes(b"")
    (trouble,) = find_cases(folder).troubles
    assert "2 documents" in trouble.reason and "one.pdf.truth.json" in trouble.reason
    (folder / "one.truth.json").rename(folder / "one.pdf.truth.json")
    found = find_cases(folder)
    assert [case.source.name for case in found.cases] == ["one.pdf", "two.pdf"]
    assert (found.troubles, found.without_truth) == ((), ("one.png",))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "there is no folder nowhere"),
        (("empty",), "Put x.truth.json beside x.pdf"),
        (("docs", "-s", "invoise"), "Did you mean invoice?"),
        (("docs", "-e", "nobody"), "embedded"),
        (("docs", "--records", "empty"), "holds no records"),
        (("docs", "--compare", "docs/schema.json"), "is not an evaluation"),
        (("docs", "--compare", "nowhere.json"), "nowhere.json cannot be read"),
        (("docs", "--compare", "old.json"), "version 0"),
        (("docs", "--compare", "odd.json"), "at documents"),
        (("docs", "-s", "chart"), "--engine gemma"),
        (("docs", "--json", "empty"), "cannot be written: Is a directory"),
        (("docs", "--html", "old.json/page.html"), "page.html cannot be written"),
    ],
)
def test_wrong_use_is_one_clear_line(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    (folder.parent / "empty").mkdir()
    (folder.parent / "old.json").write_text('{"evaluation_version": 0}')
    (folder.parent / "odd.json").write_text('{"evaluation_version": 1, "documents": 7}')
    inside = [
        str(folder.parent / each) if (folder.parent / each.split("/")[0]).exists() else each for each in arguments
    ]
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        evaluate(*inside)
    assert caught.value.exit_code == 2


def test_documents_that_fail_as_they_must_and_as_they_must_not(folder: Path) -> None:
    """One that must not misses everything."""
    (folder / "one.pdf").write_bytes(b"%PDF-1.7 and no more")
    for name, code in (("locked", "encrypted-document"), ("locked2", "damaged-document")):
        document = write_invoice(folder / f"{name}.pdf", password="secret")
        write_truth(document, {"schema": "schema.json", "fails": code})
    code, output = evaluate(folder, "--records", records_of(folder))
    said = " ".join(output.split())
    assert code == 1 and "2 documents, 6 values" in said and "0 of 2 documents have no fault" in said
    assert "one.pdf: failed with damaged-document; all its values count as missed" in said
    assert "1 value wrong, 3 missed" in said
    assert "2 documents had to fail, 1 did so as told" in said
    assert "locked2.pdf: was to fail with damaged-document, but encrypted-document" in said
    assert "locked.pdf: was" not in said


def test_the_samples_own_truth_is_judged_whole(tmp_path: Path) -> None:
    """The project's invoices: real layouts, boxes in the truth, rows in any order."""
    samples = tmp_path / "samples"
    samples.mkdir()
    for name in ("freight-en", "gadgets-us", "studio-nl"):
        for suffix in (".pdf", ".truth.json"):
            source = ROOT / "sample_docs" / "invoices" / f"{name}{suffix}"
            (samples / source.name).write_bytes(source.read_bytes())
    code, output = evaluate(samples, "--json", tmp_path / "a.json")
    told = json.loads((tmp_path / "a.json").read_text())
    assert code == 0 and "Places: F1" in output and "/lines/*" in output
    its = told["figures"]
    assert its["leaves"] > 100 and its["f1"] > 0.9 and its["page_f1"] >= its["word_f1"] > 0.5
    assert 0 <= its["ece"] <= 1 and its["at_target"]["right"] >= 0.99 * its["at_target"]["accepted"]
    assert sum(each["leaves"] for each in told["reliability"]) == its["found"]
    assert not any(document["misfits"] for document in told["documents"])


def test_ctrl_c_prints_what_is_done(folder: Path, tmp_path: Path) -> None:
    """The second document is a pipe, which its reader waits for and nobody fills; opening it tells that it is there."""
    pipe = folder / "two.pdf"
    pipe.unlink()
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "flows.cli", "evaluate", folder, "--workers", "1", "--json", tmp_path / "a.json"]
    process = subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    writer = os.open(pipe, os.O_WRONLY)
    time.sleep(0.5)  # for the first one to be judged
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    os.close(writer)
    assert process.returncode == 130, output
    assert "Interrupted: 1 document not read." in output and "1 document, 3 values" in output
    assert len(json.loads((tmp_path / "a.json").read_text())["documents"]) == 1


HOSTILE = (
    "</td></table><script>alert(1)</script><img src=x onerror=alert(2)>\x1b]0;owned\x07\u202etxt\u2066&amp;'\"\ud800"
)


def hostile() -> Evaluation:
    """Every text of it that can come from outside is hostile."""
    truth = {"issuer": HOSTILE, "number": f"9{HOSTILE}", "lines": [{"name": HOSTILE, "amount": 1}]}
    data = {"issuer": f"{HOSTILE} and more of it, so that it is not alike at all", "date": HOSTILE, "lines": []}
    judged = score(truth | {"date": None}, record_of(data), CONTRACT)
    return Evaluation(
        documents=(Evaluated(HOSTILE, HOSTILE, HOSTILE, "review", 1, "", "", judged, notes=(HOSTILE,)),),
        without_truth=(HOSTILE,),
    )


class Page(HTMLParser):
    """Checks that tags are balanced, and collects tags, attributes and texts."""

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_hostile_values_stay_text() -> None:
    evaluation = hostile()
    text = evaluation_page(evaluation, compare(evaluation, Evaluation(())))
    text.encode("utf-8")
    page = Page(text)
    assert not page.tags & {"script", "img", "iframe", "object", "link", "a", "form"}
    assert not set(text) & set("\x1b\x07\u202e\u2066\ud800")
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert any("<script>alert(1)</script>" in told and "\\x202e" in told for told in page.texts)


def test_the_page_may_load_nothing_and_applies_its_own_style_only() -> None:
    page = Page(evaluation_page(hostile()))
    (policy,) = [value for tag, name, value in page.attributes if tag == "meta" and "default-src" in value]
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert STYLE in page.texts and "@media print" in STYLE and "url(" not in STYLE and "@import" not in STYLE


def test_hostile_values_survive_the_json_and_its_comparison(tmp_path: Path) -> None:
    evaluation = hostile()
    text = to_json(evaluation)
    assert text.isascii()
    (tmp_path / "a.json").write_text(text)
    loaded = load_evaluation(tmp_path / "a.json")
    assert loaded == evaluation
    same = compare(loaded, evaluation)
    assert same.before == same.after and not (same.fields or same.documents or same.worse or same.better)


def test_hostile_values_never_reach_the_terminal_as_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from flows.commands import evaluate as command

    command._print(command.Evaluating(tmp_path, (), command.EngineSpec()), hostile(), None)
    output = capsys.readouterr().out
    assert not set(output) & set("\x1b\x07\u202e\u2066\ud800") and "<script>" in output


def test_a_narrow_terminal_shows_fewer_figures_whole() -> None:
    fields = sections(hostile(), 10)[0]
    assert fields.within(200) == fields
    narrow = fields.within(80)
    assert narrow.head[:2] == ("field", "values") and "F1" in narrow.head and "ANLS" not in narrow.head
    assert len(narrow.head) < len(fields.head) and {len(row) for row in narrow.rows} == {len(narrow.head)}
    assert dict(zip(narrow.head, narrow.rows[-1], strict=True))["missed"] == "3"
    assert "wider terminal" in narrow.note
