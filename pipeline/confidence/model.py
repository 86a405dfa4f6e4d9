"""The model that makes one number of the signals, and the threshold from which a value is accepted.

    confidence = 1 / (1 + exp(-(intercept + sum of weight * signal)))

It is a logistic regression, so that every weight can be read: the logarithm of the factor by which a signal changes the
odds that the value is right. The weights of an engine are a JSON file beside this module (`embedded.json`), made by
`pipeline.confidence.fit`; engines without one have those of `prior.json`, which nothing was measured for.

Signals that can only speak for a value never have a negative weight, and those that can only speak against it never a
positive one (`FOR`, `AGAINST`): better evidence never lowers confidence, and a failed check never raises it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.confidence.trust import DEFAULT, PRECISION, Trust
from schemas.errors import UsageError

Signals = Mapping[str, float]
"""By name, as `pipeline.confidence.signals` has them; those that are left out are nought."""

FOR = frozenset(
    "evidence by_value literal engine engine_70 engine_85 engine_name token_least token_mean text_layer proved "
    "row_stated".split()
)
AGAINST = frozenset("unplaced read faint shared doubted numbered long".split())
FAINTEST = 0.5  # doubt of OCR in a word, above which no model saves the value: too few of those are ever right or wrong
PRIOR = "prior"
_STEPS = 1000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceFigures(_Part):
    """How the model does on one source that it was not fitted on. ece, log_loss: see `docs/evaluation.md`.

    accepted, accepted_right: at the threshold for 0.99.
    """

    name: str
    documents: int
    leaves: int
    right: int
    log_loss: float
    ece: float
    accepted: int
    accepted_right: int


class Threshold(_Part):
    """precision: the share of accepted values that is to be right. confidence: from which values are accepted."""

    precision: float = Field(gt=0, lt=1)
    confidence: float = Field(ge=0, le=1)


class Calibration(_Part):
    """A model, from its JSON file. sources: what was measured on each of the sources it was fitted on, held out.

    thresholds: from the lowest precision up; a precision above the last is its own threshold, as are all where there
    are none.
    """

    format: Literal["intaglio-calibration-1"] = "intaglio-calibration-1"
    engine: str
    about: str = ""
    intercept: float
    weights: dict[str, float]
    thresholds: tuple[Threshold, ...] = ()
    sources: tuple[SourceFigures, ...] = ()

    @field_validator("weights")
    @classmethod
    def _signs(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if (name in FOR and weight < 0) or (name in AGAINST and weight > 0):
                raise ValueError(f"the weight of {name} has the wrong sign")
        return weights

    @model_validator(mode="after")
    def _rising(self) -> Calibration:
        if list(self.thresholds) != sorted(self.thresholds, key=lambda each: (each.precision, each.confidence)):
            raise ValueError("thresholds must rise with precision")
        return self

    def confidence(self, signals: Signals) -> float:
        """0..1, strictly between them."""
        total = self.intercept + sum(self.weights.get(name, 0.0) * signal for name, signal in signals.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))

    def threshold(self, precision: float) -> float:
        """The confidence from which values are accepted for a precision: that of the next one that was measured."""
        measured = (each.confidence for each in self.thresholds if each.precision >= precision)
        return next(measured, max(precision, *(each.confidence for each in self.thresholds), 0.0))


@dataclass(frozen=True, slots=True)
class Judge:
    """A calibration at a precision."""

    calibration: Calibration
    precision: float = PRECISION

    @classmethod
    def of(cls, engine: str, trust: Trust = DEFAULT) -> Judge:
        """engine: its name. Raises UsageError for a calibration file that cannot be used."""
        return cls(calibration_for(engine, trust.calibration), trust.precision)

    def confidence(self, signals: Signals) -> float:
        """As the record has it: rounded down, so that rounding accepts nothing, and never a full 1."""
        return math.floor(self.calibration.confidence(signals) * _STEPS) / _STEPS

    def accepts(self, confidence: float, signals: Signals) -> bool:
        """Whether it is sure enough, words that could be read state the value, and nothing doubts it."""
        if not signals.get("by_value") or signals.get("doubted") or signals.get("faint", 0.0) > FAINTEST:
            return False
        return confidence >= self.calibration.threshold(self.precision)


def fingerprint_of(engine: str, trust: Trust) -> str:
    """8 hex digits that change when the same signals can be judged otherwise. Raises UsageError."""
    text = f"{trust.precision} {calibration_for(engine, trust.calibration).model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def calibration_for(engine: str, path: str = "") -> Calibration:
    """The engine's own, else the prior, or that of a file. Raises UsageError for a file of another engine."""
    if not path:
        return _own(engine)
    calibration = load_calibration(Path(path))
    if calibration.engine != engine:
        raise UsageError(
            f"{path} was made for the engine {calibration.engine}, not {engine}.",
            remedy=f"Make one with `intaglio calibrate --engine {engine}`.",
        )
    return calibration


@lru_cache(maxsize=16)
def load_calibration(path: Path) -> Calibration:
    """Raises UsageError."""
    remedy = "Make it with `intaglio calibrate`."
    try:
        return _parsed(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy=remedy) from error
    except (ValueError, RecursionError) as error:
        reason = _reason(error)
        raise UsageError(f"{path} is no calibration: {reason}.", remedy=remedy) from error


@lru_cache(maxsize=16)
def _own(engine: str) -> Calibration:
    folder = resources.files("pipeline.confidence")
    file = folder.joinpath(f"{engine}.json")
    return _parsed((file if file.is_file() else folder.joinpath(f"{PRIOR}.json")).read_text("utf-8"))


def _parsed(text: str) -> Calibration:
    data: Any = json.loads(text)
    return Calibration.model_validate(data)


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    return f"at {'/'.join(map(str, first['loc'])) or 'its root'}: {first['msg']}"
