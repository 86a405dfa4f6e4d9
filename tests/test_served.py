"""What the served engine sends, in which order, and what it makes of replies: real HTTP on loopback, no model."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from model.engine import PageView
from model.grammar.generation import generation_schema
from model.pictures import picture_of
from model.served.reply import Reading, judged
from model.served.request import Draft
from model.wording import schema_text, task
from schemas.contract import Contract
from schemas.page import Box, PageText
from tests.pages import page
from tests.scripted_server import Reply, Said, Server, serving, text
from tests.served import BILL, WHOLE, EngineAt, always, ask, in_turn, is_held, one, wait_until


class TestWhatIsSent:
    def test_a_reply_comes_back_with_the_log_probabilities_of_its_values(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)))) as server:
            answer = one(engine_at(server))
        assert (answer.ask_id, answer.finish, answer.json_text) == ("a", "stop", WHOLE)
        assert answer.leaf_logprobs == {"/number": (-0.25,) * 7, "/total": (-0.25,) * 4}
        assert (answer.prompt_tokens, answer.output_tokens) == (5000, len(WHOLE))

    def test_the_request_says_what_gemma_is_told_in_process_and_holds_the_same_schema(
        self, engine_at: EngineAt
    ) -> None:
        with serving(Server(always(text(WHOLE)))) as server:
            one(engine_at(server), ask(question="Which?"))
        [body] = server.requests
        system, user = body["messages"]
        assert system["content"].startswith("You read the pages of a document")
        assert user["content"][-1]["text"].endswith(task(ask(question="Which?"), schema_text(ask())))
        assert body["response_format"]["json_schema"]["schema"] == generation_schema(BILL).schema
        assert (body["temperature"], body["max_tokens"], body["model"]) == (0, 200, "tiny")
        assert body["chat_template_kwargs"] == {"enable_thinking": False}
        assert "mm_processor_kwargs" not in body

    def test_pages_are_sent_as_pictures_at_the_size_that_gemma_sees(self, engine_at: EngineAt) -> None:
        rendered: list[int] = []

        def image(long_side: int, region: Box) -> Image.Image:
            rendered.append(long_side)
            return Image.new("RGB", (long_side, long_side // 2), (9, 200, 3))

        view = PageView(PageText(1, 800, 400, ()), image, visual_tokens=70)
        picture = picture_of(view)
        assert picture is not None
        with serving(Server(always(text(WHOLE)))) as server:
            asks = [ask(str(number), (view,)) for number in range(5)]
            engine = engine_at(server)
            assert len(list(engine.answer(asks))) == len(list(engine.answer(asks))) == 5
            assert len(rendered) == 1, "once for all asks of a document"
            assert list(engine.answer([ask("other"), ask("again", (view,))])) and len(rendered) == 2
            del server.requests[-2:]
        for body in server.requests:
            assert body["mm_processor_kwargs"] == {"max_soft_tokens": 70}
            [url] = [part["image_url"]["url"] for part in body["messages"][1]["content"] if "image_url" in part]
            sent = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
            assert sent.size == (picture.width, picture.height) and sent.getpixel((5, 5)) == (9, 200, 3)

    def test_a_picture_that_png_makes_large_is_sent_as_jpeg(self, engine_at: EngineAt) -> None:
        noise = Image.effect_noise((1600, 1600), 90).convert("RGB")
        view = PageView(PageText(1, 800, 800, ()), lambda long_side, region: noise, visual_tokens=1120)
        with serving(Server(always(text(WHOLE)))) as server:
            one(engine_at(server), ask(pages=(view,)))
        assert "data:image/jpeg;base64," in json.dumps(server.requests)

    def test_asks_on_the_same_pages_are_sent_with_the_same_bytes_before_their_tasks(self, engine_at: EngineAt) -> None:
        other = Contract.from_json_schema({"title": "X", "type": "object", "properties": {"x": {"type": "string"}}})
        with serving(Server(always(text(WHOLE)))) as server:
            list(engine_at(server).answer([ask("a"), ask("b", contract=other), ask("c", question="Why?")]))
        texts = [body["messages"][1]["content"][-1]["text"] for body in server.requests]
        assert len({said.partition("The task\n")[0] for said in texts}) == 1
        assert len(set(texts)) == 3
        assert all(list(body) == list(server.requests[0]) for body in server.requests)


class TestOrder:
    def test_the_first_ask_of_a_document_goes_ahead_and_its_siblings_follow_together(self, engine_at: EngineAt) -> None:
        seen: list[int] = []

        def say(body: dict[str, Any]) -> Said:
            first = len(server.requests) == 1
            seen.append(len(server.requests))
            return text(WHOLE, before=(lambda: time.sleep(0.2)) if first else None, pause=0.005)

        with serving(Server(say)) as server:
            begun = time.monotonic()
            answers = list(engine_at(server).answer([ask(str(number)) for number in range(6)]))
            assert time.monotonic() - begun < 5
        assert {answer.ask_id for answer in answers} == set("012345")
        assert seen[0] == 1 and server.most_together == 6

    def test_no_sibling_is_sent_before_the_first_reply_begins(self, engine_at: EngineAt) -> None:
        at_begin: list[int] = []

        def wait() -> None:
            time.sleep(0.3)
            at_begin.append(len(server.requests))

        with serving(Server(in_turn(text(WHOLE, before=wait), text(WHOLE)))) as server:
            assert len(list(engine_at(server).answer([ask(str(number)) for number in range(4)]))) == 4
        assert at_begin == [1]

    def test_other_documents_keep_the_server_busy_within_the_bound(self, engine_at: EngineAt) -> None:
        documents = [(PageView(page(f"Document {number}")),) for number in range(9)]
        asks = [ask(f"{number}-{part}", pages) for number, pages in enumerate(documents) for part in range(3)]
        with serving(Server(always(text(WHOLE, pause=0.004)))) as server:
            answers = list(engine_at(server, concurrency=4).answer(asks))
        assert {answer.ask_id for answer in answers} == {one.id for one in asks}
        assert server.most_together == 4
        order = [body["messages"][1]["content"][0]["text"].partition("Document ")[2][0] for body in server.requests]
        assert order.index("8") > len(order) - 6, "documents come in order, so that few are open at once"


class TestReplies:
    @pytest.mark.parametrize(("finish", "ours"), [("length", "length"), ("content_filter", "refused")])
    def test_what_the_server_ended_is_not_whole(self, engine_at: EngineAt, finish: str, ours: str) -> None:
        with serving(Server(always(text(WHOLE[:-4], finish=finish)))) as server:
            answer = one(engine_at(server))
        assert (answer.finish, answer.json_text, answer.leaf_logprobs) == (ours, WHOLE[:-4], {})

    def test_a_whole_reply_that_the_limit_ended_is_still_not_passed_on_as_whole(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE, finish="length")))) as server:
            assert one(engine_at(server)).finish == "length"

    def test_nonsense_is_asked_for_again_without_a_grammar_and_then_is_invalid(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text("Lorem {ipsum")))) as server:
            assert one(engine_at(server)).finish == "invalid"
        assert [is_held(body) for body in server.requests] == [True, False]

    def test_free_json_is_found_in_words_around_it(self, engine_at: EngineAt) -> None:
        fenced = f"Here it is:\n```json\n{WHOLE}\n```"
        with serving(Server(in_turn(text("{"), text(fenced)))) as server:
            answer = one(engine_at(server))
        assert (answer.finish, answer.json_text) == ("stop", WHOLE)
        assert answer.leaf_logprobs["/number"] == (-0.25,) * 7
        assert answer.output_tokens == 1 + len(fenced)

    def test_a_reply_in_circles_is_ended_early(self, engine_at: EngineAt) -> None:
        with serving(Server(always(Reply(['{"number":"', *"0123" * 9], endless=True)))) as server:
            answer = one(engine_at(server, output_tokens=100_000))
            wait_until(lambda: server.together == 0)
        assert answer.finish == "loop"
        assert len(server.requests) == server.aborted == 2, "the second one without a grammar"
        assert len(answer.json_text) < 2000

    def test_a_reply_without_end_is_cut_off(self, engine_at: EngineAt) -> None:
        words = [f"w{number * 7919 % 10007}x" for number in range(20_000)]
        with serving(Server(always(Reply(words, logprob=None)))) as server:
            answer = one(engine_at(server, output_tokens=20))
        assert answer.finish == "length" and len(answer.json_text) < 20 * 64 + 20

    def test_thoughts_are_parted_from_the_reply_and_told_where_wanted(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE, thought="Hm {3}")))) as server:
            told = one(engine_at(server, keep_thoughts=True), ask(think=True))
            silent = one(engine_at(server), ask(think=True))
        assert (told.thought, silent.thought) == ("Hm {3}", "")
        assert told.json_text == WHOLE and told.leaf_logprobs == silent.leaf_logprobs != {}
        assert server.requests[0]["chat_template_kwargs"] == {"enable_thinking": True}
        assert server.requests[0]["max_tokens"] == 200 + 4096

    @pytest.mark.parametrize("marks", [("<think>", "</think>"), ("<|channel>", "<channel|>")])
    def test_a_thought_in_the_reply_itself_is_no_part_of_it(self, engine_at: EngineAt, marks: tuple[str, str]) -> None:
        inline = f'{marks[0]}thought\nmaybe {{"number":"9"}}{marks[1]}\n{WHOLE}'
        with serving(Server(always(text(inline)))) as server:
            answer = one(engine_at(server))
        assert answer.json_text == WHOLE and len(answer.leaf_logprobs) == 2

    def test_a_server_that_does_not_stream_is_read_too(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE, thought="Hm", streams=False)))) as server:
            answer = one(engine_at(server))
        assert answer.json_text == WHOLE and answer.leaf_logprobs["/total"] == (-0.25,) * 4

    def test_values_that_a_bound_of_ours_ended_are_told(self, engine_at: EngineAt) -> None:
        most = generation_schema(BILL).schema["properties"]["number"]["anyOf"][0]["maxLength"]
        reply = json.dumps({"number": "".join(f"{at * 7919 % 10007}x" for at in range(most))[:most], "total": None})
        with serving(Server(always(Reply([reply], logprob=None)))) as server:
            assert one(engine_at(server, output_tokens=8000)).cut == ("/number",)

    @pytest.mark.parametrize(
        "reply",
        [
            '{"number":' * 3000 + "1" + "}" * 3000,
            '{"number":"\\ud83d","total":1}',
            '{"number":"a","total":1e999}',
            '{"number":"a","total":' + "1" * 5000 + "}",
            '{"number":"a","number":"b"}',
            '{"number":"a"} or {"number":"b"}',
            "",
        ],
        ids=["deep", "half a character", "infinite", "long", "twice", "two", "empty"],
    )
    def test_hostile_replies_are_invalid_and_break_nothing(self, engine_at: EngineAt, reply: str) -> None:
        with serving(Server(always(Reply([reply])))) as server:
            assert one(engine_at(server, output_tokens=2000)).finish in ("invalid", "loop")

    def test_a_character_that_was_cut_apart_is_joined_again(self, engine_at: EngineAt) -> None:
        halves = [*'{"number":"', "\ud83d", "\ude00", *'","total":1}']
        with serving(Server(always(Reply(halves, logprob=None)))) as server:
            assert json.loads(one(engine_at(server)).json_text)["number"] == "\U0001f600"

    @pytest.mark.parametrize("logprob", ["other text", None])
    def test_log_probabilities_that_do_not_fit_are_left_out_and_said(
        self, engine_at: EngineAt, logprob: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Other(str):
            def encode(self, *arguments: Any, **options: Any) -> bytes:
                return b"?"

        tokens = [Other(char) for char in WHOLE] if logprob else list(WHOLE)
        with serving(Server(always(Reply(tokens, logprob=-1.0 if logprob else None)))) as server:
            engine = engine_at(server)
            with caplog.at_level(logging.WARNING):
                answers = list(engine.answer([ask("a"), ask("b")]))
        assert [answer.leaf_logprobs for answer in answers] == [{}, {}]
        assert "log-probabilities" in engine.info.lacking
        assert sum("log-probabilities" in record.message for record in caplog.records) == 1


class TestAnyReply:
    @settings(max_examples=60, deadline=None)
    @given(
        st.text(min_size=1, max_size=30),
        st.lists(st.integers(0, 60), max_size=8),
        st.binary(max_size=5),
        st.integers(1, 40),
    )
    def test_tokens_are_those_of_the_text_however_it_is_cut(
        self, said: str, cuts: list[int], before: bytes, size: int
    ) -> None:
        whole = json.dumps({"a": said}, ensure_ascii=False).encode("utf-8", "replace")
        edges = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
        tokens = [before, *(whole[begin:end] for begin, end in pairwise(edges)), b"<end>"]
        content = [{"token": "", "bytes": list(token), "logprob": -float(at)} for at, token in enumerate(tokens)]
        text_, reading = whole.decode(), Reading(1000)
        for begin in range(0, len(text_), size):
            logprobs = {"content": content} if begin == 0 else None
            reading.feed({"choices": [{"delta": {"content": text_[begin : begin + size]}, "logprobs": logprobs}]})
        found = reading.pieces()
        assert found is not None and reading.text == text_
        assert b"".join(found[0]) == whole and len(found[0]) == len(found[1])
        assert found[1] == [-float(at) for at in range(1, len(tokens) - 1)]

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "choices",
                            "delta",
                            "message",
                            "content",
                            "logprobs",
                            "logprob",
                            "bytes",
                            "usage",
                            "finish_reason",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_no_event_breaks_the_reader(self, event: Any) -> None:
        reading = Reading(50)
        reading.feed({"choices": [event], "usage": event})
        reading.feed(event if isinstance(event, dict) else {})
        assert isinstance(reading.text, str) and (reading.pieces() is None or reading.text)
        draft = Draft(ask(), generation_schema(BILL), thinks=False, held=True)
        assert judged(draft, reading, keep_thoughts=True, logged=True).answer.finish != "stop" or reading.text
