"""Which model is meant, and whether its weights are on this machine: a folder, or the hub's cache. Downloads nothing.

Reads the cache as huggingface_hub lays it out, without that library, which the base install lacks.
Source: huggingface_hub's guide "Understand caching".
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.gemma.checkpoint import CONFIG, DEFAULT_MODEL, INDEX, WEIGHTS
from model.gemma.dimensions import GEMMA_4_26B_A4B, Config
from schemas.errors import UsageError


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model as far as it is here. folder: None where nothing of it is. bytes: of weights that are here.

    is_folder: a folder was named, so that there is nothing to download. missing: names of weight files that belong to
    it and are not here. disk_free: bytes where a download would go.
    """

    name: str
    is_folder: bool
    folder: Path | None
    bytes: int
    missing: tuple[str, ...]
    hub: Path
    disk_free: int

    @property
    def complete(self) -> bool:
        return self.bytes > 0 and not self.missing

    @property
    def command(self) -> str:
        """What gets it, and goes on where an earlier download stopped; empty for a folder."""
        return "" if self.is_folder else f"hf download {self.name}"


def hub_folder() -> Path:
    """Where downloads go: by HF_HUB_CACHE, else HF_HOME, else the user's cache."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"


def look_up(model: str) -> LocalModel:
    """What of a model, by its name on the hub or its folder, is on this machine."""
    hub = hub_folder()
    is_folder = Path(model).is_dir()
    folder = Path(model) if is_folder else _snapshot(hub, model)
    files, missing = _weights(folder) if folder else ((), ())
    return LocalModel(
        name=model,
        is_folder=is_folder,
        folder=folder,
        bytes=sum(file.stat().st_size for file in files),
        missing=missing,
        hub=hub,
        disk_free=shutil.disk_usage(_existing(hub)).free,
    )


def read_config(local: LocalModel) -> Config:
    """The model's config.json; for the default model, without one, the dimensions that are known.

    Raises UsageError where there is neither, or the file is not JSON.
    """
    file = local.folder / CONFIG if local.folder else None
    if file and file.is_file():
        return _object(file)
    if local.name == DEFAULT_MODEL:
        return GEMMA_4_26B_A4B
    if local.is_folder:
        raise UsageError(f"{local.name} holds no {CONFIG}.", remedy="Name the folder of a Gemma 4.")
    raise UsageError(
        f"the dimensions of {local.name!r} are not known on this machine.",
        remedy=f"Name a folder that holds its {CONFIG}, or get that file: {local.command} {CONFIG}",
    )


def _object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as JSON: {error}.", remedy="Get it again.") from error
    if not isinstance(found, dict):
        raise UsageError(f"{file} holds no JSON object.", remedy="Get it again.")
    return found


def _snapshot(hub: Path, model: str) -> Path | None:
    """The one that the main branch stood at when it was fetched, else the newest."""
    root = hub / f"models--{model.replace('/', '--')}"
    main = root / "refs" / "main"
    if main.is_file() and (named := root / "snapshots" / main.read_text(encoding="utf-8").strip()).is_dir():
        return named
    snapshots = [folder for folder in root.glob("snapshots/*") if folder.is_dir()]
    return max(snapshots, key=lambda folder: folder.stat().st_mtime, default=None)


def _weights(folder: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Files of weights that are here, and names of those that are not. A download cut short leaves no file."""
    index = folder / INDEX
    names = (
        sorted({str(name) for name in _object(index).get("weight_map", {}).values()}) if index.is_file() else [WEIGHTS]
    )
    here = tuple(folder / name for name in names if (folder / name).is_file())
    return here, tuple(name for name in names if not (folder / name).is_file())


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
