"""When the scorer takes two values for the same."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.scoring.forms import Reading, form, likeness


@pytest.mark.parametrize(
    ("truth", "found", "reading", "expected"),
    [
        ("9.00", "9", "open", "exact"),
        ("9.00", "RM 9.00", "open", "exact"),
        ("9.00", "900", "open", "different"),
        (1234.5, "1.234,50", "number", "exact"),
        (1234.5, "1,234.50", "number", "exact"),
        (0.3, 0.1 + 0.2, "number", "exact"),
        (-5, "(5.00)", "number", "exact"),
        (5, "-5.00", "number", "different"),
        (1234567890123456, 1234567890123457, "number", "different"),
        ("25/12/2018", "2018-12-25", "open", "exact"),
        ("29-12-17", "2017-12-29", "open", "exact"),
        ("2014-05-07", "7. Mai 2014", "date", "exact"),
        ("03/04/2021", "2021-04-03", "open", "exact"),
        ("03/14/2021", "2021-03-14", "open", "exact"),
        ("2021-04-03", "2021-03-04", "date", "different"),
        ("20:13", "8:13:00 PM", "time", "exact"),
        ("Free-Mobile S.A.S.", "FREE MOBILE SAS", "open", "exact"),
        ("Müller & Söhne", "MÜLLER & SÖHNE", "open", "exact"),
        ("SWC ENTERPRISE SDN BHD", "SWC ENTERPR1SE SDN BHD", "open", "close"),
        ("SWC ENTERPRISE", "SWC", "open", "different"),
        ("DE812345678901", "DE812345678902", "open", "different"),
        ("INVOICE-ABCDEF", "INVOICE-ABCDEG", "code", "different"),
        ("0042", "42", "open", "different"),
        ("0042", "0042", "open", "exact"),
        (42, "42", "code", "exact"),
        ("—", "✓", "open", "different"),
        (True, True, "open", "exact"),
        (True, 1, "open", "different"),
    ],
)
def test_likeness(truth: Any, found: Any, reading: Reading, expected: str) -> None:
    one, other = form(truth, reading), form(found, reading)
    assert one is not None
    assert other is not None
    assert likeness(one, other) == expected
    assert likeness(other, one) == expected


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_blanks_are_absent(blank: Any) -> None:
    assert form(blank, "open") is None
