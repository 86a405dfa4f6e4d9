"""Loads a Gemma 4 from this machine, packed, where it fits; refuses with the sum before it touches the weights.

Also writes the packed weights as a checkpoint of its own, which loads in a fraction of the time.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import get_max_memory
from torch import nn
from transformers import AutoConfig, AutoModelForImageTextToText

from model.engine import EngineSpec, Quantisation
from model.gemma.checkpoint import CONFIG, DEFAULT_MODEL, INDEX, ORIGIN, Checkpoint, find_checkpoint
from model.gemma.dimensions import Config
from model.gemma.experts import SCRATCH_BYTES, PackedExperts
from model.gemma.quantization import PackedConfig, PackedLinear
from model.gemma.sizes import cache_bytes, largest_packed, weight_bytes
from schemas.errors import EngineUnavailable, OutputUnwritable

MINIMAL_TOKENS = 8192  # of context, with which a model is worth loading
CPU_BYTES = 8_000_000_000  # of weights, all read for a prefill: more, and a CPU takes minutes for a page
CARDS = (16, 24, 32, 40, 48, 80, 96, 141)  # GB, as they are sold
CARD: dict[Quantisation, int] = {"nf4": 24, "int8": 32, "none": 80}  # GB, for the default model
SHARD = "4GB"
WEIGHT_FILES = ("*.safetensors", "*.bin", "*.gguf", "*.pth")
LAYER_MATRIX = re.compile(r"language_model\.layers\.\d+\.(self_attn|mlp|experts)\.")


@dataclass(frozen=True, slots=True)
class Need:
    """What a model takes, in bytes.

    largest: the largest tensor in 16 bit, held beside the weights while it is packed. cache: of `MINIMAL_TOKENS`.
    """

    quantisation: Quantisation
    weights: int
    largest: int
    cache: int
    scratch: int = SCRATCH_BYTES

    @property
    def total(self) -> int:
        return self.weights + self.largest + self.cache + self.scratch

    def __str__(self) -> str:
        parts = [f"weights in {self.quantisation} {_gb(self.weights)}"]
        parts += [f"the largest tensor while it is packed {_gb(self.largest)}"] if self.largest else []
        parts += [f"cache of {MINIMAL_TOKENS:,} tokens {_gb(self.cache)}", f"scratch {_gb(self.scratch)}"]
        return f"{_gb(self.total)}: {' + '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Memory:
    """What is free, in bytes: on each GPU by its number, and of the host."""

    gpus: tuple[tuple[int, int], ...]
    host: int

    @classmethod
    def here(cls) -> Memory:
        free = get_max_memory()
        return cls(tuple((place, size) for place, size in free.items() if isinstance(place, int)), free["cpu"])


def load_model(
    spec: EngineSpec,
    *,
    scratch_bytes: int = SCRATCH_BYTES,
    attention: str = "sdpa",
    slow_is_fine: bool = False,
) -> nn.Module:
    """The spec's model, ready to answer: `Gemma4ForConditionalGeneration` in bf16, what can be packed packed.

    scratch_bytes: what the experts of a layer may hold beside their output. attention: a name that transformers knows.
    slow_is_fine: also a model that a CPU runs too slowly to be of use.
    Raises EngineUnavailable: the weights are not here, the memory does not suffice, the weights cannot be read.
    """
    memory = Memory.here()
    if not slow_is_fine:
        check_gpu(spec, memory)
    checkpoint = find_checkpoint(spec)
    config = _config(checkpoint)
    need = memory_needed(config.to_dict(), spec.quantisation, packed=checkpoint.stored != "none", scratch=scratch_bytes)
    check_memory(need, memory, checkpoint.model, slow_is_fine=slow_is_fine)
    model = _loaded(checkpoint, spec.quantisation, memory, attention)
    if spec.quantisation != "none":
        assert_quantised(model)
    for module in model.modules():
        if isinstance(module, PackedExperts):
            module.scratch_bytes = scratch_bytes
    return model


def assert_quantised(model: nn.Module) -> None:
    """Raises EngineUnavailable where a matrix of the text model's layers, an expert's above all, is in 16 bit."""
    left = {
        name: parameter.numel() * parameter.element_size()
        for name, parameter in model.named_parameters()
        if LAYER_MATRIX.search(name) and parameter.is_floating_point() and parameter.ndim >= 2
    }
    if left or not any(isinstance(module, PackedLinear) for module in model.modules()):
        first = f", {next(iter(left))} first" if left else ""
        raise EngineUnavailable(
            f"{len(left)} matrices of the model are still in 16 bit ({_gb(sum(left.values()))}{first}).",
            remedy="Load it through model.gemma.loading with the extra 'gemma' as pinned; if it was, this version of "
            "transformers names its modules otherwise: install the one before, or ask for quantisation 'none'.",
        )


def memory_needed(config: Config, quantisation: Quantisation, *, packed: bool, scratch: int = SCRATCH_BYTES) -> Need:
    """From what config.json holds. packed: whether the checkpoint is, so that nothing is held in 16 bit to pack."""
    whole = 0 if packed or quantisation == "none" else largest_packed(config)
    return Need(quantisation, weight_bytes(config, quantisation), whole, cache_bytes(config, MINIMAL_TOKENS), scratch)


def check_gpu(spec: EngineSpec, memory: Memory) -> None:
    """Raises EngineUnavailable where the default model is asked for and no GPU is here: before its weights are got."""
    if spec.model in ("", DEFAULT_MODEL) and not memory.gpus:
        raise EngineUnavailable(
            f"no GPU is found here; {DEFAULT_MODEL} in {spec.quantisation} needs one of {CARD[spec.quantisation]} GB.",
            remedy="--engine embedded works here. A smaller Gemma 4, named with --model, may run on the CPU.",
        )


def check_memory(need: Need, memory: Memory, model: str, *, slow_is_fine: bool = False) -> None:
    """Raises EngineUnavailable with the sum, what is lacking and what would fit."""
    on_gpu = bool(memory.gpus)
    free = sum(size for _, size in memory.gpus) if on_gpu else memory.host
    card = next((size for size in CARDS if size * 0.95e9 >= need.total), None)
    fits = f"It fits a GPU of {card} GB." if card else "It fits no single GPU."
    if not on_gpu and need.weights > CPU_BYTES and not slow_is_fine:
        raise EngineUnavailable(
            f"{model} needs {need}, and no GPU is found here; a CPU runs up to {_gb(CPU_BYTES)} of weights.",
            remedy=f"{fits} Without one, --engine embedded works here.",
        )
    if need.total > free:
        where = "the GPU" if on_gpu else "memory"
        smaller = " nf4 takes a third of 16 bit." if need.quantisation != "nf4" else ""
        raise EngineUnavailable(
            f"{model} needs {need}, and {where} has {_gb(free)} free: {_gb(need.total - free)} too little.",
            remedy=f"{fits}{smaller} Free some, take a smaller model, or use --engine embedded.",
        )


def quantise_checkpoint(spec: EngineSpec, folder: Path) -> Path:
    """Writes the spec's model, packed, as a checkpoint for `load_model`: weights, tokenizer, processor, template.

    Raises EngineUnavailable where it cannot be loaded or is packed already, OutputUnwritable where `folder` is taken.
    """
    checkpoint = find_checkpoint(spec)
    if spec.quantisation == "none" or checkpoint.stored != "none":
        raise EngineUnavailable(
            f"{checkpoint.model} would be written as it is.", remedy="Name the original weights, and nf4 or int8."
        )
    _claim(folder)
    return save_quantised(load_model(spec, slow_is_fine=True), checkpoint, folder)


def save_quantised(model: nn.Module, origin: Checkpoint, folder: Path) -> Path:
    """Writes a loaded model, with what lies beside the weights in its origin. A folder is there whole or not at all."""
    assert_quantised(model)
    _claim(folder)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        shutil.copytree(origin.folder, partial, ignore=shutil.ignore_patterns(*WEIGHT_FILES, CONFIG, INDEX, ".*"))
        model.save_pretrained(partial, max_shard_size=SHARD)
        facts = {"model": origin.model, "revision": origin.revision}
        (partial / ORIGIN).write_text(json.dumps(facts, indent=2), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise OutputUnwritable(f"{folder} cannot be written: {error}.", remedy="Make room, or name another.") from error
    return folder


def _config(checkpoint: Checkpoint) -> Any:
    config = AutoConfig.from_pretrained(checkpoint.folder, local_files_only=True)
    if config.model_type != "gemma4":
        raise EngineUnavailable(
            f"{checkpoint.model} is a {config.model_type}, and the engine runs gemma4.", remedy="Name a Gemma 4."
        )
    return config


def _loaded(checkpoint: Checkpoint, quantisation: Quantisation, memory: Memory, attention: str) -> nn.Module:
    packing = {}
    if quantisation != "none" and checkpoint.stored == "none":
        packing = {"quantization_config": PackedConfig(quantisation)}
    several = {"device_map": "auto", "max_memory": dict(memory.gpus)}
    one = {"device_map": {"": memory.gpus[0][0] if memory.gpus else "cpu"}}
    try:
        model = AutoModelForImageTextToText.from_pretrained(
            checkpoint.folder,
            dtype=torch.bfloat16,
            attn_implementation=attention,
            local_files_only=True,
            **(several if len(memory.gpus) > 1 else one),
            **packing,
        )
    except torch.OutOfMemoryError as error:
        raise EngineUnavailable(
            f"{checkpoint.model} did not fit while it was loaded: {error}.",
            remedy="Something else took memory meanwhile: free some, and run it again.",
        ) from error
    except Exception as error:
        if "safetensors" not in type(error).__module__.lower() and not isinstance(error, OSError):
            raise
        raise EngineUnavailable(
            f"the weights in {checkpoint.folder} cannot be read: {error}.", remedy="Get them again: hf download."
        ) from error
    loaded: nn.Module = model.eval()
    return loaded


def _claim(folder: Path) -> None:
    """Raises OutputUnwritable where something is there already, or its parent cannot be made."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise OutputUnwritable(f"{folder} is there already.", remedy="Name another folder, or remove it.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(f"{folder} cannot be made: {error}.", remedy="Name another folder.") from error


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
