"""Slices of a document: written as a batch over one copy of what was read, they are what each would be by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DynamicCache
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from model.gemma import attention
from model.gemma.attention import Shared, bounded_attention
from model.gemma.cache import bytes_of, merged, only
from model.gemma.decode import Row
from model.gemma.prompt import Prompt
from tests.memory import peak_bytes
from tests.writing import bounded, by_transformers, row, tasks, text, transformers_own, trunk_of, write

PREFIX = 4096  # tokens of the document
TASKS = (1, 4, 9, 17, 30, 31, 45, 70)  # tokens of each slice's task: shorter and longer than the window of 32
MOST = (40, 3, 25, 60, 8, 33, 12, 50)  # tokens that each slice writes


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> Any:
    return bounded(tiny_checkpoint)


@pytest.fixture(scope="module")
def stock(tiny_checkpoint: Path) -> Any:
    return transformers_own(tiny_checkpoint)


def sliced(model: Any, trunk: DynamicCache, prompts: Sequence[Prompt], most: Sequence[int] = MOST) -> list[Row[str]]:
    return [row(model, prompt, trunk=trunk, most=limit) for prompt, limit in zip(prompts, most, strict=True)]


@pytest.fixture(scope="module")
def trunk(model: Any) -> DynamicCache:
    return trunk_of(model, tasks(PREFIX, TASKS)[0])


@pytest.fixture(scope="module")
def fresh(stock: Any) -> list[list[int]]:
    """What transformers writes that reads the whole of each prompt anew, one by one."""
    return [by_transformers(stock, prompt, most) for prompt, most in zip(tasks(PREFIX, TASKS), MOST, strict=True)]


def test_slices_over_a_reused_prefix_write_what_they_write_over_a_fresh_one(
    model: Any, trunk: DynamicCache, fresh: list[list[int]]
) -> None:
    for one, expected in zip(sliced(model, trunk, tasks(PREFIX, TASKS)), fresh, strict=True):
        write(model, [one])
        assert one.written == expected
    assert len({token for written in fresh for token in written}) > 30


@pytest.mark.parametrize("most_rows", [8, 3])
def test_so_does_a_batch_of_eight_of_unequal_lengths_however_many_are_written_at_a_time(
    model: Any, trunk: DynamicCache, fresh: list[list[int]], most_rows: int
) -> None:
    before, rows = bytes_of(trunk), sliced(model, trunk, tasks(PREFIX, TASKS))
    ended = write(model, rows, most_rows=most_rows)
    assert [one.written for one in rows] == fresh
    assert ended[0].subject == "1"  # the shortest does not wait for the others
    assert bytes_of(trunk) == before


@settings(max_examples=6, deadline=None)
@given(
    st.integers(1, 60), st.lists(st.tuples(st.integers(1, 50), st.integers(1, 45)), min_size=1, max_size=5), st.data()
)
def test_rows_may_join_and_leave_at_any_time(
    model: Any, prefix: int, slices: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Around the local layers' window, where some rows still see what they share, and others no more."""
    lengths, most = zip(*slices, strict=True)
    prompts = tasks(prefix, lengths)
    trunk = trunk_of(model, prompts[0], chunk=data.draw(st.sampled_from([7, 2048])))
    together = sliced(model, trunk, prompts, most)
    write(model, together, most_rows=data.draw(st.integers(1, 4)), draft=data.draw(st.sampled_from([0, 8])))
    for one, prompt, limit in zip(together, prompts, most, strict=True):
        [alone] = write(model, [row(model, prompt, most=limit)], draft=0)
        assert one.written == alone.written


def test_rows_that_have_ended_cost_no_more_runs(model: Any, trunk: DynamicCache) -> None:
    """Of eight slices, one is ten times as long as the others, and three are written at a time."""
    sizes: list[int] = []
    handle = model.model.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(kwargs["input_ids"].shape[0]), with_kwargs=True
    )
    most = [60, *[6] * 7]
    try:
        rows = sliced(model, trunk, tasks(PREFIX, (3,) * 8), most)
        sizes.clear()
        write(model, rows, most_rows=3, draft=0)
    finally:
        handle.remove()
    assert all(len(one.written) == limit for one, limit in zip(rows, most, strict=True))
    assert sum(sizes) == sum(limit - 1 for limit in most)  # the first token comes with reading
    assert len(sizes) == max(most) - 1


def test_eight_slices_take_at_most_a_tenth_more_than_one(model: Any) -> None:
    prompts = tasks(PREFIX, (2, 3, 5, 7, 9, 10, 11, 12))
    trunk = trunk_of(model, prompts[0])
    one = merged([sliced(model, trunk, prompts)[-1].cache])
    eight = merged([each.cache for each in sliced(model, trunk, prompts)])
    assert bytes_of(trunk, eight) <= 1.1 * bytes_of(trunk, one)
    assert bytes_of(eight) == bytes_of(trunk, eight)
    assert bytes_of(only(eight, [1], PREFIX + 3)) - bytes_of(trunk) < (bytes_of(one) - bytes_of(trunk)) / 3


