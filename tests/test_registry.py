"""From what a user types to a contract."""

import json
import sys
from pathlib import Path

import pytest

from schemas.errors import SchemaNotFound, SchemaUnsupported
from schemas.registry import BUILTIN, load_contract

MODEL = """
from pydantic import BaseModel

class {name}(BaseModel):
    {field}: str

RATE = 3
"""


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_built_in_schemas_load_by_name(name: str) -> None:
    contract = load_contract(name)
    assert contract.fields()
    assert contract.root.description, "`intaglio schemas` says what each is"


def test_a_model_by_its_module() -> None:
    assert load_contract("schemas.invoice:Invoice").fingerprint == load_contract("invoice").fingerprint


def test_a_module_beside_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside_the_user.py").write_text(MODEL.format(name="Ticket", field="seat"))
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert [leaf.name for leaf in load_contract("beside_the_user:Ticket").fields()] == ["seat"]
    assert sys.path == before


def test_a_model_in_a_file_and_what_it_imports_from_its_side(tmp_path: Path) -> None:
    (tmp_path / "parts_of_ticket.py").write_text(MODEL.format(name="Part", field="piece"))
    file = tmp_path / "ticket.py"
    file.write_text(
        "from __future__ import annotations\nfrom parts_of_ticket import Part\n"
        + MODEL.format(name="Ticket", field="seat")
        + "\nclass Trip(BaseModel):\n    tickets: list[Ticket]\n    part: Part\n"
    )
    contract = load_contract(f"{file}:Trip")
    assert [leaf.pointer for leaf in contract.fields()] == ["/tickets/*/seat", "/part/piece"]
    assert contract.validate({"tickets": [], "part": {"piece": "a"}}) == ()
    assert not (tmp_path / "__pycache__" / "ticket.cpython-311.pyc").exists()


def test_a_changed_file_is_read_anew_and_has_another_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "ticket.py"
    file.write_text(MODEL.format(name="Ticket", field="seat"))
    before = load_contract(f"{file}:Ticket")
    fingerprint = before.fingerprint
    file.write_text(MODEL.format(name="Ticket", field="row_"))
    after = load_contract(f"{file}:Ticket")
    assert [leaf.name for leaf in after.fields()] == ["row_"]
    assert after.fingerprint != fingerprint


def test_a_changed_validator_changes_the_fingerprint_and_another_place_does_not(tmp_path: Path) -> None:
    def written(folder: str, least: int) -> str:
        file = tmp_path / folder / "ticket.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            "from pydantic import BaseModel, field_validator\nclass Ticket(BaseModel):\n    seat: int\n"
            "    @field_validator('seat')\n    @classmethod\n"
            f"    def high(cls, seat):\n        assert seat > {least}\n        return seat\n"
        )
        return load_contract(f"{file}:Ticket").fingerprint

    assert written("a", 1) == written("b", 1)
    assert written("a", 2) != written("b", 1)


def test_a_json_schema_file(tmp_path: Path) -> None:
    file = tmp_path / "ticket.JSON"
    file.write_text("\ufeff" + json.dumps({"type": "object", "properties": {"seat": {"type": "string"}}}), "utf-8")
    assert load_contract(str(file)).name == "ticket"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("invoce", "Did you mean invoice"),
        ("zzz", "Built in are answer, bank_statement, chart"),
        ("", "Built in are"),
        (":Model", "Built in are"),
        ("module:", "Built in are"),
        ("no_such_module_here:Model", "cannot be imported"),
        ("schemas.invoice:Invoce", "schemas.invoice:Invoice"),
        ("nowhere/file.py:Model", "nowhere/file.py cannot be read"),
        ("nowhere/schema.json", "nowhere/schema.json cannot be read"),
    ],
)
def test_what_does_not_exist_is_told_with_what_does(spec: str, says: str) -> None:
    with pytest.raises(SchemaNotFound) as caught:
        load_contract(spec)
    assert says in str(caught.value)
    assert caught.value.remedy and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "spec", "error", "says"),
    [
        ("t.py", "x = 1/0", "t.py:Model", SchemaUnsupported, "ZeroDivisionError"),
        ("t.py", "def (", "t.py:Model", SchemaUnsupported, "SyntaxError"),
        ("t.py", MODEL, "t.py", SchemaNotFound, "t.py:Ticket"),
        ("t.py", MODEL, "t.py:Tickets", SchemaNotFound, "t.py:Ticket"),
        ("t.py", "x = 1", "t.py:Model", SchemaNotFound, "It has no models"),
        ("t.py", MODEL, "t.py:RATE", SchemaUnsupported, "no Pydantic model"),
        ("t.json", "{", "t.json", SchemaUnsupported, "is no JSON"),
        ("t.json", "[]", "t.json", SchemaUnsupported, "holds no JSON object"),
        ("t.json", "\x00\xff", "t.json", SchemaUnsupported, "is no JSON"),
    ],
)
def test_files_that_hold_no_schema(
    name: str, text: str, spec: str, error: type[Exception], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text(text.replace("{name}", "Ticket").replace("{field}", "seat"), "latin-1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        load_contract(spec)
    assert says in str(caught.value)


def test_a_module_that_fails_when_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_module.py").write_text("raise RuntimeError('no database')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SchemaUnsupported, match="no database"):
        load_contract("failing_module:Model")


def test_a_schema_file_that_ends_the_program_does_not_end_ours(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(SchemaUnsupported, match="fails when imported"):
        load_contract(f"{path}:Model")
