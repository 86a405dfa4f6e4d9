"""Documents with their truth beside them, to evaluate on.

`x.pdf` has its truth in `x.truth.json`, or in `x.pdf.truth.json` where another document has the same stem. A truth is
bare data in the schema's shape, or

    {"schema": name, "data": …, "evidence": {"/total": [{"page": 1, "box": [x0, y0, x1, y1]}]}}
    {"schema": name, "fails": "encrypted-document"}

the second for a document that must fail with that code. Boxes are fractions of the displayed page. A truth names a
built-in schema or a JSON Schema file, relative to itself; never a Python model: that would run code that data names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.discover import Routes, Source, file_source
from pipeline.opening.kinds import SUFFIXES
from pipeline.serving import contract_of
from schemas.errors import IntaglioError, UsageError
from schemas.page import Box
from schemas.registry import BUILTIN

TRUTH = ".truth.json"
SCHEMA = "schema.json"  # of the documents in its folder


@dataclass(frozen=True, slots=True)
class Case:
    """A document to evaluate. evidence: places by pointer into the truth. fails: the code that it must fail with."""

    source: Source
    schema: str
    truth: Any = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    fails: str = ""

    @property
    def path(self) -> Path:
        """Of the document."""
        return Path(self.source.path)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A document or truth that could not be evaluated. name: relative to the folder. reason: what and the remedy."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cases:
    """What a folder holds, in the order of names. without_truth: documents that nothing is known of."""

    cases: tuple[Case, ...]
    without_truth: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()


class _Place(BaseModel):
    page: int = Field(ge=1)
    box: Box


class _Wrapped(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(alias="schema")
    data: Any = None
    evidence: dict[str, list[_Place]] = Field(default_factory=dict)
    fails: str = ""


def find_cases(folder: Path, schemas: Sequence[str] = ()) -> Cases:
    """Every document under the folder that has a truth. Hidden files and folders are left out.

    schemas: as `Routes.of` takes them; they go before what a truth names, and that before a `schema.json` beside it.
    Raises UsageError where there is nothing to evaluate, SchemaNotFound and SchemaUnsupported for `schemas`.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}.", remedy=f"Name one with documents and their x{TRUTH}.")
    routes = Routes.of(schemas) if schemas else Routes(())
    for schema in routes.schemas:
        contract_of(schema)
    cases: list[Case] = []
    troubles: list[Trouble] = []
    told: set[str] = set()
    documents: list[str] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            source = file_source(str(Path(root, name)), os.path.relpath(Path(root, name), folder))
            if not name.endswith(TRUTH):
                documents += [source.name] * (Path(name).suffix.casefold() in SUFFIXES)
                continue
            try:
                case = _case(source, files, routes, folder)
            except IntaglioError as error:
                troubles.append(Trouble(source.name, str(error)))
            else:
                cases.append(case)
                told.add(case.source.name)
    if not cases:
        raise UsageError(
            f"{folder} holds no document with its truth{': ' + troubles[0].reason if troubles else '.'}",
            remedy="" if troubles else f"Put x{TRUTH} beside x.pdf.",
        )
    without_truth = tuple(name for name in documents if name not in told and not _is_trouble(name, troubles))
    return Cases(tuple(sorted(cases, key=lambda case: case.source.name)), without_truth, tuple(troubles))


def _is_trouble(document: str, troubles: Sequence[Trouble]) -> bool:
    """Whether the document's own truth is told of already."""
    stems = {document, str(Path(document).with_suffix(""))}
    return any(trouble.name.removesuffix(TRUTH) in stems for trouble in troubles)


def _case(truth: Source, files: Sequence[str], routes: Routes, folder: Path) -> Case:
    path = Path(truth.path)
    document = _document(path, files)
    source = file_source(str(document), os.path.relpath(document, folder))
    data = _load(path)
    wrapped = None
    if isinstance(data, dict) and "schema" in data and {"data", "fails"} & data.keys():
        wrapped = _unwrapped(path, data)
    schema = routes.schema(source) or _schema(path, wrapped.name if wrapped else "")
    contract_of(schema)
    if wrapped is None:
        return Case(source, schema, data)
    return Case(source, schema, wrapped.data, data.get("evidence", {}), wrapped.fails)


def _document(truth: Path, files: Sequence[str]) -> Path:
    """The document that a truth is of. Raises UsageError where that is not exactly one."""
    stem = truth.name.removesuffix(TRUTH)
    if stem in files:
        return truth.with_name(stem)
    owned = {name.removesuffix(TRUTH) for name in files if name.endswith(TRUTH)}
    beside = [name for name in files if Path(name).stem == stem and not name.endswith(".json") and name not in owned]
    if len(beside) != 1:
        raise UsageError(
            f"{truth} belongs to {len(beside)} documents, not one.",
            remedy=f"Give it the name of its document and {TRUTH} at the end, as in {stem}.pdf{TRUTH}.",
        )
    return truth.with_name(beside[0])


def _load(path: Path) -> Any:
    """The JSON of a truth. Raises UsageError."""
    try:
        return json.loads(path.read_text("utf-8-sig"), parse_constant=_no_number)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="Set its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}.", remedy="Correct the file.") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _unwrapped(path: Path, data: dict[str, Any]) -> _Wrapped:
    try:
        return _Wrapped.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = " / ".join(map(str, first["loc"]))
        raise UsageError(
            f"{path} is no truth, at {where}: {first['msg']}.",
            remedy='Write {"schema": …, "data": …, "evidence": {"/total": [{"page": 1, "box": [x0, y0, x1, y1]}]}}.',
        ) from error


def _schema(truth: Path, named: str) -> str:
    """The schema that is known for a truth without --schema. Raises UsageError."""
    if named in BUILTIN:
        return named
    if named.casefold().endswith(".json"):
        return str(truth.parent / named)
    if named:
        raise UsageError(
            f"{truth} names the schema {named}, which is neither built in nor a .json file.",
            remedy="Give a Python model with --schema.",
        )
    beside = truth.parent / SCHEMA
    if not beside.is_file():
        raise UsageError(f"no schema is known for {truth}.", remedy="Name one with --schema.")
    return str(beside)
