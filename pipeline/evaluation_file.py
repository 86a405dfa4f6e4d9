"""An evaluation as a JSON file: figures for programs, and every leaf, from which a later run compares."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipeline.comparison import Comparison
from pipeline.evaluate import Evaluation
from pipeline.scoring.figures import TARGET, by_kind, figures, reliability_of
from schemas.errors import UsageError

VERSION = 1
_READER = TypeAdapter(Evaluation)


def to_json(evaluation: Evaluation, comparison: Comparison | None = None) -> str:
    """All figures, then the documents with their leaves. Only ASCII: no character of a document can break it."""
    score = evaluation.score
    whole: dict[str, Any] = {
        "evaluation_version": VERSION,
        "target_precision": float(TARGET),
        "figures": asdict(figures(score)) | {"mean_f1": score.mean_f1(), "mean_f1_exact": score.mean_f1(exact=True)},
        "whole_documents": evaluation.whole,
        "truth_misfits": sum(len(document.misfits) for document in evaluation.documents),
        "reliability": [asdict(each) for each in reliability_of(score)],
        "kinds": {kind: asdict(counts) | {"f1": counts.f1()} for kind, counts in by_kind(score).items()},
        "fields": {name: asdict(figures(part)) for name, part in score.parts().items()},
        "rows": {name: asdict(counts) | {"f1": counts.f1()} for name, counts in score.row_lists.items()},
        "comparison": asdict(comparison) if comparison else None,
        **asdict(evaluation),
    }
    for told, document in zip(whole["documents"], evaluation.documents, strict=True):
        told["figures"] = asdict(figures(document.score))
    return json.dumps(whole, indent=1)


def load_evaluation(path: Path) -> Evaluation:
    """An evaluation from its file. Raises UsageError."""
    remedy = "Name a file that `intaglio evaluate --json` wrote."
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy=remedy) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}.", remedy=remedy) from error
    if not isinstance(data, dict) or "evaluation_version" not in data:
        raise UsageError(f"{path} is not an evaluation.", remedy=remedy)
    if data["evaluation_version"] != VERSION:
        raise UsageError(
            f"{path} is an evaluation of version {data['evaluation_version']}, and this Intaglio reads {VERSION}.",
            remedy="Evaluate the old records again with --records.",
        )
    try:
        return _READER.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(map(str, first["loc"]))
        raise UsageError(f"{path} is not an evaluation, at {where}: {first['msg']}.", remedy=remedy) from error
