"""The sums of what fits, against the real classes of transformers and bitsandbytes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    DynamicCache,
    Gemma4AudioConfig,
    Gemma4Config,
    Gemma4ForConditionalGeneration,
    Gemma4TextConfig,
    Gemma4VisionConfig,
)

from model.engine import VISUAL_TOKENS
from model.gemma import attention, bench, cache, experts, prefill
from model.gemma.dimensions import GEMMA_4_26B_A4B, layers, parts
from model.gemma.prompt import Prompt
from model.gemma.quantization import replace_modules
from model.gemma.sizes import (
    GB,
    MOST_REPLIES,
    QUANTISATIONS,
    RESERVE,
    Scratch,
    _matrix_bytes,
    cache_bytes,
    fit,
    longest_context,
    most_replies,
    parameter_counts,
    reply_bytes,
    table,
    weight_bytes,
    workspace_bytes,
)
from model.gemma.stand_in import stand_in
from schemas.errors import UsageError
from tests.memory import peak_bytes
from tests.real_widths import real_widths
from tests.tiny_gemma import tiny_config, tiny_tokenizer

SMALL = GEMMA_4_26B_A4B["vision_config"] | {"num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 128}
GROUPS = {  # the first that is found in a parameter's name
    "vision": "vision",
    "audio": "audio",
    "experts": ".experts.",
    "router": ".router.",
    "norms": "norm",
    "layer inputs": "per_layer_input_gate per_layer_projection per_layer_model_projection",
    "attention": "self_attn",
    "dense mlp": ".mlp.",
    "embeddings": "embed lm_head",
}


def group_of(name: str) -> str:
    return next(group for group, marks in GROUPS.items() if any(mark in name for mark in marks.split()))


def counted(config: Gemma4Config) -> dict[str, int]:
    """Parameters by group of the real model, which is built without memory for its weights."""
    with torch.device("meta"):
        model = Gemma4ForConditionalGeneration(config)
    found: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        found[group_of(name)] += parameter.numel()
    return dict(found)


def shared_layers() -> Gemma4Config:
    """The way of the small models: layers that share keys and values, per-layer inputs, a sound tower."""
    text = Gemma4TextConfig(num_hidden_layers=12, num_kv_shared_layers=5, use_double_wide_mlp=True)
    return Gemma4Config(text_config=text, vision_config=SMALL, audio_config=Gemma4AudioConfig())


def dense() -> Gemma4Config:
    text = Gemma4TextConfig(num_hidden_layers=7, hidden_size_per_layer_input=0, tie_word_embeddings=False)
    return Gemma4Config(
        text_config=text, vision_config=Gemma4VisionConfig(), audio_config=None, tie_word_embeddings=False
    )


CONFIGS = {
    "tiny": lambda: tiny_config(tiny_tokenizer()),
    "26B-A4B": lambda: Gemma4Config(**GEMMA_4_26B_A4B),
    "with shared layers, per-layer inputs and sound": shared_layers,
    "dense": dense,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_those_of_the_real_classes_group_by_group(name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]()
    config.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert parameter_counts(saved) == counted(config)


def test_the_built_in_dimensions_give_the_billions_on_the_models_card() -> None:
    counts = parameter_counts(GEMMA_4_26B_A4B)
    assert sum(counts.values()) == 25_805_933_872
    assert round(counts["experts"] / GB, 3) == 22.838
    idle = counts["experts"] * (1 - 8 / 128)
    assert round((sum(counts.values()) - idle - counts["vision"]) / GB, 2) == 3.82


def test_a_config_of_the_text_model_alone_is_read_too() -> None:
    text = parameter_counts(GEMMA_4_26B_A4B["text_config"])
    whole = parameter_counts(GEMMA_4_26B_A4B)
    assert text == {name: count for name, count in whole.items() if name != "vision"}


def test_where_no_layer_types_are_given_every_sixth_is_global_and_the_last() -> None:
    text = Gemma4TextConfig(num_hidden_layers=8)
    bare = {key: value for key, value in text.to_dict().items() if key not in ("layer_types", "per_layer_config")}
    kinds = ["sliding_attention" if layer.window else "full_attention" for layer in layers(bare)]
    assert kinds == text.layer_types


@pytest.mark.parametrize("missing", ["hidden_size", "num_experts", "vocab_size"])
def test_a_config_that_lacks_a_dimension_is_refused_by_name(missing: str) -> None:
    text = {key: value for key, value in GEMMA_4_26B_A4B["text_config"].items() if key != missing}
    with pytest.raises(UsageError, match=missing):
        weight_bytes({**GEMMA_4_26B_A4B, "text_config": text}, "nf4")


@pytest.mark.parametrize("quantisation", ["nf4", "int8", "none"])
@pytest.mark.parametrize("name", CONFIGS)
def test_bytes_are_those_of_the_packed_model(name: str, quantisation: Any) -> None:
    config = CONFIGS[name]()
    with torch.device("meta"):
        model = Gemma4ForConditionalGeneration(config).to(torch.bfloat16)
    if quantisation != "none":
        replace_modules(model, quantisation)
    scales = [buffer for module in model.modules() if hasattr(module, "packings") for buffer in module.buffers()]
    assert weight_bytes(config.to_dict(), quantisation) == sum(t.nbytes for t in (*model.parameters(), *scales))


def test_experts_take_4127_thousandths_of_a_bit_a_parameter() -> None:
    experts = parts(GEMMA_4_26B_A4B)["experts"]
    bits = 8 * sum(_matrix_bytes(matrix, "nf4") for matrix in experts.matrices) / experts.parameters
    assert bits == pytest.approx(4.127, abs=5e-4)


def test_only_experts_in_4_bit_make_the_26b_small_and_stock_4_bit_does_not() -> None:
    gigabytes = {kind: round(weight_bytes(GEMMA_4_26B_A4B, kind) / GB, 1) for kind in (*QUANTISATIONS, "stock nf4")}
    assert gigabytes == {"nf4": 15.3, "int8": 27.2, "none": 51.6, "stock nf4": 48.3}


@pytest.mark.parametrize("tokens", [5, 32, 90])
def test_cache_bytes_are_those_of_the_real_cache(tokens: int) -> None:
    config = CONFIGS["tiny"]()
    model = Gemma4ForConditionalGeneration(config).to(torch.bfloat16).eval()
    kept = DynamicCache(config=config.get_text_config())
    with torch.no_grad():
        model(input_ids=torch.full((2, tokens), 70), cache=kept, use_cache=True)
    real = sum(layer.keys.nbytes + layer.values.nbytes for layer in kept.layers)
    # A local layer drops its oldest token when the next one comes, so the library keeps one less than the window.
    local = [layer for layer in layers(config.to_dict()) if layer.window and tokens >= layer.window]
    late = sum(2 * 2 * 2 * layer.kv_heads * layer.head_dim for layer in local)
    assert cache_bytes(config.to_dict(), tokens, batch=2) == real + late


def test_memory_that_caches_keep_is_that_of_pages_and_replies_and_nothing_of_chunks() -> None:
    """Read in chunks longer than the window, by three asks of their own; then as one batch."""
    config = CONFIGS["tiny"]()
    attention.register()
    model = Gemma4ForConditionalGeneration._from_config(
        config, attn_implementation=attention.NAME, dtype=torch.bfloat16
    )
    said = config.to_dict()
    prompt = Prompt("ask", tuple(range(30, 223)), prefix=150, pictures=())
    trunk = cache.empty_cache(config)
    prefill.prefill(model, None, prompt, trunk, end=150, chunk=50)
    twigs = [cache.branch(trunk) for _ in range(3)]
    for twig in twigs:
        prefill.prefill(model, None, prompt, twig, chunk=40)
    token = sum(2 * 2 * layer.kv_heads * layer.head_dim for layer in layers(said) if layer.window)  # see above
    pages, replies = cache_bytes(said, 150) - token, 3 * (reply_bytes(said, 43) - token)
    assert cache.bytes_of(trunk) == pages
    assert cache.bytes_of(trunk, *twigs) == pages + replies
    whole = cache.merged(twigs)
    assert cache.bytes_of(trunk, whole) == pages + replies
    assert cache.bytes_of(trunk, cache.only(whole, [1], 193)) == pages + replies // 3


def test_the_cache_of_the_26b_is_that_of_its_five_global_layers_and_25_windows() -> None:
    assert cache_bytes(GEMMA_4_26B_A4B, 262_144) == 262_144 * 20_480 + 1024 * 204_800
    assert cache_bytes(GEMMA_4_26B_A4B, 100) == 100 * (20_480 + 204_800)


def test_the_whole_context_fits_one_card_of_24_gb_in_4_bit_only() -> None:
    fits = {kind: longest_context(GEMMA_4_26B_A4B, kind, 24 * GB) for kind in (*QUANTISATIONS, "stock nf4")}
    assert fits == {"nf4": 262_144, "int8": 0, "none": 0, "stock nf4": 0}


sizes: Any = st.integers(1, 262_144)


@settings(max_examples=40, deadline=None)
@given(tokens=sizes, card=st.integers(10, 160))
def test_what_is_said_to_fit_does_and_one_more_does_not(tokens: int, card: int) -> None:
    most = most_replies(GEMMA_4_26B_A4B, "nf4", tokens, card * GB)
    if most:
        assert fit(GEMMA_4_26B_A4B, "nf4", tokens, most).total <= card * GB
    if most < MOST_REPLIES:
        assert fit(GEMMA_4_26B_A4B, "nf4", tokens, most + 1).total > card * GB
    longest = longest_context(GEMMA_4_26B_A4B, "nf4", card * GB)
    assert (longest >= tokens) == (most >= 1)


@settings(max_examples=40, deadline=None)
@given(tokens=st.integers(1, 262_143), replies=st.integers(1, 32))
def test_more_tokens_and_more_replies_never_take_less(tokens: int, replies: int) -> None:
    here = fit(GEMMA_4_26B_A4B, "nf4", tokens, replies)
    assert here.total == here.weights + here.cache + here.workspace + RESERVE
    assert fit(GEMMA_4_26B_A4B, "nf4", tokens + 1, replies).total >= here.total
    assert fit(GEMMA_4_26B_A4B, "nf4", tokens, replies + 1).total > here.total


def test_the_table_has_a_row_for_each_quantisation_and_context_and_a_number_for_each_card() -> None:
    rows = table(GEMMA_4_26B_A4B, (8192, 65_536), (24 * GB, 80 * GB))
    assert [(row.quantisation, row.context) for row, _ in rows][:3] == [("nf4", 8192), ("nf4", 65_536), ("int8", 8192)]
    assert len(rows) == 8
    assert all(small <= large for _, (small, large) in rows)


def test_what_bounds_scratch_is_what_the_engine_is_set_to() -> None:
    limits = Scratch()
    assert limits.chunk == prefill.CHUNK
    assert limits.attention_bytes == attention.SCRATCH
    assert limits.expert_bytes == experts.SCRATCH_BYTES
    assert limits.visual_tokens == max(VISUAL_TOKENS)


def test_reading_and_writing_take_no_more_than_the_sums_and_not_far_less() -> None:
    """On a processor at the real widths; so short a document does not use up what the settings allow."""
    attention.register()
    config, tokens, chunk, replies = real_widths() | {"vision_config": None}, 600, 200, 12
    model = stand_in(config, torch.device("cpu"), attention.NAME)
    words = (*range(100, 100 + tokens // 2), *range(100, 100 + tokens // 2), 1)
    document, reading = peak_bytes(lambda: bench._read(model, words, chunk))
    _, writing = peak_bytes(lambda: bench._write(model, document, replies, 4))
    said = cache_bytes(config, tokens) + workspace_bytes(config, tokens, 1, Scratch(chunk=chunk))
    assert 0.2 * said < reading <= said
    said = replies * reply_bytes(config, 5) + workspace_bytes(config, 1, replies, Scratch(chunk=1))
    assert 0.2 * said < writing <= said
