"""Makes every sample document and its truth anew.

python -m sample_docs.make [--out DIR]      DIR is this folder if not given
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from sample_docs.make import broken, files, forms, invoices, pages, receipts, resumes, statements
from sample_docs.make.sample import Sample

HERE = Path(__file__).resolve().parent.parent

SAMPLES: Mapping[str, Callable[[], Sample]] = {
    path: make
    for kind in (invoices, receipts, statements, forms, resumes, pages, files, broken)
    for path, make in kind.SAMPLES.items()
}
"""By the path below the output folder."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sample_docs.make", description="Make the sample documents anew.")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="output folder (default: this one)")
    out = parser.parse_args().out
    for path, make in SAMPLES.items():
        make().save(out / path)
    print(f"{len(SAMPLES)} documents and their truth are in {out}.")


if __name__ == "__main__":
    main()
