"""From the tokens of a reply to the values in it: what the model thought of each leaf's tokens."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from json import JSONDecodeError

from schemas.pointer import escaped

_BLANK = " \t\n\r"
_decode = json.JSONDecoder().raw_decode


def leaf_logprobs(pieces: Sequence[bytes], logprobs: Sequence[float], start: int = 0) -> dict[str, tuple[float, ...]]:
    """By JSON Pointer, the log-probabilities of the tokens of which the value has at least one byte.

    pieces: what each token wrote; together UTF-8, and from the character `start` on one whole JSON value. A text's
    quotes are part of it: the first token also says that there is a value at all, and the last that nothing more comes.
    Raises ValueError where there is no whole JSON.
    """
    text = b"".join(pieces).decode("utf-8")
    ends = list(accumulate(len(piece) for piece in pieces))
    at_byte = list(accumulate((len(char.encode()) for char in text), initial=0))
    found = {}
    for pointer, first, last in leaf_spans(text, start):
        from_token = bisect_right(ends, at_byte[first])
        to_token = bisect_left(ends, at_byte[last])
        found[pointer] = tuple(
            logprob
            for logprob, piece in zip(
                logprobs[from_token : to_token + 1], pieces[from_token : to_token + 1], strict=True
            )
            if piece
        )
    return found


def leaf_spans(text: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """(pointer, first character, character after the last) of everything that is no object and no list, in order.

    Of a key that stands twice the last counts, as for `json.loads`. Raises ValueError where the text is no whole JSON.
    """
    spans: dict[str, tuple[int, int]] = {}
    _walk(text, _skip(text, start), "", spans)
    return ((pointer, *span) for pointer, span in spans.items())


def _walk(text: str, at: int, pointer: str, spans: dict[str, tuple[int, int]]) -> int:
    """Notes the spans of the value that begins here, and returns where it ends."""
    if text[at : at + 1] == "{":
        return _walk_object(text, at + 1, pointer, spans)
    if text[at : at + 1] == "[":
        return _walk_list(text, at + 1, pointer, spans)
    _, end = _decode(text, at)
    spans[pointer] = (at, end)
    return int(end)


def _walk_object(text: str, at: int, pointer: str, spans: dict[str, tuple[int, int]]) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == "}":
        return at + 1
    keys: set[str] = set()
    while True:
        _after(text, at, '"')
        key, at = _decode(text, at)
        at = _skip(text, _after(text, _skip(text, at), ":"))
        inner = f"{pointer}/{escaped(key)}"
        if key in keys:
            for former in [known for known in spans if known == inner or known.startswith(f"{inner}/")]:
                del spans[former]
        keys.add(key)
        at = _skip(text, _walk(text, at, inner, spans))
        if text[at : at + 1] == "}":
            return at + 1
        at = _skip(text, _after(text, at, ","))


def _walk_list(text: str, at: int, pointer: str, spans: dict[str, tuple[int, int]]) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == "]":
        return at + 1
    index = 0
    while True:
        at = _skip(text, _walk(text, at, f"{pointer}/{index}", spans))
        if text[at : at + 1] == "]":
            return at + 1
        at, index = _skip(text, _after(text, at, ",")), index + 1


def _after(text: str, at: int, char: str) -> int:
    if text[at : at + 1] != char:
        raise JSONDecodeError(f"Expecting {char!r}", text, at)
    return at + 1


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at
