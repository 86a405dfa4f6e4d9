"""Where the log of a run goes: one line a document, as JSON or as text, to standard error or to a file."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from schemas.errors import OutputUnwritable

LogForm = Literal["off", "text", "json"]


@contextmanager
def logging_to(form: LogForm, file: Path | None = None) -> Iterator[None]:
    """Sends the lines of a run there, and nowhere else: Prefect's own handlers would print them a second time.

    A file is appended to, so that a job that is given every night keeps one. Raises OutputUnwritable.
    """
    logger = logging.getLogger("intaglio")
    before = logger.level, logger.propagate
    logger.propagate = False
    handler = _handler(form, file)
    if handler is not None:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.level, logger.propagate = before
        if handler is not None:
            logger.removeHandler(handler)
            handler.close()


def _handler(form: LogForm, file: Path | None) -> logging.Handler | None:
    if form == "off":
        return None
    try:
        handler = logging.FileHandler(file, encoding="utf-8") if file else logging.StreamHandler(sys.stderr)
    except OSError as error:
        raise OutputUnwritable(
            f"the log {file} cannot be written: {error.strerror}.", remedy="Give another with --log-file."
        ) from error
    handler.setFormatter(AsJson() if form == "json" else AsText())
    return handler


class AsJson(logging.Formatter):
    """One JSON object a line: time, level, event, and what that event tells."""

    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, "told", {"event": "message", "message": record.getMessage()})
        return json.dumps({"time": _time(record), "level": record.levelname.lower(), **told}, ensure_ascii=True)


class AsText(logging.Formatter):
    """The same in words."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{_time(record)} {record.levelname.lower()} {record.getMessage()}"


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
