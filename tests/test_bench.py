"""The bench, end to end on the processor, with the real classes at a small size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from model.engine import EngineSpec
from model.gemma import attention
from model.gemma.bench import build, measure, require_room
from model.gemma.dimensions import GEMMA_4_26B_A4B
from model.gemma.loading import load_model
from model.gemma.sizes import weight_bytes
from model.gemma.stand_in import stand_in
from schemas.errors import EngineUnavailable
from tests.real_widths import real_widths
from tests.tiny_gemma import build as build_tiny
from tests.tiny_gemma import tiny_config, tiny_tokenizer

ROOT = Path(__file__).parent.parent
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    found: dict[str, Any] = tiny_config(tiny_tokenizer()).to_dict()
    return found


def forms(model: Any) -> dict[str, tuple[Any, ...]]:
    """Shape, type and place of every tensor, saved or not."""
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers()]
    return {name: (tuple(tensor.shape), tensor.dtype, tensor.device) for name, tensor in tensors}


def test_the_stand_in_has_every_tensor_of_the_loaded_model(config: dict[str, Any], tmp_path: Path) -> None:
    loaded = load_model(EngineSpec("gemma", model=str(build_tiny(tmp_path / "tiny")), quantisation="nf4"))
    made = stand_in(config, CPU)
    assert forms(made) == forms(loaded)
    assert made.lm_head.weight is made.get_input_embeddings().weight
    rotary = "model.language_model.rotary_emb.full_attention_inv_freq"
    assert torch.equal(made.get_buffer(rotary), loaded.get_buffer(rotary))


def test_its_weights_take_what_the_sums_say(config: dict[str, Any]) -> None:
    _, built = build(config, CPU)
    assert 0 <= built.weight_bytes - weight_bytes(config, "nf4") < 200  # a scalar a layer, and the tower's two scales
    assert built.seconds > 0 and built.peak_bytes is None


def test_at_real_widths_states_stay_of_a_usual_size() -> None:
    attention.register()
    model = stand_in(real_widths(), CPU, attention.NAME)
    with torch.inference_mode():
        states = model.model(input_ids=torch.arange(100, 140)[None]).last_hidden_state
    assert torch.isfinite(states).all()
    assert 0.1 < states.float().std() < 10
    assert (states[0, 0] - states[0, -1]).abs().max() > 0.01


def test_each_context_and_number_of_replies_is_measured_or_says_why_not(config: dict[str, Any]) -> None:
    model, _ = build(config, CPU)
    said: list[str] = []
    rows = list(measure(model, config, (90, 30, 90), (3, 1, 10**7), said.append, chunk=32))
    assert [(row.context, row.replies) for row in rows] == [(c, b) for c in (30, 90) for b in (1, 3, 10**7)]
    for row in rows:
        if row.replies == 10**7:
            assert row.outcome.startswith("does not fit: takes") and row.read is row.write is None
        else:
            assert row.outcome == "" and row.read and row.write and row.write > 0
    assert said[0] == "reading 30 tokens" and len(said) == 6


def test_the_full_model_is_not_begun_on_a_processor() -> None:
    with pytest.raises(EngineUnavailable, match=r"15\.3 GB of weights"):
        require_room(GEMMA_4_26B_A4B, CPU)


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "doctor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def test_the_command_measures_a_small_model_here(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    sizes = ["--bench-context", "40", "--bench-context", "130", "--bench-batch", "1", "--bench-batch", "2"]
    result = doctor("--model", str(tmp_path), "--bench", "--json", *sizes)
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)["bench"]
    assert [(row["context"], row["replies"]) for row in measured["measures"]] == [(40, 1), (40, 2), (130, 1), (130, 2)]
    assert all(row["read"] > 0 and row["write"] > 0 and row["expected"] > 0 for row in measured["measures"])
    assert "bench: reading 130 tokens" in result.stderr


def test_the_table_of_speeds_has_a_row_for_each_measure(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    sizes = ["--bench-context", "40", "--bench-batch", "1", "--bench-batch", "1000000"]
    result = doctor("--model", str(tmp_path), "--bench", *sizes)
    assert result.returncode == 0, result.stderr
    assert "random weights in 4 bit" in result.stdout
    measured, refused = (line.split() for line in result.stdout.splitlines()[-2:])
    assert measured[:2] == ["40", "1"] and float(measured[2].replace(",", "")) > 0
    assert refused[:2] == ["40", "1000000"] and refused[2] == "-" and "does not fit" in " ".join(refused)


def test_sizes_of_a_bench_that_was_not_asked_for_are_refused() -> None:
    result = doctor("--bench-context", "40")
    assert result.returncode == 2 and "--bench" in result.stderr
