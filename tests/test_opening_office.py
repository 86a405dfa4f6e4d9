"""Word, PowerPoint and OpenDocument files: what is shown is read, in order, and nothing else."""

import io

import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.document import open_document
from sample_docs.make import office
from sample_docs.make.office import paragraph, word_part
from schemas.errors import DamagedDocument, EmptyDocument, EncryptedDocument, UnsupportedDocument
from tests.ole import ole
from tests.opened import cells, lines, notes, pages


def numbered(text: str, number: int, level: int = 0) -> str:
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


LEVELS = "".join(
    f'<w:lvl w:ilvl="{level}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'
    for level, (start, form, text) in enumerate(((1, "decimal", "%1."), (1, "lowerLetter", "%1.%2)")))
)
BULLETS = '<w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="·"/></w:lvl>'
NUMBERING = word_part(
    "numbering",
    f'<w:abstractNum w:abstractNumId="0">{LEVELS}</w:abstractNum>'
    f'<w:abstractNum w:abstractNumId="1">{BULLETS}</w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/>'
    "</w:lvlOverride></w:num>",
)


def test_numbers_of_lists_are_read_as_they_are_printed() -> None:
    body = [numbered("one", 1), numbered("inner", 1, 1), numbered("inner too", 1, 1), numbered("two", 1),
            numbered("inner again", 1, 1), numbered("dot", 2), numbered("seventh", 3), numbered("", 1),
            numbered("three", 1)]  # fmt: skip
    found = lines(office.docx("".join(body), {"numbering.xml": NUMBERING}))
    assert found == [
        "1. one",
        "1.a) inner",
        "1.b) inner too",
        "2. two",
        "2.a) inner again",
        "• dot",
        "7. seventh",
        "3. three",
    ]


def test_hidden_and_deleted_text_is_not_read_and_inserted_text_is() -> None:
    change = 'w:id="1" w:author="x"'
    body = (
        paragraph("Total 12.00")
        + paragraph("Total 99.00", run="<w:vanish/>")
        + f"<w:p><w:del {change}><w:r><w:delText>Total 5.00</w:delText></w:r></w:del>"
        + f"<w:ins {change}><w:r><w:t>Paid 7.00</w:t></w:r></w:ins></w:p>"
    )
    content = office.docx(body)
    assert lines(content) == ["Total 12.00", "Paid 7.00"]
    assert [note.split(",")[0].split(":")[0] for note in notes(content)] == [
        "it has hidden text",
        "it has tracked changes",
    ]


