"""Which kind of text a text is: mail, HTML, XML, a table of values, Markdown, or just text."""

from __future__ import annotations

import re
from collections import Counter

from pipeline.opening.delimited import delimiter_of
from pipeline.opening.encodings import decoded
from schemas.errors import EmptyDocument

HTML, XML, CSV, TSV = "text/html", "application/xml", "text/csv", "text/tab-separated-values"
MARKDOWN, PLAIN, MAIL = "text/markdown", "text/plain", "message/rfc822"
SAMPLE = 1 << 15  # characters that are looked at
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*):[ \t]?(.*(?:\r?\n[ \t].*)*)\r?\n")
_OF_MAILS = frozenset(
    "from to cc subject date received message-id mime-version return-path delivered-to reply-to sender".split()
)
_HTML = re.compile(
    r"<(?:!doctype\s+html|html|head|body|table|div|p|h[1-6]|span|ul|ol|article|section|main|meta|title|form|center)\b",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(
    r"^(?:#{1,6} \S|\|?[ :-]*-{3,}[ :|-]*\|[ :|-]*$|```|~~~|[-*+] \S|\d+\. \S|> \S|={3,}$|-{3,}$)|\*\*\S|\]\([^)\s]+\)",
    re.MULTILINE,
)
_BY_NAME = {
    **dict.fromkeys((".csv",), CSV),
    **dict.fromkeys((".tsv", ".tab"), TSV),
    **dict.fromkeys((".md", ".markdown"), MARKDOWN),
    **dict.fromkeys((".htm", ".html", ".xhtml"), HTML),
    **dict.fromkeys((".eml", ".mht"), MAIL),
}


def kind_of_text(content: bytes, suffix: str, uri: str) -> str:
    """By its beginning. suffix: of its name, which decides between table, Markdown and text where either may be.

    Raises EmptyDocument for a text without a letter.
    """
    text = decoded(content[: 4 * SAMPLE])[:SAMPLE]
    if len(text) == SAMPLE:
        text = text[: text.rfind("\n") + 1] or text  # whole lines
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise EmptyDocument("it has no text.", document=uri, remedy="Fetch it again; it may have been cut off.")
    if start.startswith("<"):
        return _tagged(start, suffix)
    if _is_mail(start) or (suffix in (".eml", ".mht") and _HEADER.match(start)):
        return MAIL
    if suffix in (".htm", ".html", ".xhtml"):
        return HTML
    sure, delimiter = delimiter_of(text)
    if suffix not in (".md", ".markdown") and (sure or (suffix in (".csv", ".tsv", ".tab") and delimiter)):
        return TSV if delimiter == "\t" else CSV
    if suffix in (".csv", ".tsv", ".tab"):
        return _BY_NAME[suffix]
    if suffix in (".md", ".markdown") or (not suffix and len(_MARKDOWN.findall(text)) > 2):
        return MARKDOWN
    return PLAIN


def _tagged(start: str, suffix: str) -> str:
    head = re.sub(r"\A(?:<\?xml[^>]*\?>|<!--.*?-->|\s)+", "", start, count=1, flags=re.DOTALL)
    if _HTML.match(head) or (suffix in (".htm", ".html", ".xhtml")):
        return HTML
    if re.match(r"<(?:[A-Za-z_]|!DOCTYPE|\?)", head):
        return XML
    return _BY_NAME.get(suffix, PLAIN)


def _is_mail(start: str) -> bool:
    """Whether it begins with headers, three of them such as all mails have."""
    names: Counter[str] = Counter()
    place = 0
    while len(names) < 200 and (found := _HEADER.match(start, place)):
        names[found.group(1).casefold()] += 1
        place = found.end()
    ends = start[place : place + 1] in ("", "\r", "\n")
    return ends and len(_OF_MAILS & names.keys()) >= 3 and ("from" in names or "received" in names)
