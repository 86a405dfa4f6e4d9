"""From what a user names to documents, and from documents to schemas."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.discover import Routes, Source, discover
from schemas.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    names = (
        "b.pdf a.PNG sub/deep/c.tiff sub/c.truth.json notes.rst .hidden.pdf .intaglio/x.pdf sub/.cache/y.pdf".split()
    )
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def test_a_folder_gives_its_documents_at_any_depth_and_nothing_hidden(folder: Path) -> None:
    assert [source.name for source in discover([str(folder)])] == ["a.PNG", "b.pdf", "sub/deep/c.tiff"]


def test_places_do_not_depend_on_where_the_command_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absolute = discover([str(folder)])
    monkeypatch.chdir(folder.parent)
    relative = discover(["docs"])
    assert [source.place for source in relative] == [source.place for source in absolute]
    assert relative[0].uri == "docs/a.PNG"


def test_a_file_that_is_named_is_always_taken(folder: Path) -> None:
    assert [source.name for source in discover([str(folder / "notes.rst")])] == ["notes.rst"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.pdf", ["b.pdf"]),
        ("sub/*/*.tiff", ["deep/c.tiff"]),
        ("**/*.tiff", ["sub/deep/c.tiff"]),
        ("s*", ["deep/c.tiff"]),
        ("**", ["a.PNG", "b.pdf", "notes.rst", "sub/c.truth.json", "sub/deep/c.tiff"]),
    ],
)
def test_a_glob_is_what_the_shell_would_make_of_it(folder: Path, pattern: str, names: list[str]) -> None:
    assert [source.name for source in discover([str(folder / pattern)])] == names


def test_one_file_named_in_several_ways_is_one_document(folder: Path) -> None:
    assert len(discover([str(folder), str(folder / "b.pdf"), str(folder / "sub" / ".." / "b.pdf")])) == 3


def test_a_url_is_kept_and_named_by_host_and_path() -> None:
    assert discover(["https://host.test/a/b.pdf?page=1"]) == [
        Source("https://host.test/a/b.pdf?page=1", "host.test/a/b.pdf", "https://host.test/a/b.pdf?page=1")
    ]


def test_a_file_name_that_is_no_text_can_still_be_opened_and_told(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.pdf"
    with open(path, "wb") as stream:  # noqa: PTH123 - a path of bytes
        stream.write(b"x")
    (source,) = discover([str(tmp_path)])
    assert Path(source.path).read_bytes() == b"x"
    for text in (source.name, source.uri, source.place):
        text.encode()


@pytest.mark.parametrize("place", ["nowhere", "nowhere.pdf", "nowhere/*.pdf"])
def test_what_is_not_there_is_wrong_use(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        discover([str(tmp_path / place)])


def test_a_folder_without_documents_is_wrong_use_and_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.pdf"):
        discover([str(tmp_path)])


def source(name: str) -> Source:
    return Source(name, name, name)


def test_the_first_route_that_matches_wins_and_one_for_all_comes_last() -> None:
    routes = Routes.of(["form", "invoices=invoice", "*.png=receipt", "invoices/old=transcript"])
    assert [routes.schema(source(name)) for name in ("invoices/a.png", "b/c.png", "invoices/old/x.pdf", "d.pdf")] == [
        "invoice",
        "receipt",
        "invoice",
        "form",
    ]


def test_a_folder_route_does_not_match_a_folder_that_only_begins_like_it() -> None:
    assert Routes.of(["invoices=invoice"]).schema(source("invoices-old/a.pdf")) is None


def test_a_schema_may_be_a_path_and_a_pattern_may_hold_an_equals_sign() -> None:
    routes = Routes.of(["kind=a/*=some/schema.json", "./forms/=forms.py:Form"])
    assert routes.schema(source("kind=a/x.pdf")) == "some/schema.json"
    assert routes.schema(source("forms/x.pdf")) == "forms.py:Form"


def test_documents_without_a_schema_are_named_before_any_work() -> None:
    sources = [source(f"other/{number}.pdf") for number in range(8)]
    with pytest.raises(UsageError, match=r"other/0\.pdf.* and 3 more"):
        Routes.of(["invoices=invoice"]).assign(sources)


@pytest.mark.parametrize("options", [[], ["invoice", "receipt"], ["invoices="], ["=invoice"]])
def test_routes_that_say_nothing_are_wrong_use(options: list[str]) -> None:
    with pytest.raises(UsageError):
        Routes.of(options)


def test_a_link_that_leads_nowhere_is_not_left_out_in_silence(folder: Path) -> None:
    (folder / "gone.pdf").symlink_to(folder / "moved-away.pdf")
    (folder / "folder.pdf").mkdir()
    os.mkfifo(folder / "pipe.pdf")
    assert [source.name for source in discover([str(folder)])] == ["a.PNG", "b.pdf", "gone.pdf", "sub/deep/c.tiff"]


def test_a_folder_that_cannot_be_listed_stops_the_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refusing(path: str) -> object:  # as for a user without permission; tests may run as root
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(UsageError, match=r"sub cannot be read: Permission denied"):
        discover([str(folder)])
