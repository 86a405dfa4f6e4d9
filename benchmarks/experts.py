"""How fast packed experts are, against unpacking all of them on every access and against 16 bit, in one run.

    python -m benchmarks.experts [--experts N] [--tokens N ...] [--repeat N] [--threads N]

One layer of Gemma 4 26B A4B at its real sizes (128 experts of 2816 x 704, 8 to a token), random weights, on the GPU if
there is one. Peers: bitsandbytes' own way with 3-D parameters, `bitsandbytes.nn.parametrize`, which unpacks a whole
parameter when it is read; and transformers' experts in bf16, an expert at a time (`eager`) and grouped (`grouped_mm`).
To save the minutes that packing takes on a CPU, a few experts are packed and their bytes repeated. On a CPU one thread
runs and its CPU time counts, so that what else the machine does matters little.

    decode_ratio_dequantise_all  seconds of unpacking all, over ours, for one token
    prefill_ratio_bf16           our seconds over those of 16 bit, eager: the worst of the prompts measured
    bits_per_parameter           that the experts take, scales and all

A table, then one last line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence

import bitsandbytes.functional as bnb
import torch
from bitsandbytes.nn.parametrize import replace_parameter_4bit_prequantized
from torch import Tensor, nn
from transformers import Gemma4TextConfig
from transformers.models.gemma4.modeling_gemma4 import Gemma4TextExperts

from model.gemma.experts import PROJECTIONS, PackedExperts
from model.gemma.packing import BLOCK, SCALES, packed

HIDDEN, INTERMEDIATE, EACH = 2816, 704, 8
DISTINCT = 4  # experts that are really packed
PREFILL = 256  # tokens from which on a call counts as a prefill
MODES = ("nf4", "int8")

Forward = Callable[[Tensor, Tensor, Tensor], Tensor]


def plain(experts: int, implementation: str) -> Gemma4TextExperts:
    """transformers' experts, without weights yet."""
    config = Gemma4TextConfig(num_experts=experts, hidden_size=HIDDEN, moe_intermediate_size=INTERMEDIATE)
    config._experts_implementation = implementation
    with torch.device("meta"):
        return Gemma4TextExperts(config)


def weights(projection: str, device: torch.device) -> Tensor:
    rows, columns = (2 * INTERMEDIATE, HIDDEN) if projection == "gate_up_proj" else (HIDDEN, INTERMEDIATE)
    return torch.randn(DISTINCT, rows, columns, device=device).mul_(0.02).bfloat16()


def repeated(tensor: Tensor, experts: int) -> Tensor:
    return tensor.repeat(-(-experts // len(tensor)), *[1] * (tensor.ndim - 1))[:experts].contiguous()


def in_16_bit(matrices: dict[str, nn.Parameter], experts: int, implementation: str) -> nn.Module:
    module = plain(experts, implementation)
    for projection, parameter in matrices.items():
        setattr(module, projection, parameter)
    return module


def ours(distinct: dict[str, Tensor], experts: int, mode: str) -> PackedExperts:
    module = PackedExperts(
        experts=experts,
        hidden=HIDDEN,
        intermediate=INTERMEDIATE,
        activation=plain(1, "eager").act_fn,
        quantisation="nf4" if mode == "nf4" else "int8",
    )
    for projection, matrices in distinct.items():
        for name, tensor in packed(module, projection, matrices).items():
            getattr(module, name).data = repeated(tensor, experts)
    return module


def unpacking_all(distinct: dict[str, Tensor], experts: int, device: torch.device) -> nn.Module:
    """bitsandbytes' parametrization of 3-D parameters, NF4 with double quantisation."""
    module = plain(experts, "eager")
    for projection, matrices in distinct.items():
        each = [torch.ops.bitsandbytes.quantize_4bit.default(matrix, BLOCK, "nf4", torch.uint8) for matrix in matrices]
        flat = repeated(torch.stack([one for one, _ in each]), experts).view(-1, 1)
        absmax = repeated(torch.stack([scales for _, scales in each]), experts).view(-1)
        offset = absmax.mean()
        scales, nested = bnb.quantize_blockwise(absmax - offset, blocksize=SCALES)
        state = bnb.QuantState(
            absmax=scales,
            shape=torch.Size((experts, *matrices.shape[1:])),
            code=bnb.get_4bit_type("nf4", device=device),
            blocksize=BLOCK,
            quant_type="nf4",
            dtype=torch.bfloat16,
            offset=offset,
            state2=nested,
        )
        setattr(module, projection, nn.Parameter(flat, requires_grad=False))
        replace_parameter_4bit_prequantized(module, projection, state.as_dict(packed=True), device)
    return module


def milliseconds(forwards: dict[str, Forward], inputs: tuple[Tensor, Tensor, Tensor], repeat: int) -> dict[str, float]:
    """The best of some rounds, in each of which every peer has its turn: of CPU time, or of wall time on a GPU."""
    best = dict.fromkeys(forwards, float("inf"))
    for round_ in range(repeat + 1):
        for name, forward in forwards.items():
            start = clock(inputs[0].device)
            forward(*inputs)
            taken = clock(inputs[0].device) - start
            if round_:  # the first warms up
                best[name] = min(best[name], taken * 1e3)
    return best


def clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def inputs(tokens: int, experts: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    shares, chosen = torch.rand(tokens, experts, device=device).topk(min(EACH, experts), dim=-1)
    return torch.randn(tokens, HIDDEN, device=device).bfloat16(), chosen, shares / shares.sum(-1, keepdim=True)


def bits(module: nn.Module, experts: int) -> float:
    held = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    return held * 8 / (3 * experts * HIDDEN * INTERMEDIATE)


def measure(experts: int, tokens: Sequence[int], repeat: int) -> dict[str, float]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    distinct = {projection: weights(projection, device) for projection in PROJECTIONS}
    whole = {name: nn.Parameter(repeated(each, experts), requires_grad=False) for name, each in distinct.items()}
    modules = {
        "nf4": ours(distinct, experts, "nf4"),
        "int8": ours(distinct, experts, "int8"),
        "unpack all": unpacking_all(distinct, experts, device),
        "bf16 eager": in_16_bit(whole, experts, "eager"),
        "bf16 grouped": in_16_bit(whole, experts, "grouped_mm"),
    }
    print(f"{device}, {torch.get_num_threads()} threads, {experts} experts, {EACH} to a token; milliseconds")
    print(f"{'tokens':>8}" + "".join(f"{name:>14}" for name in modules))
    rows = {}
    for count in tokens:
        with torch.no_grad():
            rows[count] = milliseconds(dict(modules), inputs(count, experts, device), repeat)
        print(f"{count:>8}" + "".join(f"{rows[count][name]:>14.1f}" for name in modules), flush=True)
    print(f"{'bits':>8}" + "".join(f"{bits(modules[mode], experts):>14.3f}" for mode in MODES))
    prefill = [row["nf4"] / row["bf16 eager"] for count, row in rows.items() if count >= PREFILL]
    return {
        "decode_ratio_dequantise_all": round(rows[1]["unpack all"] / rows[1]["nf4"], 2),
        "prefill_ratio_bf16": round(max(prefill), 2),
        "bits_per_parameter": round(bits(modules["nf4"], experts), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experts", type=int, default=128)
    parser.add_argument("--tokens", type=int, nargs="+", default=[1, 8, 32, 256, 1024])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(json.dumps(measure(options.experts, sorted({1, PREFILL, *options.tokens}), options.repeat)))


if __name__ == "__main__":
    main()
