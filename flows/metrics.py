"""What a run tells a monitor: the same instruments for Prometheus and for OpenTelemetry.

Instruments are named as OpenTelemetry names them, with UCUM units; Prometheus's names follow from those by
OpenTelemetry's own rules (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/). Labels
are few and fixed: no document, folder or schema is ever one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from model.gpu_memory import gpu_memory
from pipeline.job import Listener
from pipeline.tally import Tally, Totals
from schemas.errors import UsageError

PORT = 9464  # OpenTelemetry's own for Prometheus
HOST = "127.0.0.1"
OTLP = "otlp"
END_SECONDS = 5  # for the last figures to be taken
_UNITS = {"s": "seconds", "By": "bytes"}

Point = tuple[Mapping[str, str], float]


@dataclass(frozen=True, slots=True)
class Instrument:
    """One thing that is measured. unit: UCUM; points: its values now, each with its labels."""

    name: str
    unit: str
    kind: Literal["counter", "gauge"]
    what: str
    points: Callable[[Totals], Iterable[Point]]

    @property
    def prometheus_name(self) -> str:
        """`intaglio.stage.duration` in `s` → `intaglio_stage_duration_seconds`; `_total` is put on by the client."""
        unit = f"_{_UNITS[self.unit]}" if self.unit in _UNITS else ""
        return self.name.replace(".", "_") + unit


def _by(label: str, counts: Callable[[Totals], Mapping[str, float]], *always: str) -> Callable[[Totals], list[Point]]:
    """A point for each of the counts; those named always have one, so that a rate has a zero to begin at."""

    def points(totals: Totals) -> list[Point]:
        found = {**dict.fromkeys(always, 0), **counts(totals)}
        return [({label: name}, value) for name, value in found.items()]

    return points


def _one(value: Callable[[Totals], float]) -> Callable[[Totals], list[Point]]:
    return lambda totals: [({}, value(totals))]


def _used(_: Totals) -> list[Point]:
    return [({"gpu": str(card.index)}, card.used) for card in gpu_memory()]


def _limit(_: Totals) -> list[Point]:
    return [({"gpu": str(card.index)}, card.total) for card in gpu_memory()]


INSTRUMENTS = (
    Instrument(
        "intaglio.documents",
        "{document}",
        "counter",
        "Documents that were read, by the status of their record.",
        _by("status", lambda totals: totals.statuses, "accepted", "review", "failed"),
    ),
    Instrument(
        "intaglio.failures",
        "{document}",
        "counter",
        "Documents that failed, by the code of their first issue.",
        _by("code", lambda totals: totals.failures),
    ),
    Instrument("intaglio.pages", "{page}", "counter", "Pages that were read.", _one(lambda totals: totals.pages)),
    Instrument(
        "intaglio.values",
        "{value}",
        "counter",
        "Values that were found, by whether they are accepted or in review.",
        _by("status", lambda totals: totals.values, "accepted", "review"),
    ),
    Instrument(
        "intaglio.tokens",
        "{token}",
        "counter",
        "Tokens that the engine took in and gave out.",
        _by("direction", lambda totals: totals.tokens, "input", "output"),
    ),
    Instrument(
        "intaglio.stage.duration",
        "s",
        "counter",
        "Wall time by stage, of all readers together; mask is a part of ask.",
        _by("stage", lambda totals: totals.seconds),
    ),
    Instrument(
        "intaglio.escalations",
        "{ask}",
        "counter",
        "Asks beyond the first, for what it left open.",
        _one(lambda totals: totals.escalations),
    ),
    Instrument(
        "intaglio.documents.waiting",
        "{document}",
        "gauge",
        "Documents of this run that are being read or wait for it.",
        _one(lambda totals: totals.waiting),
    ),
    Instrument("intaglio.gpu.memory.usage", "By", "gauge", "Memory of a graphics card that is in use.", _used),
    Instrument("intaglio.gpu.memory.limit", "By", "gauge", "Memory that a graphics card has.", _limit),
)


@contextmanager
def metrics(setting: str) -> Iterator[Listener]:
    """What is to hear of a run, while its figures are served or sent as the setting says; nothing for an empty one.

    setting: `HOST:PORT` or `:PORT`, on this machine alone, to serve Prometheus; `otlp` to send by OTLP over HTTP, where
    to by OpenTelemetry's own settings (OTEL_EXPORTER_OTLP_ENDPOINT and others). Raises UsageError.
    """
    tally = Tally()
    if not setting:
        yield lambda event: None
    elif setting.casefold() == OTLP:
        with _sent(tally):
            yield tally.hear
    else:
        with _served(tally, *_address(setting)):
            yield tally.hear


def _address(setting: str) -> tuple[str, int]:
    host, _, port = setting.rpartition(":")
    if not (port.isdecimal() and 0 < int(port) < 1 << 16):
        raise UsageError(
            f"--metrics {setting} is neither an address nor `otlp`.",
            remedy=f"Give :{PORT} for this machine alone, HOST:PORT, or `otlp`.",
        )
    return host.strip("[]") or HOST, int(port)


@contextmanager
def _served(tally: Tally, host: str, port: int) -> Iterator[None]:
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    registry.register(Collector(tally))
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise UsageError(
            f"metrics cannot be served at {host}:{port}: {error.strerror}.", remedy="Give another --metrics."
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(END_SECONDS)


class Collector:
    """Reads the tally whenever Prometheus asks (prometheus_client's protocol for a custom collector)."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def collect(self) -> Iterator[Any]:
        """A family for each instrument that has a value."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        totals = self.tally.totals()
        for instrument in INSTRUMENTS:
            points = list(instrument.points(totals))
            if not points:
                continue
            labels = tuple(points[0][0])
            family = kinds[instrument.kind](instrument.prometheus_name, instrument.what, labels=labels)
            for attributes, value in points:
                family.add_metric([attributes[label] for label in labels], value)
            yield family

    def describe(self) -> list[Any]:
        """Nothing in advance: what there is depends on the run."""
        return []


@contextmanager
def _sent(tally: Tally) -> Iterator[None]:
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.metrics import CallbackOptions, Observation
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
    except ImportError as error:
        raise UsageError(
            f"metrics cannot be sent by OTLP: {error}.",
            remedy="Install intaglio[otel], or serve them with --metrics :9464.",
        ) from error

    def callback(instrument: Instrument) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: [Observation(value, labels) for labels, value in instrument.points(tally.totals())]

    resource = Resource.create({"service.name": "intaglio"})  # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go first
    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
    meter = provider.get_meter("intaglio")
    for instrument in INSTRUMENTS:
        kinds = {"counter": meter.create_observable_counter, "gauge": meter.create_observable_gauge}
        kinds[instrument.kind](instrument.name, [callback(instrument)], instrument.unit, instrument.what)
    try:
        yield
    finally:
        provider.shutdown(1000 * END_SECONDS)
