"""The text of a mail that Outlook keeps as compressed RTF only ([MS-OXRTFCP])."""

from __future__ import annotations

import re
import struct

_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20"
    b"\\b\\i\\u\\tab\\tx"
)
SIZE = 4096  # bytes of the dictionary
MOST_BYTES = 16 << 20
_TOKEN = re.compile(
    rb"\\([a-z]+)(-?\d+)? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+", re.IGNORECASE
)
_SILENT = frozenset(b"fonttbl colortbl stylesheet info pict object themedata datastore generator listtable".split())
_SAID = {b"par": "\n", b"line": "\n", b"tab": "\t", b"cell": "\t", b"row": "\n", b"bullet": "•", b"emdash": "—",
         b"endash": "–", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”"}  # fmt: skip


def text_of_rtf(packed: bytes) -> str:
    """Its running text, without what RTF says of looks."""
    words: list[str] = []
    silent: list[bool] = [False]
    encoding, skip = "cp1252", 0
    for word, number, byte, sign, brace, text in _TOKEN.findall(unpacked(packed)):
        if brace == b"{":
            silent.append(silent[-1])
        elif brace == b"}":
            silent = silent[:-1] or [False]
        elif word in _SILENT or sign == b"*":
            silent[-1] = True
        elif word == b"ansicpg" and number:
            encoding = f"cp{number.decode()}"
        elif silent[-1]:
            continue
        elif word == b"u" and number:
            words.append(chr(int(number) % 65536))
            skip = 1
        elif byte and skip:
            skip = 0
        elif word:
            words.append(_SAID.get(word, ""))
        elif sign:
            words.append({b"~": "\u00a0", b"_": "-"}.get(sign, sign.decode("latin-1") if sign in b"\\{}" else ""))
        else:
            raw, skip = bytes.fromhex(byte.decode()) if byte else text[skip:], 0
            words.append(_letters(raw, encoding))
    return "".join(words).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _letters(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding, "replace")
    except LookupError:
        return raw.decode("cp1252", "replace")


def unpacked(packed: bytes) -> bytes:
    """Raises ValueError where it is not compressed RTF."""
    if len(packed) < 16:
        raise ValueError("its RTF is cut off")
    _, size, kind, _ = struct.unpack_from("<IIII", packed)
    if kind == 0x414C454D:  # "MELA": not compressed
        return packed[16 : 16 + size]
    if kind != 0x75465A4C:  # "LZFu"
        raise ValueError("its RTF is of an unknown kind")
    window = bytearray(_START.ljust(SIZE, b"\0"))
    write, place, out = len(_START), 16, bytearray()
    while place < len(packed) and len(out) < min(size, MOST_BYTES):
        control, place = packed[place], place + 1
        for bit in range(8):
            if place >= len(packed):
                break
            if control >> bit & 1:
                if place + 1 >= len(packed):
                    break
                reference = packed[place] << 8 | packed[place + 1]
                place += 2
                offset, length = reference >> 4, (reference & 15) + 2
                if offset == write:
                    return bytes(out)
                run = range(offset, offset + length)
            else:
                window[write] = packed[place]
                out.append(packed[place])
                write, place = (write + 1) % SIZE, place + 1
                continue
            for at in run:
                letter = window[at % SIZE]
                out.append(letter)
                window[write] = letter
                write = (write + 1) % SIZE
    return bytes(out)
