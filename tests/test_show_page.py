"""`intaglio show --html`: the file it writes, the pictures in it, and what it does with documents that have changed."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app
from pipeline.records import read_record
from pipeline.review_page.pictures import LONG_SIDE, Wanted, make_pictures
from schemas.errors import DocumentError, EncryptedDocument, IntaglioError, OutputUnwritable, UsageError
from schemas.record import SCHEMA_VERSION
from tests.papers import write_invoice
from tests.prints import letter, pdf
from tests.reviewed import Parsed, record_of, saved
from tests.test_record import record


def show(*arguments: object) -> str:
    """What it prints. Raises what it raises."""
    result = CliRunner().invoke(app, ["show", *map(str, arguments)])
    if isinstance(result.exception, IntaglioError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def pictures_in(html: str) -> list[Image.Image]:
    found = re.findall(r'<image href="data:image/webp;base64,([^"]+)"', html)
    return [Image.open(BytesIO(b64decode(content))) for content in found]


def test_it_writes_one_file_beside_the_record_or_where_one_says(tmp_path: Path) -> None:
    at = saved(record_of(write_invoice(tmp_path / "a.pdf", "INV-7")), tmp_path / "a.pdf.json")
    assert show(at, "--html").strip() == str(tmp_path / "a.pdf.html")
    html = (tmp_path / "a.pdf.html").read_text(encoding="utf-8")
    [picture] = pictures_in(html)
    assert max(picture.size) == pytest.approx(LONG_SIDE, abs=1) and len(html) < 200_000
    assert "INV-7 ✓ accepted" in Parsed(html).said
    saved(record(status="failed"), at)
    assert show(at, "--html", tmp_path / "new" / "page.html").endswith(f"{tmp_path / 'new' / 'page.html'}\n")
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.pdf", "a.pdf.html", "a.pdf.json", "page.html"]


def test_it_never_writes_over_the_record_or_its_document(tmp_path: Path) -> None:
    document = write_invoice(tmp_path / "a.pdf")
    at = saved(record_of(document), tmp_path / "a.html")
    before = document.read_bytes(), at.read_bytes()
    for target in ((), (at,), (document,)):
        with pytest.raises(OutputUnwritable, match="Give another file"):
            show(at, "--html", *target)
    assert (document.read_bytes(), at.read_bytes()) == before


def test_a_document_that_has_changed_is_refused(tmp_path: Path) -> None:
    at = saved(record_of(write_invoice(tmp_path / "a.pdf", "INV-7")), tmp_path / "a.json")
    write_invoice(tmp_path / "a.pdf", "INV-8")
    with pytest.raises(DocumentError, match=r"not the document that the record was made from.*--document"):
        show(at, "--html")
    assert not (tmp_path / "a.html").exists()


def test_of_a_document_that_is_gone_the_boxes_are_drawn_with_their_words(tmp_path: Path) -> None:
    document = write_invoice(tmp_path / "a.pdf", "INV-7")
    at = saved(record_of(document), tmp_path / "a.json")
    moved = document.rename(tmp_path / "b.pdf")
    assert "no longer where it was read" in show(at, "--html")
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert not pictures_in(html) and "printed INV-7" in html and "--document says where it is" in html
    show(at, "--html", "--document", moved)
    assert len(pictures_in((tmp_path / "a.html").read_text(encoding="utf-8"))) == 1
    with pytest.raises(UsageError, match="there is no document"):
        show(at, "--html", "--document", tmp_path / "nowhere.pdf")


def test_an_encrypted_document_needs_its_password(tmp_path: Path) -> None:
    at = saved(record_of(write_invoice(tmp_path / "a.pdf", password="secret")), tmp_path / "a.json")
    with pytest.raises(EncryptedDocument, match="--password"):
        show(at, "--html")
    show(at, "--html", "--password", "wrong", "--password", "secret")
    assert len(pictures_in((tmp_path / "a.html").read_text(encoding="utf-8"))) == 1


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str]

    def log_message(self, format: str, *arguments: Any) -> None:
        self.asked.append(self.path)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The URL of the folder, and what was asked of it."""
    handler = type("Handler", (Quiet,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
        server.shutdown()


def test_a_record_makes_nobody_fetch_anything(tmp_path: Path, served: tuple[str, list[str]]) -> None:
    base, asked = served
    url = f"{base}/a.pdf"
    at = saved(record_of(write_invoice(tmp_path / "a.pdf"), uri=url), tmp_path / "a.json")
    assert "fetched only if --document names it" in show(at, "--html")
    assert asked == []
    show(at, "--html", "--document", url)
    assert len(pictures_in((tmp_path / "a.html").read_text(encoding="utf-8"))) == 1 and "/a.pdf" in asked


def test_options_of_the_page_without_html_are_wrong_use(tmp_path: Path) -> None:
    at = saved(record_of(write_invoice(tmp_path / "a.pdf")), tmp_path / "a.json")
    for more in (("page.html",), ("--document", "x.pdf"), ("--all-pages",)):
        with pytest.raises(UsageError, match="Add --html"):
            show(at, *more)


@pytest.mark.parametrize("uri", ["", "x" * 5000, "a\x00b", "/dev/zero", "/proc/self/mem", "\u202e</script>"])
def test_a_hostile_place_is_no_document(tmp_path: Path, uri: str) -> None:
    shown = record_of(write_invoice(tmp_path / "a.pdf"))
    told = shown.document.model_copy(update={"uri": uri})
    at = saved(shown.model_copy(update={"document": told}), tmp_path / "a.json")
    try:
        show(at, "--html")
    except DocumentError as error:
        assert uri == "/proc/self/mem" and "cannot be read" in str(error)
    else:
        assert not pictures_in((tmp_path / "a.html").read_text(encoding="utf-8"))


# Pictures


def wanted(path: Path, *pages: int, rotation: int = 0, passwords: tuple[str, ...] = ()) -> Wanted:
    digest = sha256(path.read_bytes()).hexdigest()
    return Wanted(str(path), digest, dict.fromkeys(pages, rotation), passwords)


def test_pages_are_pictured_upright_in_the_order_of_their_need_and_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "three.pdf"
    path.write_bytes(pdf(letter, letter, letter))
    made = make_pictures(wanted(path, 3, 1, 7, rotation=90), seconds=60)
    assert set(made.made) == {1, 3} and made.missing == {7: "the document has no such page"}
    assert (made.made[1].width, made.made[1].height) == (1000, 1400)
    assert Image.open(BytesIO(made.made[1].webp)).size == (1000, 1400)
    size = len(made.made[1].webp)
    fewer = make_pictures(wanted(path, 2, 1, 3, rotation=90), seconds=60, most_bytes=2 * size)
    assert set(fewer.made) == {1, 2} and "limited to" in fewer.missing[3]


def test_a_document_that_hangs_costs_its_pictures_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")  # opening it waits for a writer, for ever
    begun = time.monotonic()
    made = make_pictures(Wanted(str(tmp_path / "pipe.pdf"), "0" * 64, {1: 0, 2: 0}), seconds=1)
    assert not made.made and "took too long" in made.missing[1] and made.missing[1] == made.missing[2]
    assert time.monotonic() - begun < 30


# Records


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not a record"),
        ("[1]", "not a record"),
        ('{"schema_version": 99}', "not a record"),
        ('{"a": 1}\n{"b": 2}', "not a record"),
        ("[" * 100_000, "not a record"),
        (b"\xff\xfe", "not a record"),
        (
            '{"schema_version": 99, "document": {}}',
            f"version 99, and this Intaglio reads version {SCHEMA_VERSION}. Update",
        ),
        (
            '{"schema_version": 0, "document": {}}',
            f"version 0, and this Intaglio reads version {SCHEMA_VERSION}. Read its",
        ),
    ],
)
def test_what_is_no_record_or_of_another_version_is_told(tmp_path: Path, content: str | bytes, said: str) -> None:
    at = tmp_path / "a.json"
    at.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=re.escape(said)):
        read_record(at)


def test_a_newer_record_is_refused_even_if_its_form_fits(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Update Intaglio"):
        read_record(saved(record(schema_version=SCHEMA_VERSION + 1), tmp_path / "a.json"))


def test_an_older_record_whose_form_still_fits_is_shown(tmp_path: Path) -> None:
    content = json.loads(record(status="failed").model_dump_json()) | {"schema_version": SCHEMA_VERSION - 1}
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    show(tmp_path / "a.json", "--html")
    assert f"of version {SCHEMA_VERSION - 1}" in Parsed((tmp_path / "a.html").read_text(encoding="utf-8")).said