def test_tables_keep_merged_cells_tabs_stops_and_tables_inside() -> None:
    cell = "<w:tc>{}{}</w:tc>".format
    merged = '<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>'
    rows = [
        cell(merged, paragraph("Both")) + cell('<w:tcPr><w:vMerge w:val="restart"/></w:tcPr>', paragraph("High")),
        cell("", paragraph("A")) + cell("", paragraph("B")) + cell("<w:tcPr><w:vMerge/></w:tcPr>", paragraph("")),
        cell("", paragraph("C") + office.word_table([["in", "side"]])) + cell("", paragraph("D")),
    ]
    content = office.docx(f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>")
    assert cells(content) == {
        "table 1!A1": "Both", "table 1!C1": "High", "table 1!A2": "A", "table 1!B2": "B", "table 1!A3": "C in side",
        "table 1!B3": "D",
    }  # fmt: skip


def test_a_right_tab_ends_its_text_at_the_stop() -> None:
    stop = '<w:tabs><w:tab w:val="right" w:pos="6000"/></w:tabs>'
    content = office.docx(paragraph("Net\t1.00", stop) + paragraph("Gross total\t1,234.00", stop))
    ends = [word.box.x1 for word in pages(content)[0].words if word.text in ("1.00", "1,234.00")]
    assert len(ends) == 2 and abs(ends[0] - ends[1]) < 1e-6


def test_headers_notes_boxes_and_content_controls_are_read_once_in_order() -> None:
    note = '<w:footnote w:id="4">' + paragraph("within 30 days") + "</w:footnote>"
    box = (
        '<w:p><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice><w:txbxContent>{paragraph('In a box')}</w:txbxContent></mc:Choice>"
        f"<mc:Fallback><w:txbxContent>{paragraph('In a box')}</w:txbxContent></mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    )
    body = (
        '<w:p><w:r><w:t>Payable</w:t></w:r><w:r><w:footnoteReference w:id="4"/></w:r></w:p>'
        + box
        + f"<w:sdt><w:sdtContent>{paragraph('Controlled')}</w:sdtContent></w:sdt>"
    )
    more = {
        "footnotes.xml": word_part("footnotes", note),
        "h1.xml": word_part("hdr", paragraph("Head")),
        "h2.xml": word_part("hdr", paragraph("Head")),
        "f1.xml": word_part("ftr", paragraph("Foot")),
    }
    content = office.docx(body, more, [("header", "h1.xml"), ("header", "h2.xml"), ("footer", "f1.xml")])
    assert lines(content) == ["Head", "Payable[1]", "In a box", "Controlled", "[1] within 30 days", "Foot"]


def test_page_breaks_begin_pages_and_macros_are_told_and_not_run() -> None:
    broken = '<w:p><w:r><w:t>first</w:t><w:br w:type="page"/></w:r></w:p>'
    content = office.docx(broken + paragraph("second"), {"vbaProject.bin": b"Attribute VB_Name"})
    assert [[word.text for word in page.words] for page in pages(content)] == [["first"], ["second"]]
    assert notes(content) == ("it holds macros, which are never run.",)


def picture(text: str = "TOTAL 42.50", size: tuple[int, int] = (600, 300)) -> bytes:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((40, 100), text, "black", ImageFont.load_default(60))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_a_scan_inside_of_a_letter_is_a_page_that_is_read_as_scans_are() -> None:
    blip = '<w:p><w:r><w:drawing><a:blip xmlns:a="x" r:embed="rId1"/></w:drawing></w:r></w:p>'
    body = paragraph("see below") + blip + paragraph("regards")
    content = office.docx(body, {"media/1.png": picture()}, [("image", "media/1.png")])
    before, scan, after = pages(content)
    assert (before.source, scan.source, after.source) == ("text", "ocr", "text")
    assert [word.text for word in scan.words] == ["TOTAL", "42.50"]


def test_slides_come_in_order_from_top_to_bottom_and_hidden_ones_are_told() -> None:
    table = office.slide_table([["Item", "Price"], ["Bolt", "2.00"]], 500)
    first = office.shape(["below"], 900) + table + office.shape(["Offer"], 300, "title")
    content = office.pptx([first, office.shape(["secret"], 0), office.shape(["last"], 0)], hidden=[2])
    assert [[word.text for word in page.words] for page in pages(content)] == [
        ["Offer", "Item", "Price", "Bolt", "2.00", "below"],
        ["last"],
    ]
    assert cells(content)["slide 1, table 1!B2"] == "2.00"
    assert notes(content) == ("hidden slides are not read: 2.",)


LIST = (
    '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="i"'
    ' style:num-suffix=")"/></text:list-style>'
)


def test_open_document_texts_keep_lists_notes_spaces_and_leave_out_changes() -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Terms</text:h>'
        '<text:list text:style-name="L"><text:list-item><text:p>first</text:p></text:list-item>'
        "<text:list-item><text:p>second</text:p></text:list-item></text:list>"
        '<text:p>Net<text:tab/>12<text:s text:c="2"/>EUR<text:note><text:note-citation>1</text:note-citation>'
        "<text:note-body><text:p>no VAT</text:p></text:note-body></text:note></text:p>"
    )
    assert lines(office.odf("text", body, LIST)) == ["Terms", "i) first", "ii) second", "Net 12 EUR[1]", "[1] no VAT"]


def test_open_document_sheets_show_text_under_cell_names_and_tell_of_hidden_ones() -> None:
    hidden = '<style:style style:name="H"><style:table-properties table:display="false"/></style:style>'
    body = (
        '<table:table table:name="Q 1"><table:table-row table:number-rows-repeated="3"><table:table-cell/>'
        '</table:table-row><table:table-row><table:table-cell table:number-columns-repeated="2"/><table:table-cell '
        'office:value="0.195"><text:p>19.5 %</text:p></table:table-cell></table:table-row>'
        '<table:table-row table:visibility="collapse"><table:table-cell><text:p>no</text:p></table:table-cell>'
        '</table:table-row><table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>'
        '</table:table><table:table table:name="X" table:style-name="H"><table:table-row><table:table-cell>'
        "<text:p>secret</text:p></table:table-cell></table:table-row></table:table>"
    )
    content = office.odf("spreadsheet", body, hidden)
    assert cells(content) == {"'Q 1'!C4": "19.5 %"}
    assert notes(content) == ("hidden sheets are not read: X.",)


def test_locked_old_and_broken_office_files_say_what_to_do() -> None:
    manifest = '<m:manifest xmlns:m="m"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    for content, error, word in (
        (ole({"EncryptedPackage": b"x", "EncryptionInfo": b"x"}), EncryptedDocument, "password"),
        (ole({"WordDocument": b"x"}), UnsupportedDocument, "DOCX"),
        (ole({"Workbook": b"x"}), UnsupportedDocument, "XLSX"),
        (ole({"PowerPoint Document": b"x"}), UnsupportedDocument, "PPTX"),
        (ole({"Other": b"x"}), UnsupportedDocument, "PDF"),
        (office.odf("text", "", more={"META-INF/manifest.xml": manifest}), EncryptedDocument, "password"),
        (office.docx("")[:900], DamagedDocument, "again"),
        (office.docx("").replace(b"word/document.xml", b"word/documant.xml"), DamagedDocument, "anew"),
        (office.docx("<w:p>"), DamagedDocument, "anew"),
        (office.docx(paragraph("")), EmptyDocument, "made"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), DamagedDocument, "again"),
        (b"{\\rtf1 hello}", UnsupportedDocument, "DOCX"),
    ):
        with pytest.raises(error) as caught:
            open_document(content, name="a/b.bin")
        assert type(caught.value) is error, caught.value
        assert word in str(caught.value) and caught.value.remedy and caught.value.document == "a/b.bin"


def test_an_office_file_is_known_whatever_it_is_called_and_never_expands_entities() -> None:
    assert lines(office.docx(paragraph("hello")), "invoice.pdf") == ["hello"]
    bomb = '<!DOCTYPE x [<!ENTITY a "hahaha"><!ENTITY b "&a;&a;">]>' + word_part("x", "&b;")
    content = office.docx(paragraph("fine"), {"comments.xml": bomb})
    assert lines(content) == ["fine"]
