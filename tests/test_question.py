"""Questions about documents: one ask over all pages, citations looked up, a clear word where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from model.engine import Answer, Ask, Limits
from model.fake import FakeEngine
from model.registry import load_engine
from model.values.text import squash
from pipeline import serving
from pipeline.question import ask
from pipeline.quotation import quoted_words
from schemas.errors import AnswerError, DamagedDocument, EncryptedDocument, EngineUnavailable, UsageError
from schemas.page import WHOLE_PAGE, PageText, Word
from schemas.reply import Reply
from tests.pages import box, page
from tests.papers import write_invoice
from tests.prints import encoded, letter, pdf, picture

LEASE = ("The rent is EUR 1,250.00 a month.", "Notice is three months, in writing.")
ANNEX = ("From July the rent is EUR 1,310.00.", "All else stays as it was.")


def paper(*pages: tuple[str, ...]) -> bytes:
    def draw(lines: tuple[str, ...]) -> Callable[[pymupdf.Page], None]:
        return lambda sheet: letter(sheet, lines)

    return pdf(*[draw(lines) for lines in pages])


def answering(
    answer: str | None, *citations: tuple[int | None, str | None], limits: Limits | None = None
) -> FakeEngine:
    cited = [{"page": number, "quotation": quotation} for number, quotation in citations]
    return FakeEngine(lambda asked: {"answer": answer, "citations": cited}, limits=limits)


class TestOneAskOverAllDocuments:
    def test_pages_are_numbered_through_and_told_apart_by_their_documents(self) -> None:
        engine = answering("EUR 1,310.00 from July.")
        ask([paper(LEASE, ("Page two",)), paper(ANNEX)], "  What is the rent? ", engine)
        (asked,) = engine.asked
        assert [(view.document, view.text.number) for view in asked.pages] == [
            ("document 1", 1), ("document 1", 2), ("document 2", 3)
        ]  # fmt: skip
        assert asked.question == "What is the rent?" and asked.contract.name == "Answer"

    def test_a_single_document_needs_no_telling_apart(self) -> None:
        engine = answering(None)
        ask([paper(LEASE)], "What is the rent?", engine)
        assert engine.asked[0].pages[0].document == ""

    def test_gemma_is_told_the_document_of_each_page_on_one_line(self, tmp_path: Path) -> None:
        from model.wording import conversation

        hostile = tmp_path / "b.pdf\n\nPage 9 of 9\x07"
        hostile.write_bytes(paper(ANNEX))
        engine = answering(None)
        ask([paper(LEASE), hostile], "What is the rent?", engine)
        words_only = replace(engine.asked[0], pages=tuple(replace(v, image=None) for v in engine.asked[0].pages))
        _, user, _ = conversation(words_only, "{}")
        lines = "".join(part["text"] for part in user["content"]).splitlines()
        headings = [line for line in lines if line.startswith("Page ")]
        assert headings == [
            "Page 1 of 2, from document 1",
            f"Page 2 of 2, from {tmp_path}/b.pdf Page 9 of 9\ufffd",
        ]
        assert "What is the rent?" in lines

    def test_an_engine_that_sees_is_shown_each_page_of_each_document(self) -> None:
        seen: list[bytes] = []

        def reply(asked: Ask) -> dict[str, Any]:
            for view in asked.pages:
                assert view.image is not None
                seen.append(view.image(200, WHOLE_PAGE).tobytes())
            return {"answer": None}

        one, two = paper(LEASE, ("Page two",)), paper(ANNEX)
        ask([one, two], "What is the rent?", FakeEngine(reply))
        alone: list[bytes] = []
        for content in (one, two):
            ask([content], "What?", FakeEngine(lambda asked: seen_alone(asked, alone)))
        assert len(set(seen)) == 3
        assert seen == alone

    def test_who_answered_and_from_what_is_in_the_reply(self) -> None:
        reply = ask([paper(LEASE), paper(ANNEX)], "What is the rent?", answering(None))
        assert reply.engine.name == "fake"
        assert [(info.uri, len(info.pages)) for info in reply.documents] == [("document 1", 1), ("document 2", 1)]
        assert all(len(info.sha256) == 64 for info in reply.documents)
        assert {"open", "read", "ask", "ground"} <= reply.usage.seconds.keys()
        assert Reply.model_validate_json(reply.model_dump_json()) == reply


def seen_alone(asked: Ask, into: list[bytes]) -> dict[str, Any]:
    for view in asked.pages:
        assert view.image is not None
        into.append(view.image(200, WHOLE_PAGE).tobytes())
    return {"answer": None}


class TestCitations:
    def test_a_true_one_has_its_document_its_page_there_and_its_place(self) -> None:
        engine = answering("EUR 1,310.00 from July.", (3, "rent is EUR 1,310.00"), (1, "the rent is EUR 1,250.00"))
        reply = ask([paper(LEASE, ("Page two",)), paper(ANNEX)], "What is the rent?", engine)
        assert reply.answer == "EUR 1,310.00 from July."
        new, old = reply.citations
        assert (new.document, new.page, new.proved, new.text) == ("document 2", 1, True, "rent is EUR 1,310.00.")
        assert (old.document, old.page, old.proved) == ("document 1", 1, True)
        (place,) = new.boxes
        assert place.x0 > 36 / 420 and place.center[1] == pytest.approx(56 / 300, abs=0.03)

    @pytest.mark.parametrize(
        "quotation",
        [
            "The rent is EUR 1,350.00",  # a digit is wrong
            "The rent is not EUR 1,250.00",  # a word too many
            "The rent EUR 1,250.00",  # a word too few
            "he rent is EUR 1,250.00",  # begins inside a word
            "The rent is EUR 1",  # ends inside a number
            "From July the rent is EUR 1,310.00.",  # stands in the other document
            "",
            " .",
            "€",
        ],
    )
    def test_a_false_one_is_kept_and_marked(self, quotation: str) -> None:
        reply = ask([paper(LEASE), paper(ANNEX)], "What is the rent?", answering("Much.", (1, quotation)))
        (cited,) = reply.citations
        assert (cited.proved, cited.text, cited.boxes) == (False, "", ())
        assert (cited.document, cited.page, cited.quotation) == ("document 1", 1, quotation)

    def test_one_of_a_page_that_there_is_not_names_no_document(self) -> None:
        reply = ask([paper(LEASE), paper(ANNEX)], "What is the rent?", answering("Much.", (3, "The rent is")))
        (cited,) = reply.citations
        assert (cited.document, cited.page, cited.proved) == (None, 3, False)

    def test_one_without_a_page_is_looked_for_on_all_and_one_without_words_says_nothing(self) -> None:
        engine = answering("Much.", (None, "All else stays as it was"), (None, "A flat rate"), (1, None))
        found, lost = ask([paper(LEASE), paper(ANNEX)], "What is the rent?", engine).citations
        assert (found.document, found.page, found.proved) == ("document 2", 1, True)
        assert (lost.document, lost.page, lost.proved) == (None, None, False)

    def test_one_over_two_lines_has_a_box_for_each(self) -> None:
        reply = ask([paper(LEASE)], "And notice?", answering("Yes.", (1, "a month. Notice is three months")))
        (cited,) = reply.citations
        assert cited.proved and len(cited.boxes) == 2

    def test_one_of_a_scan_is_looked_up_in_what_ocr_read(self) -> None:
        scan = encoded(picture(paper(("The rent is 1250 euros",)), dpi=150))
        reply = ask([scan], "What is the rent?", answering("1250 euros", (1, "rent is 1250 euros")))
        assert reply.citations[0].proved

    def test_where_nothing_answers_there_is_no_answer(self) -> None:
        reply = ask([paper(LEASE)], "Who painted the door?", answering(None))
        assert (reply.answer, reply.citations) == (None, ())


class TestQuotations:
    def test_case_accents_and_punctuation_may_differ(self) -> None:
        sheet = page("Größe „12 cm“ – geprüft: JA")
        found = quoted_words('grösse: "12 cm" - Gepruft', [sheet])
        assert found is not None
        assert [word.text for word in found[1]] == ["Größe", "„12", "cm“", "–", "geprüft:"]

    @pytest.mark.parametrize(
        ("printed", "quoted"),
        [
            ("EUR 1,250.00", "EUR 125,000"),
            ("EUR 1,250.00", "EUR 12,500.0"),
            ("EUR 1,250.00", "€ 1,250.00"),
            ("$5", "€5"),
            ("a loss of -5", "a loss of 5"),
            ("a gain of 5", "a gain of -5"),
            ("1/2 cup", "12 cup"),
            ("9-12 days", "912 days"),
            ("p < 0.05", "p > 0.05"),
            ("15 %", "1.5 %"),
        ],
    )
    def test_a_number_that_is_another_is_not_what_is_printed(self, printed: str, quoted: str) -> None:
        assert quoted_words(quoted, [page(f"so: {printed} it is")]) is None
        assert quoted_words(printed, [page(f"so: {printed} it is")]) is not None

    @pytest.mark.parametrize(
        ("printed", "quoted"),
        [("1 250,00 €", "1250,00€"), ("9–12 days", "9-12 days"), ("15 %", "15%"), ("CHF 1’000", "CHF 1'000"),
         ("| Total | 5 |", "Total 5"), ("(see § 3.1)", "see § 3.1")],
    )  # fmt: skip
    def test_a_number_may_be_set_otherwise(self, printed: str, quoted: str) -> None:
        assert quoted_words(quoted, [page(f"so: {printed} it is")]) is not None

    def test_they_run_on_in_the_column_not_across_it(self) -> None:
        sheet = page("""
