"""The runs at work in a folder: seen while they live, known for dead when they were killed, one at a time in turn."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.runs import at_work, dead_runs, forget, in_turn, is_held, runs_at_work
from schemas.errors import OutputUnwritable

ROOT = Path(__file__).parent.parent


def test_an_output_folder_below_a_file_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputUnwritable, match="--out"), at_work(tmp_path / "file" / "out"):
        pass


def test_runs_are_seen_while_they_are_at_work_and_leave_nothing(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "nowhere")
    with at_work(tmp_path) as first:
        with at_work(tmp_path) as second:
            assert runs_at_work(tmp_path) == sorted([first, second]) and first != second
        assert runs_at_work(tmp_path) == [first]
    assert not is_held(tmp_path) and dead_runs(tmp_path) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_killed_run_is_known_for_dead_until_it_is_forgotten(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom pipeline.runs import at_work\n"
        "with at_work(Path(sys.argv[1])) as owner:\n    print(owner, flush=True)\n    time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    owner = run.stdout.readline().strip()
    assert runs_at_work(tmp_path) == [owner] and dead_runs(tmp_path) == []
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    assert not is_held(tmp_path) and dead_runs(tmp_path) == [owner]
    forget(tmp_path, owner)
    assert dead_runs(tmp_path) == []


def test_of_a_run_on_another_machine_its_file_says_nothing(tmp_path: Path) -> None:
    with at_work(tmp_path):
        (tmp_path / ".intaglio" / "runs" / "elsewhere-1234-1-abcd").write_text("")
        assert dead_runs(tmp_path) == []


def test_only_one_run_at_a_time_has_its_turn(tmp_path: Path) -> None:
    waited = threading.Event()
    with at_work(tmp_path), (tmp_path / ".intaglio" / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        def release() -> None:
            waited.wait(20)
            fcntl.flock(other, fcntl.LOCK_UN)

        releasing = threading.Thread(target=release)
        releasing.start()
        with in_turn(tmp_path, waited.set):
            assert waited.is_set()
        releasing.join()
