"""Reading in chunks and writing in batches give what transformers gives, from the real classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.gemma.cache import bytes_of, empty_cache
from model.gemma.decode import KEY, Guesser, Row
from model.gemma.prefill import chunks, picture_spans, prefill
from tests.writing import MOST, bounded, by_transformers, likeliest, restless, row, text, transformers_own, write


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> Any:
    return bounded(tiny_checkpoint)


@pytest.fixture(scope="module")
def stock(tiny_checkpoint: Path) -> Any:
    return transformers_own(tiny_checkpoint)


LENGTHS = (5, 33, 70, 150)  # shorter and longer than the local layers' window of 32


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("chunk", [2048, 16])
@pytest.mark.parametrize("draft", [0, 8])
def test_a_row_is_what_transformers_writes(model: Any, stock: Any, length: int, chunk: int, draft: int) -> None:
    written = row(model, text(length), chunk)
    write(model, [written], draft=draft)
    assert written.written == by_transformers(stock, text(length))
    assert len(set(written.written)) > 6
    assert written.finish == ("stop" if written.written[-1] == 1 else "length")


def test_a_batch_of_unequal_rows_writes_what_each_writes_alone(model: Any, stock: Any) -> None:
    rows = [row(model, text(length, seed=length)) for length in LENGTHS]
    write(model, rows)
    assert [each.written for each in rows] == [by_transformers(stock, text(length, seed=length)) for length in LENGTHS]


def test_guessing_saves_runs_where_the_text_repeats(model: Any) -> None:
    runs = []
    handle = model.model.register_forward_hook(lambda *_: runs.append(1))
    try:
        for draft, most in ((0, MOST - 1), (8, MOST // 2)):
            again = row(model, text(20))
            runs.clear()
            write(model, [again], likeliest, draft=draft)  # a random model repeats itself
            assert len(runs) <= most
    finally:
        handle.remove()


def test_a_prefix_is_read_once_and_gives_the_same_logits(model: Any) -> None:
    prompt, trunk = text(150), empty_cache(model.config)
    prefill(model, None, prompt, trunk, end=100)
    before = bytes_of(trunk)
    for _ in range(2):
        onward, afresh = row(model, prompt, trunk=trunk), row(model, prompt)
        assert torch.allclose(onward.logits, afresh.logits, atol=1e-4)
        write(model, [onward])
        write(model, [afresh])
        assert onward.written == afresh.written
    assert (trunk.get_seq_length(), bytes_of(trunk)) == (100, before)


def test_rows_end_by_end_token_limit_or_watcher_and_the_others_go_on(model: Any, stock: Any) -> None:
    def third_is_the_end(under_way: Sequence[Row], scores: torch.Tensor) -> list[int]:
        chosen = restless(under_way, scores)
        return [
            1 if each is rows[0] and len(each.written) == 3 else token
            for each, token in zip(under_way, chosen, strict=True)
        ]

    rows = [row(model, text(length, seed=length)) for length in (5, 33, 70)]
    alone = [by_transformers(stock, text(length, seed=length)) for length in (5, 33, 70)]
    rows[1].most = 7
    rows[2].ends = lambda token: "loop" if len(rows[2].written) == 11 else None
    assert write(model, rows, third_is_the_end) == rows
    assert [(len(each.written), each.finish) for each in rows] == [(4, "stop"), (7, "length"), (11, "loop")]
    assert [each.written for each in rows] == [[*alone[0][:3], 1], alone[1][:7], alone[2][:11]]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 20), st.data())
def test_chunks_cover_everything_once_and_cut_no_picture(seen: list[bool], most: int, data: st.DataObject) -> None:
    spans = picture_spans(seen)
    assert sum(after - begin for begin, after in spans) == sum(seen)
    assert all(all(seen[begin:after]) for begin, after in spans)
    start = data.draw(st.sampled_from([0, *(after for _, after in spans)]))
    pieces = list(chunks(start, len(seen), most, spans))
    assert [place for piece in pieces for place in range(*piece)] == list(range(start, len(seen)))
    for first, last in pieces:
        assert not any(begin < edge < after for begin, after in spans for edge in (first, last))
        assert last - first <= most or (first, last) in spans


def reference(text: Sequence[int], most: int) -> tuple[int, ...]:
    """What followed the last place before the end at which the last tokens stood, and again as often as need be."""
    for place in range(len(text) - 1, KEY - 1, -1):
        if text[place - KEY : place] == text[-KEY:]:
            since = text[place:]
            return tuple(since[number % len(since)] for number in range(most))
    return ()


@given(st.lists(st.integers(0, 2), max_size=30), st.lists(st.integers(0, 2), max_size=30), st.integers(0, 6))
def test_a_guess_is_what_followed_the_same_tokens_last_time(source: list[int], written: list[int], most: int) -> None:
    guesser = Guesser(source)
    for length in range(len(written) + 1):
        so_far = [*source, *written[:length]]
        assert guesser.after(written[:length], most) == reference(so_far, most)
