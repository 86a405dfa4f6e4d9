"""Bytes of text to letters, whatever their encoding."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 1 << 16  # bytes that are looked at to guess an encoding
WESTERN = "cp1252"
FEW, FEW_SHARE = 40, 0.4  # letters with accents, of all letters: too few to tell encodings apart by
_ASCII_LETTERS = re.compile(rb"[A-Za-z]")
_EAST = (
    ("euc_jp", re.compile("[\u3041-\u30ff]"), 0.2),
    ("cp932", re.compile("[\u3041-\u30ff]"), 0.2),
    ("cp949", re.compile("[\uac00-\ud7a3]"), 0.85),
)
_KNOWN = (
    "cp1252 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 iso8859_2 iso8859_5 iso8859_7 iso8859_9 koi8_r "
    "koi8_u cp866 cp852 cp850 mac_roman mac_cyrillic gb18030 big5 cp932 euc_jp cp949 johab tis_620 iso2022_jp"
).split()
MOST_CONTROLS = 0.02  # of the bytes, that a text may have
_CONTROLS = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_UNPRINTED = dict.fromkeys((0, 65279))


def looks_like_text(content: bytes) -> bool:
    """Whether it has the marks of Unicode, or hardly any bytes that no text has."""
    if content.startswith(tuple(mark for mark, _ in _MARKS)) or _wide(content):
        return True
    head = content[:SAMPLE]
    return len(_CONTROLS.findall(head)) <= MOST_CONTROLS * len(head) and b"\x00" not in head


def decoded(content: bytes, declared: str = "") -> str:
    """The text. declared: an encoding that the file itself names; believed where the bytes are of it.

    By its mark, as UTF-8 where that is what it is, by the frequency of its letters, and else as Western European.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace").translate(_UNPRINTED)
    for encoding in filter(None, (_wide(content), "utf-8", declared)):
        try:
            return content.decode(encoding).translate(_UNPRINTED)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode(_guessed(content), "replace")


def _wide(content: bytes) -> str:
    """UTF-16 or UTF-32 without a mark: of the Latin letters in it, every other byte is zero."""
    head = content[:SAMPLE]
    if b"\x00" not in head or len(content) % 2:
        return ""
    even, odd = head[::2].count(0) / (len(head) / 2), head[1::2].count(0) / (len(head) / 2)
    if even > 0.4 and odd > 0.4:
        return ("utf-32-be" if head[:3] == bytes(3) else "utf-32-le") if len(content) % 4 == 0 else ""
    return "utf-16-be" if even > 0.3 and odd < 0.05 else "utf-16-le" if odd > 0.3 and even < 0.05 else ""


def _guessed(content: bytes) -> str:
    """Of few letters with accents the commonest encoding; of Japanese and Korean what gives their own letters."""
    head = content[:SAMPLE]
    high = sum(byte > 127 for byte in head)
    letters = len(_ASCII_LETTERS.findall(head))
    if high < FEW and high < letters * FEW_SHARE:
        return WESTERN
    for encoding, own, least in _EAST:
        text = head.decode(encoding, "replace")
        if text.count("\ufffd") <= 1 and len(own.findall(text)) > least * sum(letter > "\x7f" for letter in text):
            return encoding  # one may be cut off at the end
    from charset_normalizer import from_bytes

    best = from_bytes(head, cp_isolation=list(_KNOWN), enable_fallback=False).best()
    return best.encoding if best is not None else WESTERN
