"""The served engine against servers that misbehave in every way that servers do: real HTTP on loopback, no model."""

from __future__ import annotations

import base64
import io
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from model.engine import Answer, Ask, EngineSpec, Limits, PageView
from model.fake import FakeEngine
from model.grammar.generation import generation_schema
from model.needs import check_needs
from model.pictures import picture_of
from model.served.address import Address, address_of
from model.served.connection import Times
from model.served.engine import ServedEngine, estimated_tokens
from model.wording import schema_text, task
from schemas.contract import Contract
from schemas.errors import AnswerError, EngineUnavailable, SchemaUnsupported
from schemas.page import Box, PageText
from tests.pages import page
from tests.scripted_server import Failure, Hang, Reply, Said, Server, serving, text

ROOT = Path(__file__).parent.parent
BILL = Contract.from_json_schema(
    {
        "title": "Bill",
        "type": "object",
        "properties": {"number": {"type": "string"}, "total": {"type": "number"}},
        "required": ["number"],
    }
)
WHOLE = '{"number":"INV-1","total":12.5}'
QUICK = Times(patience=2.0, connect=1.0, first=0.4, between=0.4, whole=30.0, pause=0.02, longest_pause=0.1)
PAGES = (PageView(page("Invoice   INV-1\nTotal     12.50")), PageView(page("Terms", 2)))


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INTAGLIO_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def engine_at() -> Iterator[Callable[..., ServedEngine]]:
    made: list[ServedEngine] = []

    def at(server: Server | str, times: Times = QUICK, **settings: Any) -> ServedEngine:
        url = server if isinstance(server, str) else server.url
        made.append(ServedEngine(EngineSpec("served", url=url, **{"output_tokens": 200, **settings}), times))
        return made[-1]

    yield at
    for engine in made:
        engine.close()


EngineAt = Callable[..., ServedEngine]


def ask(name: str = "a", pages: tuple[PageView, ...] = PAGES, **settings: Any) -> Ask:
    return Ask(name, settings.pop("contract", BILL), pages, **settings)


def one(engine: ServedEngine, asked: Ask | None = None) -> Answer:
    [answer] = engine.answer([asked or ask()])
    return answer


def always(said: Said) -> Callable[[dict[str, Any]], Said]:
    return lambda body: said


def in_turn(*said: Said) -> Callable[[dict[str, Any]], Said]:
    left = iter(said)
    return lambda body: next(left, said[-1])


def held(body: dict[str, Any]) -> bool:
    return "response_format" in body


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
            assert len(list(engine_at(server).answer(asks))) == 5
        assert len(rendered) == 1, "once for all asks of a document"
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


