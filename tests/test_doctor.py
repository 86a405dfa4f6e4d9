"""`intaglio doctor`, run as a user runs it: real command, real folders, and a Python in which torch cannot be found."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from model.gemma.checkpoint import DEFAULT_MODEL, INDEX
from model.gemma.dimensions import GEMMA_4_26B_A4B
from model.gemma.hub import hub_folder, look_up, read_config
from model.gemma.sizes import GB, weight_bytes
from schemas.errors import UsageError

ROOT = Path(__file__).parent.parent
AS_INSTALLED = "from flows.cli import main; main()"

# A Python of the base install: nothing of the extra can be found by any import, however it is asked for.
WITHOUT_THE_EXTRA = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "bitsandbytes", "accelerate", "llguidance"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from flows.cli import main
main()
"""


def run(*arguments: object, program: str = WITHOUT_THE_EXTRA, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, "doctor", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def as_json(*arguments: object, program: str = WITHOUT_THE_EXTRA, **environment: str) -> dict[str, Any]:
    result = run(*arguments, "--json", program=program, **environment)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def small_config() -> dict[str, Any]:
    text = GEMMA_4_26B_A4B["text_config"] | {"num_hidden_layers": 6, "max_position_embeddings": 65_536}
    return {**GEMMA_4_26B_A4B, "text_config": text | {"layer_types": text["layer_types"][:6]}}


def in_the_cache(hub: Path, model: str, config: dict[str, Any] | None, files: dict[str, bytes]) -> Path:
    """A snapshot laid out as huggingface_hub does it: files in blobs, links to them under the commit's name."""
    root = hub / f"models--{model.replace('/', '--')}"
    snapshot = root / "snapshots" / "c0ffee"
    for folder in (root / "refs", root / "blobs", snapshot):
        folder.mkdir(parents=True)
    (root / "refs" / "main").write_text("c0ffee")
    for name, content in {**files, **({"config.json": json.dumps(config).encode()} if config else {})}.items():
        (root / "blobs" / name).write_bytes(content)
        (snapshot / name).symlink_to(Path("../../blobs") / name)
    return snapshot


def test_it_prints_the_machine_the_engines_and_what_fits(tmp_path: Path) -> None:
    result = run(program=AS_INSTALLED, HF_HUB_CACHE=str(tmp_path))
    assert result.returncode == 0 and result.stderr == ""
    for said in ("processor", "memory", "graphics card", "embedded", "25.806 billion", "experts 22.838"):
        assert said in result.stdout
    assert f"hf download {DEFAULT_MODEL} (takes 51.6 GB of disk" in result.stdout
    row = next(line for line in result.stdout.splitlines() if line.startswith("4 bit") and "262,144" in line)
    assert row.split()[3:5] == ["15.28", "5.96"] and row.split()[-4:] == ["3", "32", "32", "32"]


def test_json_holds_the_same_sums_in_bytes(tmp_path: Path) -> None:
    found = as_json(program=AS_INSTALLED, HF_HUB_CACHE=str(tmp_path))
    assert sum(found["parameters"].values()) == 25_805_933_872
    assert found["cards"][-4:] == [24 * GB, 40 * GB, 48 * GB, 80 * GB]
    assert found["weights"]["complete"] is False and found["weights"]["bytes"] == 0
    assert found["weights"]["download"] == weight_bytes(GEMMA_4_26B_A4B, "none")
    assert {(row["quantisation"], row["context"]) for row in found["fits"]} == {
        (kind, context) for kind in ("nf4", "int8", "none", "stock nf4") for context in (8192, 32_768, 131_072, 262_144)
    }
    for row in found["fits"]:
        assert row["total"] == row["weights"] + row["cache"] + row["workspace"] + GB
        for card, replies in zip(found["cards"], row["most_replies"], strict=True):
            assert (replies >= 1) == (row["total"] <= card)


def test_without_the_extra_it_runs_at_once_and_says_what_brings_the_rest(tmp_path: Path) -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        assert run(HF_HUB_CACHE=str(tmp_path)).returncode == 0
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(3)) < 2
    found = as_json(HF_HUB_CACHE=str(tmp_path))
    absent = {library["name"] for library in found["libraries"] if library["version"] is None}
    assert absent == {"torch", "transformers", "bitsandbytes", "accelerate", "llguidance"}
    engines = {engine["engine"]: engine for engine in found["engines"]}
    assert engines["embedded"]["works"] and not engines["gemma"]["works"]
    assert "torch, transformers" in engines["gemma"]["reason"] and "extra `gemma`" in engines["gemma"]["reason"]
    assert "in 4 bit it takes 17.7" in engines["gemma"]["reason"]
    assert next(row["most_replies"][-4:] for row in found["fits"] if row["context"] == 262_144) == [3, 32, 32, 32]


