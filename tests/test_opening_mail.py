"""Mails and archives: documents of their own inside of a document, with safe names and within limits."""

import io
import os
import struct
import subprocess
import sys
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pipeline.discover as discover_module
import pipeline.opening.archive as archive
import pipeline.opening.members as module
from flows.cli import app
from pipeline.discover import discover, is_document
from pipeline.document import open_document
from pipeline.listing import UNKNOWN, listed_inside
from pipeline.opening.members import Found, listed, members
from pipeline.opening.outlook import as_mail, parse_msg
from pipeline.opening.oxrtf import text_of_rtf
from sample_docs.make import office
from schemas.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    UsageError,
)
from tests.ole import fixed, ole, text
from tests.opened import lines, notes, pages
from tests.test_opening_office import picture


def mail(body: str = "Please pay 12.00 EUR.", **attachments: bytes) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.org", "Bill"
    message["Date"] = "Fri, 08 Mar 2024 09:30:00 +0000"
    message.set_content(body)
    for name, content in attachments.items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name.replace("_", "."))
    return message.as_bytes()


def names(content: bytes, uri: str = "x") -> list[str]:
    return [found.name for found in listed(io.BytesIO(content), uri)]


def test_a_mail_is_a_page_of_its_headers_and_text_and_tells_what_is_attached() -> None:
    content = mail(a_txt=b"Invoice 7", b_ics=b"BEGIN:VCALENDAR")
    assert lines(content) == [
        "From: a@example.com", "To: b@example.org", "Date: Fri, 08 Mar 2024 09:30:00 +0000", "Subject: Bill",
        "Attachments: a.txt, b.ics", "Please pay 12.00 EUR.",
    ]  # fmt: skip
    assert notes(content) == ("attachments: a.txt, b.ics.",)
    assert names(content) == ["a.txt"]  # a calendar is no document


def test_a_formatted_mail_is_read_from_its_page_and_its_scans_are_documents() -> None:
    message = EmailMessage()
    message["From"], message["Subject"], message["To"] = "=?utf-8?q?J=C3=BCrgen?= <j@example.com>", "x", "y@example.org"
    message.set_content("plain")
    message.add_alternative("<table><tr><td>Net<td>12.00</table><img src='cid:1'>", subtype="html")
    html = message.get_payload()[1]
    scan, logo = picture(size=(2000, 1500)), picture(size=(8, 8))
    html.add_related(scan, maintype="image", subtype="png", cid="<1>", filename="scan.png", disposition="inline")
    html.add_related(logo, maintype="image", subtype="png", cid="<2>", filename="logo.png", disposition="inline")
    content = message.as_bytes()
    assert lines(content)[0] == "From: Jürgen <j@example.com>"
    assert "Net 12.00" in lines(content) and "plain" not in " ".join(lines(content))
    assert names(content) == ["scan.png"]


def test_mails_and_archives_inside_of_each_other_are_listed_at_every_depth() -> None:
    inner = office.packed({"deep/bill.txt": "Total 1", "../../up.txt": "x", "C:\\a\\b.txt": "y", ".hidden.txt": "n",
                           "__MACOSX/c.txt": "n", "d.exe": "MZ", "e/": "", "a.TXT": "1", "A.txt": "2"})  # fmt: skip
    content = mail(inner_zip=inner, other_eml=mail(last_txt=b"deepest"))
    assert names(content) == [
        "inner.zip/deep/bill.txt", "inner.zip/up.txt", "inner.zip/C_/a/b.txt", "inner.zip/a.TXT", "inner.zip/A~2.txt",
        "other.eml", "other.eml/last.txt",
    ]  # fmt: skip


def test_a_path_leads_into_files_and_each_document_has_its_own_bytes(tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    path.write_bytes(office.packed({"m.eml": mail(z_zip=office.packed({"a/b.txt": "Total 7.00"}))}))
    for found in listed_inside([str(path)])[0].documents:
        with open_document(f"{path}/{found.name}") as document:
            assert document.sha256 == found.sha256
    with open_document(tmp_path / "in.zip" / "m.eml" / "z.zip" / "a" / "b.txt") as document:
        assert document.uri.endswith("in.zip/m.eml/z.zip/a/b.txt") and document.media_type == "text/plain"
    for missing in ("in.zip/gone.pdf", "in.zip/m.eml/gone.pdf", "in.zip/m.eml/z.zip/a/b.txt/c"):
        with pytest.raises(DocumentError, match="holds no"):
            open_document(tmp_path / missing)
    with pytest.raises(DocumentError, match="no such file"):
        open_document(tmp_path / "gone.zip" / "a.pdf")


def test_documents_inside_are_discovered_beside_the_mail_and_instead_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(office.packed({"x/one.txt": "1", "two.csv": "a;b"}))
    (tmp_path / "b.eml").write_bytes(mail(one_txt=b"1"))
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "d.zip").write_bytes(office.docx(office.paragraph("a letter under a wrong name")))
    found = discover([str(tmp_path)])
    assert [source.name for source in found] == [
        "a.zip/two.csv", "a.zip/x/one.txt", "b.eml", "b.eml/one.txt", "c.zip", "d.zip",
    ]  # fmt: skip
    hashes = {source.name: source.sha256 for source in found}
    assert hashes["a.zip/x/one.txt"] == hashes["b.eml/one.txt"] != ""
    assert hashes["b.eml"] == hashes["c.zip"] == ""
    assert found[0].path == f"{tmp_path}/a.zip/two.csv" == found[0].place