def test_caches_of_other_documents_are_not_merged(model: Any) -> None:
    rows = [row(model, prompt, trunk=trunk_of(model, prompt)) for prompt in (tasks(9, [3])[0], tasks(11, [3])[0])]
    with pytest.raises(ValueError, match="one trunk"):
        merged([each.cache for each in rows])


# Logits and memory of the attention itself.


@pytest.mark.parametrize("padded", [False, True], ids=["whole", "padded"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("keys", [1, 64, 4096])
@torch.no_grad()
def test_logits_are_those_of_stock_attention(model: Any, stock: Any, keys: int, batch: int, padded: bool) -> None:
    ids = torch.tensor([text(keys, seed).ids for seed in range(batch)])
    mask = torch.ones_like(ids)
    if padded:
        for at in range(batch):
            mask[at, : keys * (at + 1) // 6] = 0  # on the left, each row another length; a single key stays
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}
    ours, theirs = (each(**inputs, logits_to_keep=64).logits for each in (model, stock))
    seen = mask[:, -64:].bool()
    assert theirs[seen].std() > 0.5
    torch.testing.assert_close(ours[seen], theirs[seen], atol=2e-4, rtol=1e-4)


class Heads:
    """What transformers' attention wants to know of a layer: sixteen query heads, two of keys."""

    num_key_value_groups = 8
    is_sliding = False
    is_causal = True


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("keys", [1, 64, 4096])
@pytest.mark.parametrize("scratch", [1 << 20, 256 << 20])
def test_attention_is_that_of_stock_at_the_real_head_sizes(keys: int, batch: int, scratch: int) -> None:
    """One query that is being written, and a chunk that is being read; keys apart, or shared but the last."""
    torch.manual_seed(0)
    for queries in {1, min(keys, 6)}:
        query = torch.randn(batch, 16, queries, 512)
        trunk, value = torch.randn(2, 1, 2, keys, 512) * 0.1
        own = [torch.randn(batch, 2, 24, 512) * 0.1 for _ in range(2)]
        spans = torch.randint(0, 24 - queries + 1, (batch, 1)) if queries < 24 else torch.zeros(batch, 1)
        padding = (torch.arange(24) >= spans)[:, None, None]
        mask = padding & torch.ones(queries, 24).tril(24 - queries).bool()
        ours = bounded_attention(query, Shared(trunk, own[0]), Shared(value, own[1]), mask, 1.0, scratch)
        whole = [
            torch.cat([part.expand(batch, -1, -1, -1), last], 2) for part, last in zip((trunk, value), own, strict=True)
        ]
        visible = torch.cat([torch.ones(batch, 1, queries, keys, dtype=torch.bool), mask], dim=-1)
        theirs, _ = sdpa_attention_forward(Heads(), query, *whole, visible, scaling=1.0)
        torch.testing.assert_close(ours.transpose(1, 2), theirs, atol=2e-5, rtol=2e-5)
        apart = bounded_attention(query, *whole, visible[..., -24:], 1.0, scratch)
        torch.testing.assert_close(apart, ours, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("batch", "queries", "own"), [(1, 20, 0), (1, 1, 0), (8, 1, 40), (4, 1, 0)])
def test_scratch_stays_within_its_setting_at_32768_tokens(batch: int, queries: int, own: int, dtype: Any) -> None:
    """The keys of one layer take 67 MB in 16 bit, and would take eight times that for every head."""
    scratch = 12 << 20
    rows = batch if not own else 1
    query = torch.randn(batch, 16, queries, 512, dtype=dtype)
    key, value = (torch.zeros(rows, 2, 32_768 // (4 if rows > 1 else 1), 512, dtype=dtype) for _ in range(2))
    if own:
        key, value = (Shared(each, torch.zeros(batch, 2, own, 512, dtype=dtype)) for each in (key, value))
    out, peak = peak_bytes(lambda: bounded_attention(query, key, value, None, 1.0, scratch))
    assert 0 < peak - out.nbytes <= scratch


def test_keys_of_16_bit_are_multiplied_as_they_are_where_a_gpu_can() -> None:
    """Without memory, as there is no GPU here: what is asked of torch exists, and gives fp32 of the right shape."""
    keys = torch.empty(4, 2, 100, 512, dtype=torch.bfloat16, device="meta")[:, :, 10:60]
    scores = attention._narrow(torch.empty(4, 2, 8, 512, device="meta"), keys.transpose(-1, -2))
    assert (scores.shape, scores.dtype) == ((4, 2, 8, 50), torch.float32)
    assert attention._narrow(scores, keys).shape == (4, 2, 8, 512)
