"""What a user asks of accepted values. Light, for it is imported before native libraries may be."""

from __future__ import annotations

from dataclasses import dataclass

PRECISION = 0.99


@dataclass(frozen=True, slots=True)
class Trust:
    """How far values are to be trusted; hashable, and crosses process boundaries.

    precision: the share of accepted values that is to be right. calibration: a file of `intaglio calibrate`; empty for
    the engine's own.
    """

    precision: float = PRECISION
    calibration: str = ""


DEFAULT = Trust()
