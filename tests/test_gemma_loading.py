"""Loading a Gemma 4: quantised while it loads, saved and loaded again the same, refused in words that help."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, Gemma4Config, Gemma4ImageProcessorPil
from transformers.models.gemma4.modeling_gemma4 import Gemma4TextExperts

from model.engine import EngineSpec, Quantisation
from model.gemma.checkpoint import CONFIG, DEFAULT_MODEL, WEIGHTS, find_checkpoint
from model.gemma.experts import SCRATCH_BYTES, PackedExperts
from model.gemma.loading import (
    CARD,
    CARDS,
    LAYER_MATRIX,
    Memory,
    assert_quantised,
    check_memory,
    load_model,
    memory_needed,
    quantise_checkpoint,
)
from model.gemma.sizes import weight_bytes
from schemas.errors import EngineUnavailable, OutputUnwritable
from tests.memory import peak_bytes
from tests.tiny_gemma import build, tiny_config, tiny_tokenizer

PACKED: tuple[Quantisation, ...] = ("nf4", "int8")
MODES: tuple[Quantisation, ...] = (*PACKED, "none")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def saved(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Quantisation, Path]:
    folder = tmp_path_factory.mktemp("saved")
    return {mode: quantise_checkpoint(spec_of(tiny, mode), folder / mode) for mode in PACKED}


def spec_of(folder: Path | str, quantisation: Quantisation = "nf4", revision: str = "") -> EngineSpec:
    return EngineSpec("gemma", model=str(folder), revision=revision, quantisation=quantisation)


def text_logits(model: nn.Module) -> Tensor:
    ids = torch.randint(20, 300, (2, 40), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        return model(input_ids=ids).logits


def image_logits(model: nn.Module) -> Tensor:
    picture = Image.new("RGB", (200, 150), "white")
    picture.paste((10, 60, 200), (20, 30, 120, 90))
    seen = Gemma4ImageProcessorPil(max_soft_tokens=70)(images=[picture], return_tensors="pt")
    length = int(seen.pop("num_soft_tokens_per_image")[0])
    config = model.config
    ids = torch.tensor([[2, config.boi_token_id, *[config.image_token_id] * length, config.eoi_token_id, 40, 41, 42]])
    with torch.no_grad():
        return model(input_ids=ids, mm_token_type_ids=(ids == config.image_token_id).long(), **seen).logits


def held_bytes(model: nn.Module) -> int:
    return sum(t.numel() * t.element_size() for t in chain(model.parameters(), model.buffers()))


def full_size() -> Gemma4Config:
    """Gemma 4 26B A4B. Source: the metadata of llama.cpp's `ggml-vocab-gemma-4.gguf`; vision from published dumps."""
    text = {
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
        "tie_word_embeddings": True,
    }
    vision = {
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
    }
    return Gemma4Config(text_config=text, vision_config=vision, audio_config=None)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_loads_and_reads_text_and_pictures(tiny: Path, mode: Quantisation) -> None:
    model = load_model(spec_of(tiny, mode), scratch_bytes=1 << 20)
    assert torch.isfinite(text_logits(model)).all() and torch.isfinite(image_logits(model)).all()
    assert model.config._attn_implementation == "sdpa" and not model.training
    scratches = {module.scratch_bytes for module in model.modules() if isinstance(module, PackedExperts)}
    assert scratches == (set() if mode == "none" else {1 << 20})


def test_quantised_logits_are_near_those_in_16_bit(tiny: Path) -> None:
    """Loosely: the router of random weights sends a token elsewhere at the least difference."""
    plain = image_logits(load_model(spec_of(tiny, "none"))).flatten().float()
    likeness = {
        mode: torch.cosine_similarity(image_logits(load_model(spec_of(tiny, mode))).flatten().float(), plain, dim=0)
        for mode in PACKED
    }
    assert likeness["int8"] > 0.98
    assert likeness["nf4"] > 0.6


