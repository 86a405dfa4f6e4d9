"""One line of Python's logging for each document, and one for the begin and the end of a run; no word of a document.

The logger is `intaglio.ingest`. What its records say stands in their attribute `told`, for programs; where they go is
for whoever starts the run to say: the command line with --log, Prefect with its own settings.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from pipeline.job import Event, Note, Planned, Row, Summary

PLAIN = re.compile(r"[\w./:@+-]+")  # needs no quotes
LOGGER = logging.getLogger("intaglio.ingest")
logging.getLogger("intaglio").addHandler(logging.NullHandler())  # nobody listens unless somebody says so


def log(event: Event) -> None:
    """Logs what a batch tells. A document that failed is a warning, everything else information."""
    level = logging.WARNING if isinstance(event, Row) and event.status == "failed" else logging.INFO
    if LOGGER.isEnabledFor(level):
        told = _told(event)
        LOGGER.log(level, "%s", _line(told), extra={"told": told})


def _line(told: dict[str, Any]) -> str:
    """In words, on one line whatever documents are called: no name can pass for a line of its own."""
    event, *rest = told.items()
    words = (f"{name}={json.dumps(value) if _needs_quotes(value) else value}" for name, value in rest if value != "")
    return " ".join([event[1], *words])


def _needs_quotes(value: object) -> bool:
    return isinstance(value, str) and not PLAIN.fullmatch(value)


def _told(event: Event) -> dict[str, Any]:
    """As JSON has it: names, numbers and codes."""
    if isinstance(event, Row):
        return {
            "event": "document",
            "document": event.name,
            "schema": event.schema,
            "status": event.status,
            "code": event.code,
            "elsewhere": event.elsewhere,
            "pages": event.pages,
            "seconds": round(sum(event.usage.seconds.values()) - event.usage.seconds.get("mask", 0.0), 3),
            "accepted": event.accepted,
            "review": event.review,
            "escalations": event.usage.escalations,
            "input_tokens": event.usage.prompt_tokens,
            "output_tokens": event.usage.output_tokens,
        }
    if isinstance(event, Planned):
        return {"event": "planned", "documents": event.documents, "todo": event.todo, "restored": event.restored}
    if isinstance(event, Note):
        return {"event": "note", "note": event.text}
    return {"event": "ended", **_ending(event)}


def _ending(summary: Summary) -> dict[str, Any]:
    counts = {status: summary.statuses[status] for status in ("accepted", "review", "failed")}
    run = summary.report.run if summary.report else ""
    return {"run": run, "read": summary.read, "left": summary.left, "pages": summary.pages, **counts}
