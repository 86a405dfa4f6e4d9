"""Mails of Outlook (MSG): properties in an OLE container, by [MS-OXMSG] and [MS-OXPROPS]."""

from __future__ import annotations

import datetime
import hashlib
import struct
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from pipeline.opening.blocks import Content
from pipeline.opening.encodings import decoded
from pipeline.opening.mail import Attachment, Letter, content_of
from pipeline.opening.ole import open_ole
from pipeline.opening.oxrtf import text_of_rtf
from schemas.errors import DamagedDocument

SUBJECT, BODY, HTML, RTF = "0037", "1000", "1013", "1009"
SENDER, SENDER_ADDRESS, SENDER_SMTP = "0C1A", "0C1F", "5D01"
TO, CC, HEADERS = "0E04", "0E03", "007D"
SUBMITTED, DELIVERED = 0x0039, 0x0E06
FILE_NAME, LONG_NAME, DATA, DISPLAY_NAME, METHOD = "3704", "3707", "3701", "3001", 0x3705
EMBEDDED = 5  # the attach method of a mail in a mail
_STREAM = "__substg1.0_"
MOST_ATTACHMENTS, MOST_DEPTH = 1000, 4
_EPOCH = datetime.datetime(1601, 1, 1, tzinfo=datetime.UTC)


def read_msg(content: bytes, uri: str) -> Content:
    """Raises DamagedDocument."""
    return content_of(parse_msg(content, uri), uri)


def parse_msg(content: bytes, uri: str) -> Letter:
    """Raises DamagedDocument."""
    try:
        with open_ole(content, uri) as ole:
            return _letter(_Storage(ole, ()), 0)
    except (OSError, ValueError, struct.error, IndexError) as error:
        raise DamagedDocument(
            f"it cannot be read as an Outlook mail: {error}.", document=uri, remedy="Save it anew, or as EML."
        ) from error


class _Storage:
    """The properties of a mail, attachment or recipient. path: of its storage."""

    def __init__(self, ole: Any, path: tuple[str, ...]) -> None:
        self.ole, self.path = ole, path

    def text(self, tag: str) -> str:
        """A text, in Unicode or in whatever encoding it has; empty where there is none."""
        for kind in ("001F", "001E"):
            content = self.stream(f"{_STREAM}{tag}{kind}")
            if content is not None:
                return (content.decode("utf-16-le", "replace") if kind == "001F" else decoded(content)).rstrip("\0")
        return ""

    def binary(self, tag: str) -> bytes | None:
        return self.stream(f"{_STREAM}{tag}0102")

    def number(self, tag: int) -> int:
        """Of the fixed properties; 0 where it is not there."""
        content = self.stream("__properties_version1.0") or b""
        header = 32 if not self.path else 24 if self.path[-1].endswith("000D") else 8
        for place in range(header, len(content) - 15, 16):
            kind, number = struct.unpack_from("<HH", content, place)
            if number == tag:
                return int(struct.unpack_from("<Q" if kind == 0x0040 else "<I", content, place + 8)[0])
        return 0

    def stream(self, name: str) -> bytes | None:
        path = [*self.path, name]
        return bytes(self.ole.openstream(path).read()) if self.ole.exists(path) else None

    def storages(self, prefix: str) -> Iterator[_Storage]:
        depth = len(self.path)
        names = {
            path[depth]
            for path in self.ole.listdir(streams=False, storages=True)
            if len(path) == depth + 1 and tuple(path[:depth]) == self.path and path[depth].startswith(prefix)
        }
        if len(names) > MOST_ATTACHMENTS:
            raise ValueError(f"it has over {MOST_ATTACHMENTS} attachments")
        for name in sorted(names):
            yield _Storage(self.ole, (*self.path, name))


def _letter(mail: _Storage, depth: int) -> Letter:
    address = mail.text(SENDER_SMTP) or mail.text(SENDER_ADDRESS)
    name = mail.text(SENDER)
    sender = f"{name} <{address}>" if "@" in address and address != name else name or address
    values = {
        "From": sender,
        "To": mail.text(TO),
        "Cc": mail.text(CC),
        "Date": _date(mail),
        "Subject": mail.text(SUBJECT),
    }
    html = mail.binary(HTML)
    text = mail.text(BODY)
    rtf = mail.binary(RTF) if not text and not html else None
    return Letter(
        tuple((key, " ".join(value.split())) for key, value in values.items() if value.strip()),
        decoded(html) if html else mail.text(HTML),
        text_of_rtf(rtf) if rtf else text,
        tuple(_attachments(mail, depth)),
    )


def _date(mail: _Storage) -> str:
    ticks = mail.number(SUBMITTED) or mail.number(DELIVERED)
    if not ticks:
        return ""
    try:
        return format_datetime(_EPOCH + datetime.timedelta(microseconds=ticks // 10))
    except OverflowError:
        return ""


def _attachments(mail: _Storage, depth: int) -> Iterator[Attachment]:
    for number, storage in enumerate(mail.storages("__attach_version1.0_"), 1):
        name = storage.text(LONG_NAME) or storage.text(FILE_NAME) or storage.text(DISPLAY_NAME)
        content = storage.binary(DATA)
        if content is not None:
            yield Attachment(name or f"attachment-{number}.bin", content)
        elif storage.number(METHOD) == EMBEDDED and depth < MOST_DEPTH:
            inner = _letter(_Storage(storage.ole, (*storage.path, f"{_STREAM}{DATA}000D")), depth + 1)
            yield Attachment(f"{name or f'attachment-{number}'}.eml", as_mail(inner))


def as_mail(letter: Letter) -> bytes:
    """The same mail as a MIME file, so that a mail inside of an Outlook mail is a document like any other."""
    message = EmailMessage()
    for name, value in letter.headers:
        message[name] = value.replace("\0", "")
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    for attachment in letter.attachments:
        message.add_attachment(
            attachment.content, maintype="application", subtype="octet-stream", filename=attachment.name
        )
    for number, part in enumerate(message.walk()):
        if part.is_multipart():  # not drawn at random: the same mail is to have the same bytes
            part.set_boundary(f"={hashlib.sha256(repr((number, letter)).encode()).hexdigest()}")
    return message.as_bytes()