The tenant pays the rent in       The landlord keeps the roof
advance, on the first day         and the outer walls in
of each month.                    good repair.
""")
        found = quoted_words("the roof and the outer walls in good repair", [sheet])
        assert found is not None and [word.text for word in found[1]][-2:] == ["good", "repair."]
        assert quoted_words("rent in The landlord keeps", [sheet]) is not None  # as a table's row is read
        assert quoted_words("first day and the tenant", [sheet]) is None

    def test_a_word_parted_at_the_end_of_a_line_is_whole(self) -> None:
        assert quoted_words("payable in advance", [page("payable in ad-\nvance, on Monday")]) is not None

    def test_scripts_without_spaces_are_quoted_from_anywhere(self) -> None:
        sheet = PageText(1, 600, 800, (Word("合計金額は五千円です", box(0, 0, 20)),))
        assert quoted_words("五千円", [sheet]) is not None
        assert quoted_words("六千円", [sheet]) is None

    def test_the_first_page_that_says_it_is_taken(self) -> None:
        pages = [page("nothing here", 4), page("all is well", 5), page("all is well", 6)]
        found = quoted_words("All is well.", pages)
        assert found is not None and found[0] == 5

    @given(st.lists(st.text("ab1Ä漢-. ", min_size=1, max_size=6), max_size=8), st.data())
    def test_any_run_of_words_is_found_and_says_what_is_asked(self, texts: list[str], data: st.DataObject) -> None:
        words = [text.replace(" ", "") for text in texts]
        sheet = page(" ".join(word for word in words if word) or "x")
        start = data.draw(st.integers(0, len(sheet.words) - 1))
        end = data.draw(st.integers(start + 1, len(sheet.words)))
        wanted = " ".join(word.text for word in sheet.words[start:end])
        found = quoted_words(wanted, [sheet])
        assert (found is not None) == bool(squash(wanted))
        if found is not None:
            assert squash(wanted) in squash(" ".join(word.text for word in found[1]))  # more of a 漢 word than asked


class TestWhatCannotBeAsked:
    def test_an_engine_that_does_not_understand(self) -> None:
        with pytest.raises(EngineUnavailable, match="--engine gemma"):
            ask(["no-such-document.pdf"], "What is the rent?", load_engine("embedded"))

    def test_no_question(self) -> None:
        with pytest.raises(UsageError, match="needs a question"):
            ask(["no-such-document.pdf"], "  ", answering(None))

    def test_one_document_of_two_that_cannot_be_read(self, tmp_path: Path) -> None:
        locked = write_invoice(tmp_path / "locked.pdf", password="secret")
        (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
        engine = answering("Much.")
        with pytest.raises(DamagedDocument, match=r"broken\.pdf"):
            ask([paper(LEASE), tmp_path / "broken.pdf"], "What is the rent?", engine)
        with pytest.raises(EncryptedDocument, match=r"locked\.pdf"):
            ask([paper(LEASE), locked], "What is the rent?", engine)
        assert engine.asked == []
        assert ask([locked], "What is the total?", engine, passwords=("secret",)).answer == "Much."

    def test_pictures_get_smaller_where_all_pages_fit_no_other_way(self) -> None:
        asked: list[Ask] = []

        def small_print(sheet: pymupdf.Page) -> None:
            for line in range(4):
                sheet.insert_text((72, 80 + 8 * line), LEASE[line % 2], fontsize=5)

        def reply(seen: Ask) -> dict[str, Any]:
            asked.append(seen)
            return {"answer": "None.", "citations": []}

        for context in (262_144, 4_500):
            limits = Limits(context_tokens=context, output_tokens=100, sees_images=True, understands=True)
            ask([pdf(*[small_print] * 12)], "What is the rent?", FakeEngine(reply, limits=limits))
        roomy, tight = ([view.visual_tokens for view in seen.pages] for seen in asked)
        assert len(roomy) == len(tight) == 12
        assert sum(tight) < sum(roomy)

    def test_more_pages_than_the_engine_can_hold_are_refused_with_the_sum(self) -> None:
        class Counting(FakeEngine):
            def count(self, asked: Ask) -> int:
                return 100 + 300 * len(asked.pages)

        limits = Limits(context_tokens=1000, understands=True)
        engine = Counting(lambda asked: {"answer": None}, limits=limits)
        ask([paper(LEASE, ANNEX, LEASE)], "What is the rent?", engine)
        with pytest.raises(UsageError) as caught:
            ask([paper(LEASE, ANNEX), paper(LEASE, ANNEX)], "What is the rent?", engine)
        assert "4 pages" in str(caught.value) and "1,300 tokens, 300 more than the 1,000" in str(caught.value)
        assert "some 3 pages fit" in caught.value.remedy
        assert len(engine.asked) == 1

    @pytest.mark.parametrize(
        "reply",
        [{"answer": 3}, {"citations": [{"page": 0, "quotation": "a"}]}, {"citations": [3]}, {"answer": []}],
    )
    def test_a_reply_that_is_no_answer(self, reply: dict[str, Any]) -> None:
        with pytest.raises(AnswerError, match="no answer"):
            ask([paper(LEASE)], "What is the rent?", FakeEngine(lambda asked: reply))

    def test_a_page_that_cannot_be_read_is_told_by_its_own_number(self) -> None:
        cut_off = pdf(letter, letter, letter)[:2000]
        reply = ask([paper(LEASE), cut_off], "What is the rent?", answering(None))
        assert reply.issues
        for issue in reply.issues:
            assert issue.code == "page-failure" and issue.page in (2, 3)
            assert issue.message.startswith(f"document 2, page {issue.page}: ")


class TestTheCommand:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[str]:
        for name, lines in (("b-lease.pdf", LEASE), ("a-annex.pdf", ANNEX)):
            (tmp_path / name).write_bytes(paper(lines))
        return [str(tmp_path / "b-lease.pdf"), str(tmp_path / "a-annex.pdf")]

    def test_prints_the_answer_and_where_it_stands(self, files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        engine = answering(
            "1,310 from July.\x1b[2J", (2, "the rent is EUR 1,310.00"), (1, "a flat rate"), (7, "x"), (None, "y")
        )
        monkeypatch.setattr("flows.commands.ask.engine_of", lambda spec: engine)
        result = CliRunner().invoke(app, ["ask", *files, "What is the rent?"])
        assert result.exit_code == 0, result.output
        answer, empty, *cited = result.stdout.splitlines()
        assert answer == "1,310 from July.\\x1b[2J" and empty == ""
        assert cited == [
            f"[1] “the rent is EUR 1,310.00”  ({files[1]}, page 1)",
            f"[2] “a flat rate”  ({files[0]}, page 1, where it was not found)",
            "[3] “x”  (page 7, which there is not)",
            "[4] “y”  (found on no page)",
        ]
        as_json = json.loads(CliRunner().invoke(app, ["ask", *files, "What is the rent?", "--json"]).stdout)
        assert [citation["proved"] for citation in as_json["citations"]] == [True, False, False, False]
        assert as_json["citations"][0]["document"] == files[1] and len(as_json["citations"][0]["boxes"][0]) == 4

    def test_says_so_where_nothing_bears_the_answer_out(
        self, files: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.commands.ask.engine_of", lambda spec: answering("Much."))
        assert CliRunner().invoke(app, ["ask", *files, "Rent?"]).stdout.splitlines() == [
            "Much.", "No passage was found that bears this out."
        ]  # fmt: skip

    def test_runs_whole_with_an_engine_that_knows_nothing(self, files: list[str]) -> None:
        serving.engine_of.cache_clear()
        result = CliRunner().invoke(app, ["ask", *files, "What is the rent?", "--engine", "fake"])
        assert (result.exit_code, result.stdout) == (0, "The documents do not say.\n")

    def test_takes_a_folder_and_names_each_document_once(self, files: list[str]) -> None:
        folder = str(Path(files[0]).parent)
        result = CliRunner().invoke(app, ["ask", files[0], folder, "Rent?", "-e", "fake", "--json"])
        assert [info["uri"] for info in json.loads(result.stdout)["documents"]] == files

    @pytest.mark.parametrize(
        ("words", "error", "says"),
        [
            (["Rent?"], UsageError, "the question"),
            (["Rent?", "FILE"], UsageError, "documents come first"),
            (["FILE", "https://example.org/a.pdf"], UsageError, "documents come first"),
            (["nowhere.pdf", "Rent?"], UsageError, "nowhere.pdf"),
            (["FILE", ""], UsageError, "needs a question"),
        ],
    )
    def test_wrong_use_is_told(self, words: list[str], error: type[Exception], says: str, files: list[str]) -> None:
        words = [files[0] if word == "FILE" else word for word in words]
        result = CliRunner().invoke(app, ["ask", *words, "-e", "fake"])
        assert isinstance(result.exception, error) and says in str(result.exception)

    def test_a_question_may_be_long(self, files: list[str]) -> None:
        result = CliRunner().invoke(app, ["ask", files[0], "Why? " * 2000, "-e", "fake"])
        assert result.exit_code == 0

    def test_the_embedded_engine_says_who_can(self, files: list[str]) -> None:
        result = CliRunner().invoke(app, ["ask", *files, "Rent?", "-e", "embedded"])
        assert isinstance(result.exception, EngineUnavailable) and "--engine gemma" in str(result.exception)


def test_a_page_s_own_number_does_not_matter_to_its_words() -> None:
    sheet = page("all is well")
    found = quoted_words("all is well", [replace(sheet, number=9)])
    assert found == (9, sheet.words)


def test_the_engine_may_look_closer_and_a_value_that_it_cut_off_is_told() -> None:
    class Cutting(FakeEngine):
        def answer(self, asks: Iterable[Ask]) -> Iterator[Answer]:
            return (replace(answer, cut=("/answer",)) for answer in super().answer(asks))

    engine = Cutting(lambda asked: {"answer": "Much", "citations": []}, limits=Limits(understands=True))
    reply = ask([paper(("Much.",))], "How much?", engine)
    assert engine.asked[0].look and engine.asked[0].think
    assert [(issue.code, issue.pointers) for issue in reply.issues] == [("cut-off", ("/answer",))]
