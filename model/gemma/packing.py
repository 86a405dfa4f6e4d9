"""How a matrix of weights is kept in few bytes: NF4 with double quantisation, or 8 bit with a scale for each row.

Knows matrices and bytes, no model. A module that has packed weights has `packings`, by the weight's name. The weight
itself is a parameter and its other parts are buffers, `<weight>_<part>`: plain tensors whose first axis is the expert,
so that saving, loading and placing them needs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, Protocol

import bitsandbytes.functional as bnb
import torch
from torch import Tensor, nn

BLOCK = 64  # weights that share one scale; NF4's usual size
SCALES = 256  # scales that share one scale of theirs
SMALLEST = 1e-30  # a row of zeros needs a scale that is none

quantize_4bit = torch.ops.bitsandbytes.quantize_4bit.default
dequantize_4bit = torch.ops.bitsandbytes.dequantize_4bit.default
quantize_blockwise = torch.ops.bitsandbytes.quantize_blockwise.default
dequantize_blockwise = torch.ops.bitsandbytes.dequantize_blockwise.default
gemm_4bit = torch.ops.bitsandbytes.gemm_4bit.default

Parts = Mapping[str, Tensor]  # what a packed matrix consists of, by name; the weights themselves have the name ""


class Packing(Protocol):
    """One matrix of `rows` x `columns` for each expert, packed."""

    PARTS: ClassVar[tuple[str, ...]]

    @property
    def rows(self) -> int: ...

    @property
    def columns(self) -> int: ...

    def empty(self, experts: int) -> dict[str, Tensor]:
        """The parts of that many experts, unfilled."""
        ...

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        """The parts of one expert, without the first axis, from its (rows, columns)."""
        ...

    def unpack(self, parts: Parts, dtype: torch.dtype) -> Tensor:
        """(experts, rows, columns), contiguous."""
        ...

    def product(self, x: Tensor, parts: Parts) -> Tensor:
        """x (tokens, columns) times one expert's transposed matrix: (tokens, rows). `parts` lack the first axis."""
        ...


