"""Log-probabilities by leaf, whatever the JSON and however tokens cut it; and JSON in free text."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.grammar.free import parse_free_json
from model.grammar.leaves import leaf_logprobs, leaf_spans
from schemas.errors import AnswerError
from schemas.pointer import leaves

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
LAYOUTS = st.sampled_from([{"separators": (",", ":")}, {}, {"indent": 2}, {"ensure_ascii": False}])


def cut(text: str, sizes: list[int]) -> list[bytes]:
    """The text's bytes in pieces of these sizes, over and over, with an empty one now and then."""
    data, pieces = text.encode(), list[bytes]()
    while data:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@given(VALUES, LAYOUTS)
def test_spans_hold_the_values(data: Any, layout: dict[str, Any]) -> None:
    text = json.dumps(data, **layout)
    found = [(pointer, json.loads(text[first:last])) for pointer, first, last in leaf_spans(text)]
    assert found == list(leaves(json.loads(text)))


@given(VALUES, LAYOUTS, st.lists(st.integers(0, 5), min_size=1).filter(any))
def test_every_leaf_has_the_tokens_that_write_it(data: Any, layout: dict[str, Any], sizes: list[int]) -> None:
    text = json.dumps(data, **layout)
    pieces = cut(text, sizes)
    found = leaf_logprobs(pieces, [float(-at) for at in range(len(pieces))])
    starts = [sum(map(len, pieces[:at])) for at in range(len(pieces))]
    expected = {}
    for pointer, first, last in leaf_spans(text):
        begin, end = len(text[:first].encode()), len(text[:last].encode())
        expected[pointer] = tuple(
            float(-at)
            for at, (start, piece) in enumerate(zip(starts, pieces, strict=True))
            if piece and start < end and start + len(piece) > begin
        )
    assert found == expected
    assert all(found.values())


def test_a_token_that_ends_one_value_and_begins_another_counts_for_both() -> None:
    pieces = [b'{"a":', b'"x', b'","', b'b":"', b"\xc3", b'\xa4"', b"}"]
    assert leaf_logprobs(pieces, [-1, -2, -3, -4, -5, -6, -7]) == {"/a": (-2, -3), "/b": (-4, -5, -6)}


def test_json_inside_other_text() -> None:
    pieces = ["Grüße: ".encode(), b"```json\n", b'{"a": ', b"5", b"}", b"\n```"]
    text = b"".join(pieces).decode()
    start = parse_free_json(text).start
    assert leaf_logprobs(pieces, [-1, -2, -3, -4, -5, -6], start) == {"/a": (-4,)}


def test_the_last_of_two_equal_keys_counts() -> None:
    text = '{"a":{"b":1},"a":{"c":2},"d":3}'
    assert [pointer for pointer, *_ in leaf_spans(text)] == ["/a/c", "/d"]


@pytest.mark.parametrize("text", ['{"a":1', '{"a"', "", '{"a":1,}', "[1 2]", '{"a":tru', "{1:2}", '{"a":"x'])
def test_what_is_not_whole_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|Illegal"):
        leaf_spans(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        'Here it is:\n```json\n{"a": 1}\n```\nI left {nothing} out.',
        '```\n{"a":1}\n```',
        '{"a": 1}\n\nAgain: {"a":1}',
        'The set {x} is {"a" : 1}.',
    ],
)
def test_the_object_in_free_text_is_found(text: str) -> None:
    free = parse_free_json(text)
    assert free.data == {"a": 1} and json.loads(text[free.start : free.end]) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I see no invoice.", "no JSON object"),
        ('```json\n{"a": {"b": 1}, "c": [', "no whole"),
        ('{"lines": [{"amount": 1}, {"amount": 2}', "no whole"),
        ('{"a": 1,}', "no whole"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": 1} or rather {"a": 2}', "2 JSON objects"),
        ("[1, 2]", "no JSON object"),
        ("{'a': 1}", "no JSON object"),
    ],
)
def test_nothing_is_repaired(text: str, words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        parse_free_json(text)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.data())
def test_a_cut_off_object_is_never_taken_for_a_whole_one(data: dict[str, Any], draw: st.DataObject) -> None:
    text = json.dumps(data)
    short = text[: draw.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(AnswerError):
        parse_free_json(short)
    assert parse_free_json(f"Here:\n{text}").data == data
