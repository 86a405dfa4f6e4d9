"""How text reaches a terminal: in width and colour that suit it, and never as commands to it."""

from __future__ import annotations

import sys

from rich.console import Console

COLOURS = {"accepted": "green", "review": "yellow", "absent": "dim", "failed": "red"}
FILE_WIDTH = 160  # characters of a line that goes to a file or a log


def console() -> Console:
    """Standard output."""
    return Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)


def plain(text: str) -> str:
    """The text with control and direction-changing characters made visible: a document must not write to a terminal."""
    return "".join(char if char.isprintable() else " " if char.isspace() else f"\\x{ord(char):02x}" for char in text)
