"""Documents in object storage and on web servers: real servers on this machine, read as any folder is."""

from __future__ import annotations

import functools
import http.server
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addresses import scrubbed, shown
from pipeline.batch import run_batch
from pipeline.discover import discover
from pipeline.job import Job
from pipeline.remote import open_remote
from schemas.errors import NoDocuments, SourceUnreachable, UsageError
from tests.object_store import object_store
from tests.papers import write_invoice

SIGNED = "https://store.test/a/b.pdf?doc=7&X-Amz-Credential=abc&X-Amz-Signature=0f1e2d&X-Amz-Expires=60"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with object_store() as found:
        yield found


@pytest.fixture
def bucket(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """An fsspec file system with an empty bucket `docs`."""
    s3fs = pytest.importorskip("s3fs")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("docs")
    yield system
    system.invalidate_cache()
    if system.exists("docs"):
        system.rm("docs", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def put(system: object, *keys: str) -> None:
    for key in keys:
        system.pipe(f"docs/{key}", key.encode())  # type: ignore[attr-defined]


def names(*places: str) -> list[str]:
    return [source.name for source in discover(places)]


def test_a_bucket_and_a_folder_in_it_give_known_kinds_at_any_depth_and_nothing_hidden(bucket: object) -> None:
    put(bucket, "in/a.pdf", "in/sub/B.PNG", "in/.hidden.pdf", "in/.cache/y.pdf", "in/notes.rst", "other/c.pdf")
    assert names("s3://docs/in") == names("s3://docs/in/") == ["a.pdf", "sub/B.PNG"]
    assert names("s3://docs") == ["in/a.pdf", "in/sub/B.PNG", "other/c.pdf"]


def test_an_object_that_is_named_is_taken_whatever_its_kind(bucket: object) -> None:
    put(bucket, "in/notes.rst")
    (source,) = discover(["s3://docs/in/notes.rst"])
    assert (source.name, source.place) == ("docs/in/notes.rst", "s3://docs/in/notes.rst")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("in/*.pdf", ["a.pdf"]),
        ("**/*.pdf", ["in/a.pdf", "in/sub/b.pdf", "other/c.pdf"]),
        ("in/s*", ["b.pdf"]),
        ("in/.h*", [".hidden.pdf"]),
    ],
)
def test_a_pattern_is_what_the_shell_would_make_of_it(bucket: object, pattern: str, found: list[str]) -> None:
    put(bucket, "in/a.pdf", "in/.hidden.pdf", "in/sub/b.pdf", "in/sub/notes.rst", "other/c.pdf")
    assert names(f"s3://docs/{pattern}") == found


@pytest.mark.parametrize("key", ["odd?*[1]#.pdf", "a b%20c.pdf", "../up.pdf", "/double.pdf", "é.pdf"])
def test_whatever_a_key_is_called_it_is_that_object_which_is_read(bucket: object, key: str) -> None:
    put(bucket, f"in/{key}", "in/odd.pdf")
    read = set()
    for source in discover(["s3://docs/in"]):
        with open_remote(source.path) as stream:
            read.add(stream.read().decode())
    assert read == {f"in/{key}", "in/odd.pdf"}


@pytest.mark.parametrize("place", ["s3://docs/none", "s3://gone", "s3://gone/a"])
def test_what_is_not_there_is_wrong_use(bucket: object, place: str) -> None:
    with pytest.raises(UsageError, match=f"there is no document or folder {place}"):
        discover([place])


def test_a_bucket_without_documents_is_told_apart_from_one_that_is_gone(bucket: object) -> None:
    put(bucket, "in/notes.rst")
    with pytest.raises(NoDocuments, match="no document in s3://docs"):
        discover(["s3://docs"])


def test_a_store_that_does_not_answer_may_answer_later(bucket: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    type(bucket).clear_instance_cache()  # type: ignore[attr-defined]
    with pytest.raises(SourceUnreachable, match="s3://docs cannot be listed: Could not connect") as told:
        discover(["s3://docs"])
    assert told.value.retryable


def test_a_package_that_is_missing_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UsageError, match=r"pip install 'intaglio\[gcs\]'"):
        discover(["gs://bucket/folder"])


