"""Where records go: names that stay in the folder, files that are whole, one run at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sinks import file_name, record_path, write_atomically, write_lines
from schemas.errors import OutputUnwritable


@given(st.text(max_size=400))
def test_no_name_leaves_the_folder_or_names_a_hidden_file(name: str) -> None:
    safe = file_name(name)
    parts = safe.split("/")
    assert all(part and not part.startswith(".") and len(part.encode()) <= 200 for part in parts)
    assert safe.isprintable() and not Path(safe).is_absolute()
    assert record_path(Path("/out"), safe).resolve().is_relative_to("/out")


@given(st.text(max_size=400))
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert file_name(file_name(name)) == file_name(name)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("invoices/März 2026.pdf", "invoices/März 2026.pdf"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a\\..\\b.pdf", "a/b.pdf"),
        (".intaglio/ledger.sqlite", "_intaglio/ledger.sqlite"),
        ("a\x1b[31m?.pdf", "a_[31m_.pdf"),
        ("..", "document"),
        ("con/Aux.pdf/nul .txt/com1", "_con/_Aux.pdf/_nul .txt/_com1"),
        ("a./b..", "a_/b._"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_names_are_made_safe_and_stay_readable(name: str, path: str) -> None:
    assert file_name(name) == path


def test_a_failing_write_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_lines(path, ["old"])

    def lines() -> Iterator[str]:
        yield "new"
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_lines(path, lines())
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".a.json.partial").write_text('{"half')
    write_atomically(tmp_path / "a.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_file_that_cannot_be_written_says_which_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file, where a folder is wanted")
    with pytest.raises(OutputUnwritable, match=r"a/b\.json.*same command"):
        write_atomically(tmp_path / "a" / "b.json", "{}")
