"""A reader process: what it may take, and what it is kept from, by the kernel and, where that cannot, by Python."""

from __future__ import annotations

import hashlib
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from model.engine import EngineSpec
from pipeline import confinement
from pipeline.apart import Apart
from pipeline.confinement import PREFIX, PrivateFolder, remove_left_folders
from pipeline.discover import file_source
from pipeline.document import open_document
from pipeline.read import read_pages
from pipeline.render import render_page
from pipeline.review_page.pictures import Wanted, make_pictures
from pipeline.serving import Assignment
from pipeline.workers import Workers
from schemas.errors import DocumentTimeout, PageFailure, ReaderCrashed, UnsupportedDocument
from schemas.page import WHOLE_PAGE, Box
from tests.hostile import HOSTILE
from tests.papers import write_invoice

ROOT = Path(__file__).parent.parent
KERNEL, PYTHON = "", "confinement.refuse_calls = confinement.refuse_writes = lambda *_, **__: False\n"
GIVES_UP = """
import sys
from pathlib import Path
from pipeline.kernel import refuse_calls, refuse_writes
sys.exit(not (refuse_writes(Path.cwd()) and refuse_calls(network=False)))
"""


def kernel_refuses() -> bool:
    """Whether this machine's kernel can; the process that finds out has given all up."""
    return subprocess.run([sys.executable, "-c", GIVES_UP], cwd=ROOT, check=False).returncode == 0


WAYS = [
    pytest.param(KERNEL, id="kernel", marks=pytest.mark.skipif(not kernel_refuses(), reason="an older kernel")),
    pytest.param(PYTHON, id="python"),
]


