"""Slices of many documents through a real HTTP server, which is killed in the middle.

    python -m benchmarks.served [--documents N] [--slices N] [--tokens N] [--down SECONDS]

The server is `tests.served_server` in a process of its own, over the tiny checkpoint: real architecture and grammar,
random weights. Each document has three pages, one of them a picture; each of its asks wants a slice of one list. They
are answered twice by the served engine, with as many at once as there are documents: left alone, and with the server
killed (-9) after a third of the answers and started again.

    asks_lost           asks without an answer, in both runs; must be 0
    answers_changed     answers of the second run that differ from the first's
    client_cpu_share    CPU time of the client over wall time, left alone: of one core, rendering and encoding included
    client_us_a_token   CPU time of the client for a token of a reply
    down_seconds        from the kill until the server answers again

A table, then one last line of JSON. The share depends on how fast the server is; the time for a token does not.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from PIL import Image, ImageDraw

from model.engine import Answer, Ask, EngineSpec, PageView, Scope
from model.served.engine import ServedEngine
from schemas.contract import Contract
from schemas.page import Box, PageText, Word

ROOT = Path(__file__).parent.parent
START_SECONDS = 300
ROW = {
    "type": "object",
    "properties": {
        "item": {"type": "string", "maxLength": 12},
        "quantity": {"type": "integer", "minimum": 0, "maximum": 999},
        "amount": {"type": "number", "minimum": 0, "maximum": 99999},
    },
}
LIST = Contract.from_json_schema(
    {"title": "List", "type": "object", "properties": {"lines": {"type": "array", "items": ROW}}}
)


class Server:
    """A server of our own on a port of its own. `kill` ends it at once, `start` starts it there again."""

    def __init__(self, checkpoint: Path) -> None:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.checkpoint = checkpoint
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.served_server", str(self.checkpoint), str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT)

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urlopen(f"{self.url}/models", timeout=5):
                    return
            except (URLError, OSError):
                time.sleep(0.05)
        raise SystemExit("the server did not start.")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def serving(checkpoint: Path) -> Iterator[Server]:
    server = Server(checkpoint)
    try:
        server.wait()
        yield server
    finally:
        server.kill()


def document(number: int) -> tuple[PageView, ...]:
    """Three pages of a list: rows of an item, a quantity and an amount."""

    def image(long_side: int, region: Box) -> Image.Image:
        drawn = Image.new("RGB", (round(long_side * 595 / 842), long_side), "white")
        for row in range(20):
            ImageDraw.Draw(drawn).text((30, 20 + 12 * row), f"Part {number}-{row}  {row}  {row}.50", fill="black")
        return drawn

    return tuple(
        PageView(_text(number, page), image if page == 1 else None, visual_tokens=70, with_words=True)
        for page in (1, 2, 3)
    )


def _text(number: int, page: int) -> PageText:
    words = []
    for row in range(6):
        for column, said in enumerate((f"Part-{number}-{page}{row}", str(row), f"{row}.50")):
            left, top = 0.1 + 0.3 * column, 0.1 + 0.03 * row
            words.append(Word(said, Box(left, top, left + 0.15, top + 0.015)))
    return PageText(page, 595, 842, tuple(words))


def asks_of(documents: int, slices: int) -> list[Ask]:
    asks = []
    for number in range(documents):
        pages = document(number)
        for part in range(slices):
            top, bottom = part / slices, (part + 1) / slices
            scope = Scope("/lines", 1 + part % 3, 1 + part % 3, Box(0, 0.1 + 0.2 * top, 1, 0.1 + 0.2 * bottom))
            asks.append(Ask(f"{number}-{part}", LIST, pages, scope=scope))
    return asks


class Run:
    """One answering of all asks. cpu, wall: seconds."""

    def __init__(
        self, engine: ServedEngine, asks: Sequence[Ask], at: int = 0, then: threading.Event | None = None
    ) -> None:
        begun, used = time.monotonic(), time.process_time()
        self.answers: dict[str, Answer] = {}
        for answer in engine.answer(asks):
            self.answers[answer.ask_id] = answer
            if then is not None and len(self.answers) >= at:
                then.set()
        self.cpu, self.wall = time.process_time() - used, time.monotonic() - begun
        self.lost = len({ask.id for ask in asks} - self.answers.keys())

    @property
    def tokens(self) -> int:
        return sum(answer.output_tokens for answer in self.answers.values())


def killed_and_restarted(server: Server, when: threading.Event, down: float) -> list[float]:
    """Kills the server once it is time, leaves it down for a while, starts it; its down time once it answers again."""
    when.wait()
    begun = time.monotonic()
    server.kill()
    time.sleep(down)
    server.start()
    server.wait()
    return [time.monotonic() - begun]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=16, help="in flight at once")
    parser.add_argument("--slices", type=int, default=4, help="asks of each")
    parser.add_argument("--tokens", type=int, default=96, help="the most of a reply")
    parser.add_argument("--down", type=float, default=5.0, help="seconds before the server is started again")
    options = parser.parse_args(arguments)
    asks = asks_of(options.documents, options.slices)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "tiny"
        program = f"from pathlib import Path; from tests.tiny_gemma import build; build(Path({str(checkpoint)!r}))"
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
        with serving(checkpoint) as server:
            spec = EngineSpec("served", url=server.url, output_tokens=options.tokens, concurrency=options.documents)
            engine = ServedEngine(spec)
            engine.load()
            alone = Run(engine, asks)
            when, down = threading.Event(), list[float]()
            killer = threading.Thread(target=lambda: down.extend(killed_and_restarted(server, when, options.down)))
            killer.start()
            shaken = Run(engine, asks, len(asks) // 3, when)
            killer.join()
    figures = {
        "asks": len(asks),
        "asks_lost": alone.lost + shaken.lost,
        "answers_changed": sum(
            answer.json_text != alone.answers[name].json_text for name, answer in shaken.answers.items()
        ),
        "client_cpu_share": alone.cpu / alone.wall,
        "client_cpu_share_killed": shaken.cpu / shaken.wall,
        "client_us_a_token": 1e6 * alone.cpu / max(1, alone.tokens),
        "tokens_per_second": alone.tokens / alone.wall,
        "wall_seconds": alone.wall,
        "wall_seconds_killed": shaken.wall,
        "down_seconds": down[0],
    }
    for name, value in figures.items():
        print(f"{name:24} {value:12.4f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
