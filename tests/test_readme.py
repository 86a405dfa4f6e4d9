"""What the README shows is what the program does, word for word."""

import json
import re
from pathlib import Path

import pytest

from model.registry import load_engine
from pipeline.extract import extract
from schemas.registry import BUILTIN, load_contract

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENT = "sample_docs/invoices/freight-en.pdf"


def model_of_the_example(folder: Path) -> str:
    block = re.search(r"```python\n# bill\.py\n(.*?)```", README, re.DOTALL)
    assert block is not None
    (folder / "bill.py").write_text(block[1], encoding="utf-8")
    return f"{folder / 'bill.py'}:Bill"


def test_the_example_gives_the_output_that_is_printed(tmp_path: Path) -> None:
    contract = load_contract(model_of_the_example(tmp_path))
    record = extract(ROOT / DOCUMENT, contract, load_engine("embedded"))
    printed = re.search(r"--data\n(    \{.*?\n    \})\n", README, re.DOTALL)
    assert printed is not None
    assert record.data == json.loads(printed[1])
    shown = dict(re.findall(r"^    (/\S+) .*?([01]\.\d\d) ", README, re.MULTILINE))
    found = {pointer: f"{field.confidence:.2f}" for pointer, field in record.fields.items() if field.value is not None}
    assert shown == found
    assert f"by embedded  {record.status}" in README


def test_a_json_schema_file_gives_the_same(tmp_path: Path) -> None:
    contract = load_contract(model_of_the_example(tmp_path))
    (tmp_path / "bill.json").write_text(json.dumps(contract.json_schema), encoding="utf-8")
    engine = load_engine("embedded")
    from_file = extract(ROOT / DOCUMENT, load_contract(str(tmp_path / "bill.json")), engine)
    assert from_file.data == extract(ROOT / DOCUMENT, contract, engine).data


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_built_in_schema_is_named(name: str) -> None:
    assert f"`{name}`" in README


def test_every_file_that_is_linked_exists() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("folder", "schemas model pipeline flows tests sample_docs benchmarks docs".split())
def test_the_layout_names_every_folder(folder: str) -> None:
    assert re.search(rf"^    {folder}/ ", README, re.MULTILINE)
    assert (ROOT / folder).is_dir()
