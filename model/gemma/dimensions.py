"""What a Gemma 4 is made of, read from its config.json: layers, and groups of weights. Arithmetic only, no torch.

Checked against the classes of transformers on the meta device (tests/test_sizes.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from schemas.errors import UsageError

Config = Mapping[str, Any]  # what config.json holds

# The dimensions of google/gemma-4-26B-A4B-it, so that no download is needed to say what fits. Text: the metadata of
# ggml-vocab-gemma-4.gguf, which is that model's, in the sources of llama-cpp-python 0.3.36. Vision: config.json files
# that others published, hence less certain. The sum, 25.806 billion parameters, is the one on the model's card.
GEMMA_4_26B_A4B: Config = {
    "model_type": "gemma4",
    "tie_word_embeddings": True,
    "audio_config": None,
    "text_config": {
        "model_type": "gemma4_text",
        "vocab_size": 262_144,
        "hidden_size": 2816,
        "intermediate_size": 2112,
        "moe_intermediate_size": 704,
        "num_hidden_layers": 30,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "num_global_key_value_heads": 2,
        "head_dim": 256,
        "global_head_dim": 512,
        "attention_k_eq_v": True,
        "sliding_window": 1024,
        "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 5,
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 0,
        "enable_moe_block": True,
        "num_experts": 128,
        "top_k_experts": 8,
        "final_logit_softcapping": 30.0,
        "use_bidirectional_attention": "vision",
        "max_position_embeddings": 262_144,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1_000_000.0},
        },
    },
    "vision_config": {
        "model_type": "gemma4_vision",
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "head_dim": 72,
        "patch_size": 16,
        "pooling_kernel_size": 3,
        "position_embedding_size": 10_240,
        "standardize": True,
        "use_clipped_linears": False,
    },
}


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight that multiplies, (rows, columns), of one linear layer or of each of so many experts."""

    rows: int
    columns: int
    experts: int = 1

    @property
    def elements(self) -> int:
        return self.experts * self.rows * self.columns


@dataclass(frozen=True, slots=True)
class Part:
    """A group of weights: its matrices, and the number of parameters outside of any (norms, scales, look-up tables)."""

    matrices: tuple[Matrix, ...] = ()
    others: int = 0

    @property
    def parameters(self) -> int:
        return sum(matrix.elements for matrix in self.matrices) + self.others


@dataclass(frozen=True, slots=True)
class Layer:
    """One decoder layer. window: the last tokens that it attends to; None for all of them.

    shares: reads keys and values that an earlier layer keeps, and has none. value_matrix: values are not the keys.
    width: of the dense feed-forward part.
    """

    window: int | None
    heads: int
    kv_heads: int
    head_dim: int
    shares: bool
    value_matrix: bool
    width: int


def text_config(config: Config) -> Config:
    """The part about the language model; a config of that alone is one already."""
    text: Config = config.get("text_config") or config
    return text


def required(config: Config, key: str) -> int:
    """A number that the config must give. Raises UsageError where it does not."""
    value = config.get(key)
    if not isinstance(value, int):
        raise UsageError(
            f"the config does not describe a Gemma 4: it gives no {key}.",
            remedy="Name the folder of a Gemma 4, or its name on the hub.",
        )
    return value


def layers(config: Config) -> tuple[Layer, ...]:
    text = text_config(config)
    kinds = text.get("layer_types") or _kinds(required(text, "num_hidden_layers"))
    shared_from = len(kinds) - (text.get("num_kv_shared_layers") or 0)
    return tuple(_layer(text, number, kind, number >= shared_from) for number, kind in enumerate(kinds))


def _kinds(count: int) -> list[str]:
    """Every sixth layer is global, and the last one always."""
    return [
        "full_attention" if number % 6 == 0 or number == count else "sliding_attention"
        for number in range(1, count + 1)
    ]


def _layer(text: Config, number: int, kind: str, shares: bool) -> Layer:
    own = _own_dimensions(text, number, kind)
    is_global = kind == "full_attention"
    wide = bool(text.get("use_double_wide_mlp")) and shares
    return Layer(
        window=None if is_global else required(text, "sliding_window"),
        heads=required(text, "num_attention_heads"),
        kv_heads=own.get("num_key_value_heads") or required(text, "num_key_value_heads"),
        head_dim=own.get("head_dim") or required(text, "head_dim"),
        shares=shares,
        value_matrix=not (text.get("attention_k_eq_v") and is_global),
        width=required(text, "intermediate_size") * (2 if wide else 1),
    )


def _own_dimensions(text: Config, number: int, kind: str) -> Config:
    """Where a layer differs: said layer by layer ("05": ...) in files of transformers, else for all global ones."""
    if "per_layer_config" in text:
        by_number = {int(key): value for key, value in text["per_layer_config"].items()}
        own: Config = by_number.get(number, {})
        return own
    if kind != "full_attention":
        return {}
    kv_heads = text.get("num_global_key_value_heads") if text.get("attention_k_eq_v") else None
    return {"head_dim": text.get("global_head_dim", 512), "num_key_value_heads": kv_heads}


