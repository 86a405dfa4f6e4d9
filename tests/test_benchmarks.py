"""Every program of `benchmarks/` can be started: what it takes from the project is there."""

import importlib
from pathlib import Path

import pytest

import benchmarks

MODULES = sorted(path.stem for path in Path(benchmarks.__path__[0]).glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", MODULES)
def test_it_can_be_read(name: str) -> None:
    importlib.import_module(f"benchmarks.{name}")
