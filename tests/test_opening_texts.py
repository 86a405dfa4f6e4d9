"""Texts of any encoding, Markdown, web pages and XML; and which of them a text is."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.document import open_document
from pipeline.opening.encodings import decoded, looks_like_text
from pipeline.opening.kinds import media_type
from schemas.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, UnsupportedDocument
from tests.opened import cells, lines, pages

LETTER = "Sehr geehrte Damen und Herren,\nunser Angebot für die Prüfung über 1.234,50 € gilt bis zum 3. März.\n" * 3
RUSSIAN = "Уважаемые господа, направляем вам счёт на оплату услуг за март, просим оплатить его в срок.\n" * 4
KOREAN = "청구서를 보내 드립니다. 결제 금액은 부가세를 포함한 금액이며 삼월 말까지 지급하여 주시기 바랍니다.\n" * 4
CHINESE = "尊敬的客户，现寄上三月份的账单，请在月底之前付款。总金额已包含增值税，如有问题请与我们联系。\n" * 4
CHINESE_OLD = "親愛的客戶，現寄上三月份的帳單，請在月底之前付款。總金額已包含營業稅，如有問題請與我們聯絡。\n" * 4
GREEK = "Αγαπητέ πελάτη, σας στέλνουμε το τιμολόγιο του Μαρτίου, παρακαλούμε εξοφλήστε το εγκαίρως.\n" * 4
JAPANESE = "拝啓　時下ますますご清栄のこととお慶び申し上げます。下記の通り請求いたします。合計金額は税込みです。\n" * 4


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), st.sampled_from(
    ("utf-8", "utf-8-sig", "utf-16", "utf-32")))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_unicode_comes_back_as_it_was_written(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == text.replace("\ufeff", "")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (LETTER, "cp1252"),
        (LETTER, "utf-16-le"),
        (LETTER, "utf-16-be"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "euc_kr"),
        (CHINESE, "gb2312"),
        (CHINESE_OLD, "big5"),
        (GREEK, "cp1253"),
        ("Total: 12,50 €\nGrüße aus Köln\n", "cp1252"),
    ],
)
def test_other_encodings_are_told_by_their_letters(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    assert looks_like_text(content)
    assert decoded(content) == text


def test_an_encoding_that_the_file_names_is_believed_where_it_fits() -> None:
    page = '<html><meta charset="iso-8859-2"><p>Zażółć gęślą jaźń</p></html>'
    assert lines(page.encode("iso-8859-2")) == ["Zażółć gęślą jaźń"]
    assert lines(page.encode("utf-8")) == ["Zażółć gęślą jaźń"]


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_bytes_are_an_error_to_decode(content: bytes) -> None:
    assert isinstance(decoded(content), str)


MAIL = "From: a@example.com\nTo: b@example.org\nSubject: x\n\nHello\n"


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("Dear all,\nplease pay.\n", "", "text/plain"),
        ("a,b,c\n1,2,3\n4,5,6\n", "notes.txt", "text/csv"),
        ("a,b\n1,2\n", "x.csv", "text/csv"),
        ("a,b\n1,2\n", "x.txt", "text/plain"),
        ("# Title\n\n- one\n- two\n", "", "text/markdown"),
        ("plain words\n", "x.md", "text/markdown"),
        ("<!DOCTYPE html><p>x", "x.txt", "text/html"),
        ("<!-- made by x --><html><p>x", "x.xml", "text/html"),
        ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "", "text/html"),
        ('<?xml version="1.0"?><Invoice/>', "x.txt", "application/xml"),
        ("<Invoice/>", "x.html", "text/html"),
        (MAIL, "saved.txt", "message/rfc822"),
        ("Received: x\nMIME-Version: 1.0\nDate: y\n\nHi", "", "message/rfc822"),
        ("To: the manager\nFrom: the shop\nplease pay at once\n", "x.txt", "text/plain"),
        ("Subject: x\n\nHi", "x.eml", "message/rfc822"),
    ],
)
def test_the_text_tells_its_kind_and_the_name_only_where_it_cannot(text: str, name: str, kind: str) -> None:
    assert media_type(text.encode(), name) == kind


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.png", "https://example.org/a.pdf?x=1"])
def test_text_under_the_name_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedDocument, match="text") as caught:
        open_document(b"<html><body>404 not found</body></html>", name=name)
    assert "again" in caught.value.remedy


@pytest.mark.parametrize("content", [b" \r\n\t ", codecs.BOM_UTF8, b"\x00\x01\x02binary" * 50])
def test_what_is_no_text_says_so(content: bytes) -> None:
    with pytest.raises((EmptyDocument, UnsupportedDocument)):
        open_document(content, name="x.txt")


def test_plain_text_keeps_its_columns_lines_and_pages() -> None:
    text = "Item        Price\nBolt         2.00\nNut\t     1.50\n-----------------\n\f" + "w" * 300 + " end\n"
    first, second = pages(text.encode(), "x.txt")
    ends = {word.text: word.box.x1 for word in first.words}
    assert abs(ends["Price"] - ends["2.00"]) < 1e-9 and abs(ends["Price"] - ends["1.50"]) < 1e-9
    assert [word.text for word in first.words] == ["Item", "Price", "Bolt", "2.00", "Nut", "1.50"]
    assert [word.text for word in second.words] == ["w" * 300, "end"]
    assert cells(text.encode(), "x.txt")["line 3"] == "Nut 1.50"


def test_markdown_is_read_as_it_is_shown() -> None:
    text = (
        "---\ntitle: x\n---\n# Offer *now*\n\n1. one\n2. two\n   - inner\n\n| A | B |\n|---|--:|\n| a\\|b | 2.00 |\n\n"
        "See [here](http://example.org/x) `code`\n\n<script>alert(1)</script>\n\n    kept  as is\n"
    )
    assert lines(text.encode(), "x.md") == [
        "title: x", "Offer now", "1. one", "2. two", "• inner", "A B", "a|b 2.00", "See here code", "kept as is",
    ]  # fmt: skip
    assert cells(text.encode(), "x.md")["table 1!A2"] == "a|b"


def test_a_web_page_is_read_as_it_is_shown_with_nothing_fetched_or_run() -> None:
    page = b"""<!DOCTYPE html><html><head><title>no</title><style>p{}</style></head><body>
    <h2>Bill   to</h2><p>A &amp; B<br>Street&nbsp;1 <span style="color:red; display: none">no</span></p>
    <div hidden>no</div><template>no</template><script>document.write('no')</script>
    <ul><li>one<li>two <b>bold</b></ul><ol start=3 type=a><li>x<li>y</ol>
    <form><input value="typed"><input type=hidden value=no><input type=checkbox checked>Agree
    <input type=radio>Not <select><option>p<option selected>q</select><input type=password value=no></form>
    <table><tr><td><table><caption>Sums</caption><tr><th>Net<th>Tax</tr><tr><td rowspan=2>1.00<td>0.19
    <tr><td>0.07<tr style="display:none"><td>no</table></td><td>beside</td></tr></table>
    <img src="http://example.org/x.png" alt="no"><iframe src="file:///etc/passwd">no</iframe><pre>a  b