def parts(config: Config) -> dict[str, Part]:
    """The groups of weights by name; together they are all parameters of the model."""
    text, stack = text_config(config), layers(config)
    vision, audio = config.get("vision_config"), config.get("audio_config")
    hidden, inputs = required(text, "hidden_size"), required(text, "hidden_size_per_layer_input")
    found = {
        "attention": Part(tuple(chain.from_iterable(_attention(layer, hidden) for layer in stack))),
        "dense mlp": Part(tuple(chain.from_iterable(_gated(hidden, layer.width) for layer in stack))),
        "embeddings": Part(others=_embeddings(config, text, hidden, inputs, len(stack))),
        "norms": Part(others=_norms(text, stack, hidden, inputs)),
    }
    if text.get("enable_moe_block"):
        found |= _mixture(text, hidden, len(stack))
    if inputs:
        gates = (Matrix(inputs, hidden), Matrix(hidden, inputs)) * len(stack)
        found["layer inputs"] = Part((*gates, Matrix(len(stack) * inputs, hidden)))
    if vision:
        found["vision"] = _vision(vision, hidden)
    if audio:
        found["audio"] = _audio(audio, hidden)
    return found


def _attention(layer: Layer, hidden: int) -> tuple[Matrix, ...]:
    wide, narrow = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
    queries_and_out = (Matrix(wide, hidden), Matrix(hidden, wide))
    return (
        queries_and_out if layer.shares else (*queries_and_out, *(Matrix(narrow, hidden),) * (1 + layer.value_matrix))
    )


def _gated(hidden: int, width: int) -> tuple[Matrix, ...]:
    return Matrix(width, hidden), Matrix(width, hidden), Matrix(hidden, width)


def _mixture(text: Config, hidden: int, count: int) -> dict[str, Part]:
    experts, width = required(text, "num_experts"), required(text, "moe_intermediate_size")
    fused = (Matrix(2 * width, hidden, experts), Matrix(hidden, width, experts))
    return {
        "experts": Part(fused * count),
        "router": Part((Matrix(experts, hidden),) * count, others=count * (hidden + experts)),
    }


def _embeddings(config: Config, text: Config, hidden: int, inputs: int, count: int) -> int:
    tied = config.get("tie_word_embeddings", True)
    table = required(text, "vocab_size") * hidden * (1 if tied else 2)
    return table + (required(text, "vocab_size_per_layer_input") * count * inputs if inputs else 0)


def _norms(text: Config, stack: tuple[Layer, ...], hidden: int, inputs: int) -> int:
    """Four a layer, three more beside experts, one more for per-layer inputs; of queries and keys; one at the end."""
    each = 4 + (3 if text.get("enable_moe_block") else 0) + (1 if inputs else 0)
    heads = sum(layer.head_dim * (1 if layer.shares else 2) for layer in stack)
    return len(stack) * each * hidden + heads + hidden + inputs


def _vision(vision: Config, text_hidden: int) -> Part:
    hidden, count = required(vision, "hidden_size"), required(vision, "num_hidden_layers")
    head, width = required(vision, "head_dim"), required(vision, "intermediate_size")
    wide, narrow = required(vision, "num_attention_heads") * head, required(vision, "num_key_value_heads") * head
    attention = Matrix(wide, hidden), Matrix(narrow, hidden), Matrix(narrow, hidden), Matrix(hidden, wide)
    first = Matrix(hidden, 3 * required(vision, "patch_size") ** 2)
    table = 2 * required(vision, "position_embedding_size") * hidden
    return Part(
        (first, *(attention + _gated(hidden, width)) * count, Matrix(text_hidden, hidden)),
        others=table + count * (4 * hidden + 2 * head),
    )


def _audio(audio: Config, text_hidden: int) -> Part:
    """The sound tower of the small models. Intaglio feeds it nothing; it is loaded all the same."""
    hidden, count = required(audio, "hidden_size"), required(audio, "num_hidden_layers")
    first, second = audio["subsampling_conv_channels"]
    out, square = required(audio, "output_proj_dims"), Matrix(hidden, hidden)
    forward = Matrix(4 * hidden, hidden), Matrix(hidden, 4 * hidden)
    layer = (*(square,) * 6, Matrix(2 * hidden, hidden), *forward * 2)
    head = hidden // required(audio, "num_attention_heads")
    in_layer = 9 * hidden + required(audio, "conv_kernel_size") * hidden + head
    return Part(
        (Matrix(hidden, first // 4 * second), *layer * count, Matrix(out, hidden), Matrix(text_hidden, out)),
        others=9 * first + 9 * first * second + first + second + count * in_layer + out,
    )