def test_a_folder_is_summed_up_from_its_own_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(small_config()))
    (tmp_path / "model.safetensors").write_bytes(bytes(1000))
    found = as_json("--model", tmp_path)
    assert found["parameters"]["experts"] * 5 == 22_837_985_280
    assert found["weights"]["complete"] and found["weights"]["bytes"] == 1000 and found["weights"]["command"] == ""
    assert {row["context"] for row in found["fits"]} == {8192, 32_768}
    assert "Its weights are here" in run("--model", tmp_path).stdout


def test_weights_in_the_cache_are_found_whole_or_in_part(tmp_path: Path) -> None:
    parts = ("model-1.safetensors", "model-2.safetensors")
    index = json.dumps({"weight_map": {"a": parts[0], "b": parts[1], "c": parts[0]}}).encode()
    files = {INDEX: index, parts[0]: bytes(70), parts[1]: bytes(30)}
    snapshot = in_the_cache(tmp_path, "google/gemma-4-26B-A4B-it", small_config(), files)
    whole = as_json(HF_HUB_CACHE=str(tmp_path))["weights"]
    assert whole["complete"] and whole["bytes"] == 100 and whole["folder"] == str(snapshot)
    (snapshot / parts[1]).unlink()
    part = as_json(HF_HUB_CACHE=str(tmp_path))["weights"]
    assert not part["complete"] and part["missing"] == [parts[1]]
    assert "missing here (model-2.safetensors)" in run(HF_HUB_CACHE=str(tmp_path)).stdout


def test_the_config_in_the_cache_wins_over_the_known_dimensions(tmp_path: Path) -> None:
    in_the_cache(tmp_path, DEFAULT_MODEL, small_config(), {})
    found = as_json(HF_HUB_CACHE=str(tmp_path))
    assert found["parameters"]["experts"] * 5 == 22_837_985_280 and not found["weights"]["complete"]


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HF_HUB_CACHE": "/a/b"}, "/a/b"),
        ({"HF_HOME": "/a"}, "/a/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"HOME": "/h"}, "/h/.cache/huggingface/hub"),
    ],
)
def test_the_cache_is_where_the_hubs_own_library_puts_it(
    environment: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert hub_folder() == Path(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no config.json"), ("{", "JSON"), ("[]", "no JSON object"), ('{"model_type": "bert"}', "not describe")],
)
def test_a_folder_that_is_no_gemma_4_is_refused_in_one_line(content: str | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    result = run("--model", tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    assert said in result.stderr and result.stderr.startswith("intaglio: ") and result.stderr.count("\n") == 1


def test_a_model_that_is_not_here_names_the_command_that_gets_its_dimensions(tmp_path: Path) -> None:
    result = run("--model", "someone/gemma-4-other", HF_HUB_CACHE=str(tmp_path))
    assert result.returncode == 2 and "hf download someone/gemma-4-other config.json" in result.stderr


def test_an_index_that_is_damaged_is_refused(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("{")
    with pytest.raises(UsageError, match=r"index\.json"):
        look_up(str(tmp_path))


def test_the_default_models_dimensions_need_nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert read_config(look_up(DEFAULT_MODEL)) is GEMMA_4_26B_A4B


def a_driver_that_answers(folder: Path, answer: str) -> str:
    """A PATH with a program in the place of nvidia-smi that prints what the real one would."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_a_card_that_torch_cannot_use_is_listed_with_the_reason(tmp_path: Path) -> None:
    path = a_driver_that_answers(tmp_path, "NVIDIA Example, 24564, 24000, 570.1\nNVIDIA Shared, [N/A], [N/A], 570.1")
    found = as_json(PATH=path, HF_HUB_CACHE=str(tmp_path))
    cards = found["machine"]["cards"]
    assert [(card["name"], card["total_bytes"], card["usable"]) for card in cards["found"]] == [
        ("NVIDIA Example", 24_564 << 20, False),
        ("NVIDIA Shared", None, False),
    ]
    assert cards["driver"] == "570.1" and "torch is not installed" in cards["trouble"]
    assert found["cards"] == [24_564 << 20, 24 * GB, 40 * GB, 48 * GB, 80 * GB]
    assert found["fits"][3]["context"] == 262_144 and found["fits"][3]["most_replies"][0] == 8
    gemma = found["engines"][1]
    assert not gemma["works"] and "NVIDIA Example is there, but torch is not installed" in gemma["reason"]
    assert "this card, 25.8 GB" in run(PATH=path, HF_HUB_CACHE=str(tmp_path)).stdout


def test_the_documentation_shows_the_table_as_it_is_printed(tmp_path: Path) -> None:
    found = as_json(HF_HUB_CACHE=str(tmp_path))
    text = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    shown = [line.split() for line in text.splitlines() if re.match(r"    (\d+ bit|load_in_4bit) ", line)]
    sums = [(row["weights"], row["cache"], row["workspace"], row["total"]) for row in found["fits"]]
    assert [line[-9:] for line in shown] == [
        [f"{row['context']:,}"]
        + [f"{size / GB:.2f}" for size in sizes]
        + [str(count or "-") for count in row["most_replies"][-4:]]
        for row, sizes in zip(found["fits"], sums, strict=True)
    ]