c</pre></body></html>"""
    found = lines(page)
    assert found == [
        "Bill to", "A & B", "Street 1", "• one", "• two bold", "c. x", "d. y",
        "typed ☑ Agree ☐ Not q", "Sums", "Net Tax", "1.00 0.19", "0.07", "beside", "a b", "c",
    ]  # fmt: skip
    assert cells(page) == {"table 1!A1": "Net", "table 1!B1": "Tax", "table 1!A2": "1.00", "table 1!B2": "0.19",
                           "table 1!B3": "0.07"}  # fmt: skip
    assert [mark.checked for mark in pages(page)[0].marks] == [True, False]


def test_a_web_page_that_shows_nothing_and_one_of_many_elements_in_each_other() -> None:
    with pytest.raises(EmptyDocument, match="no text"):
        open_document(b"<html><script>x</script></html>")
    for deep in (b"<div>", b"<table><tr><td>", b"<b>"):
        assert "Total 12.00" in " ".join(lines(b"<html>" + deep * 400 + b"Total 12.00"))
    with pytest.raises(DocumentTooLarge, match="deep"):
        open_document(b"<html>" + b"<div>" * 5000 + b"Total 12.00")


XML = b"""<?xml version="1.0"?><inv:Invoice xmlns:inv="urn:x"><inv:InvoiceNumber>R-7</inv:InvoiceNumber>
<Seller country="DE"><Name>Example &amp; Co</Name></Seller><Lines>
<Line no="1"><Text>Bolt</Text><Price>2.00</Price></Line>
<Line no="2"><Text>Nut</Text></Line></Lines><!-- no --><Total currency="EUR">3.50</Total></inv:Invoice>"""


def test_xml_gives_every_value_under_the_path_of_its_element() -> None:
    assert cells(XML) == {
        "/inv:Invoice/inv:InvoiceNumber": "R-7",
        "/inv:Invoice/Seller/@country": "DE",
        "/inv:Invoice/Seller/Name": "Example & Co",
        "/inv:Invoice/Lines/Line[1]/@no": "1",
        "/inv:Invoice/Lines/Line[1]/Text": "Bolt",
        "/inv:Invoice/Lines/Line[1]/Price": "2.00",
        "/inv:Invoice/Lines/Line[2]/@no": "2",
        "/inv:Invoice/Lines/Line[2]/Text": "Nut",
        "/inv:Invoice/Total": "3.50",
        "/inv:Invoice/Total/@currency": "EUR",
    }
    found = lines(XML)
    assert "Invoice Number R-7" in found and "Seller Name Example & Co" in found
    assert found[found.index("no Text Price") + 1 :][:2] == ["1 Bolt 2.00", "2 Nut"]


def test_xml_expands_no_entities_and_reads_no_files() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    found = " ".join(lines(b'<?xml version="1.0"?>' + bomb + b"<a><b>&y;</b><c>&f;</c><d>kept</d></a>", "x.xml"))
    assert "kept" in found and "lol" not in found and "root" not in found
    for content in (b"<a><b></a>", b"<a/>", b"<a><b>" + b"<c>" * 5000):
        with pytest.raises((DamagedDocument, EmptyDocument)):
            open_document(content, name="x.xml")
