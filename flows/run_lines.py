"""What the report of a run says on a terminal."""

from __future__ import annotations

from flows.terminal import plain
from pipeline.run_report import RunReport

FEWEST_SECONDS = 0.05  # a stage that took less in all is left out


def run_lines(report: RunReport) -> list[str]:
    """Speed, where the time went, and what it cost; a line that would have nothing to say is left out."""
    return [
        line for line in (_speed(report), _stages(report), _answers(report), _failures(report), _cost(report)) if line
    ]


def headline(report: RunReport) -> str:
    """Which run, and what became of its documents."""
    documents = report.documents
    counts = [f"{getattr(documents, name)} {name}" for name in ("accepted", "review", "failed", "left")]
    told = ", ".join(count for count in counts if not count.startswith("0 "))
    state = f"{report.state} by {report.error}" if report.error else report.state
    read = f"{documents.read} document{'' if documents.read == 1 else 's'} read"
    pages = f"{report.pages} pages{f' ({told})' if told else ''}"
    return f"{report.run}, {plain(state)}: {read}, {pages}, {report.seconds:.1f} s."


def cost_words(report: RunReport) -> str:
    """`0.0143, 1.02 per 1,000 pages`; empty where no price is known."""
    if report.cost is None:
        return ""
    per_page = report.cost.per_thousand_pages
    return f"{report.cost.total:.4f}" + ("" if per_page is None else f", {per_page:.2f} per 1,000 pages")


def _speed(report: RunReport) -> str:
    if report.documents_per_second is None or report.pages_per_minute is None:
        return ""
    readers = f"{report.workers} reader{'' if report.workers == 1 else 's'}"
    speed = f"{report.documents_per_second:.2f} documents/s, {report.pages_per_minute:.1f} pages/min with {readers}"
    busy = "" if report.engine_busy_share is None else f"; engine busy {report.engine_busy_share:.0%}"
    return f"Speed: {speed}{busy}."


def _stages(report: RunReport) -> str:
    spent = sorted(report.stage_seconds.items(), key=lambda pair: -pair[1])
    told = [f"{plain(stage)} {seconds:.1f} s" for stage, seconds in spent if seconds >= FEWEST_SECONDS]
    return f"Time by stage: {', '.join(told)}." if told else ""


def _answers(report: RunReport) -> str:
    values = f"{report.values['accepted']} accepted, {report.values['review']} in review"
    tokens = (
        f"; {report.tokens['input']} tokens in, {report.tokens['output']} out" if any(report.tokens.values()) else ""
    )
    again = f"; {report.escalations} asks beyond the first" if report.escalations else ""
    return f"Values: {values}{tokens}{again}." if any(report.values.values()) or tokens else ""


def _failures(report: RunReport) -> str:
    told = ", ".join(f"{count} {plain(code)}" for code, count in report.failures.items())
    return f"Failed: {told}." if told else ""


def _cost(report: RunReport) -> str:
    words = cost_words(report)
    return f"Cost: {words}." if words else ""
