"""Mails as files (RFC 5322 and MIME): the headers that a reader sees, and the text. Attachments are documents."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from typing import NamedTuple

from pipeline.opening.blocks import Block, Content, Line, Section
from pipeline.opening.plain import text_blocks
from pipeline.opening.web import html_blocks
from schemas.errors import DamagedDocument, DocumentError

HEADERS = ("From", "To", "Cc", "Date", "Subject")
MOST_PARTS = 1000
LEAST_INLINE = 8 << 10  # bytes of a picture in the text that is a document of its own; smaller ones are logos
REASON = "the mail's own text"


class Attachment(NamedTuple):
    """name: as the mail has it, or made from its kind. content: decoded."""

    name: str
    content: bytes


class Letter(NamedTuple):
    """What every kind of mail comes to. headers: (name, value) of those that are there. html, text: either may be
    empty."""

    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    attachments: tuple[Attachment, ...]


def read_mail(content: bytes, uri: str) -> Content:
    """Raises DamagedDocument."""
    return content_of(parse_mail(content, uri), uri)


def content_of(letter: Letter, uri: str) -> Content:
    """A mail as a page: headers, text, and the names of what is attached."""
    blocks: list[Block] = [Line(f"{name}: {value}", cell=name) for name, value in letter.headers]
    names = [attachment.name for attachment in letter.attachments]
    if names:
        blocks.append(Line(f"Attachments: {', '.join(names)}", cell="Attachments"))
    blocks.append(Line(""))
    blocks += _body(letter, uri)
    notes = (f"attachments: {', '.join(names)}.",) if names else ()
    return Content((Section(tuple(blocks), REASON),), notes)


def _body(letter: Letter, uri: str) -> Iterator[Block]:
    """The formatted text where there is one: it has the tables."""
    blocks: tuple[Block, ...] = ()
    if letter.html.strip():
        try:
            blocks = html_blocks(letter.html, uri)
        except DocumentError:
            blocks = ()
    yield from blocks or text_blocks(letter.text.strip("\r\n"))


def parse_mail(content: bytes, uri: str) -> Letter:
    """Raises DamagedDocument for what Python's parser cannot take; it takes almost everything."""
    try:
        message = email.message_from_bytes(content, policy=email.policy.default.clone(max_line_length=None))
        assert isinstance(message, EmailMessage)
        html, text = (_text_of(message, kind) for kind in ("html", "plain"))
        headers = tuple((name, _header(message, name)) for name in HEADERS if message.get(name))
        attachments = tuple(_attachments(message))
    except (ValueError, LookupError, TypeError, AttributeError, IndexError, AssertionError, RecursionError) as error:
        raise DamagedDocument(
            f"it cannot be read as a mail: {type(error).__name__}: {error}.",
            document=uri,
            remedy="Save it anew in the mail program.",
        ) from error
    return Letter(headers, html, text, attachments)


def _header(message: EmailMessage, name: str) -> str:
    return " ".join(str(message[name]).split())


def _text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except LookupError:  # an encoding that nobody knows
        payload = part.get_payload(decode=True)
        from pipeline.opening.encodings import decoded

        return decoded(payload) if isinstance(payload, bytes) else ""


def _attachments(message: EmailMessage) -> Iterator[Attachment]:
    """Parts that are files. A mail that is attached is one of them, and its own attachments are inside of it."""
    bodies = [part for part in (message.get_body(("html",)), message.get_body(("plain",))) if part is not None]
    for number, part in enumerate(_leaves(message, MOST_PARTS), 1):
        if any(part is body for body in bodies):
            continue
        name = part.get_filename() or ""
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload(0) if part.is_multipart() else None
            if inner is not None:
                yield Attachment(name or f"attachment-{number}.eml", inner.as_bytes())  # type: ignore[union-attr]
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        inline = part.get_content_disposition() != "attachment"
        if inline and not name and part.get_content_maintype() != "image":
            continue
        if inline and part.get_content_maintype() == "image" and len(content) < LEAST_INLINE:
            continue
        yield Attachment(name or f"attachment-{number}.{_extension(part)}", content)


def _extension(part: EmailMessage) -> str:
    known = {"jpeg": "jpg", "plain": "txt", "octet-stream": "bin", "tiff": "tif"}
    subtype = part.get_content_subtype()
    return known.get(subtype, subtype if subtype.isalnum() else "bin")


def _leaves(message: EmailMessage, left: int) -> Iterator[EmailMessage]:
    """Parts that hold no others; an attached mail counts as one."""
    stack: list[EmailMessage] = [message]
    while stack:
        if not left:
            raise ValueError(f"it has over {MOST_PARTS} parts")
        part = stack.pop()
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            stack += [inner for inner in reversed(list(part.iter_parts())) if isinstance(inner, EmailMessage)]
        else:
            left -= 1
            yield part
