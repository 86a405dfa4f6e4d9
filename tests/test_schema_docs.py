"""What docs/schemas.md shows works, and what it lists is there."""

import json
import re
from pathlib import Path

from schemas import fields
from schemas.contract import Contract
from schemas.registry import BUILTIN, load_contract

TEXT = (Path(__file__).parents[1] / "docs" / "schemas.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_python_examples_are_contracts(tmp_path: Path) -> None:
    waybill, ours = blocks("python")
    (tmp_path / "waybill.py").write_text(waybill)
    contract = load_contract(f"{tmp_path / 'waybill.py'}:Waybill")
    assert {leaf.pointer: leaf.labels for leaf in contract.fields()}["/parcels/*/charge"] == (
        "Freight",
        "Fracht",
        "Fret",
    )
    data = {"waybill_number": "7", "parcels": [{"charge": 2}, {"charge": 3}], "total_charge": 6}
    assert contract.validate(data) == ()
    assert [result.passed for result in contract.run_checks(data)] == [False]
    (tmp_path / "ours.py").write_text(ours)
    derived = load_contract(f"{tmp_path / 'ours.py'}:OurInvoice")
    assert {"/cost_centre", "/total"} <= {leaf.pointer for leaf in derived.fields()}
    assert derived.checks == load_contract("invoice").checks


def test_the_json_example_is_a_contract() -> None:
    contract = Contract.from_json_schema(json.loads(blocks("json")[0]))
    assert contract.name == "Claim"
    assert [result.passed for result in contract.run_checks({"claim_number": "1", "estimate": 5, "to_pay": 5})] == [
        True
    ]


def test_every_check_in_the_table_can_be_read() -> None:
    from schemas.checks import parse_check

    rows = re.findall(r"^\| `([^`]+)` \|", TEXT[TEXT.index("| check |") :].split("\n\n")[0], re.MULTILINE)
    assert len(rows) == 6
    for row in rows:
        assert parse_check(row).text == row


def test_every_built_in_field_and_type_is_listed() -> None:
    words = set(re.findall(r"`([\w-]+)(?:\[\])?`", TEXT))
    for name in BUILTIN:
        assert name in words
        for leaf in load_contract(name).fields():
            steps = {step for step in leaf.pointer.split("/") if step not in ("", "*")}
            assert steps <= words, leaf.pointer
            assert leaf.format is None or leaf.format in words, leaf.format
    types = {name for name, value in vars(fields).items() if hasattr(value, "__metadata__")}
    assert types and types <= words
