"""Deployments as their users run them: a real Prefect server, work pools, workers, and what is deployed to them."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.deployed import ROOT, Deployed, deployed, migrated, until
from tests.papers import write_invoice, write_invoices


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Deployed]:
    """Up, with the work pools and everything that `flows/prefect.yaml` deploys, and a worker for each pool."""
    import prefect

    kept = request.config.cache.mkdir(f"prefect-{prefect.__version__}")  # type: ignore[union-attr]
    with deployed(tmp_path_factory.mktemp("deployed"), migrated(kept / "prefect.db")) as found:
        (found.folder / "inbox").mkdir()
        found.ask("/work_pools/", name="intaglio", type="process", concurrency_limit=1)
        found.ask("/work_pools/", name="intaglio-light", type="process")
        found.run("prefect", "--no-prompt", "deploy", "--prefect-file", str(ROOT / "flows" / "prefect.yaml"), "--all")
        found.ask(f"/deployments/{deployment(found, 'watch/inbox')['id']}/pause_deployment", pause=True)
        found.work("--pool", "intaglio", "--limit", "1")
        found.work("--pool", "intaglio-light")
        yield found


def deployment(server: Deployed, name: str) -> Any:
    return server.ask(f"/deployments/name/{name}")


def ended(server: Deployed, flow: str, count: int) -> list[dict[str, Any]]:
    """So many runs of the flow, once they have all ended."""

    def look() -> list[dict[str, Any]] | None:
        found = server.runs(flow)
        done = [run for run in found if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")]
        return found if len(done) == len(found) >= count else None

    return until(look, f"{count} runs of {flow} that have ended; they are {server.runs(flow)}")


def records(out: Path) -> dict[str, str]:
    """Status by name of the document, as the JSONL has them."""
    lines = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    return {Path(line["document"]["uri"]).name: line["status"] for line in lines}


def artifacts(server: Deployed, run: str) -> dict[str, Any]:
    found = server.ask("/artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
    assert len({each["key"] for each in found}) == len(found)  # one of each kind, however many documents
    return {each["key"]: each for each in found}


def log(server: Deployed, *runs: str) -> list[str]:
    lines = server.ask("/logs/filter", logs={"flow_run_id": {"any_": list(runs)}}, limit=200)
    return [line["message"] for line in lines]


def events(server: Deployed, kind: str) -> list[Any]:
    wanted = {"event": {"name": [kind]}, "occurred": {"since": (datetime.now(UTC) - timedelta(days=1)).isoformat()}}
    return list(server.ask("/events/filter", filter=wanted)["events"])


def test_a_schedule_reads_the_inbox_and_the_run_shows_what_came_of_it(server: Deployed) -> None:
    inbox = server.folder / "inbox"
    write_invoices(inbox, 3)
    write_invoice(inbox / "lo[c]ked`.pdf", "INV-9", password="secret-word")
    (inbox / "empty.pdf").write_bytes(b"")
    nightly = deployment(server, "ingest/nightly")
    assert nightly["schedules"][0]["schedule"]["cron"] == "0 3 * * *"
    soon = [{"schedule": {"interval": 10.0}, "active": True}]  # the next is seconds away, whenever we come to look
    server.ask(f"/deployments/{nightly['id']}/schedules", json=soon)
    until(lambda: server.runs("ingest"), "scheduled run")
    server.ask(f"/deployments/{nightly['id']}/pause_deployment", pause=True)  # which also takes back those to come

    run = ended(server, "ingest", 1)[0]
    assert (run["state_type"], run["name"]) == ("COMPLETED", "inbox · invoice")
    assert run["auto_scheduled"] and run["deployment_id"] == nightly["id"]
    out = server.folder / "records"
    found = records(out)
    assert Counter(found.values())["failed"] == 2 and len(found) == 5

    shown = artifacts(server, run["id"])
    table = json.loads(shown["intaglio-results"]["data"])
    assert {row["document"]: row["status"] for row in table} == found
    assert shown["intaglio-results"]["description"].startswith("5 documents:")
    assert shown["intaglio-progress"]["data"] == 100
    last = "Finished in state"
    until(
        lambda: [line for line in log(server, run["id"]) if line.startswith(last)], "end of the log, which comes late"
    )
    for name, status in found.items():
        assert [line for line in log(server, run["id"]) if line.startswith(f"{name}: {status}")], name
    told = until(lambda: events(server, "intaglio.document.failed"), "event of a failed document")
    assert sum(event["payload"]["count"] for event in told) == 2
    assert told[0]["resource"]["prefect.resource.name"] == str(out)


def test_the_watcher_starts_a_run_for_new_files_only_and_leaves_those_that_still_grow(server: Deployed) -> None:
    ingested, watched = len(server.runs("ingest")), len(server.runs("watch"))
    server.run("prefect", "deployment", "run", "watch/inbox")
    nothing = ended(server, "watch", watched + 1)[-1]
    assert nothing["state"]["message"] == "Nothing new."
    assert len(server.runs("ingest")) == ingested
    assert artifacts(server, nothing["id"]) == {}

    write_invoice(server.folder / "inbox" / "new.pdf", "INV-11")
    server.run("prefect", "deployment", "run", "watch/inbox")
    some = ended(server, "watch", watched + 2)[-1]
    assert re.fullmatch(r"1 new documents: started .* of ingest/inbox\.", some["state"]["message"])
    ended(server, "ingest", ingested + 1)
    assert records(server.folder / "records")["new.pdf"] != "failed"


def test_the_command_deploys_and_says_the_commands_that_come_next(server: Deployed) -> None:
    docs, out = server.folder / "bills", server.folder / "bill-records"
    write_invoices(docs, 2)
    said = server.run("flows.cli", "deploy", "bills", "-s", "invoice", "-o", "bill-records", "-n", "bills", "--watch")
    assert "prefect worker start --pool intaglio --limit 1" in said
    assert "prefect worker start --pool intaglio-light" in said
    reading, watching = deployment(server, "ingest/bills"), deployment(server, "watch/bills")
    server.ask(f"/deployments/{watching['id']}/pause_deployment", pause=True)
    assert f"{server.url.removesuffix('/api')}/deployments/deployment/{reading['id']}" in said
    (step,) = reading["pull_steps"]  # without one a worker would copy its folder for every run
    assert step == {"prefect.deployments.steps.set_working_directory": {"directory": str(server.folder)}}
    assert watching["parameters"]["then"] == "ingest/bills"
    assert watching["schedules"][0]["schedule"]["interval"] == 60.0

    command = re.search(r"prefect (deployment run) '(ingest/bills)'", said)
    assert command
    before = len(server.runs("ingest"))
    server.run("prefect", *command[1].split(), command[2])
    run = ended(server, "ingest", before + 1)[-1]
    assert run["state_type"] == "COMPLETED" and not run["auto_scheduled"]
    assert len(records(out)) == 2
    wrong = {"job": {"places": ["bills"], "schemas": ["invoice"], "workers": -1}}
    refused = server.refused(f"/deployments/{reading['id']}/create_flow_run", parameters=wrong)
    assert refused == 409  # before there is a run


def submit(server: Deployed, name: str, **job: Any) -> str:
    """Starts a run of a deployment with these parameters; gives its id."""
    number = deployment(server, name)["id"]
    run = server.ask(f"/deployments/{number}/create_flow_run", parameters={"job": {"schemas": ["invoice"], **job}})
    return str(run["id"])


def online(server: Deployed, pool: str) -> list[Any]:
    found = server.ask(f"/work_pools/{pool}/workers/filter", workers={"status": {"any_": ["ONLINE"]}})
    return list(found)


def kept(out: Path) -> int:
    return len(list(out.glob("*.json")))


def state(server: Deployed, run: str) -> str:
    return str(server.ask(f"/flow_runs/{run}")["state_type"])


def test_a_spread_run_is_read_by_all_workers_and_survives_the_death_of_one(server: Deployed, postgres_url: str) -> None:
    docs, out = server.folder / "spread", server.folder / "spread-records"
    write_invoices(docs, 24)
    server.patch("/work_pools/intaglio", concurrency_limit=2)
    server.work("--pool", "intaglio", "--limit", "1")
    until(lambda: len(online(server, "intaglio")) == 2, "second worker")
    shards = {"spread": "shard/gpu", "shard": 8, "ledger": postgres_url}
    run = submit(server, "ingest/spread", places=[str(docs)], out=str(out), workers=1, **shards)
    until(lambda: kept(out), "document that is done")
    victim = server.runs("shard")[0]
    os.kill(int(victim["infrastructure_pid"].rpartition(":")[2]), signal.SIGKILL)

    until(lambda: state(server, run) in ("COMPLETED", "FAILED", "CRASHED"), "end of the run")
    parts = server.runs("shard")
    assert state(server, run) == "COMPLETED"
    assert Counter(each["state_type"] for each in parts) == {"COMPLETED": 3, "CRASHED": 1}
    assert len({each["parent_task_run_id"] for each in parts}) == 4  # they show on the page of their parent
    found = records(out)
    assert len(found) == kept(out) == 24 and "failed" not in found.values()
    shown = artifacts(server, run)
    assert len(json.loads(shown["intaglio-results"]["data"])) == 24
    spans = [(each["start_time"], each["end_time"]) for each in parts]
    assert any(one[0] < other[0] < one[1] for one in spans for other in spans)  # each worker has one run at a time


def test_a_run_that_is_cancelled_takes_its_shards_along_and_keeps_what_is_done(server: Deployed) -> None:
    docs, out = server.folder / "many", server.folder / "many-records"
    write_invoices(docs, 600)
    before = len(server.runs("shard"))
    run = submit(server, "ingest/spread", places=[str(docs)], out=str(out), spread="shard/gpu", shard=300, workers=1)
    until(lambda: kept(out) > 5, "document that is done")
    server.ask(f"/flow_runs/{run}/set_state", state={"type": "CANCELLING", "name": "Cancelling"})
    until(lambda: state(server, run) == "CANCELLED", "end of the run")
    over = ("CANCELLED", "COMPLETED")
    until(lambda: all(each["state_type"] in over for each in server.runs("shard")[before:]), "end of its shards")
    assert "CANCELLED" in [each["state_type"] for each in server.runs("shard")[before:]]
    assert 5 < kept(out) < 600
    assert 0 < len(records(out)) <= kept(out) + 2  # of either worker one may be in the ledger, and not in its file yet
