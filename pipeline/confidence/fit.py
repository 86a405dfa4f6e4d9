"""Fits a calibration to values of which it is known whether they are right.

A logistic regression by maximum likelihood, its signs bound as `pipeline.confidence.model` says, found by L-BFGS-B
(Byrd et al. 1995; `scipy.optimize.minimize`). A ridge holds the weights (not the intercept) to `EXPECTED`, what one
would say without data: so a signal that the documents hardly vary in keeps a sensible weight.

The values of one column of one document stand and fall together, so that they count as the square root of their number,
and so do all of one source: no source is everything, however many values it has.

What it is worth is measured on sources that it was not fitted on: each is left out in turn (its leaves get a *held-out*
confidence), and the model that is kept is then fitted on all. Thresholds come from the held-out confidences: the least
from which on, at every higher one too, the accepted values are right as often as was wanted, and those of no source are
wrong more than `SLACK` times as often as that allows. Good values must not carry bad ones: none is accepted that is
itself likely to be wrong more than `ALONE` times as often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.confidence.model import AGAINST, FOR, Calibration, Signals, SourceFigures, Threshold
from pipeline.confidence.trust import PRECISION
from pipeline.scoring.calibration import Judged, calibration_error, reliability
from schemas.errors import UsageError

RIDGE = 5.0
EXPECTED = {
    "engine": 2.0,
    "engine_70": 1.5,
    "engine_85": 1.5,
    "engine_name": 4.0,
    "evidence": 1.0,
    "literal": 0.5,
    "token_least": 2.0,
    "proved": 1.5,
    "row_stated": 1.0,
    "shared": -1.0,
    "numbered": -1.0,
    "faint": -2.0,
    "unplaced": -1.0,
    "doubted": -2.0,
    "agreed": 1.0,
    "disagreed": -2.0,
}
PRECISIONS = (0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
SLACK = 2.0
ALONE = 5.0  # how many times as often as wanted a single accepted value may be expected to be wrong
FEW = 20  # accepted values of a source below which its share of wrong ones tells nothing
LEAST = 100  # values that a fit needs
FOLDS = 5  # of documents, where there is one source only
_DIGITS = 4

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Sample(NamedTuple):
    """One value found. source: what is left out together; column: what stands and falls together in the document."""

    source: str
    document: str
    column: str
    signals: Signals
    right: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration, and the held-out confidence of each sample, in their order."""

    calibration: Calibration
    held_out: tuple[float, ...]


def fit(samples: Sequence[Sample], engine: str, about: str = "") -> Fit:
    """Raises UsageError where there are too few samples, or none is wrong or none right."""
    if len(samples) < LEAST or len({sample.right for sample in samples}) < 2:
        raise UsageError(
            f"{len(samples)} values cannot calibrate anything: it takes {LEAST}, right ones and wrong ones.",
            remedy="Give more documents with their truth.",
        )
    table = _Table(samples)
    everything = table.fitted(np.ones(len(samples), dtype=bool))
    held_out = np.empty(len(samples))
    for part in np.unique(table.parts):
        inside = table.parts == part
        held_out[inside] = _confidence(table.fitted(~inside), table.matrix[inside])
    thresholds = tuple(_thresholds(table, held_out))
    at = next((each.confidence for each in thresholds if each.precision >= PRECISION), PRECISION)
    calibration = Calibration(
        engine=engine,
        about=about,
        intercept=round(float(everything[0]), _DIGITS),
        weights={name: round(float(weight), _DIGITS) for name, weight in zip(table.names, everything[1:], strict=True)},
        thresholds=thresholds,
        sources=tuple(_figures(table, held_out, at)),
    )
    return Fit(calibration, tuple(map(float, held_out)))


