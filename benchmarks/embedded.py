"""How fast the embedded engine is, against pdfplumber for digital PDFs and RapidOCR for scans, in one run.

    python -m benchmarks.embedded [--scans FOLDER] [--pdfs FOLDER] [--repeat N] [--documents N]

Each figure is a ratio against a peer that does less, measured on the same files in the same process:

    digital_pages_per_s  pages a second on one core, from bytes to record, through the whole of `extract`
    ratio_pdfplumber     that, over the pages a second at which pdfplumber reads the words of the same pages
    ratio_ocr            our seconds for the words of the scans, over RapidOCR's as it comes out of the box (wall time)
    ratio_ocr_cpu        the same in CPU seconds
    words_kept           share of the words that RapidOCR reads which ours reads too
    recall, recall_rapidocr  share of the words of the scans' truth that each reads; both only where truth stands by
    mb_per_1000_docs     growth of resident memory over 1,000 small documents, after the first 100
    help_s               `intaglio --help`, best of five

A table, then one last line of JSON. By default the project's own samples are measured.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from model.embedded.engine import EmbeddedEngine
from pipeline.document import open_document
from pipeline.extract import extract
from pipeline.ocr import Ocr
from pipeline.read import read_pages
from schemas.pointer import leaves
from schemas.registry import load_contract

SAMPLES = Path(__file__).parent.parent / "sample_docs"
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
PICTURES = (".jpg", ".jpeg", ".png")


def digital_pdfs(folder: Path) -> list[Path]:
    """The PDFs that have a sound text layer on every page."""
    found = []
    for path in sorted(folder.rglob("*.pdf")):
        if "broken" in path.parts:
            continue
        with open_document(path) as document:
            if document.page_count <= 60 and all(page.source == "text" for page in read_pages(document)):
                found.append(path)
    return found


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """(what the work counted, CPU seconds it took)."""
    begun = time.process_time()
    return work(), time.process_time() - begun


def measure_digital(paths: Sequence[Path], repeat: int) -> dict[str, float]:
    import pdfplumber

    contract, engine = load_contract("invoice"), EmbeddedEngine()
    contents = [path.read_bytes() for path in paths]

    def ours() -> int:
        return sum(
            len(extract(content, contract, engine).document.pages) for _ in range(repeat) for content in contents
        )

    def theirs() -> int:
        pages = 0
        for path in paths:
            with pdfplumber.open(path) as pdf:
                for page in pdf.pages:
                    page.extract_words()
                    pages += 1
        return pages

    extract(contents[0], contract, engine)
    pages, seconds = timed(ours)
    their_pages, their_seconds = timed(theirs)
    rate, their_rate = pages / seconds, their_pages / their_seconds
    return {"digital_pages_per_s": rate, "pdfplumber_pages_per_s": their_rate, "ratio_pdfplumber": rate / their_rate}


def measure_scans(paths: Sequence[Path]) -> dict[str, float]:
    from rapidocr import RapidOCR

    logging.disable(logging.CRITICAL)
    pictures = [np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")) for path in paths]
    ours, theirs = Ocr(), RapidOCR()
    ours.read(pictures[0])
    theirs(pictures[0][:, :, ::-1])
    our_clock, their_clock = _Stopwatch(), _Stopwatch()
    our_words: list[list[str]] = []
    their_words: list[list[str]] = []
    for picture in pictures:  # in turn, so that whatever else the machine does slows both alike
        with our_clock:
            found = ours.read(picture).words
        with their_clock:
            lines = theirs(picture[:, :, ::-1]).txts or ()
        our_words.append([word.text for word in found])
        their_words.append([word for line in lines for word in line.split()])
    kept = total = 0
    for mine, other in zip(our_words, their_words, strict=True):
        text = _plain("".join(mine))
        wanted = [_plain(word) for word in other if len(_plain(word)) > 2]
        kept += sum(word in text for word in wanted)
        total += len(wanted)
    wanted_words = [_truth_words(path) for path in paths]
    truths = sum(map(len, wanted_words))
    return {
        **({"recall": _found(wanted_words, our_words) / truths} if truths else {}),
        **({"recall_rapidocr": _found(wanted_words, their_words) / truths} if truths else {}),
        "ocr_s_per_page": our_clock.wall / len(pictures),
        "rapidocr_s_per_page": their_clock.wall / len(pictures),
        "ratio_ocr": our_clock.wall / their_clock.wall,
        "ratio_ocr_cpu": our_clock.cpu / their_clock.cpu,
        "words_kept": kept / max(1, total),
    }


def _truth_words(path: Path) -> list[str]:
    """The words of the texts in `x.truth.json` beside `x.jpg`, less dates, which pages write in other ways."""
    truth = path.with_suffix(".truth.json")
    if not truth.is_file():
        return []
    data = json.loads(truth.read_text(encoding="utf-8"))
    texts = [
        value for _, value in leaves(data.get("data", data)) if isinstance(value, str) and not ISO_DATE.match(value)
    ]
    return [_plain(word) for text in texts for word in text.split() if _plain(word)]


def _found(wanted: Sequence[Sequence[str]], read: Sequence[Sequence[str]]) -> int:
    pages = ("".join(map(_plain, words)) for words in read)
    return sum(word in page for words, page in zip(wanted, pages, strict=True) for word in words)


class _Stopwatch:
    """Adds up wall and CPU seconds of the blocks that it is entered for."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> None:
        self.wall -= time.perf_counter()
        self.cpu -= time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter()
        self.cpu += time.process_time()


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()


def measure_memory(path: Path, documents: int) -> dict[str, float]:
    contract, engine, content = load_contract("invoice"), EmbeddedEngine(), path.read_bytes()
    for _ in range(100):
        extract(content, contract, engine)
    before = _resident_mb()
    for _ in range(documents):
        extract(content, contract, engine)
    return {"mb_per_1000_docs": (_resident_mb() - before) * 1000 / documents}


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def measure_help() -> dict[str, float]:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "flows.cli", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return {"help_s": min(times)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pdfs", type=Path, default=SAMPLES, help="folder of digital PDFs")
    parser.add_argument("--scans", type=Path, default=SAMPLES / "receipts", help="folder of pictures")
    parser.add_argument("--most", type=int, default=20, help="pictures read at most")
    parser.add_argument("--repeat", type=int, default=5, help="times that the PDFs are read")
    parser.add_argument("--documents", type=int, default=1000, help="for the growth of memory")
    options = parser.parse_args(arguments)
    pdfs = digital_pdfs(options.pdfs)
    scans = [path for path in sorted(options.scans.iterdir()) if path.suffix.casefold() in PICTURES][: options.most]
    figures: dict[str, float] = {"pdfs": len(pdfs), "scans": len(scans)}
    figures |= measure_help()
    figures |= measure_digital(pdfs, options.repeat)
    figures |= measure_memory(min(pdfs, key=lambda path: path.stat().st_size), options.documents)
    figures |= measure_scans(scans)
    for name, value in figures.items():
        print(f"{name:24} {value:10.3f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
