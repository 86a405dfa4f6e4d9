"""What a process that opens strangers' documents says, taken in without running anything of it.

Python's own messages between processes are pickles, which may call whatever they name: native code that has taken such
a process over would be out of its confinement with one of them. Here they may make plain objects of ours alone.
"""

from __future__ import annotations

import io
import pickle
import sys
from dataclasses import is_dataclass
from multiprocessing.connection import Connection
from typing import Any

from schemas.errors import IntaglioError

_OURS = frozenset({"schemas", "model", "pipeline"})
_ERRORS = ("schemas.errors", "_rebuild")  # makes an error with all that it says


class Garbled(OSError):
    """What came is no message; whoever sent it is not to be listened to any more."""


def received(pipe: Connection) -> Any:
    """The next message. Raises Garbled, and what `Connection.recv` raises."""
    content = pipe.recv_bytes()
    try:
        return _Plain(io.BytesIO(content)).load()
    except Exception as error:  # a hostile pickle raises anything
        raise Garbled(f"{type(error).__name__}: {error}") from error


class _Plain(pickle.Unpickler):
    """Of classes that are known already, and hold values and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == _ERRORS:
            return super().find_class(module, name)
        known = sys.modules.get(module) if module.partition(".")[0] in _OURS else None
        found = getattr(known, name, None)
        if isinstance(found, type) and found.__module__ == module and _is_plain(found):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a message")


def _is_plain(kind: type) -> bool:
    is_named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return is_dataclass(kind) or is_named_tuple or issubclass(kind, IntaglioError)
