"""What tests of several areas share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.update(HF_HUB_OFFLINE="1", DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Gemma 4 checkpoint of the real architecture, in bf16, under 2 MB; see `tests.tiny_gemma`."""
    from tests.tiny_gemma import build

    return build(tmp_path_factory.mktemp("tiny-gemma"))
