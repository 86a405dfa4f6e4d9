"""Vocabularies of 262,144 tokens for measuring grammars: one made up in the shape of Gemma 4's, or the real one.

The real one is read from the metadata of a GGUF file, which is not part of this project. Both cut text by the longest
match, where the real tokenizer merges pairs; the tokens are the same, and mostly so are the cuts.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from llguidance import LLTokenizer, TokenizerWrapper

SIZE = 262_144
_BYTE = re.compile(rb"<0x([0-9A-F]{2})>")
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_SPECIAL, _BYTES = (3, 4), 6  # types of tokens: control and the user's own; single bytes
_SCRIPTS = {  # first and last letter, share of the vocabulary; after the real one's
    "latin": ("a", "z", 0.62), "accented": ("à", "ÿ", 0.06), "cyrillic": ("а", "я", 0.06), "greek": ("α", "ω", 0.02),
    "hebrew": ("א", "ת", 0.01), "arabic": ("ب", "ي", 0.04), "devanagari": ("क", "ह", 0.07), "thai": ("ก", "ฮ", 0.03),
    "hangul": ("가", "힣", 0.03), "han": ("一", "鿿", 0.06),
}  # fmt: skip


class Vocabulary:
    """What llguidance wants of a tokenizer. tokens: the bytes of each; special: ids that write nothing."""

    def __init__(self, tokens: list[bytes], special: list[int]) -> None:
        self.tokens, self.special_token_ids = tokens, special
        self.bos_token_id, self.eos_token_id = 2, 1
        apart = set(special)
        self._numbers = {token: at for at, token in reversed(list(enumerate(tokens))) if token and at not in apart}
        self._longest = max(map(len, self._numbers))

    def __call__(self, text: bytes | str) -> list[int]:
        data, at, found = text.encode() if isinstance(text, str) else text, 0, list[int]()
        while at < len(data):
            size = next(
                n for n in range(self._longest, 0, -1) if data[at : at + n] in self._numbers and at + n <= len(data)
            )
            found.append(self._numbers[data[at : at + size]])
            at += size
        return found

    def tokenizer(self) -> LLTokenizer:
        return LLTokenizer(TokenizerWrapper(self), eos_token=[1, 106])


def made_up() -> Vocabulary:
    """Markers, bytes, single digits, runs of blanks, what JSON and code put between words, and words of ten scripts.

    Half the words begin with a blank; lengths in bytes are spread as in the real one (median 6, nine tenths under 13).
    """
    choose = random.Random(4)
    tokens: dict[bytes, None] = dict.fromkeys(f"<marker{number}>".encode() for number in range(256))
    tokens |= dict.fromkeys(bytes([byte]) for byte in range(256))
    tokens |= dict.fromkeys(blank * size for blank in (b" ", b"\n", b"\t") for size in range(2, 31))
    marks = [b"", *(bytes([byte]) for byte in b"\"'{}[]():;,.<>/=-_$#@!?\\|*&%+ ")]
    tokens |= dict.fromkeys(
        b"".join(three) for three in product(marks, repeat=3) if choose.random() < 0.12 and any(three)
    )
    tokens |= dict.fromkeys(
        [b'{"', b'":', b'":"', b'","', b'},{"', b'"}', b'"}]', b"null", b"true", b"false", b" null"]
    )
    scripts, shares = list(_SCRIPTS.values()), [share for *_, share in _SCRIPTS.values()]
    lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15]
    while len(tokens) < SIZE:
        first, last, _ = choose.choices(scripts, shares)[0]
        size = choose.choices(lengths, [1, 2, 8, 14, 16, 15, 13, 11, 8, 6, 4, 2])[0]
        letters = size if first.isascii() else max(1, size // 2)
        word = "".join(chr(choose.randint(ord(first), ord(last))) for _ in range(letters))
        tokens[(choose.choice(("", " ")) + (word.title() if choose.random() < 0.2 else word)).encode()] = None
    return Vocabulary(list(tokens), list(range(256)))


def from_gguf(path: Path) -> Vocabulary:
    """Source of the format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""
    data = dict(_metadata(path.read_bytes()))
    kinds, words = data["tokenizer.ggml.token_type"], data["tokenizer.ggml.tokens"]
    tokens = []
    for word, kind in zip(words, kinds, strict=True):
        byte = _BYTE.fullmatch(word) if kind == _BYTES else None
        tokens.append(bytes.fromhex(byte[1].decode()) if byte else word.replace("▁".encode(), b" "))
    return Vocabulary(tokens, [at for at, kind in enumerate(kinds) if kind in _SPECIAL])


def _metadata(data: bytes) -> Iterator[tuple[str, Any]]:
    at = 24

    def number(form: str) -> Any:
        nonlocal at
        at += struct.calcsize(f"<{form}")
        return struct.unpack_from(f"<{form}", data, at - struct.calcsize(f"<{form}"))[0]

    def text() -> bytes:
        nonlocal at
        size = number("Q")
        at += size
        return data[at - size : at]

    def value(kind: int) -> Any:
        if kind == _TEXT:
            return text()
        if kind == _LIST:
            inner, count = number("I"), number("Q")
            return [value(inner) for _ in range(count)]
        return number(_FORMATS[kind])

    if data[:4] != b"GGUF":
        raise SystemExit("That is no GGUF file.")
    for _ in range(struct.unpack_from("<Q", data, 16)[0]):
        key = text().decode()
        yield key, value(number("I"))