def confined(
    code: str, *, way: str = KERNEL, cell: str = "", folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs code in a confined process of its own; `own` is its folder."""
    made = PrivateFolder()
    program = (
        "import os, socket, subprocess, sys, tempfile, threading\nfrom pathlib import Path\n"
        "from pipeline import confinement\nfrom pipeline.limits import DocumentLimits\n"
        f"{way}own = Path({str(made.path)!r})\ncell = confinement.Cell(own, {cell})\n"
        "confinement.enter(cell)\nconfinement.shut(cell)\n"
    )
    try:
        return subprocess.run(
            [sys.executable, "-c", program + textwrap.dedent(code)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=1200,
        )
    finally:
        made.remove()


FORBIDDEN = {
    "write": "open({outside!r} + '/new', 'w')",
    "append": "open({outside!r} + '/there', 'a')",
    "truncate": "os.truncate({outside!r} + '/there', 0)",
    "remove": "os.remove({outside!r} + '/there')",
    "rename": "os.rename({outside!r} + '/there', {outside!r} + '/else')",
    "rename out": "(own / 'a').write_text('x'), os.rename(own / 'a', {outside!r} + '/else')",
    "link": "os.symlink('/', {outside!r} + '/link')",
    "folder": "os.mkdir({outside!r} + '/folder')",
    "mode": "os.chmod({outside!r} + '/there', 0o777)",
    "dotdot": "open(str(own) + '/../' + {outside!r}.rpartition('/')[2] + '-x', 'w')",
    "run": "subprocess.run(['true'])",
    "shell": "sys.exit(7) if os.system('true') == 0 else (_ for _ in ()).throw(PermissionError)",
    "fork": "os.fork() or os._exit(0)",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {{}})",
    "exec": "os.execv('/bin/true', ['true'])",
    "connect": "socket.create_connection(('127.0.0.1', {port}), 2)",
    "look up": "socket.getaddrinfo('example.invalid', 80) and None",
    "send": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "listen": "socket.create_server(('127.0.0.1', 0))",
    "kill": "os.kill(os.getppid(), 0)",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_starts_no_process_reaches_no_network_and_writes_nowhere_but_in_its_own_folder(
    way: str, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("precious")
    with socket.create_server(("127.0.0.1", 0)) as server:
        values = {"outside": str(tmp_path), "port": server.getsockname()[1]}
        tries = {name: attempt.format(**values) for name, attempt in FORBIDDEN.items()}
        code = f"""
        for name, attempt in {tries!r}.items():
            try:
                eval(attempt)
            except (PermissionError, socket.gaierror, RuntimeError) as error:
                continue
            print(name)
        """
        run = confined(code, way=way)
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert (tmp_path / "there").read_text() == "precious" and [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_reader_needs_it_still_may(way: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a document")
    code = f"""
    assert Path({str(tmp_path / "a.txt")!r}).read_text() == "a document"
    for kind in (tempfile.TemporaryFile, tempfile.NamedTemporaryFile):
        with kind() as file:
            file.write(b"x")
    with tempfile.TemporaryDirectory() as folder:
        assert folder.startswith(str(own))
    open(os.devnull, "w").write("x")
    threads = [threading.Thread(target=print, args=("ran",)) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert oct((own / "f").open("w") and os.stat(own / "f").st_mode)[-3:] == "600"
    """
    run = confined(code, way=way)
    assert (run.returncode, run.stdout.split(), run.stderr) == (0, ["ran"] * 3, "")


def test_a_reader_for_a_server_or_a_url_may_reach_the_network_and_nothing_else() -> None:
    code = """
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    try:
        subprocess.run(["true"])
    except PermissionError:
        print("refused")
    """
    run = confined(code, cell="network=True")
    assert (run.returncode, run.stdout, run.stderr) == (0, "refused\n", "")


@pytest.mark.parametrize(
    ("cell", "code", "says"),
    [
        ("DocumentLimits(memory=300 << 20)", "bytearray(400 << 20)", "MemoryError"),
        ("DocumentLimits(files=32)", "kept = [open(os.devnull) for _ in range(40)]", "Too many open files"),
        ("DocumentLimits(written=1000)", "(own / 'a').write_bytes(bytes(2000))", "File too large"),
    ],
)
def test_over_a_limit_a_reader_gets_an_error(cell: str, code: str, says: str) -> None:
    run = confined(code, cell=cell)
    assert run.returncode == 1 and says in run.stderr


def test_over_its_processor_time_a_reader_is_ended_and_each_document_has_its_own() -> None:
    spin = "begin = os.times()\nwhile sum(os.times()[:2]) - sum(begin[:2]) < {}: pass"
    code = f"""
    for _ in range(3):
        confinement.begin_document(cell)
        {spin.format(0.7).replace(chr(10), chr(10) + " " * 8)}
    print("three documents", flush=True)
    confinement.begin_document(cell)
    {spin.format(30).replace(chr(10), chr(10) + " " * 4)}
    """
    run = confined(code, cell="cpu_seconds=1.0")
    assert (run.returncode, run.stdout) == (-signal.SIGXCPU, "three documents\n")


def test_no_picture_of_its_memory_is_left_and_what_native_code_prints_is_not_shown() -> None:
    code = """
    import resource
    print(resource.getrlimit(resource.RLIMIT_CORE))
    os.write(1, b"native"); os.write(2, b"native")
    print("ours", file=sys.stderr)
    """
    run = confined(code)
    assert (run.stdout, run.stderr) == ("(0, 0)\n", "ours\n")


def test_folders_of_killed_programs_are_removed_and_those_in_use_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(confinement, "YOUNG", 0.0)
    held, left, other = PrivateFolder(), tmp_path / f"{PREFIX}left", tmp_path / "else"
    for folder in (left, other):
        (folder / "deep").mkdir(parents=True)
    (left / "deep" / "page.png").write_bytes(b"secret")
    (tmp_path / f"{PREFIX}link").symlink_to(other, target_is_directory=True)
    remove_left_folders()
    assert held.path.exists() and other.joinpath("deep").exists() and not left.exists()
    held.remove()
    held.remove()
    assert not held.path.exists()


def test_readers_leave_no_folder_behind_even_when_they_are_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("INTAGLIO_FAKE_SECONDS", "60")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = write_invoice(tmp_path / "docs" / "a.pdf")
    spec = EngineSpec("fake")
    with Workers(1, 0.2, spec) as workers:
        (late,) = workers.read([Assignment(file_source(str(path), "a.pdf"), "invoice", spec)])
    assert late.code == "document-timeout"
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_pictures_for_a_page_are_made_in_a_confined_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = write_invoice(tmp_path / "docs" / "a.pdf")
    made = make_pictures(Wanted(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), {1: 0}), 120.0)
    assert made.made.keys() == {1} and not made.missing
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_a_document_open_in_a_process_of_its_own_says_and_shows_what_it_does_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = write_invoice(tmp_path / "docs" / "a.pdf")
    part = Box(0.1, 0.1, 0.6, 0.3)
    with Apart(str(path)) as apart, open_document(path) as here:
        assert (apart.sha256, apart.size, apart.media_type) == (here.sha256, here.size, here.media_type)
        assert apart.pages == tuple(read_pages(here))
        for region, turn in ((WHOLE_PAGE, 0), (part, 90)):
            pictures = apart.render(1, 300, region, rotation=turn), render_page(here, 1, 300, region, rotation=turn)
            assert pictures[0].tobytes() == pictures[1].tobytes()
        with pytest.raises(PageFailure):
            apart.render(9, 300)
        assert apart.render(1, 50).size == render_page(here, 1, 50).size
    assert not list(tmp_path.glob(f"{PREFIX}*"))
    (tmp_path / "text.pdf").write_text("no document")
    with pytest.raises(UnsupportedDocument):
        Apart(str(tmp_path / "text.pdf"))
    (tmp_path / "slow.pdf").write_bytes(HOSTILE["forms-of-forms.pdf"]())
    with pytest.raises((DocumentTimeout, ReaderCrashed)):
        Apart(str(tmp_path / "slow.pdf"), seconds=3.0)
    assert not list(tmp_path.glob(f"{PREFIX}*"))