@dataclass(frozen=True, slots=True)
class Nf4:
    """4 bits a weight, one scale for each 64, the scales in 8 bits: 4.127 bits a weight.

    Blocks run over the flattened matrix; the last may be short. Each expert has its own offset of the scales, so that
    experts are packed one by one and any of them can be taken alone.
    Source: Dettmers et al. 2023, arXiv:2305.14314, sections 2 and 3, as bitsandbytes packs it.
    """

    rows: int
    columns: int
    PARTS: ClassVar[tuple[str, ...]] = ("", "absmax", "absmax_scale", "absmax_offset")

    @property
    def blocks(self) -> int:
        return -(-self.rows * self.columns // BLOCK)

    def empty(self, experts: int) -> dict[str, Tensor]:
        return {
            "": torch.empty(experts, (self.rows * self.columns + 1) // 2, dtype=torch.uint8),
            "absmax": torch.empty(experts, self.blocks, dtype=torch.uint8),
            "absmax_scale": torch.empty(experts, -(-self.blocks // SCALES), dtype=torch.float32),
            "absmax_offset": torch.empty(experts, dtype=torch.float32),
        }

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        packed, absmax = quantize_4bit(weight.contiguous(), BLOCK, "nf4", torch.uint8)
        offset = absmax.mean()
        scales, scale = quantize_blockwise(absmax - offset, _code(weight.device), SCALES)
        return {"": packed.view(-1), "absmax": scales, "absmax_scale": scale, "absmax_offset": offset}

    def unpack(self, parts: Parts, dtype: torch.dtype) -> Tensor:
        packed, scales = parts[""], self._scales(parts)
        if self.rows * self.columns % BLOCK:  # blocks do not run on from one expert into the next
            each = [self._unpack(one, scale, 1, dtype) for one, scale in zip(packed, scales, strict=True)]
            return torch.cat(each)
        return self._unpack(packed, scales, len(packed), dtype)

    def product(self, x: Tensor, parts: Parts) -> Tensor:
        if self.columns % BLOCK:  # the kernel wants whole blocks in a row
            return torch.nn.functional.linear(x, self.unpack(_with_axis(parts), x.dtype)[0])
        return gemm_4bit(
            x,
            parts[""].view(-1, 1),
            [self.rows, self.columns],
            parts["absmax_scale"],
            BLOCK,
            "nf4",
            None,
            parts["absmax"],
            _code(x.device),
            parts["absmax_offset"],
        )

    def _scales(self, parts: Parts) -> Tensor:
        """The scale of each block: (experts, blocks)."""
        absmax, scale, code = parts["absmax"], parts["absmax_scale"], _code(parts["absmax"].device)
        if self.blocks % SCALES:  # groups of scales do not run on from one expert into the next
            spread = scale.repeat_interleave(SCALES, dim=1)[:, : self.blocks]
            scales = code[absmax.int()].mul_(spread)
        else:
            scales = dequantize_blockwise(absmax, scale.reshape(-1), code, SCALES, torch.float32)
        return scales.add_(parts["absmax_offset"][:, None])

    def _unpack(self, packed: Tensor, scales: Tensor, experts: int, dtype: torch.dtype) -> Tensor:
        shape = [experts, packed.shape[-1] * 2]  # a matrix of an odd size has half a byte to spare
        flat = dequantize_4bit(packed.reshape(-1, 1), scales.reshape(-1), BLOCK, "nf4", shape, dtype)
        return flat[:, : self.rows * self.columns].reshape(experts, self.rows, self.columns)


@dataclass(frozen=True, slots=True)
class Int8:
    """8 bits a weight, from -127 to 127, and one scale for each row: the form in which LLM.int8 keeps weights.

    The scale is a number that bf16 has, so that a product in bf16 loses nothing by it. Activations stay as they are.
    Source: Dettmers et al. 2022, arXiv:2208.07339, section 2.
    """

    rows: int
    columns: int
    PARTS: ClassVar[tuple[str, ...]] = ("", "scale")

    def empty(self, experts: int) -> dict[str, Tensor]:
        return {
            "": torch.empty(experts, self.rows, self.columns, dtype=torch.int8),
            "scale": torch.empty(experts, self.rows, dtype=torch.float32),
        }

    def pack(self, weight: Tensor) -> dict[str, Tensor]:
        weight = weight.float()
        scale = (weight.abs().amax(dim=1).clamp(min=SMALLEST) / 127).bfloat16().float()
        return {"": (weight / scale[:, None]).round_().clamp_(-127, 127).to(torch.int8), "scale": scale}

    def unpack(self, parts: Parts, dtype: torch.dtype) -> Tensor:
        return parts[""].to(dtype).mul_(parts["scale"][..., None].to(dtype))

    def product(self, x: Tensor, parts: Parts) -> Tensor:
        return torch.nn.functional.linear(x, parts[""].to(x.dtype)).mul_(parts["scale"].to(x.dtype))


def packing_of(quantisation: Literal["nf4", "int8"], rows: int, columns: int) -> Packing:
    return Nf4(rows, columns) if quantisation == "nf4" else Int8(rows, columns)


def hold(module: nn.Module, weight: str, packing: Packing, experts: int) -> None:
    """Gives a module the unfilled parts of a packed weight."""
    for part, tensor in packing.empty(experts).items():
        if part:
            module.register_buffer(_name(weight, part), tensor)
        else:
            module.register_parameter(weight, nn.Parameter(tensor, requires_grad=False))


def held(module: nn.Module, weight: str, which: int | slice | Tensor) -> dict[str, Tensor]:
    """The parts of some experts."""
    return {part: getattr(module, _name(weight, part))[which] for part in module.packings[weight].PARTS}


def packed(module: nn.Module, weight: str, matrices: Tensor) -> dict[str, Tensor]:
    """The tensors, by their name in the module, that hold (experts, rows, columns). One expert is packed at a time."""
    filled: dict[str, Tensor] = {}
    for expert, matrix in enumerate(matrices):
        for part, tensor in module.packings[weight].pack(matrix).items():
            name = _name(weight, part)
            if name not in filled:
                filled[name] = tensor.new_empty(len(matrices), *tensor.shape)
            filled[name][expert] = tensor
    return filled


def _name(weight: str, part: str) -> str:
    return f"{weight}_{part}" if part else weight


def _with_axis(parts: Parts) -> dict[str, Tensor]:
    return {name: part[None] for name, part in parts.items()}


@cache
def _code(device: torch.device) -> Tensor:
    """The 256 values that 8 bits of a scale stand for: bitsandbytes' dynamic map."""
    return bnb.create_dynamic_map().to(device)
