"""The ONNX sessions: found inside the installed `rapidocr` package, so that nothing is ever downloaded."""

from __future__ import annotations

import os
from functools import cached_property
from importlib import resources
from typing import Any

from schemas.errors import DocumentError

DETECTION = "PP-OCRv6_det_small.onnx"
RECOGNITION = "PP-OCRv6_rec_small.onnx"
DIRECTION = "ch_ppocr_mobile_v2.0_cls_mobile.onnx"


class Models:
    """Sessions made when first used. threads: of ONNX Runtime, for one picture; 0 takes all cores."""

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or int(os.environ.get("OMP_NUM_THREADS") or 0) or (os.cpu_count() or 1)

    @cached_property
    def detection(self) -> Any:
        return self._session(DETECTION)

    @cached_property
    def recognition(self) -> Any:
        return self._session(RECOGNITION)

    @cached_property
    def direction(self) -> Any:
        return self._session(DIRECTION)

    @cached_property
    def characters(self) -> list[str]:
        """By class of the recogniser's output; class 0 is the blank of CTC."""
        metadata = self.recognition.get_modelmeta().custom_metadata_map
        return ["", *metadata["character"].splitlines(), " "]

    def _session(self, name: str) -> Any:
        import onnxruntime

        onnxruntime.disable_telemetry_events()  # which some builds have
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # the arena keeps the largest page's memory for ever
        path = resources.files("rapidocr").joinpath("models", name)
        if not path.is_file():
            raise DocumentError(
                f"the OCR model {name} is not in the installed rapidocr package.", remedy="Install rapidocr>=3.10."
            )
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(session: Any, batch: Any) -> Any:
    """The first output of a session for one batch."""
    return session.run(None, {session.get_inputs()[0].name: batch})[0]
