"""From what a user types to a Contract: a built-in name, a model by its module or file, or a JSON Schema file."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

from schemas.contract import Contract
from schemas.errors import SchemaNotFound, SchemaUnsupported

BUILTIN: dict[str, str] = {
    "answer": "schemas.answer:Answer",
    "bank_statement": "schemas.bank_statement:BankStatement",
    "chart": "schemas.chart:Charts",
    "diagram": "schemas.diagram:Diagrams",
    "form": "schemas.form:Form",
    "invoice": "schemas.invoice:Invoice",
    "receipt": "schemas.receipt:Receipt",
    "resume": "schemas.resume:Resume",
    "screen": "schemas.screen:Screens",
    "summary": "schemas.summary:Summary",
    "transcript": "schemas.transcript:Transcript",
    "translation": "schemas.translation:Translation",
}


def load_contract(spec: str) -> Contract:
    """`invoice`, `package.module:Model`, `path/to/file.py:Model` or `path/to/schema.json`.

    Raises SchemaNotFound where there is no such thing, SchemaUnsupported where it cannot be expressed.
    """
    if spec in BUILTIN:
        return Contract.from_model(_model(BUILTIN[spec]))
    if spec.casefold().endswith(".json"):
        return _from_file(Path(spec))
    if spec.endswith(".py"):
        raise SchemaNotFound(f"{spec} does not say which model.", remedy=_models_of(_module_of_file(Path(spec)), spec))
    place, _, name = spec.rpartition(":")
    if place and name:
        return Contract.from_model(_model(spec))
    near = difflib.get_close_matches(spec, BUILTIN, n=1)
    raise SchemaNotFound(
        f"there is no schema {spec!r}.",
        remedy=(f"Did you mean {near[0]}? " if near else "")
        + f"Built in are {', '.join(sorted(BUILTIN))}; or give package.module:Model, file.py:Model or a .json file.",
    )


def _from_file(path: Path) -> Contract:
    try:
        schema = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SchemaNotFound(
            f"the schema file {path} cannot be read: {error.strerror}.", remedy="Check the path."
        ) from error
    except ValueError as error:
        raise SchemaUnsupported(f"the schema file {path} is no JSON: {error}.", remedy="Correct the file.") from error
    if not isinstance(schema, dict):
        raise SchemaUnsupported(f"the schema file {path} holds no JSON object.", remedy="A schema begins with {.")
    return Contract.from_json_schema(schema, str(schema.get("title", "")) or path.stem)


def _model(spec: str) -> type[BaseModel]:
    place, _, name = spec.rpartition(":")
    module = _module_of_file(Path(place)) if place.endswith(".py") else _module(place)
    model = getattr(module, name, None)
    if model is None:
        raise SchemaNotFound(f"{place} has no {name!r}.", remedy=_models_of(module, place))
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise SchemaUnsupported(
            f"{spec} is no Pydantic model.", remedy="Give the class, derived from pydantic.BaseModel."
        )
    return model


def _models_of(module: ModuleType, place: str) -> str:
    """Tells what can be asked for."""
    models = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
    ]
    return f"Its models are: {', '.join(f'{place}:{name}' for name in models)}." if models else "It has no models."


def _module(name: str) -> ModuleType:
    with _importable(Path.cwd()):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise SchemaNotFound(
                f"the module {name!r} cannot be imported: {error}.",
                remedy="Run where it can be imported, or give the path of its file, as file.py:Model.",
            ) from error
        except (Exception, SystemExit) as error:
            raise SchemaUnsupported(
                f"the module {name!r} fails when imported: {error!r}.", remedy="Correct it."
            ) from error


def _module_of_file(path: Path) -> ModuleType:
    """The module in a file, wherever it lies; what stands beside it can be imported from it.

    It is known under a name made of its path and text, so that two files never collide and a changed one is read anew.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SchemaNotFound(
            f"the schema file {path} cannot be read: {error.strerror}.", remedy="Check the path."
        ) from error
    name = f"intaglio_schema_{hashlib.sha256(str(path.resolve()).encode() + text).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _importable(path.resolve().parent):
            exec(compile(text, str(path), "exec"), module.__dict__)  # the loader would leave a __pycache__ there
    except (Exception, SystemExit) as error:  # a script that ends by itself would end us
        del sys.modules[name]
        raise SchemaUnsupported(
            f"the schema file {path} fails when imported: {error!r}.", remedy="Correct it."
        ) from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """For as long as it lasts, modules are also looked for in the folder."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