@pytest.mark.parametrize("mode", PACKED)
def test_what_is_saved_loads_to_the_same_bits(tiny: Path, saved: dict[Quantisation, Path], mode: Quantisation) -> None:
    first, again = load_model(spec_of(tiny, mode)), load_model(spec_of(saved[mode], mode))
    assert torch.equal(text_logits(first), text_logits(again))
    assert torch.equal(image_logits(first), image_logits(again))


@pytest.mark.parametrize("mode", PACKED)
def test_a_model_that_was_used_saves_what_was_loaded(
    saved: dict[Quantisation, Path], tmp_path: Path, mode: Quantisation
) -> None:
    model = load_model(spec_of(saved[mode], mode))
    before = image_logits(model)
    model.save_pretrained(tmp_path)
    assert torch.equal(image_logits(load_model(spec_of(tmp_path, mode))), before)
    first, second = load_file(saved[mode] / WEIGHTS), load_file(tmp_path / WEIGHTS)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_saved_checkpoint_is_whole_and_says_what_it_was(tiny: Path, saved: dict[Quantisation, Path]) -> None:
    names = {path.name for path in tiny.iterdir()}
    assert names <= {path.name for path in saved["nf4"].iterdir()}
    tokenizer = AutoTokenizer.from_pretrained(saved["nf4"])
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(tiny).chat_template
    was, now = find_checkpoint(spec_of(tiny)), find_checkpoint(spec_of(saved["nf4"]))
    assert (now.model, now.revision, now.stored) == (was.model, was.revision, "nf4")
    assert (saved["nf4"] / WEIGHTS).stat().st_size < 0.65 * (tiny / WEIGHTS).stat().st_size


def test_only_the_layers_matrices_are_packed(tiny: Path) -> None:
    model = load_model(spec_of(tiny))
    whole = {name for name, parameter in model.named_parameters() if parameter.is_floating_point()}
    assert not [name for name in whole if LAYER_MATRIX.search(name) and "norm" not in name]
    for part in ("router.proj", "embed_tokens", "vision_tower", "embed_vision", "norm"):
        assert any(part in name for name in whole)
        packed = [name for name, parameter in model.named_parameters() if part in name and name not in whole]
        assert not packed, packed
    assert model.lm_head.weight.dtype == torch.bfloat16


def test_an_expert_left_in_16_bit_is_caught(tiny: Path) -> None:
    model = load_model(spec_of(tiny))
    assert_quantised(model)
    place = "model.language_model.layers.1.experts"
    model.set_submodule(place, Gemma4TextExperts(model.config.text_config).bfloat16())
    with pytest.raises(EngineUnavailable, match=r"2 matrices .* 16 bit .*layers\.1\.experts.*quantisation 'none'"):
        assert_quantised(model)


def test_a_model_that_nobody_packed_is_caught(tiny: Path) -> None:
    with pytest.raises(EngineUnavailable, match="16 bit"):
        assert_quantised(load_model(spec_of(tiny, "none")))


@pytest.mark.parametrize("mode", PACKED)
def test_loading_never_holds_more_than_the_packed_bytes_and_one_layer(tmp_path: Path, mode: Quantisation) -> None:
    """From weights in float32, so that each is copied once into bf16 as it would be on its way to a GPU."""
    folder = build(tmp_path / "tiny", layers=6, experts=64)
    weights = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    file_bytes = (folder / WEIGHTS).stat().st_size
    layer = sum(t.numel() * 2 for name, t in weights.items() if "language_model.layers.0." in name)
    mapped = {file_bytes - 8 - int.from_bytes((folder / WEIGHTS).read_bytes()[:8], "little"), file_bytes}
    model, peak = peak_bytes(lambda: load_model(spec_of(folder, mode)), mapped=mapped)
    held, whole = held_bytes(model), sum(t.numel() * 2 for t in weights.values())
    assert peak >= 0.9 * held  # else nothing was measured
    assert peak <= 1.2 * held + layer < whole


