"""Packed experts: they agree with what they unpack to, hold few bytes, and touch only what they must."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import bitsandbytes.functional
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from transformers import Gemma4TextConfig
from transformers.activations import ACT2FN
from transformers.models.gemma4.modeling_gemma4 import Gemma4TextExperts

from model.gemma import experts as experts_module
from model.gemma.experts import PROJECTIONS, SCRATCH_BYTES, PackedExperts
from model.gemma.packing import Int8, Nf4, packed
from model.gemma.quantization import PackedLinear
from tests.memory import peak_bytes

Mode = Literal["nf4", "int8"]
MODES: tuple[Mode, ...] = ("nf4", "int8")
gelu = ACT2FN["gelu_pytorch_tanh"]
WAITS = {Tensor.tolist, Tensor.item, Tensor.nonzero, Tensor.cpu, Tensor.__bool__, Tensor.__int__, torch.nonzero}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def make(mode: Mode, *, experts: int, hidden: int, intermediate: int, scratch: int = SCRATCH_BYTES) -> PackedExperts:
    module = PackedExperts(
        experts=experts,
        hidden=hidden,
        intermediate=intermediate,
        activation=gelu,
        quantisation=mode,
        scratch_bytes=scratch,
    )
    generator = torch.Generator().manual_seed(experts * 1000 + hidden)
    for projection in PROJECTIONS:
        packing = module.packings[projection]
        weight = torch.randn(experts, packing.rows, packing.columns, generator=generator) * 0.2
        fill(module, projection, weight.bfloat16())
    return module


def fill(module: nn.Module, weight: str, matrices: Tensor) -> None:
    for name, tensor in packed(module, weight, matrices).items():
        getattr(module, name).data = tensor


def route(tokens: int, experts: int, k: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weights, index = torch.rand(tokens, experts, generator=generator).topk(k, dim=-1)
    return index, weights / weights.sum(-1, keepdim=True).clamp(min=1e-9)


def reference(module: PackedExperts, x: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """Every expert for every token, in double precision, with the matrices as they unpack for the dtype of x."""
    gate_up, down = (module.unpacked(projection, x.dtype).double() for projection in PROJECTIONS)
    gate, up = torch.einsum("th,erh->ter", x.double(), gate_up).chunk(2, dim=-1)
    every = torch.einsum("ter,ehr->teh", gelu(gate) * up, down)
    shares = torch.zeros(len(x), module.num_experts, dtype=torch.float64).scatter_(1, index, weights.double())
    return torch.einsum("teh,te->th", every, shares)


def close(ours: Tensor, theirs: Tensor, tolerance: float) -> bool:
    scale = theirs.abs().max().item() if theirs.numel() else 0.0
    return bool((ours.double() - theirs.double()).abs().max().item() <= tolerance * scale) if ours.numel() else True


@settings(max_examples=200, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    experts=st.integers(1, 9),
    tokens=st.integers(0, 40),
    k=st.integers(1, 4),
    hidden=st.sampled_from([16, 33, 40, 64, 128, 192]),
    intermediate=st.sampled_from([7, 16, 33, 64, 96]),
    scratch=st.sampled_from([1, 100_000, SCRATCH_BYTES]),
    dtype=st.sampled_from([torch.bfloat16, torch.float32]),
)
def test_outputs_agree_with_the_unpacked_reference_to_rounding(
    mode: Mode, experts: int, tokens: int, k: int, hidden: int, intermediate: int, scratch: int, dtype: torch.dtype
) -> None:
    module = make(mode, experts=experts, hidden=hidden, intermediate=intermediate, scratch=scratch)
    x = torch.randn(tokens, hidden, generator=torch.Generator().manual_seed(tokens)).to(dtype)
    index, weights = route(tokens, experts, min(k, experts), seed=tokens)
    out = module(x, index, weights)
    assert out.dtype == dtype and out.shape == x.shape
    tolerance = 0.02 if dtype == torch.bfloat16 else 1e-4
    assert close(out, reference(module, x, index, weights), tolerance)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tokens", [1, 3, 300])
def test_one_expert_may_be_hit_by_every_token(mode: Mode, tokens: int) -> None:
    module = make(mode, experts=6, hidden=64, intermediate=64, scratch=50_000)
    x, index, weights = torch.randn(tokens, 64).bfloat16(), torch.full((tokens, 1), 4), torch.ones(tokens, 1)
    assert close(module(x, index, weights), reference(module, x, index, weights), 0.02)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tokens", [1, 200])
def test_it_stands_in_for_the_experts_of_transformers(mode: Mode, tokens: int) -> None:
    config = Gemma4TextConfig(
        num_experts=8, hidden_size=128, moe_intermediate_size=64, hidden_activation="gelu_pytorch_tanh"
    )
    config._experts_implementation = "eager"
    theirs = Gemma4TextExperts(config).bfloat16()
    ours = make(mode, experts=8, hidden=128, intermediate=64)
    for projection in PROJECTIONS:
        getattr(theirs, projection).data = ours.unpacked(projection, torch.bfloat16)
    x, (index, weights) = torch.randn(tokens, 128).bfloat16(), route(tokens, 8, 2)
    with torch.no_grad():
        assert close(ours(x, index, weights), theirs(x, index, weights), 0.03)


@pytest.mark.parametrize("mode", MODES)
def test_the_grouped_product_gives_what_one_product_after_the_other_gives(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = make(mode, experts=8, hidden=128, intermediate=64, scratch=200_000)
    x, (index, weights) = torch.randn(200, 128).bfloat16(), route(200, 8, 2)
    calls = count(monkeypatch, torch.nn.functional, "grouped_mm")
    grouped = module(x, index, weights)
    assert calls and calls[0] > 2
    monkeypatch.setattr(experts_module, "_can_group", lambda x, matrices: False)
    assert close(module(x, index, weights), grouped, 0.01)


def count(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[int]:
    calls, original = [0], getattr(module, name)

    def counted(*args: Any, **rest: Any) -> Any:
        calls[0] += 1
        return original(*args, **rest)

    monkeypatch.setattr(module, name, counted)
    return calls


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tokens", [1, 64])
def test_experts_that_nobody_asked_are_not_read(mode: Mode, tokens: int) -> None:
    module = make(mode, experts=12, hidden=64, intermediate=64)
    x, index = torch.randn(tokens, 64).bfloat16(), torch.tensor([[3, 9]] * tokens)
    weights = torch.full((tokens, 2), 0.5)
    before = module(x, index, weights)
    others = [expert for expert in range(12) if expert not in (3, 9)]
    for name, buffer in module.named_buffers():
        if name.endswith("scale"):
            buffer[others] = float("nan")
    assert torch.equal(module(x, index, weights), before)


@pytest.mark.parametrize("mode", MODES)
def test_decode_unpacks_one_matrix_of_one_expert_at_most_at_a_time(mode: Mode) -> None:
    module = make(mode, experts=32, hidden=256, intermediate=128)
    x, (index, weights) = torch.randn(1, 256).bfloat16(), route(1, 32, 8)
    _, peak = peak_bytes(lambda: module(x, index, weights))
    matrix = 256 * 256
    assert peak < 3 * matrix + 40_000  # in bf16, with its scales in float32; all 32 experts would be 6.3 MB


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scratch", [1 << 20, 4 << 20])
def test_prefill_stays_within_its_scratch(mode: Mode, scratch: int) -> None:
    tokens, hidden, k = 8192, 128, 4
    module = make(mode, experts=16, hidden=hidden, intermediate=128, scratch=scratch)
    x, (index, weights) = torch.randn(tokens, hidden).bfloat16(), route(tokens, 16, k)
    _, peak = peak_bytes(lambda: module(x, index, weights))
    output = tokens * hidden * (4 + 2)
    routing = tokens * k * 8 * 5  # the order, experts and tokens as int64, and what sorting them takes
    assert peak <= scratch + output + routing
    assert peak - output - routing < tokens * k * hidden * 2  # less than all rows gathered would be


@pytest.mark.parametrize("tokens", [1, 500])
def test_the_host_waits_for_the_device_once_a_call(tokens: int) -> None:
    module = make("nf4", experts=16, hidden=64, intermediate=64, scratch=100_000)
    x, (index, weights) = torch.randn(tokens, 64).bfloat16(), route(tokens, 16, 4)
    waits: list[Callable[..., Any]] = []

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func in WAITS:
                waits.append(func)
            return func(*args, **(kwargs or {}))

    with Watch():
        module(x, index, weights)
    assert waits == [Tensor.tolist]


@pytest.mark.parametrize(("mode", "bits"), [("nf4", 4.127), ("int8", 8.023)])
def test_bits_a_parameter_at_the_real_sizes(mode: Mode, bits: float) -> None:
    with torch.device("meta"):
        module = PackedExperts(experts=128, hidden=2816, intermediate=704, activation=gelu, quantisation=mode)
    size = sum(t.numel() * t.element_size() for t in module.state_dict().values())
    assert size * 8 / (3 * 128 * 2816 * 704) == pytest.approx(bits, abs=0.002)


def test_nf4_packs_as_bitsandbytes_does() -> None:
    weight = torch.randn(96, 128, generator=torch.Generator().manual_seed(0)).bfloat16()
    parts = Nf4(96, 128).pack(weight)
    theirs, state = bitsandbytes.functional.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    assert torch.equal(parts[""], theirs.view(-1))
    assert torch.equal(parts["absmax"], state.absmax)
    unpacked = Nf4(96, 128).unpack({name: part[None] for name, part in parts.items()}, torch.float32)
    again = bitsandbytes.functional.dequantize_4bit(theirs, state).float()  # in bf16, as the weight was
    assert torch.allclose(unpacked[0], again, rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("packing", [Nf4(6, 64), Int8(6, 64)])
def test_zeros_stay_zeros(packing: Nf4 | Int8) -> None:
    parts = {name: part[None] for name, part in packing.pack(torch.zeros(6, 64).bfloat16()).items()}
    assert torch.equal(packing.unpack(parts, torch.bfloat16), torch.zeros(1, 6, 64).bfloat16())


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 90), columns=st.integers(1, 150), seed=st.integers(0, 99))
def test_int8_is_off_by_half_a_step_at_most(rows: int, columns: int, seed: int) -> None:
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    packing = Int8(rows, columns)
    parts = packing.pack(weight)
    unpacked = packing.unpack({name: part[None] for name, part in parts.items()}, torch.float32)[0]
    assert bool(((unpacked - weight).abs() <= parts["scale"][:, None] * 0.5001).all())


@pytest.mark.parametrize("mode", MODES)
def test_a_packed_linear_layer_keeps_the_leading_axes(mode: Mode) -> None:
    layer = PackedLinear(96, 64, mode)
    fill(layer, "weight", torch.randn(1, 96, 64).bfloat16())
    x = torch.randn(2, 5, 64).bfloat16()
    matrix = layer.packings["weight"].unpack({"": layer.weight, **parts_of(layer)}, torch.float32)[0]
    assert close(layer(x), x.float() @ matrix.T, 0.01)


def parts_of(layer: PackedLinear) -> dict[str, Tensor]:
    return {name.removeprefix("weight_"): buffer for name, buffer in layer.named_buffers()}
