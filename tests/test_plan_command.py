"""`intaglio plan`, as a user meets it: with no weights and no torch, on long documents, and where it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from sample_docs.make.long import ROWS, long_statement

ROOT = Path(__file__).parent.parent
STATEMENT = "sample_docs/statements/business-en-12-pages.pdf"


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("INTAGLIO_MODEL", raising=False)


def plan_of(*arguments: object) -> dict[str, object]:
    result = CliRunner().invoke(app, ["plan", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    found: dict[str, object] = json.loads(result.output)
    return found


def test_it_needs_neither_weights_nor_the_packages_that_run_them() -> None:
    absent = ("torch", "transformers", "bitsandbytes", "llguidance", "huggingface_hub", "accelerate")
    block = f"import sys; sys.modules.update(dict.fromkeys({absent!r})); from flows.cli import main; main()"
    command = [sys.executable, "-c", block, "plan", STATEMENT, "--schema", "bank_statement"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (result.returncode, result.stderr) == (0, "")
    for said in ("262,144", "8,192", "Its weights are not here", "12 pages", "transactions p1-2", "7 asks in all"):
        assert said in result.stdout


def test_its_json_says_pages_windows_slices_and_what_they_cost() -> None:
    found = plan_of(ROOT / STATEMENT, "--schema", "bank_statement")
    assert (found["context_tokens"], found["reply_tokens"], found["weights_here"]) == (262_144, 8192, False)
    [window] = found["windows"]  # type: ignore[misc]
    assert window["slices"][0]["id"] == "fields"
    rows = [part["scope"]["rows"] for part in window["slices"] if part["scope"]]
    assert sum(rows) == pytest.approx(300, rel=0.12)
    assert found["output_tokens"] == sum(part["tokens"] for part in window["slices"])


def test_shorter_replies_make_more_slices() -> None:
    asks = [
        sum(len(window["slices"]) for window in plan_of(ROOT / STATEMENT, "-s", "bank_statement", *more)["windows"])  # type: ignore[attr-defined]
        for more in ((), ("--output-tokens", 2048))
    ]
    assert asks[1] > 3 * asks[0]


def test_the_default_engine_is_asked_for_everything_at_once() -> None:
    result = CliRunner().invoke(app, ["plan", str(ROOT / STATEMENT), "-s", "bank_statement", "-e", "embedded"])
    assert "everything is asked for at once" in result.output
    assert "1 ask in all" in result.output


def test_a_model_folder_says_what_its_own_model_holds(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 9000}}))
    found = plan_of(ROOT / STATEMENT, "-s", "bank_statement", "--model", tmp_path, "--output-tokens", 1024)
    assert found["context_tokens"] == 9000
    assert len(found["windows"]) > 1  # type: ignore[arg-type]
    assert "window 1-" in found["windows"][0]["slices"][0]["id"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.pdf", "-s", "invoice"), "there is no document nowhere.pdf"),
        (("sample_docs", "-s", "invoice"), "there is no document sample_docs"),
        ((STATEMENT, "-s", "invoise"), "Did you mean invoice?"),
        ((STATEMENT, "-s", "invoice", "-s", "receipt"), "Give --schema once"),
        ((STATEMENT, "-s", "invoice", "-e", "nobody"), "embedded"),
        ((STATEMENT, "-s", "invoice", "-m", "some/model"), "are not known on this machine"),
        ((STATEMENT, "-s", "invoice", "--output-tokens", "262100"), f"{STATEMENT}: the schema and the longest reply"),
        (("sample_docs/broken/encrypted.pdf", "-s", "invoice"), "--password"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    arguments = tuple("--model" if each == "-m" else each for each in arguments)
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli", "plan", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode in (1, 2)
    assert said in result.stderr and result.stderr.count("\n") == 1


def test_a_made_statement_of_many_pages_is_planned_with_nearly_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(long_statement(20).content)
    found = plan_of(path, "-s", "bank_statement")
    [window] = found["windows"]  # type: ignore[misc]
    scopes = [part["scope"] for part in window["slices"] if part["scope"]]
    assert (scopes[0]["first"], scopes[-1]["last"]) == (1, 20)
    assert sum(scope["rows"] for scope in scopes) == pytest.approx(20 * ROWS, rel=0.12)


def test_the_readme_shows_lines_that_the_command_prints(tmp_path: Path) -> None:
    readme = [" ".join(line.split()) for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()]
    result = CliRunner().invoke(app, ["plan", str(ROOT / STATEMENT), "--schema", "bank_statement"])
    printed = [" ".join(line.split()) for line in result.output.splitlines()]
    titles = [line for line in printed if line.startswith(("google/", "pages ", "ask for", "fields "))]
    assert len(titles) == 4
    assert set(titles) <= set(readme)
