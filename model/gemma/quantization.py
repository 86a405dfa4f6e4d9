"""Quantises a Gemma 4 while transformers loads it: the text model's experts, attention and dense feed-forward networks.

Router, norms, embeddings, vision tower and output stay as they are. transformers keeps experts as 3-D parameters, which
its own use of bitsandbytes does not see; importing this module registers a quantizer that packs them tensor by tensor,
and reads checkpoints that were saved packed.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers.core_model_loading import ConversionOps
from transformers.quantizers.auto import register_quantization_config, register_quantizer
from transformers.quantizers.base import HfQuantizer
from transformers.quantizers.quantizers_utils import get_module_from_name
from transformers.utils.quantization_config import QuantizationConfigMixin

from model.gemma.checkpoint import METHOD
from model.gemma.experts import PackedExperts
from model.gemma.packing import held, hold, packed, packing_of

# What is packed is named, not what is left out: a name that matches nothing then leaves a matrix whole, and is seen.
PACKED = re.compile(r"language_model\.layers\.\d+\.((self_attn|mlp)\.\w+|experts)$")


class PackedLinear(nn.Module):  # type: ignore[misc]  # torch comes without types here
    """A linear layer without bias, packed. Activations stay in 16 bit."""

    def __init__(self, rows: int, columns: int, quantisation: Literal["nf4", "int8"]) -> None:
        super().__init__()
        self.in_features, self.out_features = columns, rows
        self.packings = {"weight": packing_of(quantisation, rows, columns)}
        hold(self, "weight", self.packings["weight"], 1)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, self.in_features)
        product = self.packings["weight"].product(flat, held(self, "weight", 0))
        return product.view(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        return f"{self.in_features} -> {self.out_features}, {type(self.packings['weight']).__name__}"


@register_quantization_config(METHOD)
class PackedConfig(QuantizationConfigMixin):  # type: ignore[misc]
    """What a packed checkpoint says of itself in its `config.json`."""

    def __init__(self, quantisation: Literal["nf4", "int8"], quant_method: str = METHOD) -> None:
        self.quantisation, self.quant_method = quantisation, quant_method


@register_quantizer(METHOD)
class PackingQuantizer(HfQuantizer):  # type: ignore[misc]
    """What transformers asks while it loads a model."""

    quantization_config: PackedConfig

    def param_needs_quantization(self, model: nn.Module, param_name: str, **rest: Any) -> bool:
        module, weight = get_module_from_name(model, param_name)
        return not self.pre_quantized and weight in getattr(module, "packings", ())

    def get_quantize_ops(self) -> Pack:
        return Pack()

    def _process_model_before_weight_loading(self, model: nn.Module, **rest: Any) -> None:
        replace_modules(model, self.quantization_config.quantisation)

    def is_serializable(self) -> bool:
        return True

    @property
    def is_trainable(self) -> bool:
        return False


class Pack(ConversionOps):  # type: ignore[misc]
    """What is done to a weight between the file and the model."""

    def convert(self, input_dict: dict[str, Any], model: nn.Module | None = None, **rest: Any) -> dict[str, Tensor]:
        name, value = next(iter(input_dict.items()))
        module, weight = get_module_from_name(model, name)
        matrices = value[0] if isinstance(value, list) else value
        module._is_hf_initialized = True
        tensors = packed(module, weight, matrices if matrices.ndim == 3 else matrices[None])
        return {name.removesuffix(weight) + own: tensor for own, tensor in tensors.items()}


def replace_modules(model: nn.Module, quantisation: Literal["nf4", "int8"]) -> None:
    """Puts packed modules, without memory yet, in the place of those that are to be packed."""
    for name, module in list(model.named_modules()):
        if not PACKED.search(name):
            continue
        with torch.device("meta"):
            if type(module) is nn.Linear and module.bias is None:
                model.set_submodule(name, PackedLinear(module.out_features, module.in_features, quantisation))
            elif isinstance(getattr(module, "gate_up_proj", None), nn.Parameter):
                model.set_submodule(name, _packed_experts(module, quantisation))


def _packed_experts(module: nn.Module, quantisation: Literal["nf4", "int8"]) -> PackedExperts:
    return PackedExperts(
        experts=module.num_experts,
        hidden=module.hidden_dim,
        intermediate=module.intermediate_dim,
        activation=module.act_fn,
        quantisation=quantisation,
    )
