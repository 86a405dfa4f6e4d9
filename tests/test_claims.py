"""Claims: a document is in one hand at a time, and comes back when its holder is gone. On SQLite and PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, func, select, update

from pipeline.claims import Lease, held
from pipeline.ledger import Claimed, Key, Ledger, Saved, Seen
from pipeline.ledger_tables import CLAIMS

KEYS = [Key(f"{number:064}", "contract", "engine") for number in range(6)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger(url) as opened:
        yield opened


def let_pass(ledger: Ledger, seconds: float) -> None:
    """As if so much time had gone by since every renewal; negative: as if the clock had been set back."""
    earlier = {"renewed": CLAIMS.c.renewed - seconds, "until": CLAIMS.c.until - seconds}
    ledger._database.write(lambda connection: connection.execute(update(CLAIMS).values(earlier)))


def holders(ledger: Ledger) -> dict[str, int]:
    counts = select(CLAIMS.c.owner, func.count()).group_by(CLAIMS.c.owner)
    return ledger._database.read(lambda connection: {row[0]: row[1] for row in connection.execute(counts)})


def at_work(ledger: Ledger, output: str) -> dict[str, int]:
    return ledger._database.read(lambda connection: dict(held(connection, output)))


def test_what_one_has_another_does_not_get_until_it_is_released(ledger: Ledger) -> None:
    assert ledger.claim(KEYS[:3], "a", 60) == set(KEYS[:3])
    assert ledger.claim(KEYS, "b", 60) == set(KEYS[3:])
    ledger.release("a", KEYS[:1])
    assert ledger.claim(KEYS, "b", 60) == {KEYS[0], *KEYS[3:]}
    ledger.release("a")
    assert holders(ledger) == {"b": 4}


def test_who_asks_again_for_its_own_has_it(ledger: Ledger) -> None:
    """As a worker does whose commit got through, and not the answer to it."""
    assert ledger.claim(KEYS, "a", 60) == ledger.claim(KEYS, "a", 60) == set(KEYS)


def test_a_lease_that_is_over_can_be_taken_and_one_that_is_renewed_cannot(ledger: Ledger) -> None:
    ledger.claim(KEYS[:2], "a", 60)
    let_pass(ledger, 40)
    assert ledger.renew("a", 60) == set(KEYS[:2])
    let_pass(ledger, 40)
    assert ledger.claim(KEYS[:1], "b", 60) == set()
    let_pass(ledger, 40)
    assert ledger.claim(KEYS[:1], "b", 60) == {KEYS[0]}
    assert ledger.renew("a", 60) == {KEYS[1]}


def test_a_clock_that_was_set_back_makes_no_lease_last_longer(ledger: Ledger) -> None:
    ledger.claim(KEYS[:1], "dead", 60)
    let_pass(ledger, -3600)
    assert ledger.claim(KEYS[:1], "alive", 60) == {KEYS[0]}


def test_of_a_folder_only_leases_that_last_on_its_documents_show_who_is_at_work(ledger: Ledger) -> None:
    ledger.see([Seen(str(place), f"{place}.pdf", "1", key.sha256) for place, key in enumerate(KEYS[:4])])
    ledger.claim(KEYS[:1], "dead", 60)
    let_pass(ledger, 61)
    ledger.claim(KEYS[2:], "alive", 60)
    assert at_work(ledger, "") == {"alive": 2} and at_work(ledger, "other") == {}


def test_no_claim_is_none(ledger: Ledger) -> None:
    assert ledger.claim([], "a", 60) == set() == ledger.renew("a", 60)


def test_many_at_once_get_each_document_once(url: str) -> None:
    keys = [Key(f"{number:064}", "contract", "engine") for number in range(300)]
    ready = threading.Barrier(6, timeout=30)

    def claim(owner: str) -> list[Key]:
        with Ledger(url) as mine:
            ready.wait()
            ordered = keys if owner in "024" else keys[::-1]  # in whatever order they are asked for
            return [key for start in range(0, 300, 50) for key in mine.claim(ordered[start : start + 50], owner, 60)]

    with ThreadPoolExecutor(6) as threads:
        found = [key for keys in threads.map(claim, "012345") for key in keys]
    assert sorted(found) == keys


def test_a_record_and_the_end_of_its_claim_are_one(ledger: Ledger) -> None:
    ledger.claim(KEYS[:2], "a", 60)
    saved = ledger.save(KEYS[0], "{}", "accepted", "", False, ["x"], claimed=Claimed(KEYS[0], "a", None))
    assert saved.ours and holders(ledger) == {"a": 1}


@pytest.mark.parametrize("statuses", [("accepted", "review"), ("failed", "failed"), ("failed", "accepted")])
def test_who_lost_its_lease_and_is_late_changes_nothing(ledger: Ledger, statuses: tuple[str, str]) -> None:
    first, late = (Claimed(KEYS[0], owner, None) for owner in "ab")
    faster = ledger.save(KEYS[0], "first", statuses[0], "", False, ["x"], claimed=first)
    ledger.claim(KEYS[:1], "c", 60)
    slower = ledger.save(KEYS[0], "late", statuses[1], "", False, ["x"], claimed=late)
    assert faster == Saved(slower.id, ours=True) and not slower.ours
    assert list(ledger.records([faster.id])) == [(faster.id, "first")]
    assert ledger.entries(KEYS)[KEYS[0]].attempts == 1
    assert holders(ledger) == {"c": 1}  # the claim of a third is not given up for it


def test_a_save_that_is_done_twice_because_its_answer_was_lost_is_ours(ledger: Ledger) -> None:
    claimed = Claimed(KEYS[0], "a", None)
    assert ledger.save(KEYS[0], "{}", "accepted", "", False, ["x"], claimed=claimed).ours
    assert ledger.save(KEYS[0], "{}", "accepted", "", False, ["x"], claimed=claimed).ours


def test_a_failed_record_is_replaced_by_the_attempt_that_was_claimed(ledger: Ledger) -> None:
    ledger.save(KEYS[0], "1", "failed", "document-timeout", True, ["x"])
    saved = ledger.save(KEYS[0], "2", "accepted", "", False, ["x"], claimed=Claimed(KEYS[0], "a", 1))
    assert saved.ours and list(ledger.records([saved.id])) == [(saved.id, "2")]


def test_a_lease_is_renewed_while_work_goes_on_and_given_back_at_its_end(ledger: Ledger) -> None:
    with Lease(ledger, "a", 1.5) as lease:
        assert lease.claim(KEYS[:2]) == set(KEYS[:2])
        ends = _ends(ledger)
        deadline = time.monotonic() + 30
        while _ends(ledger) == ends and time.monotonic() < deadline:
            time.sleep(0.05)
        assert _ends(ledger) > ends and holders(ledger) == {"a": 2}
    assert holders(ledger) == {}


def _ends(ledger: Ledger) -> float:
    """When the first of all leases does."""

    def first(connection: Connection) -> float:
        return float(connection.execute(select(func.min(CLAIMS.c.until))).scalar_one())

    return ledger._database.read(first)


class Hands(RuleBasedStateMachine):
    """Whatever runs do, in whatever order: a document is in one hand, and has one record, that of the first to save."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="intaglio-claims-"))
        self.ledger = Ledger(f"sqlite:///{self.folder / 'ledger.sqlite'}")
        self.now = 0.0
        self.claims: dict[Key, tuple[str, float]] = {}  # owner, end of its lease
        self.records: dict[Key, str] = {}

    owners = st.sampled_from("abc")
    some = st.lists(st.sampled_from(KEYS), max_size=4, unique=True)

    @rule(owner=owners, keys=some)
    def claim(self, owner: str, keys: list[Key]) -> None:
        free = {key for key in keys if self._holder(key) in (None, owner)}
        assert self.ledger.claim(keys, owner, 60) == free
        self.claims.update(dict.fromkeys(free, (owner, self.now + 60)))

    @rule(seconds=st.sampled_from([20.0, 45.0]))
    def pass_time(self, seconds: float) -> None:
        let_pass(self.ledger, seconds)
        self.now += seconds

    @rule(owner=owners)
    def renew(self, owner: str) -> None:
        mine = {key for key, (holder, _) in self.claims.items() if holder == owner}
        assert self.ledger.renew(owner, 60) == mine
        self.claims.update(dict.fromkeys(mine, (owner, self.now + 60)))

    @rule(owner=owners, keys=some)
    def release(self, owner: str, keys: list[Key]) -> None:
        self.ledger.release(owner, keys)
        self.claims = {key: held for key, held in self.claims.items() if key not in keys or held[0] != owner}

    @precondition(lambda self: self.claims)
    @rule(owner=owners, data=st.data())
    def save(self, owner: str, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(KEYS))
        record = f"{owner} {self.now} {key.sha256}"
        saved = self.ledger.save(key, record, "accepted", "", False, ["x"], claimed=Claimed(key, owner, None))
        kept = self.records.setdefault(key, record)
        assert saved.ours == (kept == record)
        if self.claims.get(key, ("", 0))[0] == owner:
            del self.claims[key]

    @invariant()
    def agrees(self) -> None:
        entries = self.ledger.entries(KEYS)
        assert set(entries) == set(self.records)
        for number, record in self.ledger.records([entry.id for entry in entries.values()]):
            [key] = [key for key, entry in entries.items() if entry.id == number]
            assert record == self.records[key]

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    def _holder(self, key: Key) -> str | None:
        owner, until = self.claims.get(key, (None, 0.0))
        return owner if until > self.now else None


TestHands = Hands.TestCase
TestHands.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
