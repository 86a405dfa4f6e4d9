"""A Ray cluster: one that is there, or one of our own on this machine, gone with the run; and what has room on it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.processes import cores
from schemas.errors import UsageError

LOCAL = "local"
REACH_SECONDS = 10.0  # for a connection to a cluster; Ray itself would try for two minutes
OBJECT_STORE = 80 << 20  # bytes, about the least that Ray takes: nothing but numbers goes through it
# A cluster of our own: Ray sends no statistics, listens on this machine's loopback only (that is what the third one
# does, on Linux too), and serves nobody who has not the token.
_OWN = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


class ClusterUnusable(UsageError):
    """There is no Ray, no cluster at the address, or no room on it."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where actors are to read, and how many. address: as `ray.init` takes it. actors: 0 for as many as there is room
    for. gpus: for each actor; None for one, where the engine needs it and the cluster has any."""

    address: str = LOCAL
    actors: int = 0
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a cluster."""

    host: str
    cpus: float
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class Crew:
    """How many actors, and what each of them takes."""

    actors: int
    cpus: int
    gpus: float


def crew_for(cluster: Cluster, nodes: Sequence[Node], heavy: bool) -> Crew:
    """The actors that a cluster has room for, each with as many processors as lets all of them be placed.

    By default there is one for each GPU, or one for each machine. heavy: whether the engine is one of which a machine
    has few. Raises ClusterUnusable: there is no room for so many.
    """
    needs_gpu = heavy and any(node.gpus >= 1 for node in nodes)
    gpus = float(needs_gpu) if cluster.gpus is None else cluster.gpus
    room = _room(nodes, 1, gpus)
    usual = room if gpus else sum(node.cpus >= 1 for node in nodes)
    actors = cluster.actors or max(1, usual)
    if room < actors:
        has = ", ".join(f"{node.host} has {node.cpus:g} CPUs and {node.gpus:g} GPUs" for node in nodes)
        raise ClusterUnusable(
            f"the Ray cluster has room for {room} actors with 1 CPU{f' and {gpus:g} GPUs' if gpus else ''} each, not "
            f"for {actors}: {has or 'it has no machine'}.",
            remedy="Give fewer --actors or --gpus-per-actor, or add machines.",
        )
    most = int(max(node.cpus for node in nodes))
    cpus = next(each for each in range(most, 0, -1) if _room(nodes, each, gpus) >= actors)
    return Crew(actors, cpus, gpus)


def _room(nodes: Sequence[Node], cpus: int, gpus: float) -> int:
    """How many actors can be placed that take so much each."""
    return sum(int(min(node.cpus // cpus, node.gpus // gpus if gpus else node.cpus)) for node in nodes)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Gives the module `ray`, connected. Raises ClusterUnusable."""
    own = cluster.address == LOCAL
    if not own:
        _reach(cluster.address)
    with _own_environment() if own else _guest_environment() as settings, _unheard():
        ray = _ray()
        try:
            with _signals_kept():
                ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR", **settings(cluster))
        except (OSError, RuntimeError, ValueError) as error:
            what = "started" if own else f"reached at {cluster.address}"
            why = str(error).strip().splitlines()
            raise ClusterUnusable(
                f"Ray cannot be {what}: {why[0] if why else type(error).__name__}",
                remedy="The log of `ray status` may tell more; --address local starts a cluster on this machine.",
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def nodes_of(ray: Any) -> list[Node]:
    """The machines of a cluster that are alive."""
    return [
        Node(node["NodeManagerAddress"], node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))
        for node in ray.nodes()
        if node["Alive"]
    ]


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ClusterUnusable("Ray is not installed.", remedy="pip install 'intaglio[ray]'") from error
    return ray


@contextmanager
def _own_environment() -> Iterator[Any]:
    """Ray is told much by the environment, which its processes inherit. Gives the settings for `ray.init`.

    What it writes, logs above all, is for our eyes only, and goes with it. It makes sockets there, whose paths may not
    be long.
    """
    before = dict(os.environ)
    folder = tempfile.mkdtemp(prefix="intaglio-ray-", dir="/tmp")
    os.environ.update(_OWN, RAY_AUTH_TOKEN=secrets.token_hex(32))
    os.environ.pop("RAY_ADDRESS", None)
    try:
        yield lambda cluster: {
            "num_cpus": max(cores(), cluster.actors),
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE,
            "_temp_dir": f"{folder}/ray",  # which Ray opens to everybody
        }
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _guest_environment() -> Iterator[Any]:
    yield lambda cluster: {}


def _reach(address: str) -> None:
    """Raises ClusterUnusable where nothing listens at the address. Ray would wait, and then end this process."""
    if "://" in address:
        raise ClusterUnusable(
            f"{address} is an address for Ray's client, which loses a run with its connection.",
            remedy="Start the command on a machine of the cluster: ray job submit -- intaglio ingest … "
            "--runner ray --address auto",
        )
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():  # `auto`, or nothing that Ray knows, which it says itself
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterUnusable(
            f"no Ray cluster answers at {address}: {error}.",
            remedy="Give the address that `ray start --head` printed, HOST:6379.",
        ) from error


@contextmanager
def _unheard() -> Iterator[None]:
    """What happens to its processes, Ray prints to standard output, which is for results. The run tells it itself."""
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
        yield


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray makes a request to end its own, and ours is to end a run in good order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
