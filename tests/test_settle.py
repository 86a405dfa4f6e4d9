"""Files that are still being written are left for the next run."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from pipeline.discover import Source, discover
from pipeline.settle import settled


def old(path: Path) -> None:
    path.write_bytes(b"x")
    os.utime(path, (1, 1))


def names(sources: list[Source]) -> list[str]:
    return [source.name for source in sources]


def test_a_file_that_grows_is_left_out_and_one_that_has_stopped_is_taken(tmp_path: Path) -> None:
    (tmp_path / "whole.pdf").write_bytes(b"x")
    stop = threading.Event()

    def write() -> None:
        with (tmp_path / "growing.pdf").open("ab", buffering=0) as stream:
            while not stop.wait(0.02):
                stream.write(b"x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not (tmp_path / "growing.pdf").exists():
            time.sleep(0.01)
        sources = discover([str(tmp_path)])
        assert names(settled(sources, 0.5)) == ["whole.pdf"]
    finally:
        stop.set()
        writer.join()
    assert names(settled(sources, 0.5)) == ["growing.pdf", "whole.pdf"]


def test_a_copy_that_has_the_time_of_its_original_already_is_waited_for_all_the_same(tmp_path: Path) -> None:
    old(tmp_path / "copied.pdf")
    sources = discover([str(tmp_path)])

    def write_on() -> None:
        time.sleep(0.2)
        old(tmp_path / "copied.pdf")

    writer = threading.Thread(target=write_on)
    writer.start()
    assert settled(sources, 1.0) == []
    writer.join()


def test_what_has_vanished_meanwhile_or_is_no_file_is_left_to_the_reader_to_tell(tmp_path: Path) -> None:
    sources = [Source("s3://bucket/a.pdf", "a.pdf", "s3://bucket/a.pdf"), Source("/no/such.pdf", "b", "/no/such.pdf")]
    assert settled(sources, 60.0) == sources


def test_nothing_is_waited_for_where_nobody_asked(tmp_path: Path) -> None:
    (tmp_path / "new.pdf").write_bytes(b"x")
    sources = discover([str(tmp_path)])
    assert settled(sources, 0.0) == sources


def test_what_is_inside_of_a_mail_that_is_still_written_is_left_out_with_it(tmp_path: Path) -> None:
    whole, growing = tmp_path / "whole.eml", tmp_path / "growing.eml"
    old(whole)
    growing.write_bytes(b"x")
    sources = [Source(f"{path}/a.pdf", f"{path.name}/a.pdf", f"{path}/a.pdf") for path in (whole, growing)]

    def write_on() -> None:
        time.sleep(0.2)
        growing.write_bytes(b"xx")

    writer = threading.Thread(target=write_on)
    writer.start()
    assert names(settled(sources, 1.0)) == ["whole.eml/a.pdf"]
    writer.join()
    assert names(settled(sources, 0)) == ["whole.eml/a.pdf", "growing.eml/a.pdf"]
