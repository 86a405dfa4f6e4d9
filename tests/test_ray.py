"""Runs on Ray: real clusters on this machine, actors that keep their engines, killed and stopped at will."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from flows.handing import MOST_TRIES, Handout, ShardsFailed
from flows.parameters import IngestParameters
from flows.ray_cluster import Cluster, ClusterUnusable, Crew, Node, connected, crew_for
from model.engine import EngineSpec
from pipeline.job import Job
from pipeline.runs import runs_at_work
from pipeline.shards import Shard
from schemas.errors import UsageError
from tests.engines import notes
from tests.papers import write_invoice, write_invoices
from tests.test_crash import alive, wait_until

ROOT = Path(__file__).parent.parent
HEAVY = ("--engine", "fake", "--model", "tests.engines:batches", "--escalations", "0")
PATIENCE = 300.0  # seconds: the machine may be busy with other things

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: intaglio[ray]")
needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="finds processes and sockets in /proc")


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "RAY_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("INTAGLIO_TEST_FOLDER", str(tmp_path))
    write_invoices(tmp_path / "docs", 11)
    write_invoice(tmp_path / "docs" / "locked.pdf", "INV-11", password="secret-word")
    return tmp_path / "docs"


def command(docs: Path, out: Path, *more: str) -> list[str]:
    ray = ("--runner", "ray", "--address", "local", "--actors", "2", "--workers", "1", "--password", "secret-word")
    return [
        sys.executable,
        "-m",
        "flows.cli",
        "ingest",
        str(docs),
        "-s",
        "invoice",
        "-o",
        str(out),
        *HEAVY,
        *ray,
        *more,
    ]


@contextmanager
def started(docs: Path, out: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a process group of its own."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    run = subprocess.Popen(command(docs, out, "--direct", *more), cwd=ROOT, start_new_session=True, **pipes)
    try:
        yield run
    finally:
        run.kill()
        run.communicate()


def family(pid: int) -> dict[int, str]:
    """Command lines of all processes that a process has, and that these have, by their ids."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set[int](), {pid}
    while new:
        found |= new
        new = {child for child, parent in parents.items() if parent in found} - found
    lines = {}
    for each in found:
        try:
            lines[each] = Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return lines


def listening(pids: set[int]) -> set[str]:
    """The addresses, as the kernel writes them, at which these processes listen."""
    sockets = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(str(link.readlink()))
            except OSError:
                continue
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets}


def kept(out: Path) -> int:
    return len(list(out.glob("*.json")))


def numbers(out: Path) -> list[str]:
    """The invoices' numbers of all records of the JSONL."""
    lines = (out / "records.jsonl").read_text().splitlines()
    return sorted(json.loads(line)["data"]["invoice_number"] for line in lines)


ALL = sorted(f"INV-{number}" for number in range(12))


@needs_ray
def test_a_prefect_task_has_two_actors_read_everything_once_and_each_loads_its_engine_once(
    docs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        command(docs, out, "--json"), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["read"], told["left"], told["failed"], told["pages"]) == (12, 0, 0, 12)
    assert told["report"]["workers"] == 2 and told["report"]["engine_busy_share"] is not None
    assert numbers(out) == ALL and kept(out) == 12
    assert len(set(notes("loads"))) == len(notes("loads")) == 2
    by_engine = [json.loads(line) for line in notes("batches")]
    assert {str(pid) for pid, _, _ in by_engine} == set(notes("loads"))  # both had work
    assert sorted(number for _, _, batch in by_engine for number in batch) == ALL
    home = tmp_path / "prefect"
    with sqlite3.connect(home / "prefect.db") as connection:
        tasks = list(connection.execute("SELECT state_type, name FROM task_run"))
    assert [(state, name.rpartition("-")[0]) for state, name in tasks] == [("COMPLETED", "read-with-ray")]
    assert b"secret-word" not in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert len(list((out / ".intaglio" / "reports").glob("*"))) == 1  # and none for each shard

    again = CliRunner().invoke(app, command(docs, out)[3:])
    assert again.exit_code == 0 and "Nothing to do" in again.stdout
    assert len(notes("loads")) == 2


@needs_ray
@needs_proc
def test_an_actor_that_is_killed_is_replaced_and_its_shard_read_and_nobody_else_is_let_in(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "0.5")
    out, log = tmp_path / "out", tmp_path / "log"
    with started(docs, out, "--json", "--log", "text", "--log-file", str(log)) as run:
        wait_until(lambda: kept(out) >= 2 or run.poll() is not None, PATIENCE)
        processes = family(run.pid)
        assert listening(set(processes)) <= {"0100007F", "0000000000000000FFFF00000100007F"}
        (folder,) = {found[0] for line in processes.values() if (found := re.search(r"/\S*/intaglio-ray-\w+", line))}
        assert Path(folder).stat().st_mode & 0o077 == 0
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        assert files and b"secret-word" not in b"".join(path.read_bytes() for path in files)
        assert not [line for line in processes.values() if "secret-word" in line and "flows.cli" not in line]
        actors = [pid for pid, line in processes.items() if line.startswith("ray::Reader")]
        assert len(actors) == 2
        os.kill(actors[0], signal.SIGKILL)
        stdout, stderr = run.communicate(timeout=PATIENCE)
        assert run.returncode == 0, stdout + stderr
    assert json.loads(stdout)["read"] == 12 and json.loads(stdout)["failed"] == 0
    assert numbers(out) == ALL and kept(out) == 12
    assert len(notes("loads")) == 3
    assert "it is submitted again" in log.read_text()
    assert not any(map(alive, processes)) and not Path(folder).exists()


