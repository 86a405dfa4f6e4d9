"""A trace as a file: compressed JSON in the output folder, found by what its record says of itself."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import from_json

from pipeline.rounds import FIRST
from pipeline.sinks import OWN_FOLDER
from pipeline.trace import VERSION, Round, Trace
from schemas.errors import UsageError
from schemas.page import PageText
from schemas.record import Record

FOLDER = "traces"  # in `OWN_FOLDER`
MOST_BYTES = 128 << 20  # of a trace's JSON: the longest documents that are read stay far below it
LEVEL = 6  # of compression: 9 takes three times as long for 1 % less


def trace_path(folder: Path, record: Record) -> Path:
    """Where the trace of a record goes, whatever the record's own file is called."""
    key = "/".join((record.document.sha256, record.contract.fingerprint, record.engine.fingerprint))
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return folder / OWN_FOLDER / FOLDER / name[:2] / f"{name[2:]}.json.gz"


def packed(trace: Trace) -> bytes:
    """The same bytes for the same trace; none for one that could not be read back: it is too large, or its text is
    none (half of a surrogate pair). A record is worth having without its trace.
    """
    try:
        text = trace.model_dump_json(exclude_defaults=True).encode()
    except ValueError:
        return b""
    return gzip.compress(text, LEVEL, mtime=0) if len(text) <= MOST_BYTES else b""


def find_trace(path: Path, record: Record) -> Path:
    """The file of a record's trace, in the output folder that the record's file stands in. Raises UsageError."""
    for folder in path.absolute().parents:
        found = trace_path(folder, record)
        if found.is_file():
            return found
    raise UsageError(
        f"{path} has no trace beside it: it was read before there were any, with --no-trace, or by `extract`; or its "
        "file was moved away.",
        remedy="Name the trace with --trace, or read the document again into another folder.",
    )


def read_trace(path: Path) -> Trace:
    """The trace of a file, of this version. Raises UsageError: there is none, it is damaged, or of another version."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    text = _unpacked(path, content)
    try:
        trace = Trace.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable(path, _version(text), str(error).splitlines()[0]) from error
    if trace.version != VERSION:
        raise _unreadable(path, trace.version, "")
    if flaw := _flaw(trace):
        raise _damaged(path, flaw)
    return trace


def _unpacked(path: Path, content: bytes) -> bytes:
    """At most `MOST_BYTES`: a few bytes can stand for more than any memory holds."""
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        text = unpacking.decompress(content, MOST_BYTES)
    except zlib.error as error:
        raise _damaged(path, "it is not what was packed") from error
    if unpacking.unconsumed_tail or len(content) > MOST_BYTES:
        raise _damaged(path, f"it holds over {MOST_BYTES >> 20} MiB")
    if not unpacking.eof or unpacking.unused_data:
        raise _damaged(path, "it is cut off" if not unpacking.eof else "something stands behind its end")
    return text


def _flaw(trace: Trace) -> str:
    """What cannot be in a trace that was written: places that are nowhere, replies of a form that no engine gives."""
    numbers = [page.number for page in trace.pages]
    if numbers != sorted(set(numbers)) or numbers[:1] < [1]:
        return "its pages are out of order"
    if not all(map(_is_finite, trace.pages)):
        return "something stands nowhere on a page"
    words = {page.number: len(page.words) for page in trace.pages}
    if not all(seen.number in words for pages in trace.shown for seen in pages):
        return "it lacks a page"
    if [told.name for told in trace.rounds if told.asks].count(FIRST) != 1:
        return "it holds no replies"
    return next(filter(None, (_round_flaw(told, trace, words) for told in trace.rounds)), "")


def _round_flaw(told: Round, trace: Trace, words: Mapping[int, int]) -> str:
    """words: by page, how many it has."""
    if len(told.asks) != len(told.answers):
        return "an ask lacks its answer"
    if any(ask.contract >= len(trace.json_schemas) or ask.pages >= len(trace.shown) for ask in told.asks):
        return "it lacks what was asked for"
    if not all(said.finish != "stop" or _is_object(said.json_text) for said in told.answers):
        return "a whole reply is no JSON object"
    found = [found for said in told.answers for found in said.findings.values()]
    if any(each.page not in words or not math.isfinite(each.confidence) for each in found):
        return "a value was found nowhere"
    if any(not 0 <= place < words[each.page] for each in found for place in each.places):
        return "a value was read from a word that is nowhere"
    return ""


def _is_finite(page: PageText) -> bool:
    boxes = [word.box for word in page.words] + [mark.box for mark in page.marks]
    sides = (page.width, page.height, page.skew, *(side for box in boxes for side in box))
    return all(map(math.isfinite, sides)) and all(math.isfinite(word.confidence) for word in page.words)


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text), dict)
    except ValueError:
        return False


def _version(text: bytes) -> int | None:
    try:
        content = from_json(text)
    except ValueError:
        return None
    version = content.get("version") if isinstance(content, dict) else None
    return version if isinstance(version, int) else None


def _unreadable(path: Path, version: int | None, reason: str) -> UsageError:
    if version is None or version == VERSION:
        return _damaged(path, reason)
    known = f"{path} is a trace of version {version}, and this Intaglio reads version {VERSION}."
    return UsageError(known, remedy="Update Intaglio." if version > VERSION else "Read its document again.")


def _damaged(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} is not a trace of Intaglio: {reason}.", remedy="Read its document again.")