class TestPatience:
    @pytest.mark.parametrize(
        "trouble",
        [
            Failure(500, "out of luck"),
            Failure(503, headers={"Retry-After": "0"}),
            Failure(429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
            text(WHOLE, cut=9),
            text(WHOLE, cut=0),
            Reply(list(WHOLE), finish=None),
            Hang(),
            Reply(list(WHOLE), pause=3.0),
        ],
        ids=["500", "503", "429", "cut", "cut-at-once", "no-end", "hangs", "stalls"],
    )
    def test_what_passes_is_waited_for(self, engine_at: EngineAt, trouble: Said) -> None:
        with serving(Server(in_turn(trouble, text(WHOLE)))) as server:
            assert one(engine_at(server)).json_text == WHOLE
        assert len(server.requests) == 2

    def test_a_server_says_how_long_to_wait(self, engine_at: EngineAt) -> None:
        with serving(Server(in_turn(Failure(429, headers={"Retry-After": "1"}), text(WHOLE)))) as server:
            engine = engine_at(server)
            engine.load()
            begun = time.monotonic()
            one(engine)
        assert 1 <= time.monotonic() - begun < 1.9

    def test_patience_has_an_end_and_the_error_can_be_tried_again(self, engine_at: EngineAt) -> None:
        with serving(Server(always(Failure(503, "loading")))) as server:
            engine = engine_at(server, replace(QUICK, patience=0.3))
            with pytest.raises(AnswerError, match=r"does not answer: HTTP 503: loading.*tries again") as caught:
                one(engine)
        assert caught.value.retryable

    def test_no_ask_is_lost_when_the_server_goes_away_and_comes_back(self, engine_at: EngineAt) -> None:
        down = threading.Event()

        def say(body: dict[str, Any]) -> Said:
            if len(server.requests) >= 8:
                down.set()
            return text(WHOLE, pause=0.01, cut=5 if down.is_set() else None)

        asks = [ask(f"{number}", (PageView(page(f"Document {number}")),)) for number in range(12)]
        answers: list[Answer] = []
        with serving(Server(say)) as server:
            port = int(server.url.rpartition(":")[2].partition("/")[0])
            engine = engine_at(server, replace(QUICK, patience=20), concurrency=6)
            engine.load()
            reader = threading.Thread(target=lambda: answers.extend(engine.answer(asks)))
            reader.start()
            assert down.wait(10)
        time.sleep(0.4)  # nobody listens
        with serving(Server(always(text(WHOLE))), port):
            reader.join(20)
        assert sorted(int(answer.ask_id) for answer in answers) == list(range(12))
        assert {answer.json_text for answer in answers} == {WHOLE}

    def test_one_poisoned_ask_does_not_cost_the_others(self, engine_at: EngineAt) -> None:
        def say(body: dict[str, Any]) -> Said:
            return Failure(500, "crash") if "poison" in json.dumps(body) else text(WHOLE, pause=0.003)

        asks = [ask(str(number), question="poison" if number == 2 else "") for number in range(30)]
        answers = []
        with serving(Server(say)) as server, pytest.raises(AnswerError, match="HTTP 500: crash"):
            for answer in engine_at(server, replace(QUICK, patience=60), concurrency=3).answer(asks):
                answers.append(answer.ask_id)
        assert sorted(map(int, answers)) == [0, 1, *range(3, 30)]
        assert 4 <= len(server.requests) - 29 < 20

    def test_answers_that_nobody_waits_for_are_cancelled(self, engine_at: EngineAt) -> None:
        with serving(Server(in_turn(text(WHOLE), text(WHOLE, pause=0.05)))) as server:
            answers = engine_at(server).answer([ask(str(number)) for number in range(3)])
            next(answers)
            answers.close()  # type: ignore[attr-defined]
            wait_until(lambda: server.together == 0)
        assert server.aborted == 2


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
        assert [held(body) for body in server.requests] == [True, False]

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


class TestWhatServersLack:
    def test_a_server_that_can_everything_is_asked_twice_in_all(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)))) as server:
            engine = engine_at(server)
            engine.load()
            list(engine.answer([ask("a"), ask("b")]))
        assert server.trials == 2
        assert engine.info.lacking == ()
        assert engine.limits.held_to_schema and engine.limits.sees_images and engine.limits.context_tokens == 50_000

    @pytest.mark.parametrize("ignored", [False, True], ids=["refuses", "ignores"])
    @pytest.mark.parametrize(
        ("lacks", "name"),
        [
            ("schema", "holding replies to a schema"),
            ("logprobs", "log-probabilities"),
            ("images", "pictures"),
            ("detail", "pictures of more than 280 tokens"),
        ],
    )
    def test_what_it_lacks_is_found_out_once_said_once_and_done_without(
        self, engine_at: EngineAt, lacks: str, name: str, ignored: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        can = Server(always(text(WHOLE))).can - {lacks}
        scanned = PageView(
            page("Words of a scan"), lambda long_side, region: Image.new("RGB", (96, 96)), with_words=False
        )
        server = Server(always(text(WHOLE)), can=can, ignores=frozenset((lacks,) if ignored else ()))
        with serving(server), caplog.at_level(logging.WARNING):
            engine = engine_at(server)
            engine.load()
            answers = list(engine.answer([ask("a", (scanned,)), ask("b", (scanned,))]))
        assert {answer.json_text for answer in answers} == {WHOLE}
        assert engine.info.lacking == (name,)
        assert [record.message for record in caplog.records] == [f"the server at {server.url} lacks: {name}."]
        assert engine.limits.held_to_schema == (lacks != "schema")
        assert engine.limits.sees_images == (lacks != "images")
        if lacks == "images":
            assert all("Words of a scan".replace(" ", " ") in json.dumps(body) for body in server.requests)

    def test_pictures_count_as_much_as_the_server_makes_of_them(self, engine_at: EngineAt) -> None:
        view = PageView(PageText(1, 800, 400, ()), lambda long, region: Image.new("RGB", (9, 9)), visual_tokens=70)
        counts = []
        for can in (Server(always(text(WHOLE))).can, Server(always(text(WHOLE))).can - {"detail"}):
            with serving(Server(always(text(WHOLE)), can=can)) as server:
                engine = engine_at(server)
                engine.load()
                counts.append(engine.count(ask(pages=(view,))))
        assert counts[1] - counts[0] == 280 - 70

    def test_a_server_that_knows_only_the_least_still_serves(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)), can=frozenset())) as server:
            engine = engine_at(server)
            assert one(engine).json_text == WHOLE
        assert set(server.requests[0]) == {"messages", "model", "stream", "temperature", "max_tokens"}
        assert engine.info.lacking == (
            "switching thoughts on and off",
            "log-probabilities",
            "pictures",
            "holding replies to a schema",
        )

    def test_a_schema_that_is_too_deep_for_it_is_asked_for_without_and_that_is_said(
        self, engine_at: EngineAt, caplog: pytest.LogCaptureFixture
    ) -> None:
        def say(body: dict[str, Any]) -> Said:
            return Failure(400, "schema nested too deep") if held(body) else text(f"Sure: {WHOLE}")

        with serving(Server(say)) as server, caplog.at_level(logging.WARNING):
            engine = engine_at(server)
            assert [answer.json_text for answer in engine.answer([ask("a"), ask("b")])] == [WHOLE, WHOLE]
            list(engine.answer([ask("c")]))
        assert engine.info.lacking == ("taking the schema of Bill",)
        assert [record.message for record in caplog.records if "schema of Bill" in record.message] != []
        assert not held(server.requests[-1]), "it is not tried again"

    def test_a_reply_of_another_form_shows_that_no_grammar_held_it(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text('{"invoice":"INV-1"}')))) as server:
            engine = engine_at(server)
            assert one(engine).json_text == '{"invoice":"INV-1"}'
        assert not engine.limits.held_to_schema
        assert engine.info.lacking == ("holding replies to a schema",)

    def test_a_server_that_lists_no_models_needs_its_model_named(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)), models=Failure(404))) as server:
            with pytest.raises(EngineUnavailable, match=r"names no models\. Give --model"):
                _ = engine_at(server).info
            engine = engine_at(server, model="mine")
            assert one(engine).finish == "stop"
        assert engine.limits.context_tokens is None
        assert server.requests[0]["model"] == "mine" and "listing its models" in engine.info.lacking

    def test_a_prompt_that_was_cut_in_silence_is_no_basis_for_an_answer(self, engine_at: EngineAt) -> None:
        long = tuple(PageView(page("\n".join(["Some words that stand here"] * 60), number)) for number in range(1, 90))
        with serving(Server(always(text(WHOLE)))) as server, pytest.raises(AnswerError, match="read only 5,000 tokens"):
            one(engine_at(server), ask(pages=long))