def test_what_is_attached_to_a_mail_that_cannot_be_looked_into_is_a_document_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail itself may be read all the same; that nothing was attached must not be believed."""
    place = tmp_path / "b.eml"
    place.write_bytes(mail(one_txt=b"1", two_txt=b"2"))
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 broken")
    monkeypatch.setattr(discover_module, "listed_inside", lambda paths: [UNKNOWN for _ in paths])
    found = discover([str(tmp_path)])
    assert [source.name for source in found] == ["b.eml", "b.eml/.attachments", "c.zip"]
    with pytest.raises(DocumentError, match="2 documents, could not be told") as caught:
        open_document(found[1].path)
    assert caught.value.retryable
    monkeypatch.setattr(module, "MOST_DOCUMENTS", 1)
    with pytest.raises(DocumentError, match="more than is allowed") as caught:
        open_document(found[1].path)
    assert not caught.value.retryable


def test_a_hung_listing_leaves_nothing_out_without_a_word(tmp_path: Path) -> None:
    place = tmp_path / "b.eml"
    place.write_bytes(mail(one_txt=b"1"))
    [inside] = listed_inside([str(place)], seconds=0.0)
    assert inside == UNKNOWN


def test_an_archive_by_itself_says_what_is_in_it_or_what_is_wrong() -> None:
    for content, error, said in (
        (office.packed({"a.txt": "1", "b.txt": "2"}), DocumentError, "archive of 2 documents"),
        (office.packed({"readme": "1"}), EmptyDocument, "no document"),
        (office.packed({"a.txt": "1"})[:-10], DamagedDocument, "ZIP"),
    ):
        with pytest.raises(error, match=said) as caught:
            open_document(content, name="x.zip")
        assert caught.value.remedy


def locked(content: bytes) -> bytes:
    """The ZIP file with its parts marked as encrypted; what is in them is then noise."""
    data = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(magic)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(magic, place + 4)
    return bytes(data)


def test_locked_archives_list_their_documents_and_each_says_that_it_is_locked(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(locked(office.packed({"a.txt": "secret" * 20, "b.txt": "x" * 50})))
    assert listed_inside([str(path)])[0].documents == (Found("a.txt", ""), Found("b.txt", ""))
    for passwords in ((), ("wrong",)):
        with pytest.raises(EncryptedDocument, match="--password"):
            open_document(path / "a.txt", passwords=passwords)


def bomb(size: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.txt", bytes(size))
    return stream.getvalue()


def test_bombs_of_every_form_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FREE_UNPACKED", 1 << 20)
    monkeypatch.setattr(module, "FREE_BYTES", 1 << 20)
    with pytest.raises(DocumentTooLarge, match="unpack to"):
        open_document(bomb(3 << 20), name="x.zip")
    with pytest.raises(DocumentTooLarge, match="unpack to"):
        listed(io.BytesIO(bomb(3 << 20)), "x.zip")
    layers = office.packed({f"{number}.zip": bomb(900 << 10) for number in range(5)})  # each small, together large
    with pytest.raises(DocumentTooLarge, match="more than is allowed"):
        listed(io.BytesIO(layers), "x.zip")
    monkeypatch.setattr(module, "MOST_DOCUMENTS", 10)
    with pytest.raises(DocumentTooLarge):
        listed(io.BytesIO(office.packed({f"{number}.txt": "x" for number in range(11)})), "x.zip")
    monkeypatch.setattr(archive, "MOST_PARTS", 10)
    with pytest.raises(DocumentTooLarge, match="parts"):
        open_document(office.packed({f"{number}.txt": "x" for number in range(11)}))


def test_a_header_that_lies_about_its_size_gives_no_more_than_it_says() -> None:
    content = bytearray(bomb(1 << 20))
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.find(magic)
        content[place + offset : place + offset + 4] = struct.pack("<I", 100)
    with pytest.raises(DamagedDocument):
        archive.Archive(bytes(content), "x.zip").read("a.txt")


def test_containers_are_followed_only_so_deep() -> None:
    content = office.packed({"a.txt": "x"})
    for _ in range(10):
        content = office.packed({"n.zip": content})
    (found,) = listed(io.BytesIO(content), "x.zip")
    assert found.name == "/".join(["n.zip"] * module.MOST_DEPTH)
    with pytest.raises(DocumentError):
        open_document(content, name="x.zip")


def test_a_file_that_hangs_or_kills_the_process_that_looks_into_it_costs_only_itself(tmp_path: Path) -> None:
    good = tmp_path / "good.zip"
    good.write_bytes(office.packed({"a.txt": "1"}))
    hanging = tmp_path / "hanging.zip"
    os.mkfifo(hanging)  # opening it waits for ever
    found = listed_inside([str(good), str(hanging), str(good)], seconds=3.0)
    assert [one.documents for one in found] == [(found[0].documents[0],), (), (found[0].documents[0],)]
    assert found[1] == UNKNOWN


def test_an_outlook_mail_is_read_as_any_mail_and_the_mails_in_it_too() -> None:
    inner = {**text("0037", "Inner"), **text("1000", "inner body"), **fixed({}, 24),
             "__attach_version1.0_#00000000": {**text("3707", "deep.txt"), "__substg1.0_37010102": b"T 3"}}  # fmt: skip
    content = ole({
        **text("0037", "Bill 7"), **text("0C1A", "Ann"), **text("5D01", "ann@example.com"),
        **text("0E04", "bob@example.org"), **fixed({0x39: (0x40, 133543206000000000)}, 32),
        "__substg1.0_10130102": "<p>Total due: <b>12.50 €</b></p>".encode("cp1252"),
        "__attach_version1.0_#00000000": {**text("3704", "note.txt"), "__substg1.0_37010102": b"Invoice 9"},
        "__attach_version1.0_#00000001": {**text("3001", "Inner"), **fixed({0x3705: (3, 5)}, 8),
                                          "__substg1.0_3701000D": inner},
    })  # fmt: skip
    assert lines(content, "x.msg") == [
        "From: Ann <ann@example.com>", "To: bob@example.org", "Date: Thu, 07 Mar 2024 21:30:00 +0000",
        "Subject: Bill 7", "Attachments: note.txt, Inner.eml", "Total due: 12.50 €",
    ]  # fmt: skip
    assert names(content) == ["note.txt", "Inner.eml", "Inner.eml/deep.txt"]
    letter = parse_msg(content, "x.msg")
    assert as_mail(letter) == as_mail(parse_msg(content, "x.msg"))  # the same bytes each time
    with pytest.raises(DamagedDocument):
        open_document(content[: len(content) // 2], name="x.msg")


def test_text_that_outlook_keeps_as_rtf_only_is_read() -> None:
    rtf = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Total: 12\'80\par {\*\generator x;}Gr\u252?\'dfe "
    rtf += rb"\{a\}\tab b}"
    stored = struct.pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf
    assert text_of_rtf(stored) == "Total: 12€\nGrüße {a}\tb"
    packed = bytes.fromhex(  # the first example of [MS-OXRTFCP]
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert text_of_rtf(packed) == "hello world"
    content = ole({**text("0037", "x"), **fixed({}, 32), "__substg1.0_10090102": packed})
    assert lines(content)[-1] == "hello world"


def test_members_of_one_name_are_told_apart_the_same_way_each_time() -> None:
    twice = EmailMessage()
    twice["From"], twice["To"], twice["Subject"] = "a@example.com", "b@example.org", "x"
    twice.set_content("x")
    for body in (b"one", b"two"):
        twice.add_attachment(body, maintype="text", subtype="plain", filename="../a b?.txt")
    found = members(twice.as_bytes(), "x")
    assert [(member.name, member.read()) for member in found] == [("a b_.txt", b"one"), ("a b_~2.txt", b"two")]
    assert pages(twice.as_bytes())[0].words


def test_a_document_inside_is_named_on_the_command_line_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(office.packed({"a/b.txt": "Invoice number: R-7\nTotal: 12.00\n"}))
    (found,) = discover([f"{path}/a/b.txt"])
    assert (found.path, found.name) == (f"{path}/a/b.txt", "x.zip/a/b.txt")
    assert is_document(found.path) and not is_document(f"{tmp_path}/gone.zip/a") and not is_document("x" * 5000)
    ended = CliRunner().invoke(app, ["plan", found.path, "--schema", "invoice", "--json"])
    assert ended.exit_code == 0, ended.output
    with pytest.raises(UsageError, match="no document"):
        discover([f"{tmp_path}/gone.zip/a.txt"])


def test_where_the_process_cannot_start_nothing_is_left_out_in_silence(tmp_path: Path) -> None:
    """As in a program without its guard: each process that is started would start the batch anew."""
    (tmp_path / "a.zip").write_bytes(office.packed({"a.txt": "1"}))
    program = tmp_path / "program.py"
    program.write_text(f"from pipeline.discover import discover\nprint(discover([{str(tmp_path / 'a.zip')!r}]))\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    ended = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode != 0 and "__main__" in ended.stderr and "a.zip" not in ended.stdout
