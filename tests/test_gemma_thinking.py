"""A thought is parted from the reply by its tokens, and never gets into it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.gemma.processor import CHANNEL_CLOSE, CHANNEL_OPEN, Processor, load_processor
from model.gemma.thinking import part, thought_text
from tests.tiny_gemma import _save_processor, tiny_tokenizer


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Processor:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    _save_processor(folder, tiny_tokenizer())
    return load_processor(folder)


def tokens(processor: Processor, text: str) -> list[int]:
    ids: list[int] = processor.tokenizer.encode(text, add_special_tokens=False)
    return ids


@pytest.mark.parametrize(
    ("written", "in_thought", "reply", "thought", "whole"),
    [
        ('{"a":1}', False, '{"a":1}', "", True),
        ('<|channel>thought\nIt says 1.<channel|>{"a":1}', False, '{"a":1}', "It says 1.", True),
        ('<|channel>thought\n<channel|>{"a":1}', False, '{"a":1}', "", True),
        ('It says 1.<channel|>{"a":1}', True, '{"a":1}', "It says 1.", True),
        ('thought\nIt says 1.<channel|>{"a":1}', False, '{"a":1}', "It says 1.", True),
        ('<|channel>thought\nSo {"a":1} it', False, "", 'So {"a":1} it', False),
        ('{"a":1', True, "", '{"a":1', False),
        ('<|channel>thought\nx<channel|>{"a":<|channel>thought\ny<channel|>1}', False, '{"a":1}', "x\n\ny", True),
        ('<|channel>thought\nx<|channel>y<channel|>{"a":1}', False, '{"a":1}', "x<|channel>y", True),
        ('{"a":1}<|channel>thought\nx', False, "", "x", False),
        ("", False, "", "", True),
        ("", True, "", "", False),
    ],
)
def test_thought_and_reply_are_parted(
    processor: Processor, written: str, in_thought: bool, reply: str, thought: str, whole: bool
) -> None:
    parted = part(processor, tokens(processor, written), in_thought=in_thought)
    assert processor.text(parted.reply) == reply
    assert thought_text(processor, parted) == thought
    assert parted.whole is whole


def test_markers_that_are_only_text_part_nothing(processor: Processor) -> None:
    spelled = [*tokens(processor, "<|chan"), *tokens(processor, "nel>thought")]
    assert part(processor, spelled).reply == tuple(spelled)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 9), max_size=4)), max_size=6), st.booleans())
def test_every_token_is_in_a_thought_or_in_the_reply_as_it_was_written(
    processor: Processor, runs: list[tuple[bool, list[int]]], cut: bool
) -> None:
    begin, end = processor.ids[CHANNEL_OPEN], processor.ids[CHANNEL_CLOSE]
    outside, thoughts = [100 + n for is_thought, run in runs if not is_thought for n in run], []
    written: list[int] = []
    for is_thought, run in runs:
        written += [begin, *run, end] if is_thought else [100 + n for n in run]
        thoughts += [tuple(run)] if is_thought else []
    parted = part(processor, [*written, begin, 5] if cut else written)
    assert parted.thoughts == tuple([*thoughts, (5,)] if cut else thoughts)
    assert parted.reply == (() if cut else tuple(outside))
    assert parted.whole is not cut


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.booleans())
def test_no_order_of_markers_lets_a_thought_into_the_reply(
    processor: Processor, choices: list[int], in_thought: bool
) -> None:
    begin, end = processor.ids[CHANNEL_OPEN], processor.ids[CHANNEL_CLOSE]
    written = [(begin, end, 200 + place, 300 + place)[choice] for place, choice in enumerate(choices)]
    parted = part(processor, written, in_thought=in_thought)
    assert not {begin, end} & set(parted.reply)
    last = max((place for place, number in enumerate(written) if number in (begin, end)), default=-1)
    if last >= 0 and written[last] == begin:
        assert parted.reply == ()
    if last >= 0 and written[last] == end:
        assert parted.reply[-len(written[last + 1 :]) or len(parted.reply) :] == tuple(written[last + 1 :])