def test_a_bucket_is_read_once_and_what_has_vanished_since_the_listing_fails_alone(
    bucket: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        write_invoice(tmp_path / f"{number}.pdf", f"INV-{number}")
        bucket.put(str(tmp_path / f"{number}.pdf"), f"docs/in/{number}.pdf")  # type: ignore[attr-defined]
    sources = discover(["s3://docs/in"])
    bucket.rm("docs/in/2.pdf")  # type: ignore[attr-defined]
    job = Job(("s3://docs/in",), ("invoice",), tmp_path / "out", workers=1)

    with monkeypatch.context() as listing:
        listing.setattr("pipeline.batch.discover", lambda places: sources)
        summary = run_batch(job)
    assert dict(summary.statuses)["failed"] == 1 and summary.documents == 3
    failed = json.loads((tmp_path / "out" / "2.pdf.json").read_text())
    assert failed["document"]["uri"] == "s3://docs/in/2.pdf" and "no such file" in failed["issues"][0]["message"]

    again = run_batch(job)  # the two others, by the tags of the listing
    assert (again.documents, again.read) == (2, 0)
    write_invoice(tmp_path / "1.pdf", "INV-9")
    bucket.put(str(tmp_path / "1.pdf"), "docs/in/1.pdf")  # type: ignore[attr-defined]
    assert run_batch(job).read == 1
    secrets = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"secret-of-the-test" not in secrets and b"key-of-the-test" not in secrets


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server that shows a folder's index, as many do."""
    root = tmp_path / "site"
    for name in ("a b.pdf", "sub/c.png", "sub/notes.rst", ".hidden.pdf"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "trap").mkdir()
    (root / "trap" / "index.html").write_text('<a href="/up.pdf">x</a><a href="../x.pdf">x</a><a href="?C=N">x</a>')
    handler = functools.partial(Handler, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_web_address_with_a_slash_at_its_end_is_a_folder_that_is_never_left(web: str) -> None:
    found = discover([f"{web}/"])
    assert [source.name for source in found] == ["a b.pdf", "sub/c.png"]
    assert found[0].path == f"{web}/a%20b.pdf"
    with pytest.raises(NoDocuments):
        discover([f"{web}/trap/"])


def test_a_web_address_with_a_star_is_a_pattern(web: str) -> None:
    assert names(f"{web}/**/*.png") == ["sub/c.png"]
    assert names(f"{web}/*.pdf") == [".hidden.pdf", "a b.pdf"]


def test_a_web_folder_that_is_not_there_is_wrong_use(web: str) -> None:
    with pytest.raises(UsageError, match="there is no document or folder"):
        discover([f"{web}/none/"])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://host.test/a.pdf", "https://host.test/a.pdf"),
        ("https://user:secret@host.test/a.pdf?page=2", "https://host.test/a.pdf?page=2"),
        (SIGNED, "https://store.test/a/b.pdf?doc=7"),
        ("https://x.test/a.pdf?sv=1&se=2&sig=s%2B", "https://x.test/a.pdf"),
        ("https://x.test/a.pdf?access_token=t&v=1", "https://x.test/a.pdf?v=1"),
        ("s3://bucket/a?token=1#b.pdf", "s3://bucket/a?token=1#b.pdf"),
        ("zip://a.pdf::https://u:p@host.test/z.zip", "zip://a.pdf::https://host.test/z.zip"),
        ("/local/a.pdf", "/local/a.pdf"),
    ],
)
def test_an_address_is_told_without_its_secrets(url: str, told: str) -> None:
    assert shown(url) == told


@given(
    st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1),
    st.sampled_from(["sig", "token", "X-Amz-Signature"]),
)
def test_no_secret_of_an_address_outlives_it_and_what_is_told_stays_as_it_is(word: str, name: str) -> None:
    secret = f"0S{word}S0"
    url = f"https://me:{secret}@host.test/d/a.pdf?n=1&{name}={secret}"
    assert secret not in shown(url) and secret not in scrubbed(f"403, url='{url}'")
    assert shown(shown(url)) == shown(url) == "https://host.test/d/a.pdf?n=1"


def test_neither_ledger_nor_records_keep_what_signs_an_address(web: str, tmp_path: Path) -> None:
    (tmp_path / "site" / "a b.pdf").unlink()
    write_invoice(tmp_path / "site" / "a.pdf", "INV-1")
    url = f"{web}/a.pdf?X-Amz-Signature=0f1e2d3c"
    gone = f"{web}/gone.pdf?X-Amz-Signature=0f1e2d3c"
    summary = run_batch(Job((url, gone), ("invoice",), tmp_path / "out", workers=1))
    assert summary.statuses["failed"] == 1 and summary.read == 2
    kept = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"0f1e2d3c" not in kept
    with sqlite3.connect(tmp_path / "out" / ".intaglio" / "ledger.sqlite") as ledger:
        assert {place for (place,) in ledger.execute("SELECT place FROM sources")} == {
            f"{web}/a.pdf",
            f"{web}/gone.pdf",
        }
