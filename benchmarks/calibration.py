"""Fits the confidence of the embedded engine anew, and measures it on what it was not fitted on.

    python -m benchmarks.calibration FOLDER… [--made DIR] [--words DIR] [--keep] [--workers N]

Each FOLDER is a source, of documents with their truth; with `--made DIR` what `python -m sample_docs.make.variants DIR`
makes, made now if the folder is not there, and the samples in `sample_docs/`, are two more. Each source is left out in
turn, and judged by a model that was fitted on the others. `--keep` writes the model that is fitted on all to
`pipeline/confidence/embedded.json`. `--words DIR` keeps what was read on each page, as `benchmarks.accuracy` does. The
last line is one JSON.

`intaglio calibrate` does the same for documents of your own, and for any engine.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import sample_docs
from benchmarks.accuracy import all_cases, read_record
from pipeline.calibrate import Labelled, flattened, samples_of
from pipeline.confidence import model
from pipeline.confidence.fit import Sample, fit
from pipeline.confidence.model import Calibration
from pipeline.truth import Case
from sample_docs.make.variants import save_variants
from schemas.errors import UsageError

ENGINE = "embedded"
KEPT = Path(model.__file__).with_name(f"{ENGINE}.json")


def sources(folders: Sequence[Path], made: Path | None) -> list[Labelled]:
    """Raises UsageError for a folder without documents that have a truth."""
    known = [Labelled(folder.name, all_cases(folder, None)) for folder in folders]
    if made is not None:
        if not made.exists():
            save_variants(made)
        known.append(Labelled("samples", all_cases(Path(sample_docs.__file__).parent, None)))
        known.append(Labelled("made", all_cases(made, None)))
    return known


def samples(source: str, case: Case, words: Path | None) -> list[Sample]:
    return list(samples_of(source, case, read_record(case, ENGINE, words)))


def report(calibration: Calibration) -> dict[str, object]:
    """Prints the tables; gives the figures."""
    print(f"{'source':24}{'docs':>6}{'leaves':>8}{'right':>8}{'logloss':>9}{'ECE':>8}{'accepted':>10}{'right':>8}")
    for each in calibration.sources:
        share = f"{each.accepted_right / each.accepted:8.4f}" if each.accepted else f"{'-':>8}"
        print(
            f"{each.name:24}{each.documents:6}{each.leaves:8}{each.right / each.leaves:8.4f}{each.log_loss:9.4f}"
            f"{each.ece:8.4f}{each.accepted:10}{share}"
        )
    accepted, right = (sum(getattr(s, name) for s in calibration.sources) for name in ("accepted", "accepted_right"))
    print("\n" + "  ".join(f"{name} {weight:+.2f}" for name, weight in calibration.weights.items()))
    print("  ".join(f"{each.precision}: {each.confidence}" for each in calibration.thresholds))
    return {
        "leaves": sum(each.leaves for each in calibration.sources),
        "accepted": accepted,
        "accepted_precision": round(right / accepted, 4) if accepted else None,
        "worst_accepted_precision": min(
            (round(each.accepted_right / each.accepted, 4) for each in calibration.sources if each.accepted),
            default=None,
        ),
        "ece": {each.name: each.ece for each in calibration.sources},
        "thresholds": {str(each.precision): each.confidence for each in calibration.thresholds},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.calibration", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument(
        "--made", type=Path, metavar="DIR", help="what sample_docs.make.variants makes; made if it is not there"
    )
    parser.add_argument("--words", type=Path, metavar="DIR", help="keep the words that were read in this folder")
    parser.add_argument("--keep", action="store_true", help=f"write {KEPT.name}")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        told = [(each.name, case) for each in sources(options.folders, options.made) for case in each.cases]
        names, cases = [name for name, _ in told], [case for _, case in told]
        with ProcessPoolExecutor(options.workers) as pool:
            found = flattened(pool.map(samples, names, cases, repeat(options.words)))
        about = f"{len({(each.source, each.document) for each in found})} documents, {len(found)} values."
        calibration = fit(found, ENGINE, f"Fitted by benchmarks.calibration to {about}").calibration
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    figures = report(calibration)
    if options.keep:
        KEPT.write_text(calibration.model_dump_json(indent=1) + "\n", "utf-8")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
