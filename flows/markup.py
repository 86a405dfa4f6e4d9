"""HTML that cannot be broken out of: whatever is not made here is text, and text is escaped."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from flows.terminal import plain


class Markup(str):
    """HTML made by `element`; any other text is escaped when it becomes a part of an element."""

    __slots__ = ()


def element(tag: str, *parts: str, **attributes: str | float) -> Markup:
    """An element with its parts in it. A trailing or inner `_` of an attribute's name is left out or becomes `-`.

    Control and direction-changing characters of a text are made visible, so that it shows as what it is.
    """
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(plain(str(value)))}"' for name, value in attributes.items()
    )
    return Markup(f"<{tag}{told}>{''.join(map(text, parts))}</{tag}>")


def text(part: str) -> Markup:
    """A part of an element: itself if it is markup, else escaped."""
    return part if isinstance(part, Markup) else Markup(escape(plain(part)))


def page(title: str, style: str, *parts: Markup) -> str:
    """A whole page that needs nothing else and may load nothing: no script, no picture, no font, no frame.

    style: CSS, the only thing that the page's policy lets a browser apply; it goes by its hash. Source of the policy:
    https://www.w3.org/TR/CSP3/.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="referrer" content="no-referrer">'
        f"{element('title', title)}<style>{style}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n{element("body", *parts)}</html>\n'