class _Table:
    """Samples as a matrix: a row each, a column for each signal."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self.names = tuple(sorted({name for sample in samples for name in sample.signals}))
        self.matrix: Numbers = np.array([[each.signals.get(name, 0.0) for name in self.names] for each in samples])
        self.right: Numbers = np.array([float(sample.right) for sample in samples])
        self.sources = np.array([sample.source for sample in samples])
        self.parts = np.array(_parts(samples))
        self.weights = _weights(samples, self.sources)
        self.acceptable: Flags = np.array(
            [bool(each.signals.get("by_value")) and not each.signals.get("doubted") for each in samples]
        )
        self._expected = np.array([EXPECTED.get(name, 0.0) for name in self.names])
        self._bounds = [(None, None), *((0 if n in FOR else None, 0 if n in AGAINST else None) for n in self.names)]

    def fitted(self, chosen: Flags) -> Numbers:
        """The intercept and the weights of the chosen rows."""
        rows, right, weights = self.matrix[chosen], self.right[chosen], self.weights[chosen]

        def loss(parameters: Numbers) -> tuple[float, Numbers]:
            scores = parameters[0] + rows @ parameters[1:]
            off, apart = weights * (1 / (1 + np.exp(-scores)) - right), parameters[1:] - self._expected
            lost = weights @ (np.logaddexp(0, scores) - right * scores) + RIDGE / 2 * apart @ apart
            return float(lost), np.concatenate([[off.sum()], rows.T @ off + RIDGE * apart])

        start = np.concatenate([[0.0], self._expected])
        found: Numbers = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=self._bounds).x
        return found


def _weights(samples: Sequence[Sample], sources: NDArray[np.str_]) -> Numbers:
    """Of each sample; all together weigh as much as the columns would if no source were to count for less."""
    columns = Counter((each.source, each.document, each.column) for each in samples)
    alone = np.array([columns[each.source, each.document, each.column] ** -0.5 for each in samples])
    weights: Numbers = alone.copy()
    for source in np.unique(sources):
        weights[sources == source] /= alone[sources == source].sum() ** 0.5
    weights *= alone.sum() / weights.sum()
    return weights


def _parts(samples: Sequence[Sample]) -> list[str]:
    """What is left out together: the sources, or, where there is one only, some of its documents."""
    if len({sample.source for sample in samples}) > 1:
        return [sample.source for sample in samples]
    documents = {name: number for number, name in enumerate(dict.fromkeys(sample.document for sample in samples))}
    return [f"{sample.source} {documents[sample.document] % FOLDS}" for sample in samples]


def _confidence(parameters: Numbers, rows: Numbers) -> Numbers:
    confidence: Numbers = 1 / (1 + np.exp(-(parameters[0] + rows @ parameters[1:])))
    return confidence


def _thresholds(table: _Table, held_out: Numbers) -> Iterator[Threshold]:
    """For each precision that can be reached, rising."""
    least = 0.0
    for precision in PRECISIONS:
        confidence = _threshold(table, held_out, precision)
        if confidence is None:
            return
        least = max(least, confidence, round(1 - ALONE * (1 - precision), 3))
        yield Threshold(precision=precision, confidence=least)


def _threshold(table: _Table, held_out: Numbers, precision: float) -> float | None:
    reached = None
    for candidate in sorted({round(float(each), 3) for each in held_out[table.acceptable]}, reverse=True):
        accepted = table.acceptable & (held_out >= candidate)
        if accepted.sum() >= FEW and not _good(table, accepted, precision):
            break
        reached = candidate if accepted.sum() >= FEW else None
    return reached


def _good(table: _Table, accepted: Flags, precision: float) -> bool:
    weights, right = table.weights[accepted], table.right[accepted]
    if weights @ right < precision * weights.sum():
        return False
    sources = table.sources[accepted]
    for source in np.unique(sources):
        inside = sources == source
        wrong = weights[inside] @ (1 - right[inside])
        if inside.sum() >= FEW and wrong > SLACK * (1 - precision) * weights[inside].sum():
            return False
    return True


def _figures(table: _Table, held_out: Numbers, threshold: float) -> Iterator[SourceFigures]:
    for name in dict.fromkeys(sample.source for sample in table.samples):
        inside = table.sources == name
        confidence, right = np.clip(held_out[inside], 1e-6, 1 - 1e-6), table.right[inside]
        judged = [Judged(float(sure), bool(is_right)) for sure, is_right in zip(confidence, right, strict=True)]
        accepted = table.acceptable[inside] & (confidence >= threshold)
        yield SourceFigures(
            name=name,
            documents=len({each.document for each in table.samples if each.source == name}),
            leaves=int(inside.sum()),
            right=int(right.sum()),
            log_loss=round(float(-(right * np.log(confidence) + (1 - right) * np.log(1 - confidence)).mean()), _DIGITS),
            ece=round(calibration_error(reliability(judged)) or 0.0, _DIGITS),
            accepted=int(accepted.sum()),
            accepted_right=int(right[accepted].sum()),
        )