@pytest.mark.parametrize("mode", MODES)
def test_the_sum_before_loading_is_what_is_held_after(tiny: Path, mode: Quantisation) -> None:
    model = load_model(spec_of(tiny, mode))
    others = 500  # bytes: rotary frequencies, a number for each layer, the scales of the vision tower
    assert 0 <= held_bytes(model) - weight_bytes(model.config.to_dict(), mode) < others


def test_the_full_size_takes_what_the_notes_say() -> None:
    config = full_size().to_dict()
    assert weight_bytes(config, "nf4") / 1e9 == pytest.approx(15.3, abs=0.1)
    assert weight_bytes(config, "none") / 1e9 == pytest.approx(51.6, abs=0.1)
    need = memory_needed(config, "nf4", packed=False)
    assert need.largest == 128 * 1408 * 2816 * 2
    assert need.cache == pytest.approx(0.377e9, rel=0.01)  # 25 local layers of 1,024 tokens, 5 global ones of 8,192
    assert memory_needed(config, "nf4", packed=True).largest == 0


@pytest.mark.parametrize("mode", MODES)
def test_the_cards_named_for_the_full_size_are_the_smallest_that_fit(mode: Quantisation) -> None:
    need = memory_needed(full_size().to_dict(), mode, packed=False)
    smaller = max(size for size in CARDS if size < CARD[mode])
    check_memory(need, Memory(((0, int(CARD[mode] * 0.95e9)),), 1), "it")
    with pytest.raises(EngineUnavailable, match=f"fits a GPU of {CARD[mode]} GB"):
        check_memory(need, Memory(((0, int(smaller * 0.95e9)),), 10**12), "it")


def test_too_little_memory_is_refused_with_the_sum() -> None:
    need = memory_needed(full_size().to_dict(), "int8", packed=False)
    with pytest.raises(EngineUnavailable) as caught:
        check_memory(need, Memory(((0, 12 * 10**9), (1, 12 * 10**9)), 10**12), "the model")
    said = str(caught.value)
    assert "weights in int8 27.2 GB" in said and "24.0 GB free" in said and "embedded" in said
    assert f"{(need.total - 24e9) / 1e9:.1f} GB too little" in said


def test_without_a_gpu_a_large_model_is_refused_and_a_small_one_is_not(tiny: Path) -> None:
    need = memory_needed(full_size().to_dict(), "nf4", packed=True)
    with pytest.raises(EngineUnavailable, match=r"no GPU .* GPU of 24 GB\. .*--engine embedded works here"):
        check_memory(need, Memory((), 10**12), "the model")
    check_memory(need, Memory((), 10**12), "the model", slow_is_fine=True)
    small = memory_needed(tiny_config(tiny_tokenizer()).to_dict(), "nf4", packed=False)
    check_memory(small, Memory((), 10**9), "the tiny one")
    with pytest.raises(EngineUnavailable, match="memory has"):
        check_memory(small, Memory((), SCRATCH_BYTES), "the tiny one")


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what is missing where there is no GPU")
def test_the_default_model_without_a_gpu_says_so_before_anything_is_downloaded() -> None:
    with pytest.raises(EngineUnavailable, match=r"no GPU .* needs one of 24 GB.*embedded works here"):
        load_model(EngineSpec("gemma"))


def test_absent_weights_come_with_the_command_and_the_disk(cache: Path) -> None:
    with pytest.raises(
        EngineUnavailable, match=rf"Run: hf download {DEFAULT_MODEL} \(it takes 51\.6 GB of disk"
    ) as one:
        find_checkpoint(EngineSpec("gemma"))
    with pytest.raises(EngineUnavailable, match=r"Run: hf download some/model --revision abc \(") as other:
        find_checkpoint(spec_of("some/model", revision="abc"))
    assert "\n" not in str(one.value) + str(other.value)


