"""`intaglio report`: what runs into a folder came to."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from rich.text import Text

from flows.run_lines import cost_words, headline, run_lines
from flows.terminal import console, plain
from pipeline.prices import FREE, Prices
from pipeline.run_report import RunReport, read_reports


def run(folder: Path, name: str, prices: Prices, *, every: bool, as_json: bool) -> int:
    """Prints it; returns the exit code. Raises UsageError where there is no report."""
    found = islice(read_reports(folder, name), None if every else 1)
    reports = [report if prices == FREE else report.priced(prices) for report in found]
    for report in reports:
        if as_json:
            print(report.model_dump_json(indent=None if every else 2))
        else:
            for line in _line(report) if every else _lines(report):
                console().print(Text(line), soft_wrap=True)
    return 0


def _line(report: RunReport) -> list[str]:
    cost = cost_words(report)
    return [headline(report) + (f" Cost: {cost}." if cost else "")]


def _lines(report: RunReport) -> list[str]:
    schemas = ", ".join(f"{plain(schema.name)} {plain(schema.fingerprint)}" for schema in report.schemas)
    engine = plain(f"{report.engine.name} {report.engine.model}")
    return [
        headline(report),
        f"From {', '.join(map(plain, report.sources))} by {schemas}, read by {engine} ({plain(report.reader)}).",
        *run_lines(report),
    ]
