"""Gemma 4 in this process. Light to import and to make: torch and the weights come with `load`."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from model.engine import Answer, Ask, EngineSpec, Limits
from model.gemma.checkpoint import CONFIG, Checkpoint, find_checkpoint, require_extra
from schemas.errors import EngineUnavailable
from schemas.record import EngineInfo

if TYPE_CHECKING:
    from model.gemma.answering import Answering

REVISION = "2"  # raise it when the same pages can give other answers: the ledger then redoes documents
WORDING = ("chat_template.jinja", "tokenizer_config.json", "tokenizer.json", "processor_config.json")
"""Files that change what a model is told; copies of one model disagree on them."""


class GemmaEngine:
    """Implements `model.engine.Engine`."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec

    @classmethod
    def of(cls, spec: EngineSpec) -> GemmaEngine:
        return cls(spec)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Where the weights are. Raises EngineUnavailable: what this machine lacks, else the command that gets them."""
        require_extra()
        try:
            return find_checkpoint(self.spec)
        except EngineUnavailable:  # a machine that could not run it need not be told how to get it
            quieten()
            from model.gemma.loading import Memory, check_gpu

            check_gpu(self.spec, Memory.here())
            raise

    @cached_property
    def info(self) -> EngineInfo:
        found = self.checkpoint
        words = _hash_of(*(found.folder / name for name in WORDING))
        settings = [
            REVISION,
            found.model,
            found.revision,
            words,
            self.spec.quantisation,
            self.spec.thinking,
            self.spec.output_tokens,
        ]
        return EngineInfo(
            name="gemma",
            model=found.model,
            revision=found.revision,
            quantisation=self.spec.quantisation,
            fingerprint="gemma-" + _hash(json.dumps(settings).encode()),
        )

    @cached_property
    def limits(self) -> Limits:
        return Limits(
            context_tokens=_context_tokens(self.checkpoint.folder),
            output_tokens=self.spec.output_tokens,
            sees_images=True,
            understands=True,
            held_to_schema=True,
            processes=1,
        )

    def load(self) -> None:
        """Raises EngineUnavailable: extra not installed, too little memory, weights that cannot be read."""
        _ = self._answering

    def count(self, ask: Ask) -> int:
        return self._answering.count(ask)

    def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
        return self._answering.answer(list(asks))

    @cached_property
    def _answering(self) -> Answering:
        quieten()
        from model.gemma.answering import Answering

        return Answering.load(self.spec, self.checkpoint)


def quieten() -> None:
    """bitsandbytes tells of a faster kernel that it could download; progress is shown by whoever runs the engine."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()


def _context_tokens(folder: Path) -> int:
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return int(config.get("text_config", config)["max_position_embeddings"])


def _hash_of(*files: Path) -> str:
    return _hash(b"".join(path.read_bytes() for path in files if path.is_file()))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
