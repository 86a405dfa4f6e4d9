"""How long the grammar keeps a step of decoding waiting, with a vocabulary of Gemma 4's size.

    python -m benchmarks.grammar [--gguf FILE] [--steps N]

Valid replies to the built-in schemas are written token by token, as `decode` does it, through `Constraint`, one at a
time and eight at a time:

    mask_share_of_25ms_step  mean of the host's time for the masks of a step, over 25 ms; the larger of the two batches
    compile_ms_max           the longest that a built-in schema takes from schema to matcher
    mask_ms_batch_1, _8      the host's time for the masks of a step: mean, p50, p99
    cpu_ms_batch_1, _8       what comes on top where scores are on the CPU: applying the masks to (batch, vocabulary)
                             float32 scores, and the log-sums before and after. A GPU does that by itself

A table, then one last line of JSON.

By default the vocabulary is made up: 262,144 tokens in the shape of the real one, see `vocabularies`. With --gguf the
real one is read from a GGUF file. Both cut texts into the longest tokens, not quite where the model would cut them. The
replies are made up too: what can have a value has one, and every list has six items.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.vocabularies import from_gguf, made_up
from model.grammar.constraint import Constraint
from model.grammar.generation import generation_schema
from model.grammar.guidance import Grammars
from model.grammar.rows import Markers, Row, Rule
from schemas.registry import BUILTIN, load_contract

STEP_MS = 25.0
MARKERS = Markers(opens=100, closes=101, calls=48, pad=0, ends=frozenset((1, 106)))  # no rule here opens a thought

PROSE = (
    'Delivery within 14 days of receipt; please quote the "order number" on all letters.\n'
    "Zahlbar ohne Abzug bis zum Monatsende, Überweisung an die unten genannte Bank. Le prix s'entend hors taxes."
)
FORMS = ("2024-02-29", "14:30", "14:30:00", "2024-02-29T14:30:00Z", "P3D", "12.50", "DE", "EUR", "3000", "A1")


def example(schema: Mapping[str, Any], name: str = "") -> Any:
    """A value that fits a generation schema: every list has six items, and what can have a value has one."""
    if "anyOf" in schema:
        return example(schema["anyOf"][0], name)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema["type"]:
        case "object":
            return {name: example(inner, name) for name, inner in schema["properties"].items()}
        case "array":
            return [example(schema["items"], name) for _ in range(6)]
        case "string":
            return _example_text(schema, name)
        case "integer" | "number":
            fits = (
                value for value in (1284, 7, 1, 0) if schema.get("minimum", 0) <= value <= schema.get("maximum", value)
            )
            return next(fits)
        case "boolean":
            return True
    return None


def _example_text(schema: Mapping[str, Any], name: str) -> str:
    if "pattern" in schema:
        return next(form for form in FORMS if re.search(schema["pattern"], form))
    length = 200 if name in ("markdown", "text", "summary", "translation", "answer") else 30
    return PROSE[: min(length, schema.get("maxLength", length))]


def measure(
    grammars: Grammars, batch: Sequence[tuple[Mapping[str, Any], Sequence[int]]], most: int
) -> list[tuple[float, float]]:
    """(seconds for masks, seconds for all else) of every step, until a reply is whole or `most` are written."""
    steps = min(most, *(len(tokens) for _, tokens in batch))
    constraint = Constraint(grammars)
    rows = [Row(Rule(schema), grammars, MARKERS) for schema, _ in batch]
    ids = torch.tensor([tokens[:steps] for _, tokens in batch])
    scores = torch.randn(len(batch), grammars.tokenizer.vocab_size, generator=torch.Generator().manual_seed(0))
    found = []
    for step in range(steps):
        before, begun = constraint.seconds, time.perf_counter()
        masked = constraint.mask(rows, scores)
        constraint.take(rows, masked, ids[:, step])
        whole, masks = time.perf_counter() - begun, constraint.seconds - before
        found.append((masks, whole - masks))
        if bool(masked.scores.gather(1, ids[:, step : step + 1]).isneginf().any()):
            raise SystemExit("the grammar forbids a token of a valid reply.")
    return found


def compile_ms(grammars: Grammars, schemas: Sequence[Mapping[str, Any]]) -> list[float]:
    times = []
    for schema in schemas:
        begun = time.perf_counter()
        grammars.matcher(schema)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gguf", type=Path, help="file whose vocabulary is taken")
    parser.add_argument("--steps", type=int, default=80, help="tokens of a reply written at most")
    options = parser.parse_args(arguments)
    vocabulary = from_gguf(options.gguf) if options.gguf else made_up()
    grammars = Grammars(vocabulary.tokenizer())
    schemas = [generation_schema(load_contract(name)).schema for name in BUILTIN]
    compiled = compile_ms(grammars, schemas)
    replies = [
        (schema, vocabulary(json.dumps(example(schema), separators=(",", ":"), ensure_ascii=False).encode()))
        for schema in schemas
    ]
    figures: dict[str, float] = {"vocabulary": len(vocabulary.tokens), "compile_ms_max": max(compiled)}
    for rows in (1, 8):
        batches = [
            [replies[(first + at) % len(replies)] for at in range(rows)]
            for first in range(0, len(replies), (rows + 1) // 2)
        ]
        steps = [step for batch in batches for step in measure(grammars, batch, options.steps)]
        masks, rest = 1000 * np.array(steps).T
        figures |= {
            f"steps_batch_{rows}": len(steps),
            f"mask_ms_batch_{rows}": float(masks.mean()),
            f"mask_ms_p50_batch_{rows}": float(np.percentile(masks, 50)),
            f"mask_ms_p99_batch_{rows}": float(np.percentile(masks, 99)),
            f"mask_ms_max_batch_{rows}": float(masks.max()),
            f"cpu_ms_batch_{rows}": float(rest.mean()),
        }
    figures["mask_share_of_25ms_step"] = max(figures["mask_ms_batch_1"], figures["mask_ms_batch_8"]) / STEP_MS
    for name, value in figures.items():
        print(f"{name:24} {value:12.4f}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
