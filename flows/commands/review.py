"""`intaglio review approve`, `correct` and `undo`: decisions, and what came of them."""

from __future__ import annotations

import getpass
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.terminal import COLOURS, console, plain
from pipeline.job import Job
from pipeline.ledger_view import open_view
from pipeline.review.basis import basis_of
from pipeline.review.deciding import EVERYTHING, Decision
from pipeline.review.desk import Kept, find, open_desk
from pipeline.review.edits import Edits, field_at
from pipeline.review.queue import doubtful
from pipeline.review.typed import typed
from pipeline.versions import Change
from schemas.contract import Contract
from schemas.errors import UsageError
from schemas.record import Record

LONGEST = 80  # characters of a value that are shown
MOST = 40  # lines of a kind that are shown
STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Saying:
    """What the commands have in common, as the options have it. base: the version that was looked at."""

    folder: Path
    ledger: str
    by: str
    note: str = ""
    despite: tuple[str, ...] = ()
    base: int | None = None
    schema: str = ""
    as_json: bool = False

    @property
    def job(self) -> Job:
        return Job((), (), self.folder, ledger=self.ledger)

    @property
    def who(self) -> str:
        return self.by.strip() or logged_in()


def logged_in() -> str:
    """Raises UsageError where the machine does not know who that is."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("who says so is not known.", remedy="Give a name with --by.") from error


def approve(saying: Saying, names: tuple[str, ...], fields: tuple[str, ...]) -> int:
    """Returns the exit code. What is kept of several documents stays, where a later one cannot be."""
    decision = Decision(saying.who, confirmed=fields or EVERYTHING, despite=saying.despite,
                        note=saying.note)  # fmt: skip
    with open_desk(saying.job) as desk:
        for name in names:
            _show(desk.decide(name, decision, saying.base, saying.schema), saying)
    return 0


def correct(saying: Saying, name: str, values: tuple[str, ...], deleted: tuple[str, ...], file: Path | None) -> int:
    """Returns the exit code."""
    if file is not None and (values or deleted):
        raise UsageError("--from has all data, and values are given beside it.", remedy="Give one or the other.")
    if file is None and not (values or deleted):
        raise UsageError(
            "nothing is to be corrected.", remedy="Say what: /total=12.50, --delete /items/4, --from FILE."
        )
    edits = Edits(whole=_data(file)) if file is not None else _edits(saying, name, values, deleted)
    decision = Decision(saying.who, edits, despite=saying.despite, note=saying.note)
    with open_desk(saying.job) as desk:
        _show(desk.decide(name, decision, saying.base, saying.schema), saying)
    return 0


def undo(saying: Saying, name: str, number: int | None) -> int:
    """Returns the exit code."""
    with open_desk(saying.job) as desk:
        _show(desk.undo(name, saying.who, number, saying.note), saying)
    return 0


def _edits(saying: Saying, name: str, values: tuple[str, ...], deleted: tuple[str, ...]) -> Edits:
    with open_view(saying.job.ledger_url, saying.job.ledger_output) as view:
        record = Record.model_validate_json(find(view.connection, view.output, name).record)
    contract = basis_of(record, saying.folder, saying.schema).contract
    return Edits(read_values(values, contract), deleted)


def read_values(lines: tuple[str, ...], contract: Contract) -> dict[str, Any]:
    """`/total=12.50` as a pointer and a value of its field's type. Raises UsageError."""
    found: dict[str, Any] = {}
    for line in lines:
        pointer, sign, text = line.partition("=")
        if not sign:
            raise UsageError(f"{line!r} says no value.", remedy="Write /total=12.50.")
        if pointer in found:
            raise UsageError(f"{pointer} is given twice.", remedy="Give it once.")
        found[pointer] = typed(text, field_at(contract.root, pointer))
    return found


def _data(file: Path) -> Any:
    try:
        text = sys.stdin.read() if str(file) == STANDARD_INPUT else file.read_text("utf-8-sig")
        data = json.loads(text)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no JSON: {error}.", remedy="Correct the file.") from error
    if not isinstance(data, dict):
        raise UsageError(f"{file} holds no JSON object.", remedy="It is to hold the data of the record.")
    return data


def _show(kept: Kept, saying: Saying) -> None:
    if saying.as_json:
        print(json.dumps(told(kept), ensure_ascii=False))
    else:
        _print(console(), kept)


def told(kept: Kept) -> dict[str, Any]:
    """For programs."""
    return {
        "document": kept.name,
        "version": kept.after.version,
        "status": {"before": kept.before.status, "after": kept.after.status},
        "change": kept.change.model_dump(mode="json"),
        "left": [each.pointer for each in doubtful(kept.after)],
        "issues": [issue.model_dump(mode="json") for issue in kept.after.issues],
    }


def _print(screen: Console, kept: Kept) -> None:
    before, after = kept.before.status, kept.after.status
    heading = Text(f"{plain(kept.name)}  version {kept.after.version}  ")
    heading.append(before, style=COLOURS[before])
    if after != before:
        heading.append(" → ").append(after, style=COLOURS[after])
    screen.print(heading, soft_wrap=True)
    for line in change_lines(kept.change)[:MOST]:
        screen.print(Text(f"  {line}"), soft_wrap=True)
    for issue in kept.after.issues[:MOST]:
        passed = f" (let pass by {plain(issue.despite)})" if issue.despite else ""
        colour = "dim" if passed else "red" if issue.severity == "error" else "yellow"
        screen.print(
            Text(f"{issue.severity} {issue.code}: {plain(issue.message)}{passed}", style=colour), soft_wrap=True
        )
    left = doubtful(kept.after)
    if left and after == "review":
        names = ", ".join(plain(each.pointer) for each in left[:5])
        screen.print(Text(f"Still doubtful: {names}{' …' if len(left) > 5 else ''}."), soft_wrap=True)


def change_lines(change: Change) -> list[str]:
    """A change in lines, safe for a terminal."""
    lines = [
        f"{plain(pointer)}: {_value(each.before)} → {_value(each.after)}" for pointer, each in change.values.items()
    ]
    lines += [f"{plain(pointer)}: {_value(value)} removed" for pointer, value in change.deleted.items()]
    if change.back_to is not None:
        lines.append(f"as in version {change.back_to}")
    elif change.confirmed == EVERYTHING:
        lines.append("everything confirmed")
    elif change.confirmed:
        lines.append(f"confirmed: {', '.join(map(plain, change.confirmed[:MOST]))}")
    if change.despite:
        lines.append(f"let pass: {', '.join(map(plain, change.despite))}")
    return lines


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return plain(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
