"""Metrics of real runs: scraped over HTTP while they are at work, and sent by OTLP to a collector on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from flows.metrics import INSTRUMENTS, Collector, metrics
from model.gpu_memory import GpuMemory, gpu_memory
from pipeline.batch import run_batch
from pipeline.job import Job, Planned, Row, Watch
from pipeline.tally import Tally
from schemas.errors import UsageError
from schemas.record import Usage
from tests.papers import write_invoices

ROOT = Path(__file__).parent.parent
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> Samples:
    """Values by name and labels; nothing while nobody answers."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    except httpx.TransportError:
        return {}
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def documents(samples: Samples) -> float:
    return sum(value for (name, _), value in samples.items() if name == "intaglio_documents_total")


def test_a_run_can_be_scraped_while_it_is_at_work(tmp_path: Path, port: int) -> None:
    count = 6
    write_invoices(tmp_path / "secret-customer", count)
    command = f"ingest secret-customer -s invoice -e fake -o out --direct --workers 1 --quiet --metrics :{port}"
    environment = {**os.environ, "INTAGLIO_FAKE_SECONDS": "0.5", "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen([sys.executable, "-m", "flows.cli", *command.split()], cwd=tmp_path, env=environment)
    found: list[Samples] = []
    try:
        while run.poll() is None:
            found.append(scrape(port))
            time.sleep(0.1)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 0
    at_work = [samples for samples in found if 0 < documents(samples) < count]
    assert at_work, found
    for before, after in pairwise(at_work):
        assert all(after[key] >= value for key, value in before.items() if key[0].endswith("_total"))
    for samples in at_work:
        assert documents(samples) + samples["intaglio_documents_waiting", ()] == count
        assert samples["intaglio_pages_total", ()] == documents(samples)
        assert samples["intaglio_stage_duration_seconds_total", ("ask",)] >= 0.5 * documents(samples)
        assert samples["intaglio_documents_total", ("failed",)] == 0
        assert not any("secret" in str(key) or ".pdf" in str(key) for key in samples)
    assert scrape(port) == {}  # it ends with the run


def test_only_this_machine_is_served_unless_it_is_asked_for(port: int) -> None:
    with metrics(f":{port}"):
        assert documents(scrape(port)) == 0
        with socket.socket() as other, pytest.raises(OSError):
            other.connect(("127.0.0.2", port))  # which whoever listens at all addresses of this machine answers


@pytest.mark.parametrize("setting", ["here", "localhost", ":0", ":99999", "9464x"])
def test_what_is_no_address_is_told(setting: str) -> None:
    with pytest.raises(UsageError, match="neither an address nor"), metrics(setting):
        pass


def test_an_address_that_is_taken_is_told(port: int) -> None:
    with metrics(f":{port}"), pytest.raises(UsageError, match="cannot be served"), metrics(f"127.0.0.1:{port}"):
        pass


def test_without_a_setting_nothing_listens(tmp_path: Path) -> None:
    with metrics("") as measure:
        measure(Planned(1, 1, (), 0))


class Collecting(BaseHTTPRequestHandler):
    """A collector of OpenTelemetry: takes what is sent to it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers.get("Content-Encoding"), body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Any]:
    server = HTTPServer(("127.0.0.1", 0), Collecting)
    server.received = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_run_is_sent_to_a_collector(tmp_path: Path, collector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    write_invoices(tmp_path / "docs", 2)
    with metrics("otlp") as measure:
        run_batch(Job((str(tmp_path / "docs"),), ("invoice",), tmp_path / "out", workers=1), Watch(measure))
    path, encoding, body = collector.received[-1]
    assert path == "/v1/metrics" and encoding in (None, "identity")
    request = ExportMetricsServiceRequest.FromString(body)
    (resource,) = request.resource_metrics
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert attributes["service.name"] == "intaglio"
    sent = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
    points = sent["intaglio.documents"].sum.data_points
    assert sum(point.as_int or point.as_double for point in points) == 2
    assert sent["intaglio.documents"].sum.is_monotonic and sent["intaglio.documents"].unit == "{document}"
    assert sent["intaglio.stage.duration"].unit == "s"
    (waiting,) = sent["intaglio.documents.waiting"].gauge.data_points
    assert waiting.as_int == 0


def test_a_collector_that_is_gone_costs_the_run_nothing_but_a_few_seconds(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with metrics("otlp") as measure:
        measure(Planned(1, 1, (), 0))


def test_both_ways_have_the_same_instruments_by_their_own_names() -> None:
    tally = Tally()
    tally.hear(Planned(2, 2, (), 0))
    usage = Usage(seconds={"ask": 1.5, "read": 0.25}, prompt_tokens=7, output_tokens=3, escalations=1)
    tally.hear(Row("a", "a", "s", "failed", 2, 0, 0, (), code="empty-document", usage=usage))
    families = {family.name: family for family in Collector(tally).collect()}
    measured = [one for one in INSTRUMENTS if list(one.points(tally.totals()))]
    assert [one.prometheus_name for one in measured] == list(families)
    assert families["intaglio_stage_duration_seconds"].type == "counter"
    seconds = {s.labels["stage"]: s.value for s in families["intaglio_stage_duration_seconds"].samples}
    assert seconds == {"ask": 1.5, "read": 0.25}
    tokens = {s.labels["direction"]: s.value for s in families["intaglio_tokens"].samples}
    assert tokens == {"input": 7, "output": 3}
    assert {s.labels["code"]: s.value for s in families["intaglio_failures"].samples} == {"empty-document": 1}
    assert families["intaglio_documents_waiting"].samples[0].value == 1


def test_memory_of_graphics_cards_is_absent_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu_memory() == ()
    names = {family.name for family in Collector(Tally()).collect()}
    assert "intaglio_gpu_memory_usage_bytes" not in names


def test_memory_of_graphics_cards_is_what_the_driver_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a driver that is played: what is tested is only that each card keeps its own figures, and is let go of."""
    calls: list[str] = []
    driver = types.SimpleNamespace(
        NVMLError=RuntimeError,
        nvmlInit=lambda: calls.append("init"),
        nvmlShutdown=lambda: calls.append("shutdown"),
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(used=10 + handle, total=80 + handle),
    )
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert gpu_memory() == (GpuMemory(0, 10, 80), GpuMemory(1, 11, 81))
    assert calls == ["init", "shutdown"]
    families = {family.name: family for family in Collector(Tally()).collect()}
    used = {s.labels["gpu"]: s.value for s in families["intaglio_gpu_memory_usage_bytes"].samples}
    assert used == {"0": 10, "1": 11}
