"""`intaglio quantise`: a Gemma 4 packed once and for all, so that it loads in a fraction of the time."""

from __future__ import annotations

from pathlib import Path

from model.engine import EngineSpec
from model.gemma.checkpoint import require_extra
from model.gemma.engine import quieten


def run(spec: EngineSpec, folder: Path) -> int:
    require_extra()
    quieten()
    from model.gemma.loading import quantise_checkpoint

    written = quantise_checkpoint(spec, folder)
    size = sum(path.stat().st_size for path in written.iterdir())
    print(f"{written}: {size / 1e9:.3g} GB in {spec.quantisation}. Use it with --engine gemma --model {written}")
    return 0
