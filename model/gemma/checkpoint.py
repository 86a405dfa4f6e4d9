"""Where the weights of an engine's spec lie on this machine, and which they are. Looks, and never downloads.

Needs neither torch nor transformers, so that an engine can say what it would run before it loads anything.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model.engine import EngineSpec, Quantisation
from schemas.errors import EngineUnavailable

DEFAULT_MODEL = "google/gemma-4-26B-A4B-it"
DEFAULT_REVISION = "main"  # a name, which moves: what is recorded is the commit that it stood for when downloaded
DOWNLOAD_BYTES = {DEFAULT_MODEL: 51_600_000_000}  # its 25.806 billion parameters in bf16

PACKAGES = ("torch", "transformers", "accelerate", "bitsandbytes", "llguidance")
WEIGHTS, INDEX, CONFIG, ORIGIN = "model.safetensors", "model.safetensors.index.json", "config.json", "intaglio.json"
METHOD = "intaglio"  # what a checkpoint says of us in its `quantization_config`
SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights at hand.

    model: the name they were published under, or the folder's. revision: the commit on the hub; for a folder that
    states none, `local-` and a hash. stored: how the weights are quantised on disk.
    """

    folder: Path
    model: str
    revision: str
    stored: Quantisation = "none"


def require_extra() -> None:
    """Raises EngineUnavailable where the extra `gemma` is not installed."""
    missing = [package for package in PACKAGES if not _installed(package)]
    if missing:
        raise EngineUnavailable(
            f"the engine 'gemma' needs {', '.join(missing)}, not installed here.",
            remedy="Run: pip install 'intaglio[gemma]'",
        )


def find_checkpoint(spec: EngineSpec) -> Checkpoint:
    """The weights that the spec names: a folder, else a model in the hub's local cache.

    Raises EngineUnavailable where they are not on this machine, with the command that gets them, and where they are
    quantised otherwise than the spec says.
    """
    model = spec.model or DEFAULT_MODEL
    folder = Path(model).expanduser()
    checkpoint = _of_folder(folder, spec) if folder.is_dir() else _of_cache(model, spec.revision or DEFAULT_REVISION)
    if checkpoint.stored not in ("none", spec.quantisation):
        raise EngineUnavailable(
            f"{model} is quantised to {checkpoint.stored}, and {spec.quantisation} was asked for.",
            remedy=f"Ask for {checkpoint.stored}, or name the original weights.",
        )
    return checkpoint


def _of_folder(folder: Path, spec: EngineSpec) -> Checkpoint:
    if lacking := _lacking(folder):
        raise EngineUnavailable(f"{folder} is no whole checkpoint: it lacks {lacking}.", remedy="Copy it again.")
    origin = _json(folder / ORIGIN) if (folder / ORIGIN).exists() else {}
    revision = origin.get("revision") or spec.revision or _fingerprint(folder)
    return Checkpoint(folder, origin.get("model", str(folder)), revision, _stored(folder))


def _of_cache(model: str, revision: str) -> Checkpoint:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(model, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        if _is_path(model):
            raise EngineUnavailable(
                f"there is no folder {model}.",
                remedy=f"Name one that holds a checkpoint, or a model on the hub, as in {DEFAULT_MODEL}.",
            ) from error
        raise _absent(model, revision, "are not on this machine") from error
    if lacking := _lacking(folder):
        raise _absent(model, revision, f"are not whole: {lacking} is missing")
    return Checkpoint(folder, model, folder.name, _stored(folder))


def _is_path(model: str) -> bool:
    """Whether what is neither here nor cached was meant as a folder: a name on the hub is `name` or `owner/name`."""
    parts = Path(model).parts
    return (
        model.startswith((os.sep, ".", "~")) or len(parts) > 2 or (model != DEFAULT_MODEL and Path(parts[0]).exists())
    )


def _absent(model: str, revision: str, how: str) -> EngineUnavailable:
    asked = "" if revision == DEFAULT_REVISION else f" --revision {revision}"
    size = DOWNLOAD_BYTES.get(model)
    room = f"it takes {size / 1e9:.1f} GB of disk" if size else "its page on the hub says how much disk it takes"
    return EngineUnavailable(
        f"the weights of {model} {how}, and Intaglio downloads none by itself.",
        remedy=f"Run: hf download {model}{asked} ({room}), or name a folder that holds a checkpoint.",
    )


def _lacking(folder: Path) -> str:
    """The first file that a checkpoint needs and this folder lacks."""
    if not (folder / CONFIG).is_file():
        return CONFIG
    if (folder / INDEX).is_file():
        return next((name for name in _shards(folder) if not (folder / name).is_file()), "")
    return "" if (folder / WEIGHTS).is_file() else WEIGHTS


def _shards(folder: Path) -> list[str]:
    if (folder / INDEX).is_file():
        return sorted(set(_json(folder / INDEX)["weight_map"].values()))
    return [WEIGHTS]


def _stored(folder: Path) -> Quantisation:
    """Raises EngineUnavailable for weights that someone else has quantised, whose experts are then as they are."""
    config = _json(folder / CONFIG).get("quantization_config")
    if config is None:
        return "none"
    if config["quant_method"] != METHOD:
        raise EngineUnavailable(
            f"{folder} is quantised with {config['quant_method']}, which may leave the experts in 16 bit.",
            remedy="Name the original weights; Intaglio quantises them while loading.",
        )
    stored: Quantisation = config["quantisation"]
    return stored


def _fingerprint(folder: Path) -> str:
    """Of the configuration, and of each weight file its size, beginning and end: reading them whole takes a minute."""
    digest = hashlib.sha256((folder / CONFIG).read_bytes())
    for name in _shards(folder):
        with (folder / name).open("rb") as file:
            size = file.seek(0, 2)
            digest.update(f"{name} {size}".encode())
            for start in (0, max(0, size - SAMPLE_BYTES)):
                file.seek(start)
                digest.update(file.read(SAMPLE_BYTES))
    return f"local-{digest.hexdigest()[:16]}"


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
