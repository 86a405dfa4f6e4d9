"""From what a user types to a Contract: a built-in name, a model by its module or file, or a JSON Schema file."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

from schemas.contract import Contract
from schemas.errors import SchemaNotFound, SchemaUnsupported

BUILTIN: dict[str, str] = {
    "bank_statement": "schemas.bank_statement:BankStatement",
    "form": "schemas.form:Form",
    "invoice": "schemas.invoice:Invoice",
    "receipt": "schemas.receipt:Receipt",
    "resume": "schemas.resume:Resume",
    "transcript": "schemas.transcript:Transcript",
}


def load_contract(spec: str) -> Contract:
    """`invoice`, `package.module:Model`, `path/to/file.py:Model` or `path/to/schema.json`.

    Raises SchemaNotFound where there is no such thing, SchemaUnsupported where it cannot be expressed.
    """
    if spec in BUILTIN:
        return Contract.from_model(_model(BUILTIN[spec]))
    place, colon, _ = spec.rpartition(":")
    if colon and place and not _is_json(spec):
        return Contract.from_model(_model(spec))
    if _is_json(spec):
        return _from_file(Path(spec))
    near = difflib.get_close_matches(spec, BUILTIN, n=1)
    raise SchemaNotFound(
        f"there is no schema {spec!r}.",
        remedy=(f"Did you mean {near[0]}? " if near else "")
        + f"Built in are {', '.join(sorted(BUILTIN))}; or give package.module:Model, file.py:Model or a .json file.",
    )


def _is_json(spec: str) -> bool:
    return spec.casefold().endswith(".json")


def _from_file(path: Path) -> Contract:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SchemaNotFound(f"the schema file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise SchemaUnsupported(f"the schema file {path} is no JSON: {error}.") from error
    if not isinstance(schema, dict):
        raise SchemaUnsupported(f"the schema file {path} holds no JSON object.")
    return Contract.from_json_schema(schema, str(schema.get("title", "")) or path.stem)


def _model(spec: str) -> type[BaseModel]:
    place, _, name = spec.rpartition(":")
    module = _module_of_file(Path(place)) if place.endswith(".py") else _module(place)
    model = getattr(module, name, None)
    if model is None:
        models = [
            key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, BaseModel)
        ]
        raise SchemaNotFound(f"{place} has no {name!r}.", remedy=f"Its models are: {', '.join(models) or 'none'}.")
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise SchemaUnsupported(
            f"{spec} is no Pydantic model.", remedy="Give the class, derived from pydantic.BaseModel."
        )
    return model


def _module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SchemaNotFound(f"the module {name!r} cannot be imported: {error}.") from error
    finally:
        sys.path.remove(str(Path.cwd()))


def _module_of_file(path: Path) -> ModuleType:
    """The module in a file, wherever it lies; under a name made of its path, so that two files never collide."""
    if not path.is_file():
        raise SchemaNotFound(f"the schema file {path} does not exist.")
    name = f"intaglio_schema_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise SchemaUnsupported(f"the schema file {path} fails when imported: {error!r}.") from error
    return module
