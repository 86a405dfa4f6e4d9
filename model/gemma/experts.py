"""The experts of one layer in packed form: a drop-in for transformers' `Gemma4TextExperts`.

Few tokens read only the packed bytes of the experts they hit. Many tokens unpack a bounded number of experts at a time
and multiply them as a group. The host waits for the device once a call, to learn how many tokens each expert has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from model.gemma.packing import held, hold, packing_of

PROJECTIONS = ("gate_up_proj", "down_proj")
SCRATCH_BYTES = 128 << 20

FEW_TOKENS = 4  # tokens per expert hit up to which the packed bytes are read as they are; bitsandbytes' kernel agrees


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens that one expert answers: `start` to `stop` in the order of experts."""

    expert: int
    start: int
    stop: int


class PackedExperts(nn.Module):  # type: ignore[misc]  # torch comes without types here
    """`experts` gated feed-forward networks, hidden -> intermediate -> hidden, packed.

    scratch_bytes: bounds what a call holds beside its output in float32: unpacked matrices and the rows in hand. One
    expert and one row are always allowed.
    """

    def __init__(
        self,
        *,
        experts: int,
        hidden: int,
        intermediate: int,
        activation: Callable[[Tensor], Tensor],
        quantisation: Literal["nf4", "int8"],
        scratch_bytes: int = SCRATCH_BYTES,
    ) -> None:
        super().__init__()
        self.num_experts, self.hidden_dim, self.intermediate_dim = experts, hidden, intermediate
        self.act_fn, self.quantisation, self.scratch_bytes = activation, quantisation, scratch_bytes
        self.packings = {
            "gate_up_proj": packing_of(quantisation, 2 * intermediate, hidden),
            "down_proj": packing_of(quantisation, hidden, intermediate),
        }
        for projection, packing in self.packings.items():
            hold(self, projection, packing, experts)

    def unpacked(self, projection: str, dtype: torch.dtype, which: slice | Tensor = slice(None)) -> Tensor:
        """(experts, rows, columns) of some experts."""
        return self.packings[projection].unpack(held(self, projection, which), dtype)

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """(tokens, hidden) from (tokens, hidden), (tokens, k) experts and (tokens, k) weights."""
        order = top_k_index.reshape(-1).argsort(stable=True)
        runs = self._runs(top_k_index.reshape(-1)[order])
        tokens, weights = order // top_k_index.shape[1], top_k_weights.reshape(-1)[order].float()
        if len(order) <= FEW_TOKENS * len(runs):
            rows = self._few(hidden_states[tokens], runs).float() * weights[:, None]
            total = torch.empty_like(rows).index_copy_(0, order, rows).view(*top_k_index.shape, self.hidden_dim).sum(1)
        else:
            total = self._many(hidden_states, tokens, weights, runs)
        return total.to(hidden_states.dtype)

    def _runs(self, experts: Tensor) -> list[Run]:
        """The experts hit. Waits for the device, the only time in a call."""
        numbers = torch.arange(self.num_experts + 1, device=experts.device)
        starts = torch.searchsorted(experts, numbers).tolist()
        return [Run(e, a, b) for e, (a, b) in enumerate(pairwise(starts)) if a < b]

    def _few(self, rows: Tensor, runs: Sequence[Run]) -> Tensor:
        def through(projection: str, x: Tensor) -> Tensor:
            packing = self.packings[projection]
            each = [packing.product(x[r.start : r.stop], held(self, projection, r.expert)) for r in runs]
            return torch.cat(each) if each else x.new_empty(0, packing.rows)

        return through("down_proj", self._gated(through("gate_up_proj", rows)))

    def _many(self, hidden_states: Tensor, tokens: Tensor, weights: Tensor, runs: Sequence[Run]) -> Tensor:
        total = hidden_states.new_zeros(hidden_states.shape, dtype=torch.float32)
        experts, rows = self._experts_at_once(hidden_states.dtype), self._rows_at_once(hidden_states.dtype)
        for first in range(0, len(runs), experts):
            chunk = runs[first : first + experts]
            gate_up, down = (self.unpacked(p, hidden_states.dtype, self._which(chunk)) for p in PROJECTIONS)
            for piece in _pieces(chunk, rows):
                start, stop = piece[0].start, piece[-1].stop
                taken = tokens[start:stop]
                y = grouped(self._gated(grouped(hidden_states[taken], gate_up, piece)), down, piece)
                _add(total, taken, y.float().mul_(weights[start:stop, None]), piece)
        return total

    def _gated(self, gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, dim=-1)
        return self.act_fn(gate) * up

    def _which(self, chunk: Sequence[Run]) -> slice | Tensor:
        """Neighbours are taken as they lie, without a copy."""
        first, last = chunk[0].expert, chunk[-1].expert
        if last - first + 1 == len(chunk):
            return slice(first, last + 1)
        return torch.tensor([run.expert for run in chunk], device=self.gate_up_proj.device)

    def _experts_at_once(self, dtype: torch.dtype) -> int:
        """Half of the scratch is for matrices: the unpacked ones, a copy of the packed, and their scales."""
        weights = 3 * self.hidden_dim * self.intermediate_dim
        matrices: int = weights * dtype.itemsize + weights + weights // 4
        return max(1, self.scratch_bytes // 2 // matrices)

    def _rows_at_once(self, dtype: torch.dtype) -> int:
        """The other half is for a row's way: hidden, gate and up, their product, hidden again, and that in float32."""
        row: int = (2 * self.hidden_dim + 5 * self.intermediate_dim) * dtype.itemsize + 4 * self.hidden_dim
        return max(1, self.scratch_bytes // 2 // row)

    def extra_repr(self) -> str:
        sizes = f"experts={self.num_experts}, hidden={self.hidden_dim}, intermediate={self.intermediate_dim}"
        return f"{sizes}, {self.quantisation}"


def _pieces(chunk: Sequence[Run], rows: int) -> Iterator[list[Run]]:
    """The chunk's rows, that many at a time, as what each of its experts has among them; some have none."""
    for a in range(chunk[0].start, chunk[-1].stop, rows):
        b = min(a + rows, chunk[-1].stop)
        yield [Run(run.expert, min(max(run.start, a), b), min(max(run.stop, a), b)) for run in chunk]


def grouped(x: Tensor, matrices: Tensor, piece: Sequence[Run]) -> Tensor:
    """Each expert's rows times its matrix transposed: (rows, columns), (experts, out, columns) to (rows, out)."""
    ends = [run.stop - piece[0].start for run in piece]
    if _can_group(x, matrices):
        offsets = torch.tensor(ends, dtype=torch.int32, device=x.device)
        return torch.nn.functional.grouped_mm(x, matrices.transpose(-2, -1), offs=offsets)
    starts = [0, *ends[:-1]]
    each = [torch.nn.functional.linear(x[a:b], matrix) for a, b, matrix in zip(starts, ends, matrices, strict=True)]
    return torch.cat(each)


def _can_group(x: Tensor, matrices: Tensor) -> bool:
    """What torch's grouped product wants: bf16, rows of whole 16 bytes, and on NVIDIA compute capability 8."""
    if x.dtype != torch.bfloat16 or not hasattr(torch.nn.functional, "grouped_mm"):
        return False
    if any(size * x.element_size() % 16 for size in matrices.shape[1:]):
        return False
    return x.device.type != "cuda" or bool(torch.cuda.get_device_capability(x.device) >= (8, 0))


def _add(total: Tensor, tokens: Tensor, rows: Tensor, piece: Sequence[Run]) -> None:
    """Expert by expert: one expert has a token once, so that the sum does not depend on the order of the threads."""
    for run in piece:
        a, b = run.start - piece[0].start, run.stop - piece[0].start
        total.index_add_(0, tokens[a:b], rows[a:b])
