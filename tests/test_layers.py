"""What may import what, and what may not be imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imported_by(statement: str) -> set[str]:
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    return {name.partition(".")[0] for name in result.stdout.split()}


def test_imports_run_one_way() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = {"prefect", "torch", "numpy", "pydantic", "sqlalchemy", "pymupdf", "onnxruntime", "cv2", "PIL", "httpx"}
    assert not imported_by("import flows.cli") & heavy


@pytest.mark.parametrize(
    "module",
    [
        "pipeline.batch",
        "pipeline.extract",
        "model.registry",
        "flows.commands.ingest",
        "flows.commands.doctor",
        "flows.commands.evaluate",
    ],
)
def test_the_pipeline_and_a_direct_run_never_import_prefect_or_torch(module: str) -> None:
    assert not imported_by(f"import {module}") & {"prefect", "torch", "transformers"}


def test_the_embedded_engine_needs_no_torch_and_no_network_client() -> None:
    found = imported_by("from model.registry import load_engine; load_engine('embedded')")
    assert not found & {"torch", "transformers", "prefect", "httpx", "requests"}


def test_a_worker_settles_its_threads_before_native_libraries_are_imported() -> None:
    assert not imported_by("import pipeline.serving") & {"numpy", "onnxruntime", "cv2", "pymupdf"}
