"""A Gemma 4 of any size with random weights that are in 4 bit from the start, straight on the device.

It has the classes, layers and bytes of the loaded model, and takes no more memory to make: packed matrices get random
bytes and scales of a usual size, the rest what transformers starts it with. It computes as much, and means nothing.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForImageTextToText, Gemma4Config

from model.gemma.dimensions import Config
from model.gemma.packing import hold
from model.gemma.quantization import replace_modules

NF4_SPREAD = 0.6  # standard deviation of the 16 values of NF4, each taken as often


def stand_in(config: Config, device: torch.device, attention: str = "sdpa") -> Any:
    """The model of a config.json, ready to run. attention: a name that transformers knows."""
    model = _without_memory(config, attention)
    for module in model.modules():
        if hasattr(module, "packings"):
            _fill(module, device)
        elif not _is_tied(module, model):
            _start(module, model, device)
    model.tie_weights()
    return model.eval()


def _without_memory(config: Config, attention: str) -> Any:
    """The real classes, with the engine's own packed modules; no tensor has memory yet."""
    settings = Gemma4Config(**{key: value for key, value in config.items() if key != "quantization_config"})
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(settings, dtype=torch.bfloat16, attn_implementation=attention)
    replace_modules(model, "nf4")
    return model


def _is_tied(module: nn.Module, model: Any) -> bool:
    return module is model.get_output_embeddings() and bool(model.config.tie_word_embeddings)


def _start(module: nn.Module, model: Any, device: torch.device) -> None:
    for name, parameter in module.named_parameters(recurse=False):
        setattr(module, name, nn.Parameter(torch.empty_like(parameter, device=device), requires_grad=False))
    for name, buffer in module.named_buffers(recurse=False):
        setattr(module, name, torch.empty_like(buffer, device=device))
    model._init_weights(module)


def _fill(module: Any, device: torch.device) -> None:
    """Scales such that a product is about as large as what goes in."""
    for weight, packing in module.packings.items():
        with device:
            hold(module, weight, packing, len(getattr(module, weight)))
        scale = 1 / (NF4_SPREAD * math.sqrt(packing.columns))
        getattr(module, weight).random_(0, 256)
        getattr(module, f"{weight}_absmax").random_(0, 256)
        getattr(module, f"{weight}_absmax_scale").fill_(scale / 10)
        getattr(module, f"{weight}_absmax_offset").fill_(scale)