@needs_ray
@needs_proc
def test_ctrl_c_ends_every_process_and_keeps_what_is_done(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "2")
    out = tmp_path / "out"
    with started(docs, out, "--json") as run:
        wait_until(lambda: kept(out) >= 1 or run.poll() is not None, PATIENCE)
        processes = family(run.pid)
        wait_until(lambda: len(notes("batches")) >= 3, PATIENCE)  # the parent has heard of the first by now
        os.killpg(run.pid, signal.SIGINT)
        stdout, stderr = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130, stdout + stderr
    assert "What was done is kept" in stderr and "Traceback" not in stderr
    told = json.loads(stdout)
    assert told["interrupted"] and 0 < told["read"] == kept(out) == len(numbers(out)) < 12
    assert not any(map(alive, processes)) and runs_at_work(out) == []
    with sqlite3.connect(out / ".intaglio" / "ledger.sqlite") as ledger:
        assert ledger.execute("SELECT count(*) FROM claims").fetchone() == (0,)


@needs_ray
def test_what_keeps_actors_from_work_is_said(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import ray_run

    job = Job((), ("invoice",), tmp_path / "out", EngineSpec("fake", "tests.engines:batches"))
    wrong = Job((), ("invoice",), tmp_path / "out", EngineSpec("fake", "tests.engines:nothing_there"))
    before = dict(os.environ), signal.getsignal(signal.SIGTERM)

    def until_told(actors: Any) -> None:
        while True:
            list(actors.ended())

    with connected(Cluster(actors=1)) as ray:
        with pytest.raises((UsageError, ClusterUnusable), match="nothing_there"):
            until_told(ray_run._Actors(ray, wrong, Crew(1, 1, 0), 1))
        monkeypatch.setattr(ray_run, "PLACE_SECONDS", 2.0)
        with pytest.raises(ClusterUnusable, match=r"no actor in 2 seconds\. Each needs 1 CPUs and 3 GPUs; free"):
            until_told(ray_run._Actors(ray, job, Crew(1, 1, 3), 1))
    assert (dict(os.environ) | {"PWD": ""}, signal.getsignal(signal.SIGTERM)) == (before[0] | {"PWD": ""}, before[1])


def test_without_ray_the_extra_is_named(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterUnusable, match=r"not installed. pip install 'intaglio\[ray\]'"), connected(Cluster()):
        pass
    assert "RAY_AUTH_TOKEN" not in os.environ


@pytest.mark.parametrize(
    ("address", "told"),
    [("127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9"), ("ray://127.0.0.1:10001", "ray job submit")],
)
def test_a_cluster_that_cannot_be_reached_is_told_at_once(address: str, told: str) -> None:
    with pytest.raises(ClusterUnusable, match=told), connected(Cluster(address)):
        pass


NODES = st.lists(
    st.builds(Node, st.just("a"), st.integers(0, 64).map(float), st.integers(0, 8).map(float)), min_size=1, max_size=5
)


@given(NODES, st.integers(0, 40), st.sampled_from([None, 0.0, 0.5, 1.0, 2.0]), st.booleans())
def test_a_crew_always_has_room_and_takes_no_less_than_it_could(
    nodes: list[Node], wanted: int, gpus: float | None, heavy: bool
) -> None:
    def room(cpus: int, gpus: float) -> int:
        return sum(int(min(node.cpus // cpus, node.gpus // gpus if gpus else 1e9)) for node in nodes)

    try:
        crew = crew_for(Cluster(actors=wanted, gpus=gpus), nodes, heavy)
    except ClusterUnusable as error:
        assert room(1, gpus or 0.0) < max(1, wanted) or (gpus is None and heavy)
        assert "actors with 1 CPU" in str(error)
        return
    assert crew.actors == wanted or not wanted
    assert room(crew.cpus, crew.gpus) >= crew.actors > room(crew.cpus + 1, crew.gpus)


def test_actors_have_a_gpu_each_where_the_engine_needs_it_and_one_machine_each_where_not() -> None:
    nodes = [Node("a", 16, 4), Node("b", 8, 0), Node("c", 16, 2)]
    assert crew_for(Cluster(), nodes, heavy=True) == Crew(6, 4, 1.0)
    assert crew_for(Cluster(gpus=2), nodes, heavy=True) == Crew(3, 8, 2)
    assert crew_for(Cluster(), nodes, heavy=False) == Crew(3, 8, 0.0)
    assert crew_for(Cluster(actors=10), nodes, heavy=False) == Crew(10, 4, 0.0)
    with pytest.raises(
        ClusterUnusable, match=r"room for 0 actors with 1 CPU and 8 GPUs each, not for 1: a has 16 CPUs"
    ):
        crew_for(Cluster(gpus=8), nodes, heavy=True)


def test_a_shard_is_handed_out_again_but_not_for_ever() -> None:
    warned: list[str] = []
    handout = Handout([Shard("invoice", ((1,),)), Shard("invoice", ((2,),))], warned.append)
    first = handout.next()
    while handout.waits:
        task = handout.next()
        if task.shard != first.shard:
            handout.again(task, "it is gone", "in smoke")
    assert len(warned) == MOST_TRIES - 1 and warned[0] == "it is gone; it is submitted again"
    with pytest.raises(ShardsFailed, match=r"1 of 2 shards are not done: it is gone, in smoke\."):
        handout.check()


def test_parameters_name_a_cluster_and_no_two_ways_to_spread() -> None:
    job = IngestParameters(places=["a"], schemas=["invoice"])
    assert job.cluster is None and job.on(None) is job
    for cluster in (Cluster("auto"), Cluster("10.0.0.1:6379", 3, 0.0)):
        assert job.on(cluster).cluster == cluster
    with pytest.raises(ValueError, match="either spread"):
        IngestParameters(places=["a"], schemas=["invoice"], spread="shard/gpu", ray="auto")