class TestTheBaseInstall:
    def test_it_needs_neither_torch_nor_a_grammar_of_its_own(self) -> None:
        program = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{"torch", "transformers", "llguidance"}}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from model.engine import Ask, EngineSpec
from model.registry import load_engine
from schemas.contract import Contract
engine = load_engine(EngineSpec("served", url=sys.argv[1]))
assert "httpx" not in sys.modules
[answer] = engine.answer([Ask("a", Contract.from_json_schema({BILL.json_schema!r}), ())])
print(answer.json_text)
"""
        with serving(Server(always(text(WHOLE)))) as server:
            command = [sys.executable, "-c", program, server.url]
            result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert result.stdout.strip() == WHOLE, result.stderr

    def test_a_schema_that_no_grammar_can_hold_is_refused_there_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("model.needs.find_spec", lambda name: None)
        reader = FakeEngine(limits=Limits(held_to_schema=True))
        check_needs(reader, BILL)
        rows = {"type": "object", "properties": {"x": {"type": "array", "contains": {"const": 1}, "prefixItems": []}}}
        with pytest.raises(SchemaUnsupported, match="/x"):
            check_needs(reader, Contract("Rows", rows))


class TestRefusals:
    @pytest.mark.parametrize(
        ("failure", "said"),
        [
            (Failure(400, "too long"), "refuses the request: HTTP 400: too long"),
            (Failure(404, "no such model"), "does not serve 'tiny': HTTP 404: no such model. It serves: tiny"),
            (Failure(401, "no"), "refuses the key: HTTP 401: no. Set its key in INTAGLIO_API_KEY"),
            (Failure(413, "big"), "takes no request of this size"),
            (
                Failure(200, body=b"<html>Hello", kind="text/html"),
                "no OpenAI-compatible server: it sends no JSON but text/html",
            ),
            (Failure(302, headers={"Location": "http://elsewhere"}), "no OpenAI-compatible server"),
            (Failure(200, body=b"[" * 100_000), "no OpenAI-compatible server"),
        ],
        ids=["400", "404", "401", "413", "page", "elsewhere", "deep"],
    )
    def test_what_does_not_pass_is_an_error_at_once(self, engine_at: EngineAt, failure: Failure, said: str) -> None:
        with serving(Server(always(failure))) as server:
            engine = engine_at(server)
            engine.load()
            begun = time.monotonic()
            with pytest.raises(AnswerError) as caught:
                one(engine)
        assert said in str(caught.value)
        assert time.monotonic() - begun < 1 and len(server.requests) <= 2

    def test_a_server_that_is_not_there_is_an_error_before_any_work(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)))) as server:
            pass
        begun = time.monotonic()
        with pytest.raises(EngineUnavailable, match=r"does not answer: .*Start it, or check --url"):
            _ = engine_at(server, replace(QUICK, patience=0.3)).limits
        assert time.monotonic() - begun < 2

    def test_what_is_no_server_of_models_is_said_to_be_none(self, engine_at: EngineAt) -> None:
        models = Failure(200, body=b"<html>It works!</html>", kind="text/html")
        told = pytest.raises(EngineUnavailable, match="is no OpenAI-compatible server")
        with serving(Server(always(text(WHOLE)), models=models)) as server, told:
            engine_at(server).load()

    def test_several_models_are_listed_for_a_choice(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)), models=[{"id": "one"}, {"id": "two"}])) as server:
            with pytest.raises(EngineUnavailable, match=r"several models\. Give --model: one, two"):
                _ = engine_at(server).info
            assert engine_at(server, model="two").info.model == "two"


class TestKeys:
    def test_the_key_is_sent_and_never_told(
        self, engine_at: EngineAt, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
        monkeypatch.setenv("INTAGLIO_API_KEY", "sk-secret-1")
        with serving(Server(always(text(WHOLE)), key="sk-secret-1")) as server, caplog.at_level(logging.DEBUG):
            engine = engine_at(server)
            assert one(engine).finish == "stop"
            server.key = "another"
            with pytest.raises(AnswerError) as caught:
                one(engine)
        told = f"{caught.value!s} {caught.value!r} {engine.info!r} {engine.address!r} {engine.spec!r} {caplog.text}"
        assert "wrong key Bearer …. Check the key in INTAGLIO_API_KEY" in str(caught.value)
        assert "sk-secret-1" not in told

    def test_a_key_that_is_missing_is_named_before_any_work(self, engine_at: EngineAt) -> None:
        told = pytest.raises(EngineUnavailable, match="Set its key in INTAGLIO_API_KEY")
        with serving(Server(always(text(WHOLE)), key="k")) as server, told:
            engine_at(server).load()

    @pytest.mark.parametrize(
        ("url", "base"),
        [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
            ("http://[::1]:8000/v1/", "http://[::1]:8000/v1"),
            ("http://10.1.2.3/api/v1", "http://10.1.2.3/api/v1"),
            ("https://93.184.215.14/openai/v1?v=7", "https://93.184.215.14/openai/v1"),
        ],
    )
    def test_addresses_are_completed_and_a_key_may_go_there(self, url: str, base: str) -> None:
        found = address_of(url, {"INTAGLIO_API_KEY": "k"})
        assert (found.base, found.key) == (base, "k")
        assert "v=7" not in f"{found} {found!r}" and found.url("/models").startswith(f"{base}/models")

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("", "needs a server"),
            ("localhost:8000", "no address"),
            ("ftp://host/v1", "no address"),
            ("http://host:port", "no address"),
            ("http://[::1/v1?k=hush", "no address"),
            ("https://me:hush@host/v1?k=hush", "holds a password"),
            ("http://93.184.215.14/v1?k=hush", "in the clear"),
        ],
    )
    def test_other_addresses_are_refused_without_repeating_secrets(self, url: str, said: str) -> None:
        with pytest.raises(EngineUnavailable, match=said) as caught:
            address_of(url, {"OPENAI_API_KEY": "sk-1"})
        assert "hush" not in str(caught.value) and "sk-1" not in str(caught.value)

    @pytest.mark.parametrize("key", ["sk-\n1", "sk-é"])
    def test_a_key_that_no_header_can_hold_is_refused_and_not_told(self, key: str) -> None:
        with pytest.raises(EngineUnavailable, match="OPENAI_API_KEY holds characters") as caught:
            address_of("http://127.0.0.1", {"OPENAI_API_KEY": key})
        assert "sk-" not in str(caught.value)

    def test_without_a_key_any_host_will_do(self) -> None:
        assert address_of("http://93.184.215.14", {}) == Address("http://93.184.215.14/v1")


class TestInfoAndCounting:
    def test_the_fingerprint_tells_models_and_settings_apart_and_not_addresses(
        self, engine_at: EngineAt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(Server(always(text(WHOLE)))) as server, serving(Server(always(text(WHOLE)))) as other:
            plain = engine_at(server).info.fingerprint
            monkeypatch.setenv("INTAGLIO_API_KEY", "k")
            assert engine_at(other, concurrency=3).info.fingerprint == plain
            changed = ({"model": "b"}, {"thinking": "on"}, {"output_tokens": 9}, {"revision": "r"})
            others = {engine_at(server, **settings).info.fingerprint for settings in changed}
        assert len(others | {plain}) == 5

    def test_a_revision_that_the_server_tells_is_kept(self, engine_at: EngineAt) -> None:
        with serving(Server(always(text(WHOLE)), models=[{"id": "tiny", "revision": "c0ffee"}])) as server:
            assert engine_at(server).info.revision == "c0ffee"

    def test_tokens_are_those_of_the_servers_tokenizer_else_estimated_on_the_safe_side(
        self, engine_at: EngineAt
    ) -> None:
        with (
            serving(Server(always(text(WHOLE)))) as server,
            serving(Server(always(text(WHOLE)), tokenizes=True)) as vllm,
        ):
            estimated, counted = engine_at(server).count(ask()), engine_at(vllm).count(ask())
            seeing = PageView(PAGES[0].text, lambda long_side, region: Image.new("RGB", (9, 9)), visual_tokens=280)
            more = engine_at(vllm).count(ask(pages=(seeing,)))
            assert 200 < counted < estimated < 1000
            assert more - engine_at(vllm).count(ask(pages=(PAGES[0],))) >= 266
            engine = engine_at(vllm)
            before = vllm.paths.count("/tokenize")
            engine.count(ask()), engine.count(ask())
            assert vllm.paths.count("/tokenize") == before + 2, "pages and task, once each"

    @pytest.mark.parametrize(
        ("said", "least"), [("1234", 4), ("12.50 EUR", 6), ("Invoice", 3), ("Rechnung\tNr.", 6), ("日本", 4), ("", 0)]
    )
    def test_an_estimate_counts_every_digit(self, said: str, least: int) -> None:
        assert estimated_tokens(said) >= least


def wait_until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
