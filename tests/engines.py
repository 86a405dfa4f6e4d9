"""Engines that are had by one process only, as those with weights are; `EngineSpec("fake", "tests.engines:…")`.

What they are to do follows from the pages that they are asked about, and from files in the folder INTAGLIO_TEST_FOLDER:
all of that reaches the process that has them.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from model.engine import Answer, Ask, EngineSpec, Limits
from model.fake import FakeEngine
from model.pictures import picture_of
from schemas.errors import AnswerError, EngineUnavailable
from schemas.page import Box

CORNER = Box(0.0, 0.0, 0.4, 0.2)
LIMITS = Limits(sees_images=True, understands=True, processes=1)


def folder() -> Path:
    return Path(os.environ["INTAGLIO_TEST_FOLDER"])


def note(name: str, text: str) -> None:
    """One line in a file, whole, whoever else writes there."""
    with (folder() / name).open("a") as file:
        file.write(text + "\n")


def notes(name: str) -> list[str]:
    path = folder() / name
    return path.read_text().splitlines() if path.exists() else []


def number_of(ask: Ask) -> str:
    """The invoice's number, as its page prints it."""
    text = " ".join(word.text for view in ask.pages for word in view.text.words)
    found = re.search(r"INV-\d+", text)
    return found[0] if found else ""


class Batches(FakeEngine):
    """Notes each batch in `batches`: its process, when it began, the documents."""

    def __init__(self, seconds: float = 0.0, limits: Limits = LIMITS) -> None:
        super().__init__(limits=limits)
        self.batch_seconds = seconds

    def load(self) -> None:
        note("loads", str(os.getpid()))

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        batch = list(asks)
        note("batches", json.dumps([os.getpid(), time.monotonic(), [number_of(ask) for ask in batch]]))
        time.sleep(self.batch_seconds)
        for ask in batch:
            self.act(ask, batch)
            yield Answer(ask.id, json.dumps(self.data(ask)), thought=f"about {number_of(ask)}", output_tokens=7)

    def act(self, ask: Ask, batch: Sequence[Ask]) -> None:
        """What it does before it answers."""

    def data(self, ask: Ask) -> dict[str, Any]:
        return {"invoice_number": number_of(ask)}


class Deadly(Batches):
    """INV-1 ends its process, each time, or once where there is a file `once`; INV-2 makes it hang; INV-3 is no ask."""

    def act(self, ask: Ask, batch: Sequence[Ask]) -> None:
        number = number_of(ask)
        if number == "INV-1" and not ((folder() / "once").exists() and len(notes("deaths")) == 1):
            note("deaths", str(os.getpid()))
            os._exit(7)
        if number == "INV-2":
            time.sleep(600)
        if number == "INV-3":
            raise AnswerError("it is too dark.", remedy="Switch on the light.")


class Looking(Batches):
    """Takes every page's picture and zooms into the first, and answers with what it saw."""

    def data(self, ask: Ask) -> dict[str, Any]:
        pictures = [picture_of(view) for view in ask.pages]
        pictures.append(picture_of(ask.pages[0], CORNER, 560))
        seen = [picture.render() for picture in pictures if picture]
        return {"invoice_number": " ".join(sha256(picture.tobytes()).hexdigest()[:8] for picture in seen)}


class Counting(Batches):
    """Holds little, so that what a long ask takes has to be counted."""

    def count(self, ask: Ask) -> int:
        note("counts", ask.id)
        return 100


def batches(spec: EngineSpec) -> Batches:
    return Batches(float(os.environ.get("INTAGLIO_FAKE_SECONDS", "0")))


def deadly(spec: EngineSpec) -> Deadly:
    return Deadly()


def looking(spec: EngineSpec) -> Looking:
    return Looking()


def counting(spec: EngineSpec) -> Counting:
    return Counting(limits=replace(LIMITS, context_tokens=5000, output_tokens=100))


class Unloadable(Batches):
    def load(self) -> None:
        raise EngineUnavailable("there is no room for it.", remedy="Make room.")


def unloadable(spec: EngineSpec) -> Unloadable:
    return Unloadable()


class Stillborn(Batches):
    def load(self) -> None:
        note("loads", str(os.getpid()))
        os._exit(3)


def stillborn(spec: EngineSpec) -> Stillborn:
    return Stillborn()


def main(folder: str, out: str) -> None:
    """A batch in a process of its own, for tests that kill it."""
    from pipeline.batch import run_batch
    from pipeline.job import Job

    run_batch(Job((folder,), ("invoice",), Path(out), engine=EngineSpec("fake", "tests.engines:batches"), workers=2))


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
