"""What tests of several areas share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from benchmarks.postgres import PostgresServer, postgres_server

os.environ.update(HF_HUB_OFFLINE="1", DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")
settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Gemma 4 checkpoint of the real architecture, in bf16, under 2 MB; see `tests.tiny_gemma`."""
    from tests.tiny_gemma import build

    return build(tmp_path_factory.mktemp("tiny-gemma"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, for whichever tests want one. One that kills it makes its own."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """Of a new database."""
    return postgres.make_database(f"test_{uuid.uuid4().hex}")


@pytest.fixture
def engine_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Makes served engines for a scripted server, of short patience; no key of whoever runs the tests is sent to it."""
    from model.engine import EngineSpec
    from model.served.engine import ServedEngine
    from tests.served import QUICK

    for name in ("INTAGLIO_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    made: list[ServedEngine] = []

    def at(server: Any, times: Any = QUICK, **settings: Any) -> ServedEngine:
        made.append(ServedEngine(EngineSpec("served", url=server.url, **{"output_tokens": 200, **settings}), times))
        return made[-1]

    yield at
    for engine in made:
        engine.close()
