"""Servers that go away, refuse, hang, or are none; and the key, which nobody gets to see."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine import Answer, PageView
from model.served.address import Address, address_of
from model.served.faults import Passing, fault_of, spoken
from schemas.errors import AnswerError, EngineUnavailable
from tests.pages import page
from tests.scripted_server import Failure, Hang, Reply, Said, Server, serving, text
from tests.served import QUICK, WHOLE, EngineAt, always, ask, in_turn, one, wait_until


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


class TestWhatServersSay:
    @given(st.binary(max_size=400) | st.text(max_size=200).map(lambda said: json.dumps({"error": said}).encode()))
    def test_an_error_is_told_on_one_short_line_without_the_key(self, body: bytes) -> None:
        address = Address("http://127.0.0.1/v1", key="k-1", key_from="INTAGLIO_API_KEY")
        said = spoken(body + b" k-1", address)
        assert len(said) <= 300 and "k-1" not in said
        assert all(char.isprintable() or char.isspace() or ord(char) > 255 for char in said)
        assert len(said.splitlines()) <= 1

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("3", 3.0), ("", 0.0), ("soon", 0.0), ("²", 0.0), ("-5", 0.0), ("Mon, 01 Jan 0001 00:00:00 -0000", 0.0)],
    )
    def test_a_time_to_wait_is_read_or_else_is_none(self, header: str, seconds: float) -> None:
        fault = fault_of(429, {"retry-after": header}, b"", Address("http://127.0.0.1/v1"))
        assert isinstance(fault, Passing) and fault.wait == seconds