@pytest.mark.parametrize(
    "model", ["/no/such/folder", "./nope", "../nope", "~/nope", "there/nope", "there/file", "file", "a/b/c"]
)
def test_a_path_that_is_no_folder_is_not_sought_on_the_hub(
    cache: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.chdir(cache)
    (cache / "there").mkdir()
    (cache / "there" / "file").touch()
    (cache / "file").touch()
    with pytest.raises(EngineUnavailable, match=rf"^there is no folder {re.escape(model)}\.") as caught:
        find_checkpoint(spec_of(model))
    assert "hf download" not in str(caught.value)


def test_a_download_that_broke_off_is_seen_and_a_whole_one_gives_its_commit(cache: Path, tiny: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    home = cache / f"models--{DEFAULT_MODEL.replace('/', '--')}"
    snapshot = home / "snapshots" / commit
    shutil.copytree(tiny, snapshot)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    found = find_checkpoint(EngineSpec("gemma"))
    assert (found.model, found.revision, found.folder) == (DEFAULT_MODEL, commit, snapshot)
    (snapshot / WEIGHTS).unlink()
    with pytest.raises(EngineUnavailable, match=f"not whole: {WEIGHTS} is missing"):
        find_checkpoint(EngineSpec("gemma"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_folder_is_told_apart_by_its_weights(tiny: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tiny, tmp_path / "other")
    assert find_checkpoint(spec_of(other)).revision == find_checkpoint(spec_of(tiny)).revision
    content = bytearray((other / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (other / WEIGHTS).write_bytes(content)
    assert find_checkpoint(spec_of(other)).revision != find_checkpoint(spec_of(tiny)).revision


def test_damaged_weights_are_refused_in_words(tiny: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / WEIGHTS).write_bytes((tiny / WEIGHTS).read_bytes()[:5000])
    with pytest.raises(EngineUnavailable, match="cannot be read"):
        load_model(spec_of(broken))


def test_weights_quantised_otherwise_are_refused(tiny: Path, saved: dict[Quantisation, Path], tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="quantised to nf4, and int8 was asked for"):
        load_model(spec_of(saved["nf4"], "int8"))
    foreign = shutil.copytree(tiny, tmp_path / "foreign")
    config: dict[str, Any] = json.loads((foreign / CONFIG).read_text())
    (foreign / CONFIG).write_text(json.dumps(config | {"quantization_config": {"quant_method": "bitsandbytes"}}))
    with pytest.raises(EngineUnavailable, match=r"bitsandbytes.*Name the original weights"):
        load_model(spec_of(foreign))


def test_another_architecture_is_refused(tiny: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tiny, tmp_path / "other")
    (other / CONFIG).write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(EngineUnavailable, match="is a llama"):
        load_model(spec_of(other))


def test_nothing_is_overwritten_and_nothing_half_written(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(OutputUnwritable, match="is there already"):
        quantise_checkpoint(spec_of(tiny), tmp_path / "taken")
    (tmp_path / "flat").touch()
    with pytest.raises(OutputUnwritable, match="cannot be made"):
        quantise_checkpoint(spec_of(tiny), tmp_path / "flat" / "below")
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "flat"}


@pytest.mark.parametrize("mode", ["none", "nf4"])
def test_what_is_packed_or_is_not_to_be_is_not_written_again(
    tiny: Path, saved: dict[Quantisation, Path], tmp_path: Path, mode: Quantisation
) -> None:
    source = tiny if mode == "none" else saved["nf4"]
    with pytest.raises(EngineUnavailable, match="as it is"):
        quantise_checkpoint(spec_of(source, mode), tmp_path / "new")


def test_the_missing_extra_is_named_with_the_command() -> None:
    program = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "bitsandbytes"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from model.gemma.checkpoint import require_extra
from schemas.errors import EngineUnavailable
try:
    require_extra()
except EngineUnavailable as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "needs torch, bitsandbytes" in said and "pip install 'intaglio[gemma]'" in said
