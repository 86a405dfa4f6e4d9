"""A Gemma 4 of under a megabyte: the real classes, special tokens and architecture, with random weights.

Mixture of experts, local and global attention (keys shared as values on the global layers), a vision tower, and a chat
template of our own in the format of the real one. It reads and writes, and means nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    Gemma4AudioFeatureExtractor,
    Gemma4Config,
    Gemma4ForConditionalGeneration,
    Gemma4ImageProcessorPil,
    GemmaTokenizer,
    GenerationConfig,
)

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
MARKERS = {
    "image_token": "<|image|>",
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
    "soc_token": "<|channel>",
    "eoc_token": "<channel|>",
    "sot_token": "<|turn>",
    "eot_token": "<turn|>",
    "stc_token": "<|tool_call>",
    "etc_token": "<tool_call|>",
    "std_token": "<|tool>",
    "etd_token": "<tool|>",
    "str_token": "<|tool_response>",
    "etr_token": "<tool_response|>",
    "escape_token": '<|"|>',
    "think_token": "<|think|>",
}
VIDEO = "<|video|>"
LETTERS = ("▁", "\n", *(chr(code) for code in range(33, 127)))
MERGES = [
    tuple(pair.split())
    for pair in ("t h", "th e", "▁ the", "i n", "e r", "▁ a", "o n", "▁ t", "r e", "n u", "l l", "nu ll")
]


def tiny_tokenizer() -> GemmaTokenizer:
    """A byte-fallback tokenizer with every special token of the real one."""
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *MARKERS.values(), VIDEO]
    words += [f"<0x{byte:02X}>" for byte in range(256)]
    words += [*LETTERS, *("".join(pair) for pair in MERGES)]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    tokenizer = GemmaTokenizer(
        vocab=vocabulary,
        merges=MERGES,
        extra_special_tokens=dict(MARKERS),
        padding_side="left",
        model_max_length=10**30,
    )
    tokenizer.add_special_tokens({"additional_special_tokens": [VIDEO]})
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return tokenizer


def tiny_config(tokenizer: GemmaTokenizer, *, layers: int = 3, experts: int = 8, window: int = 32) -> Gemma4Config:
    """Every third layer is global. Input sizes are multiples of 64, as blocks of 4-bit weights want them."""
    number = tokenizer.convert_tokens_to_ids
    text = {
        "model_type": "gemma4_text",
        "vocab_size": -(-len(tokenizer) // 64) * 64,
        "hidden_size": 64,
        "intermediate_size": 64,
        "moe_intermediate_size": 64,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_global_key_value_heads": 1,
        "head_dim": 16,
        "global_head_dim": 32,
        "attention_k_eq_v": True,
        "sliding_window": window,
        "layer_types": ["sliding_attention" if (layer + 1) % 3 else "full_attention" for layer in range(layers)],
        "hidden_size_per_layer_input": 0,
        "num_kv_shared_layers": 0,
        "enable_moe_block": True,
        "num_experts": experts,
        "top_k_experts": 2,
        "final_logit_softcapping": 30.0,
        "use_bidirectional_attention": "vision",
        "max_position_embeddings": 262_144,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
            "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1e6},
        },
    }
    vision = {
        "model_type": "gemma4_vision",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "patch_size": 16,
        "pooling_kernel_size": 3,
        "position_embedding_size": 3600,
        "standardize": True,
        "use_clipped_linears": False,
    }
    return Gemma4Config(
        text_config=text,
        vision_config=vision,
        audio_config=None,
        tie_word_embeddings=True,
        image_token_id=number("<|image|>"),
        boi_token_id=number("<|image>"),
        eoi_token_id=number("<image|>"),
        audio_token_id=number("<|audio|>"),
        boa_token_id=number("<|audio>"),
        eoa_token_index=number("<audio|>"),
        video_token_id=number(VIDEO),
        eos_token_id=[1, number("<turn|>"), number("<|tool_response>")],
    )


def build(folder: Path, **sizes: Any) -> Path:
    """Writes the checkpoint, in bf16, and returns its folder. The same sizes give the same weights."""
    tokenizer = tiny_tokenizer()
    config = tiny_config(tokenizer, **sizes)
    model = Gemma4ForConditionalGeneration(config).to(torch.bfloat16).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            parameter.data.normal_(0, 0.2 if parameter.shape[-1] <= 64 else 0.05, generator=generator)
    model.generation_config = GenerationConfig(
        bos_token_id=2, pad_token_id=0, eos_token_id=config.eos_token_id, do_sample=True, temperature=1.0, top_k=64
    )
    model.save_pretrained(folder)
    _save_processor(folder, tokenizer)
    return folder


def _save_processor(folder: Path, tokenizer: GemmaTokenizer) -> None:
    """Each part by itself: the real checkpoint's processor would want a video processor, which wants torchvision."""
    import json

    images, sounds = Gemma4ImageProcessorPil(max_soft_tokens=280), Gemma4AudioFeatureExtractor()
    parts = {"image_processor": images.to_dict(), "feature_extractor": sounds.to_dict()}
    text = json.dumps({"processor_class": "Gemma4Processor", **parts}, indent=2, default=str)
    (folder / "processor_config.json").write_text(text, encoding="utf-8")
    tokenizer.save_pretrained(folder)
